/*
 * repost-lottery: entries into a draw for what a shopper's link brings. The draw's seed is sealed before the entries open,
 * so nothing here decides who wins.
 */
#include "hotdrop.h"

static char draw[HD_MAX_INPUT], per[HD_MAX_NAME], counted[HD_MAX_INPUT];

/* How high the count that has just risen is now. */
static int64_t count_of(hd_str what) {
	if (hd_equal(what, HD("repost")))
		return hd_i64("shares.reposts");
	if (hd_equal(what, HD("visitor")))
		return hd_i64("shares.visitors");
	return hd_i64("shares.reservations");
}

HD_HOOK(share) {
	hd_str name = hd_string("config.draw", draw), what = hd_string("shares.counted", counted);
	if (name.length == 0 || !hd_equal(what, hd_string("config.per", per)) || count_of(what) > hd_i64("config.max_entries"))
		return;
	hd_enter(name, hd_i64("config.weight"));
	hd_tag(HD("repost-lottery"), name);
}
