/* my-mechanic: money off for whoever buys several. */
#include "hotdrop.h"

HD_HOOK(quote) {
	if (hd_i64("quantity") >= hd_i64("config.quantity"))
		hd_discount(hd_i64("config.amount"), HD_BOTH("For buying several", "多件优惠"));
}
