//go:build wasip1

// Trade-in is money off for handing in a listed device, by its model, or by its brand, and by its condition. The order takes
// one trade-in per unit from the quota "trade-in" and carries the duty to hand the device in.
package main

import (
	"slices"
	"strings"

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
	brand, model := hotdrop.String("input.trade_in.brand"), hotdrop.String("input.trade_in.model")
	if brand == "" {
		return
	}
	condition := indexOf("config.conditions", hotdrop.String("input.trade_in.condition"))
	amount := fullAmount(brand, model)
	switch {
	case amount == 0:
		leaveOut("not_taken_in", hotdrop.Both("This device is not taken in.", "该旧机不在折抵范围内。"))
	case conditions > 0 && condition < 0:
		leaveOut("condition_not_taken_in", hotdrop.Both("A device in this condition is not taken in.", "此成色的旧机不可折抵。"))
	default:
		takeIn(brand, model, inCondition(amount, condition))
	}
}

// leaveOut denies where the binding wants devices that are not taken in refused; else the order has the list price.
func leaveOut(reason, text string) {
	if hotdrop.String("config.unlisted") == "refuse" {
		hotdrop.Deny(reason, text)
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

func takeIn(brand, model string, amount int64) {
	hotdrop.Discount(amount, hotdrop.Both("Trade-in", "折抵"))
	hotdrop.Take("trade-in", hotdrop.Int("quantity"))
	hotdrop.Oblige("trade_in", hotdrop.NewData().Str("brand", brand).Str("model", model))
}

// inCondition is the part of the amount that the listed condition leaves, rounded half up; all of it for -1.
func inCondition(amount int64, condition int) int64 {
	if condition < 0 {
		return amount
	}
	percent := slices.Collect(hotdrop.Ints("config.percents"))[condition]
	return (amount*percent + 50) / 100 // neither factor has more than 13 digits
}

// fullAmount is the money off for the device in full, 0 if it is not taken in. A table of models is the whole table, whatever
// the brands.
func fullAmount(brand, model string) int64 {
	if hotdrop.Len("config.models") == 0 {
		if indexOf("config.brands", brand) < 0 {
			return 0
		}
		return hotdrop.Int("config.amount")
	}
	if listed := listedModel(brand, model); listed >= 0 {
		return slices.Collect(hotdrop.Ints("config.amounts"))[listed]
	}
	return 0
}

// listedModel is the index of the device in config.models, else that of its brand for all its models, else -1. A brand with a
// space never is in there, so that nobody has a model's amount for another by writing the model into the brand.
func listedModel(brand, model string) int {
	listed := indexOf("config.models", brand+" "+model)
	if listed < 0 && !strings.Contains(brand, " ") {
		return indexOf("config.models", brand)
	}
	return listed
}
