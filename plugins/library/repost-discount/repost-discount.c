/*
 * repost-discount: money off in tiers for a shopper whose link was reposted and brought visitors. Whose visit counts is the
 * engine's to say: never the shopper's own.
 */
#include "hotdrop.h"

static char wanted_sku[HD_MAX_INPUT], sku[HD_MAX_INPUT];

/* An empty config.sku means any item. */
static bool discounted_item(void) {
	hd_str wanted = hd_string("config.sku", wanted_sku);
	return wanted.length == 0 || hd_equal(wanted, hd_string("item.sku", sku));
}

/* A tier that asks for nothing is nobody's: it would be a discount for everyone by a blank. */
static bool reached(int32_t tier, int64_t reposts, int64_t visitors) {
	int64_t least_reposts = hd_i64_element(HD("config.reposts"), tier);
	int64_t least_visitors = hd_i64_element(HD("config.visitors"), tier);
	return least_reposts + least_visitors > 0 && reposts >= least_reposts && visitors >= least_visitors;
}

/* The most money off that a reached tier gives, 0 if none is reached: a tier gives at least 1. */
static int64_t best_amount(int32_t tiers) {
	int64_t reposts = hd_i64("shares.reposts"), visitors = hd_i64("shares.visitors"), best = 0;
	for (int32_t i = 0; i < tiers; i++) {
		int64_t amount = hd_i64_element(HD("config.amounts"), i);
		if (amount > best && reached(i, reposts, visitors))
			best = amount;
	}
	return best;
}

HD_HOOK(quote) {
	if (!discounted_item())
		return;
	int32_t tiers = hd_count("config.amounts");
	if (hd_count("config.reposts") != tiers || hd_count("config.visitors") != tiers) {
		hd_deny(HD("misconfigured"), HD_BOTH("This offer is not set up correctly.", "活动配置有误，暂不可用。"));
		return;
	}
	int64_t amount = best_amount(tiers);
	if (amount == 0)
		return;
	hd_discount(amount, HD_BOTH("Thank you for reposting", "转发立减"));
	if (hd_bool("config.once"))
		hd_once(HD("repost-discount"));
}
