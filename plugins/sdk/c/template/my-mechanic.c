/* my-mechanic: money off for whoever shared the campaign often enough. */
#include "hotdrop.h"

HD_HOOK(quote) {
	if (hd_i64("shares.reposts") >= hd_i64("config.reposts"))
		hd_discount(hd_i64("config.amount"), HD_BOTH("Thanks for sharing", "分享有礼"));
}
