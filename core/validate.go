package core

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"hotdrop/core/money"
)

// The bounds of a campaign file's values.
const (
	MaxItems       = 1_000
	MaxBindings    = 32
	MaxInputFields = 16                // of all inputs together
	MaxEnumValues  = 64                // of one input
	MaxTitle       = 300               // characters in each language
	MaxAmount      = 1_000_000_000_000 // minor units: a price, the value of a voucher
	MaxUnits       = 1_000_000_000     // stock, a quota, the codes of a pool
	MaxBudget      = 1_000_000_000_000_000_000
	MaxLimit       = 100 // units per shopper
	MinHold        = Duration(time.Second)
	MaxHold        = Duration(30 * 24 * time.Hour)
)

// Validate returns everything wrong with the campaign, with paths as in items[0].price; the list is empty if it can be
// applied. Whether its mechanics compile is their compilers' to say.
func (c *Campaign) Validate() *Problems {
	v := &validation{campaign: c, problems: &Problems{}}
	v.head()
	v.phases()
	v.items()
	v.inputs()
	v.quotas()
	v.promotions()
	v.guardrails()
	v.guards()
	v.waitingRoom()
	v.ruleset()
	v.stacking()
	return v.problems
}

// validation collects the problems of a campaign.
type validation struct {
	campaign *Campaign
	problems *Problems
}

func (v *validation) head() {
	v.id("campaign", v.campaign.ID)
	v.id("brand", v.campaign.Brand)
	if _, known := money.Exponent(v.campaign.Currency); !known {
		v.problems.Add("currency", "must be a currency code of ISO 4217, such as CNY")
	}
	v.title("title", v.campaign.Title)
}

func (v *validation) id(path, id string) {
	if !isSpelled(id, 63, "abcdefghijklmnopqrstuvwxyz0123456789-") {
		v.problems.Add(path, "must be 1 to 63 of a-z, 0-9 and -")
	}
}

// isSpelled reports whether s is 1 to most of the characters in alphabet, which are ASCII.
func isSpelled(s string, most int, alphabet string) bool {
	return s != "" && len(s) <= most && strings.Trim(s, alphabet) == ""
}

func (v *validation) name(path, name string) {
	if !isName(name) {
		v.problems.Add(path, "the name must be 1 to 63 letters, digits, _ and -, not only digits")
	}
}

func (v *validation) title(path string, title Text) {
	if title.IsZero() {
		v.problems.Add(path, "must not be empty")
	}
	for _, text := range []string{title.EN, title.ZH} {
		if utf8.RuneCountInString(text) > MaxTitle {
			v.problems.Add(path, "must be at most %d characters", MaxTitle)
		}
	}
}

// upTo holds an amount or a number of units against its bounds.
func (v *validation) upTo(path string, n, most int64) {
	if n < 0 || n > most {
		v.problems.Add(path, "must be between 0 and %d, not %d", most, n)
	}
}

func (v *validation) phases() {
	p := v.campaign.Phases
	v.required("phases", p)
	v.inOrder("phases", p)
}

func (v *validation) required(path string, p Phases) {
	if p.Sale.IsZero() {
		v.problems.Add(path+".sale", "is required")
	}
	if p.Closed.IsZero() {
		v.problems.Add(path+".closed", "is required")
	}
}

func (v *validation) inOrder(path string, p Phases) {
	starts := p.starts()
	for i := 1; i < len(starts); i++ {
		if !starts[i].at.After(starts[i-1].at) {
			v.problems.Add(path+"."+string(starts[i].phase), "must start after %s", starts[i-1].phase)
		}
	}
}

func (v *validation) items() {
	c := v.campaign
	if n := len(c.Items); n == 0 || n > MaxItems {
		v.problems.Add("items", "must be 1 to %d items, not %d", MaxItems, n)
	}
	first := map[string]int{}
	for i := range c.Items {
		path := fmt.Sprintf("items[%d]", i)
		v.item(path, &c.Items[i])
		if other, again := first[c.Items[i].SKU]; again {
			v.problems.Add(path+".sku", "is the SKU of items[%d] too", other)
		} else {
			first[c.Items[i].SKU] = i
		}
	}
}

func (v *validation) item(path string, item *Item) {
	if !isSpelled(item.SKU, 64, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") {
		v.problems.Add(path+".sku", "must be 1 to 64 letters, digits, ., _ and -")
	}
	v.title(path+".title", item.Title)
	v.upTo(path+".price", item.Price, MaxAmount)
	v.upTo(path+".stock", item.Stock, MaxUnits)
	v.upTo(path+".limit", item.Limit, MaxLimit)
	if item.Hold < MinHold || item.Hold > MaxHold {
		v.problems.Add(path+".hold", "must be between 1s and 720h (30 days)")
	}
	v.upTo(path+".min_price", item.MinPrice, MaxAmount)
	switch least := v.campaign.Guardrails.MinPrice; {
	case item.MinPrice > 0 && item.Price >= 0 && item.Price < item.MinPrice:
		v.problems.Add(path+".price", "is below its min_price, which is %d", item.MinPrice)
	case item.MinPrice == 0 && item.Price >= 0 && item.Price < least:
		hint := "an item may have a min_price of its own"
		v.problems.addHint(path+".price", hint, "is below guardrails.min_price, which is %d", least)
	}
	if item.NeedsReservation && v.campaign.Phases.Reservation.IsZero() {
		v.problems.Add(path+".needs_reservation", "nobody can reserve: the campaign has no reservation phase")
	}
	if item.Phases != (Phases{}) {
		v.window(path+".phases", item.Phases)
	}
}

// window checks an item's own window. It may open before the campaign's sale, as something small sold while shoppers
// reserve does, but not before the campaign does anything, nor outlast it.
func (v *validation) window(path string, p Phases) {
	if !p.Teaser.IsZero() {
		v.problems.Add(path+".teaser", "an item has a window of its own for sale and closed only")
	}
	if !p.Reservation.IsZero() {
		v.problems.Add(path+".reservation", "an item has a window of its own for sale and closed only")
	}
	v.required(path, p)
	v.inOrder(path, p)
	around := v.campaign.Phases
	if starts := around.starts(); !p.Sale.IsZero() && len(starts) > 0 && p.Sale.Before(starts[0].at) {
		v.problems.Add(path+".sale", "must not be before the campaign's %s", starts[0].phase)
	}
	if !around.Closed.IsZero() && p.Closed.After(around.Closed) {
		v.problems.Add(path+".closed", "must not be after the campaign is closed")
	}
}

func (v *validation) inputs() {
	fields := 0
	for _, name := range slices.Sorted(maps.Keys(v.campaign.Inputs)) {
		path, input := "inputs."+name, v.campaign.Inputs[name]
		v.name(path, name)
		if input.Fields == nil {
			v.field(path, input.Field)
			fields++
			continue
		}
		if len(input.Fields) == 0 {
			v.problems.Add(path, "must have a type, or fields that have one")
		}
		for _, inner := range slices.Sorted(maps.Keys(input.Fields)) {
			v.name(path+"."+inner, inner)
			v.field(path+"."+inner, input.Fields[inner])
			fields++
		}
	}
	if fields > MaxInputFields {
		v.problems.Add("inputs", "must be at most %d fields, not %d", MaxInputFields, fields)
	}
}

func (v *validation) field(path string, f Field) {
	switch f.Type {
	case "string":
		v.upTo(path+".max", f.Max, maxInputString)
	case "integer":
		if f.Max != 0 && f.Max < f.Min {
			v.problems.Add(path+".max", "must not be below min, which is %d", f.Min)
		}
	case "enum":
		v.enum(path+".of", f.Of)
	case "boolean":
	default:
		v.problems.addHint(path+".type", didYouMean(f.Type, inputTypes()), "must be string, integer, boolean or enum")
		return
	}
	v.pertinent(path, f)
}

func inputTypes() []string { return []string{"string", "integer", "boolean", "enum"} }

// pertinent reports the bounds of a field that mean nothing for its type.
func (v *validation) pertinent(path string, f Field) {
	if f.Max != 0 && f.Type != "string" && f.Type != "integer" {
		v.problems.Add(path+".max", "means nothing for the type %s", f.Type)
	}
	if f.Min != 0 && f.Type != "integer" {
		v.problems.Add(path+".min", "means nothing for the type %s", f.Type)
	}
	if len(f.Of) > 0 && f.Type != "enum" {
		v.problems.Add(path+".of", "means nothing for the type %s", f.Type)
	}
}

func (v *validation) enum(path string, values []string) {
	if len(values) == 0 || len(values) > MaxEnumValues {
		v.problems.Add(path, "must be 1 to %d values, not %d", MaxEnumValues, len(values))
		return
	}
	for i, value := range values {
		at := fmt.Sprintf("%s[%d]", path, i)
		if value == "" || utf8.RuneCountInString(value) > maxInputString {
			v.problems.Add(at, "must be 1 to %d characters", maxInputString)
		}
		if slices.Index(values, value) != i {
			v.problems.Add(at, "is there twice")
		}
	}
}

func (v *validation) quotas() {
	for _, name := range slices.Sorted(maps.Keys(v.campaign.Quotas)) {
		v.name("quotas."+name, name)
		v.upTo("quotas."+name, v.campaign.Quotas[name], MaxUnits)
	}
}

func (v *validation) guardrails() {
	g := v.campaign.Guardrails
	v.upTo("guardrails.min_price", g.MinPrice, MaxAmount)
	v.upTo("guardrails.max_discount", g.MaxDiscount, MaxBudget)
	v.upTo("guardrails.discount_budget", g.DiscountBudget, MaxBudget)
}

func (v *validation) ruleset() {
	if n := len(v.campaign.Ruleset); n > MaxBindings {
		v.problems.Add("ruleset", "must be at most %d bindings, not %d", MaxBindings, n)
		return
	}
	for i, b := range v.campaign.Ruleset {
		v.binding(fmt.Sprintf("ruleset[%d]", i), b)
	}
}

func (v *validation) binding(path string, b Binding) {
	v.kind(path, b)
	if b.Group != "" {
		v.name(path+".group", b.Group)
	}
	policies := []FailurePolicy{FailDeny, FailSkip, FailLastGood}
	if b.OnFailure != "" && !slices.Contains(policies, b.OnFailure) {
		hint := didYouMean(b.OnFailure, policies)
		v.problems.addHint(path+".on_failure", hint, "must be deny, skip or last_good")
	}
}

// kind checks which mechanic a binding binds.
func (v *validation) kind(path string, b Binding) {
	kinds := 0
	if b.Mechanic != "" {
		kinds++
		v.name(path+".mechanic", b.Mechanic)
	}
	if len(b.Rule) > 0 {
		kinds++
		if !bytes.HasPrefix(b.Rule, []byte("{")) {
			v.problems.Add(path+".rule", "must be a mapping with the keys of a rule")
		}
	}
	if b.Plugin != "" {
		kinds++
		v.plugin(path+".plugin", b.Plugin)
	}
	if kinds != 1 {
		v.problems.Add(path, "must have exactly one of mechanic, rule and plugin, not %d", kinds)
	}
}

func (v *validation) plugin(path, plugin string) {
	digest, isDigest := strings.CutPrefix(plugin, "sha256:")
	if isDigest && (len(digest) != 64 || !isSpelled(digest, 64, "0123456789abcdef")) {
		v.problems.Add(path, "must be sha256: and 64 of 0-9 and a-f")
	}
	if !isDigest && !isName(plugin) {
		v.problems.Add(path, "must be the name of a shipped plugin, or sha256:… of an approved one")
	}
}

func (v *validation) stacking() {
	switch n := len(v.campaign.Stacking); {
	case len(v.campaign.Ruleset) > MaxBindings:
	case n > MaxBindings:
		v.problems.Add("stacking", "must be at most %d groups, not %d", MaxBindings, n)
	default:
		v.groups()
	}
}

// groups checks the stacking groups that the campaign names.
func (v *validation) groups() {
	groups := make([]string, 0, len(v.campaign.Ruleset))
	for _, b := range v.campaign.Ruleset {
		if b.Group != "" {
			groups = append(groups, b.Group)
		}
	}
	modes := []Stacking{StackAll, StackBest, StackFirst}
	for _, group := range slices.Sorted(maps.Keys(v.campaign.Stacking)) {
		path, mode := "stacking."+group, v.campaign.Stacking[group]
		if !slices.Contains(groups, group) {
			v.problems.addHint(path, didYouMean(group, groups), "no binding of the ruleset is in this group")
		}
		if !slices.Contains(modes, mode) {
			v.problems.addHint(path, didYouMean(mode, modes), "must be all, best or first")
		}
	}
}
