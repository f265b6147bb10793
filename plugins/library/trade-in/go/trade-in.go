//go:build wasip1

// Trade-in is money off for handing in a device of a listed brand. The order takes one trade-in per unit from the quota
// "trade-in" and carries the duty to hand the device in.
package main

import hotdrop "hotdrop/plugins/sdk/go"

func main() {}

//go:wasmexport quote
func quote() {
	defer hotdrop.FailOnPanic()
	offered := hotdrop.String("input.trade_in.brand")
	if offered == "" || !soldForTradeIn() || !listed(offered) {
		return
	}
	hotdrop.Discount(hotdrop.Int("config.amount"), hotdrop.Both("Trade-in", "折抵"))
	hotdrop.Take("trade-in", hotdrop.Int("quantity"))
	hotdrop.Oblige("trade_in", hotdrop.NewData().
		Str("brand", offered).
		Str("model", hotdrop.String("input.trade_in.model")))
}

// soldForTradeIn reports whether the item is the binding's; an empty config.sku means any.
func soldForTradeIn() bool {
	wanted := hotdrop.String("config.sku")
	return wanted == "" || wanted == hotdrop.String("item.sku")
}

func listed(offered string) bool {
	for brand := range hotdrop.Strings("config.brands") {
		if brand == offered {
			return true
		}
	}
	return false
}
