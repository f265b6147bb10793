package rules_test

import (
	"fmt"

	"hotdrop/core"
	"hotdrop/core/campaignfile"
	"hotdrop/rules"
)

// A rule is read, compiled with the parameters of a binding, and asked about an order.
func ExampleParse() {
	rule, err := rules.Parse([]byte(`
rule: two-are-cheaper
hook: quote
config: {off: {type: integer, default: 5000, min: 1}}
when: quantity >= 2
then: [{discount: {amount: config.off, label: {en: For buying several}}}]
`))
	if err != nil {
		fmt.Println(err)
		return
	}
	mechanic, err := rule.Compile(core.Object{"off": int64(10_000)})
	if err != nil {
		fmt.Println(err)
		return
	}
	effects, _, err := mechanic.Decide(core.HookQuote, &core.Facts{Quantity: 2}, nil)
	fmt.Println(campaignfile.EffectsText(effects), err)
	// Output: discount: {amount: 10000, label: For buying several} <nil>
}

// A mistake is told with its place in the file, and with the name that was probably meant.
func ExampleParse_mistake() {
	_, err := rules.Parse([]byte("rule: typo\nhook: quote\nwhen: quantiy >= 2\nthen: [{discount: {amount: 5000}}]\n"))
	fmt.Println(err)
	// Output: 3:7: when: there is no quantiy (did you mean quantity?)
}
