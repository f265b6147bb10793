/*
 * group-buy: a price for those who buy together. An order opens a group or joins one; what becomes of a group that is not
 * complete in time is the engine's to settle.
 */
#include "hotdrop.h"

/* What the key of a shopper's one group of an item begins with; the item's SKU follows. */
#define ONCE "group-buy/"

static char wanted_sku[HD_MAX_INPUT], sku[HD_MAX_INPUT], id[HD_MAX_INPUT], leader[HD_MAX_INPUT], shopper[HD_MAX_INPUT];
static char key[sizeof(ONCE) - 1 + HD_MAX_INPUT];

/* Refuses an order that joins a group which it cannot join; true if it did. */
static bool refuses_to_join(void) {
	if (hd_string("group.id", id).length == 0)
		return false; /* it opens one */
	if (hd_equal(hd_string("group.leader", leader), hd_string("shopper.id", shopper)))
		hd_deny(HD("own_group"), HD_BOTH("You opened this group: invite others to join it.",
						 "不能参加自己发起的团，请邀请好友参团。"));
	else if (hd_i64("now") >= hd_i64("group.closes_at"))
		hd_deny(HD("group_closed"), HD_BOTH("This group is over.", "该团已结束。"));
	else if (hd_i64("group.joined") >= hd_i64("group.size"))
		hd_deny(HD("group_full"), HD_BOTH("This group is complete.", "该团已满员。"));
	else
		return false;
	return true;
}

static void once_per_item(hd_str item) {
	int32_t length = 0;
	for (; length < (int32_t)sizeof(ONCE) - 1; length++)
		key[length] = ONCE[length];
	for (int32_t i = 0; i < item.length; i++)
		key[length++] = item.at[i];
	hd_once((hd_str){key, length});
}

HD_HOOK(quote) {
	hd_str wanted = hd_string("config.sku", wanted_sku), item = hd_string("item.sku", sku);
	if (wanted.length > 0 && !hd_equal(wanted, item))
		return;
	int64_t price = hd_i64("config.price");
	/* A price that is blank, or no better than buying alone, is a mistake: nobody is sold anything by it. */
	if (price <= 0 || price >= hd_i64("item.price")) {
		hd_deny(HD("no_group_price"), HD_BOTH("This item has no group price.", "该商品暂无团购价。"));
		return;
	}
	if (refuses_to_join())
		return;
	hd_group(hd_i64("config.size"), hd_i64("config.seconds"), price);
	if (hd_bool("config.once"))
		once_per_item(item);
}
