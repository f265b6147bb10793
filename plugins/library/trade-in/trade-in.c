/*
 * trade-in: money off for handing in a listed device, by its model, or by its brand, and by its condition. The order takes
 * one trade-in per unit from the quota "trade-in" and carries the duty to hand the device in.
 */
#include "hotdrop.h"

/* The longest entry of config.models: a brand, a space and a model. */
#define MAX_ENTRY (2 * HD_MAX_INPUT + 1)

static char wanted_sku[HD_MAX_INPUT], sku[HD_MAX_INPUT], brand[HD_MAX_INPUT], model[HD_MAX_INPUT], condition[HD_MAX_INPUT];
static char unlisted[HD_MAX_NAME], entry[MAX_ENTRY];
static hd_json duty;

/* What the shopper hands in. */
typedef struct {
	hd_str brand, model, condition;
} device;

/* An empty config.sku means any item. */
static bool sold_for_trade_in(void) {
	hd_str wanted = hd_string("config.sku", wanted_sku);
	return wanted.length == 0 || hd_equal(wanted, hd_string("item.sku", sku));
}

/* The index of the first element that is the string, -1 if none is. An empty string is in no list. */
static int32_t index_of(hd_str list, int32_t count, hd_str wanted) {
	for (int32_t i = 0; i < count && wanted.length > 0; i++)
		if (hd_equal(wanted, hd_read_element(list, i, entry, sizeof(entry))))
			return i;
	return -1;
}

/* Reports whether an entry of config.models is the device: its brand and its model with a space between them. */
static bool is_device(hd_str listed, device offered) {
	int32_t space = offered.brand.length;
	return listed.length == space + 1 + offered.model.length && listed.at[space] == ' ' &&
	       hd_equal((hd_str){listed.at, space}, offered.brand) &&
	       hd_equal((hd_str){listed.at + space + 1, offered.model.length}, offered.model);
}

/*
 * Reports whether an entry of config.models is the device's brand, for all its models. One with a space never is, so that
 * nobody has a model's amount for another by writing the model into the brand.
 */
static bool is_brand(hd_str listed, device offered) {
	for (int32_t i = 0; i < listed.length; i++)
		if (listed.at[i] == ' ')
			return false;
	return hd_equal(listed, offered.brand);
}

/* The index of the first entry of config.models that is the device, else of the first that is its brand, else -1. */
static int32_t listed_model(device offered, int32_t models) {
	int32_t of_brand = -1;
	for (int32_t i = 0; i < models; i++) {
		hd_str listed = hd_read_element(HD("config.models"), i, entry, sizeof(entry));
		if (is_device(listed, offered))
			return i;
		if (of_brand < 0 && is_brand(listed, offered))
			of_brand = i;
	}
	return of_brand;
}

/* The money off for the device in full, 0 if it is not taken in. A table of models is the whole table, whatever the brands. */
static int64_t full_amount(device offered) {
	int32_t models = hd_count("config.models");
	if (models == 0)
		return index_of(HD("config.brands"), hd_count("config.brands"), offered.brand) < 0 ? 0 : hd_i64("config.amount");
	int32_t listed = listed_model(offered, models);
	return listed < 0 ? 0 : hd_i64_element(HD("config.amounts"), listed);
}

/* The part of the amount that the condition leaves, rounded half up. Neither factor has more than 13 digits. */
static int64_t amount_in_condition(int64_t amount, int32_t listed_condition) {
	if (listed_condition < 0)
		return amount;
	return (amount * hd_i64_element(HD("config.percents"), listed_condition) + 50) / 100;
}

static void take_in(device offered, int64_t amount) {
	hd_discount(amount, HD_BOTH("Trade-in", "折抵"));
	hd_take(HD("trade-in"), hd_i64("quantity"));
	hd_json_begin(&duty);
	hd_json_str(&duty, HD("brand"), offered.brand);
	hd_json_str(&duty, HD("model"), offered.model);
	hd_oblige(HD("trade_in"), hd_json_end(&duty));
}

/* Denies where the binding wants devices that are not taken in refused; else the order has the list price. */
static void leave_out(hd_str reason, hd_str text) {
	if (hd_equal(hd_string("config.unlisted", unlisted), HD("refuse")))
		hd_deny(reason, text);
}

HD_HOOK(quote) {
	if (!sold_for_trade_in())
		return;
	int32_t conditions = hd_count("config.conditions");
	/* The lists of a table belong together: a table with a gap gives nothing away. */
	if (hd_count("config.models") != hd_count("config.amounts") || conditions != hd_count("config.percents")) {
		hd_deny(HD("misconfigured"), HD_BOTH("This offer is not set up correctly.", "活动配置有误，暂不可用。"));
		return;
	}
	device offered = {
		hd_string("input.trade_in.brand", brand),
		hd_string("input.trade_in.model", model),
		hd_string("input.trade_in.condition", condition),
	};
	if (offered.brand.length == 0)
		return;
	int32_t listed_condition = index_of(HD("config.conditions"), conditions, offered.condition);
	int64_t amount = full_amount(offered);
	if (amount == 0)
		leave_out(HD("not_taken_in"), HD_BOTH("This device is not taken in.", "该旧机不在折抵范围内。"));
	else if (conditions > 0 && listed_condition < 0)
		leave_out(HD("condition_not_taken_in"), HD_BOTH("A device in this condition is not taken in.", "此成色的旧机不可折抵。"));
	else
		take_in(offered, amount_in_condition(amount, listed_condition));
}
