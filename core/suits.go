package core

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// maxAsked is for how many items of a campaign every mechanic is asked when its file is applied.
const maxAsked = 50

// checkSuits adds what would make the ruleset's mechanics useless in this campaign, which only an order would tell
// otherwise: names that it lacks, inputs that it does not declare, and configs that the mechanic itself calls wrong.
func (r *compiled) checkSuits(c *Campaign) error {
	problems := &Problems{}
	for i, b := range r.bindings {
		path, before := fmt.Sprintf("ruleset[%d]", i), len(problems.List)
		b.checkNames(path, c, problems)
		b.checkParameters(path, r.ruleset.Bindings[i].Config, c, problems)
		b.checkInputs(path, c, problems)
		if len(problems.List) == before {
			b.checkSells(path, c, problems)
		}
		if problems.full() {
			break
		}
	}
	return problems.Err()
}

// checkParameters adds the parameters that the binding sets to names of nothing in the campaign, unless they are known.
func (b *bound) checkParameters(path string, config Object, c *Campaign, problems *Problems) {
	params := b.mechanic.Manifest().Config
	for _, name := range slices.Sorted(maps.Keys(config)) {
		kind, ok := nameKinds()[params[name].Names]
		if !ok {
			continue
		}
		at := path + ".config." + name
		if list, isList := config[name].([]any); isList {
			for i, element := range list {
				checkParameter(fmt.Sprintf("%s[%d]", at, i), kind, element, c, problems)
			}
			continue
		}
		checkParameter(at, kind, config[name], c, problems)
	}
}

func checkParameter(path string, kind EffectKind, value any, c *Campaign, problems *Problems) {
	text, _ := value.(string)
	name := Name{Kind: kind, Name: text}
	isKnown := slices.ContainsFunc(problems.List, func(p Problem) bool { return p.Path == path })
	if text == "" || isKnown || problems.full() {
		return
	}
	if problem := (&Effect{Kind: kind, Name: text}).absence(c); problem != "" {
		problems.addHint(path, name.hint(c, problems), "%s", problem)
	}
}

// nameKinds is what [Param.Names] may say, with the effect that names the same.
func nameKinds() map[string]EffectKind {
	return map[string]EffectKind{
		"item": EffectAdd, "quota": EffectTake, "pool": EffectGrant, "draw": EffectEnter, "template": EffectNotify,
	}
}

// checkInputs adds the inputs that the mechanic reads and that no shopper may submit in this campaign.
func (b *bound) checkInputs(path string, c *Campaign, problems *Problems) {
	var there []string
	for _, fact := range b.mechanic.Manifest().Facts {
		name, ok := strings.CutPrefix(fact, "input.")
		if !ok || problems.full() {
			continue
		}
		if there == nil {
			there = c.inputNames()
		}
		if slices.Contains(there, name) {
			continue
		}
		hint := cmp.Or(hintFor(problems, name, there), "declare it under inputs")
		if c.Inputs[name].Fields != nil {
			hint = "it is a group of inputs; read one of them"
		}
		problems.addHint(path, hint, "reads input.%s, which is not an input of this campaign", name)
	}
}

// inputNames returns what shoppers may submit, sorted: <field>, or <group>.<field>.
func (c *Campaign) inputNames() []string {
	names := []string{}
	for name, in := range c.Inputs {
		if in.Fields == nil {
			names = append(names, name)
		}
		for field := range in.Fields {
			names = append(names, name+"."+field)
		}
	}
	slices.Sort(names)
	return names
}

// checkSells adds that the mechanic says of its own config that nothing can be sold by it. It is asked about one unit of
// each item in the sale, of a shopper of whom nothing is known; how it decides, and whether it fails, is otherwise its own.
func (b *bound) checkSells(path string, c *Campaign, problems *Problems) {
	if !slices.Contains(b.mechanic.Manifest().Hooks, HookQuote) {
		return
	}
	for i := range c.Items[:min(len(c.Items), maxAsked)] {
		effects, _, err := b.mechanic.Decide(HookQuote, c.plainFacts(&c.Items[i]), nil)
		if err != nil {
			return
		}
		denied := slices.IndexFunc(effects, func(e Effect) bool {
			return e.Kind == EffectDeny && e.Name == ReasonMisconfigured
		})
		if denied >= 0 {
			text := cmp.Or(effects[denied].Text.In("en"), "it says no more")
			problems.addHint(path+".config", "see what the mechanic says of its parameters",
				"nobody could buy %q, which the mechanic denies as %s: %s", c.Items[i].SKU, ReasonMisconfigured, text)
			return
		}
	}
}

// plainFacts are those of one unit of the item at the moment its sale opens, with everything left and nobody known.
func (c *Campaign) plainFacts(item *Item) *Facts {
	window := c.Window(item)
	return &Facts{
		Now: window.Sale.UnixMilli(), Quantity: 1, Quota: maps.Clone(c.Quotas),
		Campaign: CampaignFacts{
			ID: c.ID, Brand: c.Brand, Currency: c.Currency, Phase: string(PhaseSale),
			SaleOpens: c.Phases.Sale.UnixMilli(), SaleCloses: c.Phases.Closed.UnixMilli(),
		},
		Item: ItemFacts{SKU: item.SKU, Price: item.Price, Stock: item.Stock, Left: item.Stock},
	}
}
