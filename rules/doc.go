// Package rules turns rules into mechanics. A rule is a file of a few lines: a hook, a condition and the effects that
// follow from it. Conditions and amounts are written in the language of expr (https://expr-lang.org).
//
//	rule: trade-in
//	hook: quote
//	config: {amount: {type: integer, default: 50000, min: 1}}
//	when: input.trade_in.brand in ["Samsung", "Xiaomi"]
//	then:
//	  - discount: {amount: config.amount, label: {en: Trade-in, zh: 折抵}}
//	  - oblige: {kind: trade_in, data: {brand: input.trade_in.brand}}
//
// A rule that has alternatives holds cases, a list of {when, then}, in place of when and then: the first case that
// matches applies. An absent when always matches; only the last case may leave it out.
//
// A rule that decides at several hooks holds hooks, a map from each of them to its when and then or cases, in place of
// hook, when and then:
//
//	hooks:
//	  quote: {when: config.price > 0, then: [{price: {amount: config.price}}]}
//	  paid: {then: [{grant: {pool: thanks, count: 1}}]}
//
// # Effects
//
// Each effect is a map with its kind as the only key; hooks allow different ones. Amounts, units, counts and weights
// are expressions or integers. Names (quota, key, kind, pool, draw, template, sku, and the value of a tag) are literals
// unless they are written {expr: expression}. A reason is a literal in snake case. Labels and texts are literals, in
// English or as {en, zh}. The text of a reply may be {expr: expression}, in each language or as a whole; where it is a
// literal, {order.tracking} and every other fact's path in braces becomes the fact's value, and is read by the rule. The
// members of data are expressions; one that is absent becomes "".
//
// The reason misconfigured is reserved: a rule denies with it at the hook quote when its config is wrong whatever a shopper
// does, as with lists of different lengths. A campaign file is refused if a rule of it denies an item so. What a parameter
// names is checked too where its declaration says names: item, pool, draw, quota or template.
//
// # Expressions
//
// Values are integers of 64 bits, strings, booleans and lists of them. An expression reads
//
//   - facts by their dotted path: item.price, quota["trade-in"], input.trade_in.brand, now;
//   - config.<name>, the binding's parameters, typed as the rule declares them;
//   - what let name = expression; introduced.
//
// Operators are + - * % (checked: a result beyond 64 bits fails the decision), == != < <= > >=, && || ! and their words
// and, or, not, in, contains, startsWith, endsWith, matches (with a pattern that is spelled out), ?? and ? :, and if
// {} else {}. Functions are abs, div(a, b) rounded towards 0, percent(amount, basis_points) rounded half up, min and max
// of integers or of one list of them, len, lower, upper, trim, string, and over lists all, any, none, one, count, sum,
// filter, map and findIndex, whose predicates know the element as # and its index as #index. findIndex is the first
// index that matches, absent if none does.
//
// A fact that is absent reads as 0, "", false or the empty list, whatever the place asks for; it equals nil, and it is
// in no list. What a shopper submitted has the type that the campaign declares; using it as another fails the decision.
//
// # Bounds
//
// Rules come from strangers. An expression is at most 8 KiB, 2,000 tokens and 500 nodes, with 32 open brackets and
// predicates nested twice. A rule whose lists could take more than 20,000 steps is refused when it is compiled, and a
// decision that takes more fails with out_of_fuel. There are no fractions, ranges, maps or clocks, and nothing that
// depends on the order of a map.
//
// Failures of a decision are [core.MechanicError] with the codes overflow, division_by_zero, out_of_fuel, bad_effect
// (a computed name or text that cannot be one) and failed (a value of the wrong type, an index outside its list, a string
// above 4 KiB).
package rules
