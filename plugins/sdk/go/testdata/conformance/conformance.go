//go:build wasip1

// Calls everything that the Go SDK offers, with values at the edges; ../../../conformance_test.go knows what must arrive.
package main

import (
	"math"
	"strconv"

	hotdrop "hotdrop/plugins/sdk/go"
)

func main() {}

//go:wasmexport reserve
func reserve() {
	defer hotdrop.FailOnPanic()
	hotdrop.Log("reserving")
	hotdrop.Deny("too_late", hotdrop.Both("Come earlier", "请早点来"))
	hotdrop.Once("")
}

//go:wasmexport share
func share() {
	defer hotdrop.FailOnPanic()
	hotdrop.Enter("phone", math.MaxInt64)
	if hotdrop.KindOf("shopper.tags") == hotdrop.List && hotdrop.KindOf("shopper.tier") == hotdrop.Absent &&
		hotdrop.KindOf("now") == hotdrop.Integer && hotdrop.KindOf("shopper.id") == hotdrop.Text &&
		hotdrop.KindOf("input.fair") == hotdrop.Boolean {
		hotdrop.Tag("tier", hotdrop.String("shopper.tier"))
	}
	for tag := range hotdrop.Strings("shopper.tags") {
		hotdrop.Tag("tag", tag)
	}
}

//go:wasmexport quote
func quote() {
	defer hotdrop.FailOnPanic()
	var last int64
	for id := range hotdrop.Ints("config.ids") {
		last = id
	}
	hotdrop.Discount(last, "")
	if hotdrop.Bool("input.fair") {
		hotdrop.DiscountPercent(1, "fair")
	}
	hotdrop.Price(hotdrop.Int("item.price"), hotdrop.String("shopper.id"))
	hotdrop.Add("case", math.MaxInt32, math.MinInt64, "free")
	hotdrop.Deposit(1, 2)
	hotdrop.Group(3, math.MinInt32, 4)
	hotdrop.Take("trade-in", 5)
	hotdrop.Oblige("all", hotdrop.NewData().Bool("false", hotdrop.Bool("input.unfair")).
		Int("least", math.MinInt64).Int("most", math.MaxInt64).Int("none", 0).Str("text", "\"\\\n\x7f退").Bool("true", true))
	hotdrop.Oblige("nothing", hotdrop.NewData())
}

//go:wasmexport paid
func paid() {
	defer hotdrop.FailOnPanic()
	hotdrop.Grant("pool", 1)
	hotdrop.Notify("thanks", hotdrop.NewData().Int("n", -10))
	facts := hotdrop.NewData()
	for path := range hotdrop.Strings("config.paths") {
		writeFact(facts, path)
	}
	hotdrop.Notify("facts", facts)
}

// writeFact writes the fact under its path, a list as its elements.
func writeFact(facts *hotdrop.Data, path string) {
	switch hotdrop.KindOf(path) {
	case hotdrop.Integer:
		facts.Int(path, hotdrop.Int(path))
	case hotdrop.Boolean:
		facts.Bool(path, hotdrop.Bool(path))
	case hotdrop.Text:
		facts.Str(path, hotdrop.String(path))
	case hotdrop.List:
		for i := range hotdrop.Len(path) {
			writeFact(facts, path+"."+strconv.Itoa(i))
		}
	}
}

//go:wasmexport message
func message() {
	defer hotdrop.FailOnPanic()
	switch hotdrop.String("message.text") {
	case "help":
		hotdrop.Reply("how?")
	case "count":
		hotdrop.Take("q", math.MaxInt64)
	case "data":
		data := hotdrop.NewData()
		for range 1000 {
			data.Str("text", "data")
		}
		hotdrop.Notify("n", data)
	case "panic":
		panic("on purpose")
	default:
		hotdrop.Fail("no idea")
	}
}
