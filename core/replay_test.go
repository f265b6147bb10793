package core_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"hotdrop/core"
)

// vault is a compiler of mechanics whose bytes are their names: it keeps those that ship, and has those that were uploaded.
// away are plugins that cannot be loaded now.
type vault struct {
	mechanics

	away []string
}

func (v vault) Compile(ctx context.Context, b core.Binding) (core.Mechanic, error) {
	if slices.Contains(v.away, b.Plugin) {
		return nil, &core.NotLoadable{Err: core.Errorf(core.CodeUnavailable, "away")}
	}
	if b.Plugin != "" {
		b.Mechanic = strings.TrimPrefix(b.Plugin, "sha256:")
	}
	return v.mechanics.Compile(ctx, b) //nolint:wrapcheck // its own
}

func (v vault) Artefact(ctx context.Context, b core.Binding) (*core.Artefact, error) {
	if b.Plugin != "" {
		return nil, nil //nolint:nilnil // it was uploaded
	}
	m, err := v.mechanics.Compile(ctx, b)
	if err != nil {
		return nil, err
	}
	return &core.Artefact{Digest: m.Manifest().Digest, Kind: "rule", Bytes: []byte(b.Mechanic)}, nil
}

func (v vault) CompileArtefact(ctx context.Context, b core.Binding, a *core.Artefact) (core.Mechanic, error) {
	b.Plugin, b.Mechanic = "", string(a.Bytes)
	return v.Compile(ctx, b)
}

func (v vault) Uploaded(_ context.Context, brand, digest string) (*core.Artefact, error) {
	if brand != "xiaomi" {
		return nil, core.Errorf(core.CodeInternal, "%s has uploaded nothing", brand)
	}
	return &core.Artefact{Digest: digest, Kind: "uploaded", Bytes: []byte(strings.TrimPrefix(digest, "sha256:"))}, nil
}

// uploaded is the digest of a plugin.
var uploaded = "sha256:" + strings.Repeat("f", 64)

// elsewhere is another machine's compiler: it ships nothing, and compiles what it is given.
type elsewhere struct{ vault }

func (elsewhere) Compile(context.Context, core.Binding) (core.Mechanic, error) {
	return nil, core.Errorf(core.CodeNotFound, "nothing ships here")
}

func (e elsewhere) CompileArtefact(ctx context.Context, b core.Binding, a *core.Artefact) (core.Mechanic, error) {
	return e.vault.CompileArtefact(ctx, b, a)
}

// replayed are mechanics that do what a recording has to carry: with "flaky" one fails for whoever is of that tier.
func replayed() vault {
	m := rich()
	m["flaky"] = func(f *core.Facts, effects []core.Effect) ([]core.Effect, error) {
		if f.Shopper.Tier == "flaky" {
			return effects, &core.MechanicError{Code: "failed", Message: "it is too much"}
		}
		return append(effects, core.Effect{Kind: core.EffectDiscount, Amount: 7}), nil
	}
	m[strings.Repeat("f", 64)] = m["flaky"]
	return vault{mechanics: m}
}

// newReplayed starts a drop on the store whose mechanics are kept.
func newReplayed(t *testing.T, s store) *drop {
	t.Helper()
	d := newRich(t, s)
	d.Stop()
	d.runs(replayed())
	d.swaps(core.Binding{Mechanic: "small"}) // from now on rulesets are stored with their artefacts
	d.swaps(core.Binding{Mechanic: "picky"}, core.Binding{Mechanic: "small", Group: "best"},
		core.Binding{Mechanic: "large", Group: "best"}, core.Binding{Mechanic: "gift"})
	return d
}

// runs starts a node with the compiler in place of the one before.
func (d *drop) runs(compiler core.Compiler) {
	d.t.Helper()
	d.Engine = core.NewEngine(core.Options{
		Store: d.store, Campaigns: d.store, Ledger: d.store, Compiler: compiler, Now: d.clock.now, Log: slog.New(slog.DiscardHandler),
	})
	must(d.t, d.Start(d.t.Context()))
	d.t.Cleanup(d.Stop)
}

// swaps makes a ruleset of the bindings live.
func (d *drop) swaps(bindings ...core.Binding) {
	d.t.Helper()
	grouped := slices.ContainsFunc(bindings, func(b core.Binding) bool { return b.Group != "" })
	d.def = d.with(func(c *core.Campaign) {
		c.Ruleset, c.Stacking = bindings, nil
		if grouped {
			c.Stacking = map[string]core.Stacking{"best": core.StackBest}
		}
	})
	_, err := d.apply(d.def)
	must(d.t, err)
}

// recorded returns the order's recording, as it is read from a file.
func (d *drop) recorded(o *core.Order) *core.Recording {
	d.t.Helper()
	r, err := d.Recording(context.Background(), o.ID, operator)
	must(d.t, err)
	text, err := json.Marshal(r)
	must(d.t, err)
	r, err = core.ParseRecording(text)
	must(d.t, err)
	return r
}

func wantReplayed(t *testing.T, r *core.Recording, total int64) *core.Explanation {
	t.Helper()
	x, err := core.Replay(t.Context(), r, elsewhere{replayed()})
	must(t, err)
	if !x.Reproduced || len(x.Differences) > 0 || x.Total != total {
		t.Errorf("the total is %d, want %d: %v", x.Total, total, x.Differences)
	}
	return x
}

func TestADecisionIsReplayedElsewhereAfterItsRulesetIsGone(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		d := newReplayed(t, s)
		o := d.place("ann")
		for range 3 {
			d.swaps(core.Binding{Mechanic: "small"})
			d.swaps(core.Binding{Mechanic: "gift"})
		}
		d.Stop()
		d.runs(vault{mechanics: mechanics{"gift": rich()["gift"], "small": rich()["small"]}}) // a later binary, without the others
		x := wantReplayed(t, d.recorded(o), o.Total)
		if x.Bindings[2].Mechanic != "large" || x.Bindings[2].Outcome != "applied" || len(x.Lines) != 2 {
			t.Errorf("%+v", x)
		}
	})
}

func TestADecisionOfAnUploadedPluginIsReplayed(t *testing.T) {
	d := newReplayed(t, sqliteStore(t))
	d.swaps(core.Binding{Plugin: uploaded})
	o := d.place("ann")
	r := d.recorded(o)
	if x := wantReplayed(t, r, 199_893); x.Bindings[0].Digest != uploaded || r.Artefacts[0].Kind != "uploaded" {
		t.Errorf("%+v", x.Bindings[0])
	}
}

func TestADecisionWithAFallbackIsReplayed(t *testing.T) {
	d := newReplayed(t, sqliteStore(t))
	d.swaps(core.Binding{Mechanic: "small"}, core.Binding{Mechanic: "large"})
	d.swaps(core.Binding{Mechanic: "gift"}, core.Binding{Mechanic: "flaky", OnFailure: core.FailLastGood})
	req := buy("ann", "k")
	req.Shopper.Tier = "flaky"
	o, _, err := d.Place(t.Context(), req)
	must(t, err)
	d.swaps(core.Binding{Mechanic: "small"})
	r := d.recorded(o)
	if len(r.Rulesets) != 2 || !strings.Contains(r.Quote, `"last_good":true`) {
		t.Fatalf("%d rulesets, %s", len(r.Rulesets), r.Quote)
	}
	x := wantReplayed(t, r, o.Total)
	if b := x.Bindings[1]; !b.LastGood || b.Mechanic != "large" || b.Failure != "failed: it is too much" {
		t.Errorf("%+v", b)
	}
	r.Rulesets = r.Rulesets[:1]
	wantDifferent(t, r, "it was recorded and is missing", "decided, and is not in the recording")
}

func TestADecisionWhoseMechanicsWereOffIsReplayed(t *testing.T) {
	d := newReplayed(t, sqliteStore(t))
	_, err := d.StopCampaign(t.Context(), core.StopRequest{
		Campaign: "phone", Level: core.StopMechanics, Reason: "it sells for nothing", Actor: operator,
	})
	must(t, err)
	o := d.place("ann")
	r := d.recorded(o)
	if x := wantReplayed(t, r, 199_900); x.Ruleset != 0 || len(r.Rulesets)+len(r.Artefacts) != 0 {
		t.Errorf("ruleset %d, %d rulesets recorded", x.Ruleset, len(r.Rulesets))
	}
}

func TestADecisionWhoseMechanicWasNotAskedIsReplayed(t *testing.T) {
	for name, keep := range map[string]func(d *drop){
		"its breaker was open": func(d *drop) {
			record, err := d.Record(t.Context(), "phone")
			must(t, err)
			change := &core.CampaignChange{Record: *record, From: record.Revision, Limits: record.Definition.Limits()}
			change.Record.Revision, change.Record.Epoch = record.Revision+1, record.Epoch+1
			change.Record.Rollout.Number++
			change.Record.Rollout.Breakers = core.Breakers{{Ruleset: record.Ruleset.Number, Binding: 1, Until: opening.Add(time.Hour).UnixMilli()}}
			must(t, d.store.SaveCampaign(t.Context(), change))
			d.Stop()
			d.runs(replayed())
		},
		"it could not be loaded": func(d *drop) {
			d.Stop()
			away := replayed()
			away.away = []string{uploaded}
			d.runs(away)
		},
	} {
		for _, policy := range []core.FailurePolicy{core.FailSkip, core.FailLastGood} {
			t.Run(name+", "+string(policy), func(t *testing.T) {
				d := newReplayed(t, sqliteStore(t))
				d.swaps(core.Binding{Mechanic: "small"}, core.Binding{Mechanic: "large"})
				d.swaps(core.Binding{Mechanic: "gift"}, core.Binding{Plugin: uploaded, OnFailure: policy})
				keep(d)
				o := d.place("ann")
				x := wantReplayed(t, d.recorded(o), o.Total)
				if b := x.Bindings[1]; b.Failure == "" || b.LastGood != (policy == core.FailLastGood) || b.Mechanic == "gift" {
					t.Errorf("%+v", b)
				}
			})
		}
	}
}

func TestADecisionOfTheEngineBeforeIsReplayed(t *testing.T) {
	d := newReplayed(t, sqliteStore(t))
	o := d.place("ann")
	r := d.recorded(o)
	r.Quote = strings.Replace(r.Quote, `"engine":"2"`, `"engine":"1"`, 1)
	core.SealRecording(r)
	if x := wantReplayed(t, r, o.Total); x.Engine != "1" {
		t.Errorf("engine %s", x.Engine)
	}
	r.Quote = strings.Replace(r.Quote, `"engine":"1"`, `"engine":"9"`, 1)
	core.SealRecording(r)
	wantDifferent(t, r, `version "9", which this binary does not know`)
}

// wantDifferent requires that replaying finds what the words are about.
func wantDifferent(t *testing.T, r *core.Recording, words ...string) {
	t.Helper()
	x, err := core.Replay(t.Context(), r, elsewhere{replayed()})
	must(t, err)
	found := strings.Join(x.Differences, "\n")
	for _, part := range words {
		if x.Reproduced || !strings.Contains(found, part) {
			t.Errorf("reproduced %v, found nothing of %q in\n%s", x.Reproduced, part, found)
		}
	}
}

func TestARecordingThatWasTamperedWithIsFound(t *testing.T) {
	d := newReplayed(t, sqliteStore(t))
	o := d.place("ann")
	for name, test := range map[string]struct {
		tamper func(r *core.Recording)
		found  string // also if the sums are made to fit
		sum    string
	}{
		"a fact": {
			func(r *core.Recording) { r.Quote = strings.Replace(r.Quote, `"quantity":1`, `"quantity":2`, 1) },
			"total: pinned 169900, now 369800", "quote",
		},
		"a fact that decides nothing": {
			func(r *core.Recording) { r.Quote = strings.Replace(r.Quote, `"id":"ann"`, `"id":"bob"`, 1) }, "", "quote",
		},
		"a fact that lets it be refused": {
			func(r *core.Recording) { r.Quote = strings.Replace(r.Quote, `"id":"ann"`, `"id":"mallory"`, 1) },
			"it is refused now: denied", "quote",
		},
		"the campaign of the facts": {
			func(r *core.Recording) { r.Quote = strings.Replace(r.Quote, `"id":"phone"`, `"id":"fone"`, 1) },
			`the facts are of "fone", the order is of "phone"`, "quote",
		},
		"the pinned total": {
			func(r *core.Recording) { r.Quote = strings.Replace(r.Quote, `"total":169900`, `"total":1`, 1) },
			"total: pinned 1, now 169900", "quote",
		},
		"a space in the pinned text": {
			func(r *core.Recording) { r.Quote = strings.Replace(r.Quote, `"total":`, `"total": `, 1) },
			"the pinned text is another", "quote",
		},
		"an effect": {
			func(r *core.Recording) { r.Quote = strings.Replace(r.Quote, "30000", "30001", 1) },
			`binding 2: effects: pinned [{"discount":{"amount":30001`, "quote",
		},
		"the order's total": {func(r *core.Recording) { r.Total-- }, "total of the order: pinned 169899, now 169900", "order"},
		"the order's lines": {func(r *core.Recording) { r.Lines[0].Amount-- }, "lines: recorded", "order"},
		"the currency":      {func(r *core.Recording) { r.Currency = "EUR" }, `currency: the facts have "CNY"`, "order"},
		"bytes that are another mechanic's": {
			func(r *core.Recording) { r.Artefacts[2].Bytes = []byte("small") },
			"binding 2: its digest is sha256:large, the recorded bytes are those of sha256:small", "artefact/sha256:large",
		},
		"a byte": {func(r *core.Recording) { r.Artefacts[2].Bytes[0]++ }, `there is no mechanic "marge"`, "artefact/sha256:large"},
		"an artefact that is gone": {
			func(r *core.Recording) { r.Artefacts = r.Artefacts[1:] },
			"binding 0: the recording does not have the artefact sha256:picky", "artefact/sha256:picky",
		},
		"the stacking":       {func(r *core.Recording) { r.Rulesets[0].Stacking = nil }, "binding 1: outcome: pinned stacked, now applied", "ruleset/3"},
		"a digest":           {func(r *core.Recording) { r.Rulesets[0].Digests[1] = "sha256:large" }, "binding 1: digest", "ruleset/3"},
		"a ruleset's number": {func(r *core.Recording) { r.Rulesets[0].Number = 9 }, "ruleset 3 decided, and is not in the recording", "ruleset/3"},
	} {
		t.Run(name, func(t *testing.T) {
			r := d.recorded(o)
			test.tamper(r)
			wantDifferent(t, r, test.found, test.sum+": it ")
			if core.SealRecording(r); test.found != "" {
				wantDifferent(t, r, test.found)
			}
		})
	}
}

func TestOnlyTheBrandsStaffReadRecordings(t *testing.T) {
	d := newReplayed(t, sqliteStore(t))
	o := d.place("ann")
	for name, tt := range map[string]struct {
		who  core.Principal
		want core.Code
	}{
		"an operator":   {operator, ""},
		"the brand":     {core.Principal{ID: "b", Role: core.RoleBrand, Brand: "xiaomi"}, ""},
		"another brand": {core.Principal{ID: "b", Role: core.RoleBrand, Brand: "meizu"}, core.CodeNotFound},
		"the shopper":   {core.Principal{ID: "ann", Role: core.RoleShopper}, core.CodeNotFound},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := d.Recording(t.Context(), o.ID, tt.who)
			wantCode(t, err, tt.want)
		})
	}
	_, err := d.Recording(t.Context(), "phone."+strings.Repeat("0", 26), operator)
	wantCode(t, err, core.CodeNotFound)
}

func TestWhatIsNoRecordingIsRefused(t *testing.T) {
	d := newReplayed(t, sqliteStore(t))
	good, err := json.Marshal(d.recorded(d.place("ann")))
	must(t, err)
	for name, text := range map[string]string{
		"nothing":              "",
		"another document":     `{"campaign": "phone"}`,
		"an unknown field":     strings.Replace(string(good), `"recording":1`, `"recording":1,"more":1`, 1),
		"another form":         strings.Replace(string(good), `"recording":1`, `"recording":2`, 1),
		"two of them":          string(good) + string(good),
		"another campaign":     strings.Replace(string(good), `"campaign":"phone"`, `"campaign":"fone"`, 1),
		"no decision":          strings.Replace(string(good), `"quote":"{`, `"quote":"[`, 1),
		"no units":             strings.Replace(string(good), `\"quantity\":1`, `\"quantity\":0`, 1),
		"a negative price":     strings.Replace(string(good), `\"price\":199900`, `\"price\":-1`, 1),
		"a digest too few":     strings.Replace(string(good), `"digests":["sha256:picky",`, `"digests":[`, 1),
		"longer than one is":   strings.Repeat(" ", core.MaxRecordingBytes+1),
		"an amount too large":  strings.Replace(string(good), `"total":169900`, `"total":1e30`, 1),
		"bytes not in base 64": strings.Replace(string(good), `"bytes":"`, `"bytes":"!`, 1),
	} {
		t.Run(name, func(t *testing.T) {
			if text == string(good) {
				t.Fatal("nothing was changed")
			}
			_, err := core.ParseRecording([]byte(text))
			wantCode(t, err, core.CodeInvalid)
		})
	}
}

// FuzzRecording has strangers' files read and replayed: nothing in them ends the process.
func FuzzRecording(f *testing.F) {
	const quote = `{"bindings":[{"digest":"sha256:small","effects":[{"discount":{"amount":100}}],"fuel":0,"mechanic":"small","outcome":"applied"}],` +
		`"budget_left":-1,"engine":"2","epoch":1,"facts":{"campaign":{"brand":"x","currency":"CNY","id":"phone"},"item":{"price":1000,"sku":"mi2"},` +
		`"now":1,"quantity":1,"shopper":{"id":"ann"}},"fuel_schedule":"2","guardrails":{"discount_budget":0,"max_discount":0,"min_price":0},"ruleset":1,"total":900}`
	text := func(quote string) []byte {
		r := &core.Recording{
			Form: 1, Campaign: "phone", Currency: "CNY", Order: "phone." + strings.Repeat("0", 26), Total: 900, Quote: quote,
			Lines: []core.Line{}, Rulesets: []core.Ruleset{{Number: 1, Bindings: []core.Binding{{Mechanic: "small"}}, Digests: []string{"sha256:small"}}},
			Artefacts: []core.RecordedArtefact{{Digest: "sha256:small", Kind: "rule", Bytes: []byte("small")}},
		}
		core.SealRecording(r)
		written, err := json.Marshal(r)
		must(f, err)
		return written
	}
	f.Add(text(quote))
	f.Add(text(strings.Replace(quote, `"price":1000`, `"price":9223372036854775807`, 1)))
	f.Add(text(strings.Replace(quote, `"min_price":0`, `"min_price":-9223372036854775807`, 1)))
	f.Add(text(strings.Replace(quote, `"budget_left":-1`, `"budget_left":-9223372036854775808`, 1)))
	f.Add(text(strings.Replace(quote, `"outcome"`, `"last_good":true,"outcome"`, 1)))
	f.Add([]byte(`{}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		r, err := core.ParseRecording(text)
		if err != nil {
			return
		}
		x, err := core.Replay(t.Context(), r, elsewhere{replayed()})
		if err == nil && x.Reproduced != (len(x.Differences) == 0) {
			t.Errorf("reproduced %v, differences %v", x.Reproduced, x.Differences)
		}
		_ = fmt.Sprint(x)
	})
}
