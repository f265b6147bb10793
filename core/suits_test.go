package core_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"hotdrop/core"
)

// suited is a mechanic with any manifest and one decision; as a compiler, it is what every binding has.
type suited struct {
	manifest core.Manifest
	decide   func(f *core.Facts) ([]core.Effect, error)
}

func (s suited) Compile(context.Context, core.Binding) (core.Mechanic, error) { return s, nil }

func (s suited) Manifest() *core.Manifest { return &s.manifest }

func (s suited) Decide(hook core.Hook, f *core.Facts, effects []core.Effect) ([]core.Effect, core.Usage, error) {
	if s.decide == nil || hook != core.HookQuote {
		return effects, core.Usage{}, nil
	}
	more, err := s.decide(f)
	return append(effects, more...), core.Usage{}, err
}

// suits applies a campaign with one binding of the mechanic, as a dry run and in earnest, and returns what is wrong.
func suits(t *testing.T, s suited, config core.Object, change func(*core.Campaign)) string {
	t.Helper()
	s.manifest.Name, s.manifest.Kind, s.manifest.Digest = "suited", "rule", "sha256:suited"
	if s.manifest.Hooks == nil {
		s.manifest.Hooks = []core.Hook{core.HookQuote}
	}
	d := newDrop(t, sqliteStore(t), nil, nil)
	def := d.with(func(c *core.Campaign) {
		c.Ruleset = []core.Binding{{Mechanic: "suited", Config: config}}
		if change != nil {
			change(c)
		}
	})
	e := core.NewEngine(core.Options{Store: d.store, Campaigns: d.store, Ledger: d.store, Compiler: s, Now: d.clock.now})
	must(t, e.Start(t.Context()))
	t.Cleanup(e.Stop)
	request := core.ApplyRequest{Definition: def, Actor: operator, Reason: "test", DryRun: true}
	_, dry := e.ApplyCampaign(t.Context(), request)
	request.DryRun = false
	_, wet := e.ApplyCampaign(t.Context(), request)
	if said(t, dry) != said(t, wet) {
		t.Errorf("a dry run says %v, and without it %v", dry, wet)
	}
	return said(t, wet)
}

// said is what the problems say, a line each.
func said(t *testing.T, err error) string {
	t.Helper()
	if err == nil {
		return ""
	}
	problems, ok := errors.AsType[*core.Problems](err)
	if !ok {
		t.Fatal(err)
	}
	lines := make([]string, len(problems.List))
	for i, p := range problems.List {
		lines[i] = fmt.Sprintf("%s: %s (%s)", p.Path, p.Message, p.Hint)
	}
	return strings.Join(lines, "\n")
}

func TestAMechanicReadsOnlyInputsThatTheCampaignDeclares(t *testing.T) {
	field := core.Field{Type: "string", Max: 10}
	declared := map[string]core.Input{"colour": {Field: field}, "trade_in": {Fields: map[string]core.Field{"brand": field}}}
	const is = "which is not an input of this campaign"
	for _, tc := range []struct {
		name   string
		inputs map[string]core.Input
		facts  []string
		want   string
	}{
		{"what is declared", declared, []string{"input.colour", "input.trade_in.brand", "item.sku"}, ""},
		{"no input at all", nil, []string{"item.sku"}, ""},
		{"one that nobody declares", nil, []string{"input.size"}, "ruleset[0]: reads input.size, " + is + " (declare it under inputs)"},
		{"one that is spelled differently", declared, []string{"input.color"}, "ruleset[0]: reads input.color, " + is + " (did you mean colour?)"},
		{
			"a field that the group lacks", declared, []string{"input.trade_in.bland"},
			"ruleset[0]: reads input.trade_in.bland, " + is + " (did you mean trade_in.brand?)",
		},
		{"a field of what is no group", declared, []string{"input.colour.x"}, "ruleset[0]: reads input.colour.x, " + is + " (did you mean colour?)"},
		{"a group", declared, []string{"input.trade_in"}, "ruleset[0]: reads input.trade_in, " + is + " (it is a group of inputs; read one of them)"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := suited{manifest: core.Manifest{Facts: tc.facts}}
			if got := suits(t, s, nil, func(c *core.Campaign) { c.Inputs = tc.inputs }); got != tc.want {
				t.Errorf("got\n%s\nwant\n%s", got, tc.want)
			}
		})
	}
}

func TestAParameterNamesWhatTheCampaignHas(t *testing.T) {
	manifest := core.Manifest{Config: map[string]core.Param{
		"sku": {Type: "string", Names: "item", Default: ""}, "items": {Type: "list", Of: "string", Names: "item", Default: []any{}},
		"pool": {Type: "string", Names: "pool", Default: "none"}, "draw": {Type: "string", Names: "draw", Default: ""},
		"quota": {Type: "string", Names: "quota", Default: ""}, "template": {Type: "string", Names: "template", Default: ""},
		"free": {Type: "string", Default: ""},
	}}
	for _, tc := range []struct {
		name   string
		config core.Object
		want   string
	}{
		{"nothing set", nil, ""},
		{"blanks", core.Object{"sku": "", "items": []any{}, "pool": ""}, ""},
		{"what there is", core.Object{"sku": "mi2", "items": []any{"mi2"}, "quota": "units"}, ""},
		{"a parameter that names nothing", core.Object{"free": "mi3"}, ""},
		{"a SKU that nobody sells", core.Object{"sku": "mi3"}, `ruleset[0].config.sku: there is no item "mi3" in this campaign (did you mean mi2?)`},
		{
			"one of several SKUs", core.Object{"items": []any{"mi2", "headset"}},
			`ruleset[0].config.items[1]: there is no item "headset" in this campaign (declare it under items)`,
		},
		{
			"everything else", core.Object{"pool": "p", "draw": "d", "quota": "unit", "template": "t"},
			`ruleset[0].config.draw: there is no draw "d" in this campaign (declare it under draws)
ruleset[0].config.pool: there is no voucher pool "p" in this campaign (declare it under voucher_pools)
ruleset[0].config.quota: there is no quota "unit" in this campaign (did you mean units?)
ruleset[0].config.template: there is no template "t" in this campaign (declare it under templates)`,
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got := suits(t, suited{manifest: manifest}, tc.config, func(c *core.Campaign) { c.Quotas = map[string]int64{"units": 1} })
			if got != tc.want {
				t.Errorf("got\n%s\nwant\n%s", got, tc.want)
			}
		})
	}
}

func TestAFileWithWhichAMechanicCallsItselfMisconfiguredIsRefused(t *testing.T) {
	denied := func(reason string) []core.Effect {
		return []core.Effect{{Kind: core.EffectDeny, Name: reason, Text: core.Text{EN: "The lists differ."}}}
	}
	const want = `ruleset[0].config: nobody could buy "case", which the mechanic denies as misconfigured: The lists differ. ` +
		`(see what the mechanic says of its parameters)`
	only := func(reason string) func(f *core.Facts) ([]core.Effect, error) {
		return func(f *core.Facts) ([]core.Effect, error) {
			if f.Item.SKU != "case" {
				return nil, nil
			}
			return denied(reason), nil
		}
	}
	for _, tc := range []struct {
		name   string
		hook   core.Hook
		decide func(f *core.Facts) ([]core.Effect, error)
		want   string
	}{
		{"one item cannot be sold", core.HookQuote, only(core.ReasonMisconfigured), want},
		{"whom it denies for another reason is its own affair", core.HookQuote, only("not_reserved"), ""},
		{"it says so at another hook only", core.HookReserve, only(core.ReasonMisconfigured), ""},
		{"it fails where nothing is known", core.HookQuote, func(*core.Facts) ([]core.Effect, error) {
			return denied(core.ReasonMisconfigured), &core.MechanicError{Code: "failed"}
		}, ""},
		{"it is asked in the sale, of one unit, by nobody", core.HookQuote, func(f *core.Facts) ([]core.Effect, error) {
			if f.Now == f.Campaign.SaleOpens && f.Campaign.Phase == "sale" && f.Quantity == 1 && f.Shopper.ID == "" && f.Quota["units"] == 7 {
				return nil, nil
			}
			return denied(core.ReasonMisconfigured), nil
		}, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := suited{core.Manifest{Hooks: []core.Hook{tc.hook}}, tc.decide}
			got := suits(t, s, nil, func(c *core.Campaign) {
				c.Quotas = map[string]int64{"units": 7}
				c.Items = append(c.Items, core.Item{SKU: "case", Title: core.Text{EN: "Case"}, Price: 100, Stock: 1, Hold: c.Items[0].Hold})
			})
			if got != tc.want {
				t.Errorf("got\n%s\nwant\n%s", got, tc.want)
			}
		})
	}
}
