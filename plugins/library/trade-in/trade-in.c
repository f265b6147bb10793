/*
 * trade-in: money off for handing in a device of a listed brand. The order takes one trade-in per unit from the quota
 * "trade-in" and carries the duty to hand the device in.
 */
#include "hotdrop.h"

static char wanted_sku[HD_MAX_INPUT], sku[HD_MAX_INPUT], brand[HD_MAX_INPUT], model[HD_MAX_INPUT];
static char candidate[HD_MAX_INPUT];
static hd_json duty;

/* An empty config.sku means any item. */
static bool sold_for_trade_in(void) {
	hd_str wanted = hd_string("config.sku", wanted_sku);
	return wanted.length == 0 || hd_equal(wanted, hd_string("item.sku", sku));
}

static bool listed(hd_str offered) {
	int32_t count = hd_count("config.brands");
	for (int32_t i = 0; i < count; i++)
		if (hd_equal(offered, hd_read_element(HD("config.brands"), i, candidate, sizeof(candidate))))
			return true;
	return false;
}

HD_HOOK(quote) {
	hd_str offered = hd_string("input.trade_in.brand", brand);
	if (offered.length == 0 || !sold_for_trade_in() || !listed(offered))
		return;
	hd_discount(hd_i64("config.amount"), HD_BOTH("Trade-in", "折抵"));
	hd_take(HD("trade-in"), hd_i64("quantity"));
	hd_json_begin(&duty);
	hd_json_str(&duty, HD("brand"), offered);
	hd_json_str(&duty, HD("model"), hd_string("input.trade_in.model", model));
	hd_oblige(HD("trade_in"), hd_json_end(&duty));
}
