//go:build wasip1

// Trade-in is money off for handing in a device of a listed brand, by its model and condition. The order takes one trade-in
// per unit from the quota "trade-in" and carries the duty to hand the device in.
package main

import (
	"slices"

	hotdrop "hotdrop/plugins/sdk/go"
)

func main() {}

//go:wasmexport quote
func quote() {
	defer hotdrop.FailOnPanic()
	if !soldForTradeIn() {
		return
	}
	conditions := hotdrop.Len("config.conditions")
	// The lists of a table belong together: a table with a gap gives nothing away.
	if hotdrop.Len("config.models") != hotdrop.Len("config.amounts") || conditions != hotdrop.Len("config.percents") {
		hotdrop.Deny("misconfigured", hotdrop.Both("This offer is not set up correctly.", "活动配置有误，暂不可用。"))
		return
	}
	brand := hotdrop.String("input.trade_in.brand")
	condition := indexOf("config.conditions", hotdrop.String("input.trade_in.condition"))
	switch {
	case (conditions == 0 || condition >= 0) && indexOf("config.brands", brand) >= 0:
		takeIn(brand, condition)
	case brand != "" && hotdrop.String("config.unlisted") == "refuse":
		hotdrop.Deny("not_taken_in", hotdrop.Both("This device is not taken in.", "该旧机不在折抵范围内。"))
	}
}

// soldForTradeIn reports whether the item is the binding's; an empty config.sku means any.
func soldForTradeIn() bool {
	wanted := hotdrop.String("config.sku")
	return wanted == "" || wanted == hotdrop.String("item.sku")
}

// indexOf returns the index of the first element that is the string, -1 if none is. An empty string is in no list.
func indexOf(list, wanted string) int {
	if wanted == "" {
		return -1
	}
	return slices.Index(slices.Collect(hotdrop.Strings(list)), wanted)
}

func takeIn(brand string, condition int) {
	model := hotdrop.String("input.trade_in.model")
	amount := fullAmount(brand + " " + model)
	if condition >= 0 {
		percent := slices.Collect(hotdrop.Ints("config.percents"))[condition]
		amount = (amount*percent + 50) / 100 // half up; neither factor has more than 13 digits
	}
	hotdrop.Discount(amount, hotdrop.Both("Trade-in", "折抵"))
	hotdrop.Take("trade-in", hotdrop.Int("quantity"))
	hotdrop.Oblige("trade_in", hotdrop.NewData().Str("brand", brand).Str("model", model))
}

// fullAmount is the money off for the device in full: that of its model, which is listed with its brand, or the one for all
// others.
func fullAmount(device string) int64 {
	if listed := indexOf("config.models", device); listed >= 0 {
		return slices.Collect(hotdrop.Ints("config.amounts"))[listed]
	}
	return hotdrop.Int("config.amount")
}
