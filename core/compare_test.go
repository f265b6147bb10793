package core

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// pair is two decisions about the same facts, as a tally is told of them.
type pair struct {
	at              int64
	key             string
	live, candidate compared
}

// anyCompared draws one side's decision: orders of few totals, so that many are equal.
func anyCompared(ruleset int64) *rapid.Generator[compared] {
	return rapid.Custom(func(t *rapid.T) compared {
		v := compared{ruleset: ruleset, fuel: rapid.Int64Range(0, 5000).Draw(t, "fuel"), failed: rapid.IntRange(0, 5).Draw(t, "failed") == 0}
		switch rapid.IntRange(0, 4).Draw(t, "refused") {
		case 0:
			v.code, v.reason = CodeDenied, rapid.SampledFrom([]string{"early", "late"}).Draw(t, "reason")
		case 1:
			v.code, v.failed = CodeMechanicFailed, true
		default:
			v.total, v.off = rapid.Int64Range(0, 4).Draw(t, "total")*100, rapid.Int64Range(0, 300).Draw(t, "off")
			v.held = digest(rapid.IntRange(0, 1).Draw(t, "held"))
		}
		return v
	})
}

// anyPairs draws decisions, each under a key of its own.
func anyPairs() *rapid.Generator[[]pair] {
	return rapid.Custom(func(t *rapid.T) []pair {
		pairs := make([]pair, rapid.IntRange(0, 120).Draw(t, "decisions"))
		for i := range pairs {
			pairs[i] = pair{
				at: rapid.Int64Range(1, 1000).Draw(t, "at"), key: fmt.Sprintf("o%03d", i),
				live:      anyCompared(rapid.Int64Range(1, 3).Draw(t, "ruleset")).Draw(t, "live"),
				candidate: anyCompared(9).Draw(t, "candidate"),
			}
		}
		return rapid.Permutation(pairs).Draw(t, "order")
	})
}

func tallyOf(pairs []pair) *tally {
	t := &tally{}
	for i := range pairs {
		p := &pairs[i]
		t.add(p.at, p.key, &p.live, &p.candidate, func() keptCase {
			return keptCase{Order: p.key, Facts: json.RawMessage(`{"now":1}`), BudgetLeft: -1, Engine: EngineVersion}
		})
	}
	return t
}

// sent is the tally after it went through JSON, as a node reads another's.
func sent(t interface{ Fatal(...any) }, from *tally) *tally {
	text, err := json.Marshal(from)
	if err != nil {
		t.Fatal(err)
	}
	var to tally
	if err := json.Unmarshal(text, &to); err != nil {
		t.Fatal(err)
	}
	return &to
}

// asText is everything that a tally says.
func asText(t interface{ Fatal(...any) }, from *tally) string {
	text, err := json.Marshal(from)
	if err != nil {
		t.Fatal(err)
	}
	report, err := json.Marshal(from.report())
	if err != nil {
		t.Fatal(err)
	}
	return string(text) + string(report)
}

func TestTalliesOfAnyPartsMergeInAnyOrderIntoTheOneOfAll(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		pairs := anyPairs().Draw(t, "pairs")
		first := rapid.IntRange(0, len(pairs)).Draw(t, "first")
		second := rapid.IntRange(first, len(pairs)).Draw(t, "second")
		all := tallyOf(pairs)
		part := func(n int) *tally {
			return sent(t, tallyOf([][]pair{pairs[:first], pairs[first:second], pairs[second:]}[n]))
		}
		for _, order := range [][]int{{0, 1, 2}, {2, 0, 1}, {1, 2, 0}} {
			merged := &tally{}
			for _, n := range order {
				merged.merge(part(n))
			}
			if got, want := asText(t, merged), asText(t, all); got != want {
				t.Fatalf("in the order %v:\n%s\nall at once:\n%s", order, got, want)
			}
		}
		right := part(1) // (0 + (1 + 2)), where the first above is ((0 + 1) + 2)
		right.merge(part(2))
		left := part(0)
		left.merge(right)
		if got, want := asText(t, left), asText(t, all); got != want {
			t.Fatalf("from the right:\n%s\nall at once:\n%s", got, want)
		}
	})
}

func TestATallyCountsWhatCountingByHandDoes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		pairs := anyPairs().Draw(t, "pairs")
		r := tallyOf(pairs).report()
		count := func(is func(p *pair) bool) int64 {
			var n int64
			for i := range pairs {
				if is(&pairs[i]) {
					n++
				}
			}
			return n
		}
		both := func(p *pair) bool { return p.live.code == "" && p.candidate.code == "" }
		for name, one := range map[string][2]int64{
			"decisions":     {r.Decisions, int64(len(pairs))},
			"both":          {r.Both, count(both)},
			"newly denied":  {r.NewlyDenied, count(func(p *pair) bool { return p.live.code == "" && p.candidate.code != "" })},
			"newly allowed": {r.NewlyAllowed, count(func(p *pair) bool { return p.live.code != "" && p.candidate.code == "" })},
			"winners":       {r.Winners, count(func(p *pair) bool { return both(p) && p.candidate.total < p.live.total })},
			"losers":        {r.Losers, count(func(p *pair) bool { return both(p) && p.candidate.total > p.live.total })},
			"other terms": {r.OtherTerms, count(func(p *pair) bool {
				return both(p) && p.candidate.total == p.live.total && p.candidate.held != p.live.held
			})},
			"refusals": {r.Refusals, count(func(p *pair) bool { return p.live.code != "" })},
			"errors":   {r.Candidate.Errors, count(func(p *pair) bool { return p.candidate.failed })},
			"denied":   {r.Candidate.Denied, count(func(p *pair) bool { return p.candidate.code == CodeDenied })},
			"failed":   {r.Live.Failed, count(func(p *pair) bool { return p.live.code == CodeMechanicFailed })},
			"the sides' orders": {r.Live.Orders + r.Live.Denied + r.Live.Failed, r.Candidate.Orders + r.Candidate.Denied +
				r.Candidate.Failed},
			"money": {r.Candidate.Money - r.Live.Money, r.Lost - r.Won},
			"differing": {r.Differing, r.Winners + r.Losers + r.OtherTerms + r.NewlyDenied + r.NewlyAllowed + count(func(p *pair) bool {
				return p.live.code != "" && p.candidate.code != "" && (p.live.code != p.candidate.code || p.live.reason != p.candidate.reason)
			})},
		} {
			if one[0] != one[1] {
				t.Errorf("%s: %d, want %d", name, one[0], one[1])
			}
		}
	})
}

func TestTheCasesOfATallyAreTheFirstOfEachKind(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		pairs := anyPairs().Draw(t, "pairs")
		all := map[CaseKind][]keptCase{}
		for i := range pairs {
			one := tallyOf(pairs[i : i+1])
			for kind, cases := range one.Cases {
				all[kind] = append(all[kind], cases...)
			}
		}
		got := tallyOf(pairs)
		for kind, cases := range all {
			slices.SortFunc(cases, compareCases)
			if want := cases[:min(len(cases), maxCases)]; !reflect.DeepEqual(got.Cases[kind], want) {
				t.Fatalf("%s: %+v, want %+v", kind, got.Cases[kind], want)
			}
		}
		if len(got.Cases) != len(all) {
			t.Fatalf("%d kinds, want %d", len(got.Cases), len(all))
		}
	})
}

func TestACaseIsMadeOnlyIfItIsKept(t *testing.T) {
	made, total := 0, &tally{}
	live, candidate := compared{total: 100}, compared{total: 90}
	for i := range 3 * maxCases {
		total.add(1, fmt.Sprintf("o%02d", i), &live, &candidate, func() keptCase {
			made++
			return keptCase{}
		})
	}
	if made != maxCases || len(total.Cases[CasePrice]) != maxCases || total.Winners != 3*maxCases || total.Won != 30*maxCases {
		t.Errorf("made %d, kept %d, %+v", made, len(total.Cases[CasePrice]), total)
	}
}

func TestTheMeanOfAnOrderIsRoundedHalfUp(t *testing.T) {
	for _, tt := range []struct{ money, both, want int64 }{{0, 0, 0}, {7, 2, 4}, {5, 3, 2}, {4, 3, 1}, {100, 1, 100}, {-1, 0, 0}} {
		if got := (&tallySide{Money: tt.money}).report(tt.both).PerOrder; got != tt.want {
			t.Errorf("%d over %d orders: %d, want %d", tt.money, tt.both, got, tt.want)
		}
	}
}

func TestWhatAnEffectHoldsIsAllOfItButWhatIsShown(t *testing.T) {
	base := map[EffectKind]Effect{}
	for _, kind := range EffectKinds() {
		base[kind] = Effect{Kind: kind, Name: "n", Value: "v", Data: `{"a":1}`, Amount: 1, Credit: 2, Units: 3, Seconds: 4}
	}
	free := []EffectKind{EffectDiscount, EffectDiscountPercent, EffectPrice, EffectDeny}
	for kind, e := range base {
		held := e.holding()
		if (held == 0) != slices.Contains(free, kind) {
			t.Errorf("%s holds %x", kind, held)
		}
		shown := e
		shown.Text = Text{EN: "another"}
		if shown.holding() != held {
			t.Errorf("%s: what is shown is held", kind)
		}
		if held == 0 || kind == EffectReply {
			continue
		}
		for i, f := range e.fields() { // every field of its JSON form counts
			other := e
			switch v := other.fields()[i].value.(type) {
			case *int64:
				*v += 7
			case *string:
				*v += "x"
			case data:
				*v.text = `{"a":2}`
			default:
				continue
			}
			if other.holding() == held {
				t.Errorf("%s: another %s holds the same", kind, f.name)
			}
		}
	}
	for a, one := range base {
		for b, two := range base {
			if a != b && one.holding() == two.holding() && one.holding() != 0 {
				t.Errorf("%s and %s hold the same", a, b)
			}
		}
	}
}

func TestTheTermsOfThenTakeThePlaceOfTodays(t *testing.T) {
	def := &Campaign{
		Guardrails: Guardrails{MinPrice: 5}, Quotas: map[string]int64{"q": 1},
		Items: []Item{{SKU: "phone", Price: 1000, MinPrice: 900}, {SKU: "case", Price: 100}},
	}
	same := termsOf(def, "phone")
	if same.campaign(def, "phone") != def {
		t.Error("what has not changed was copied")
	}
	plain := saleTerms{Guardrails: def.Guardrails}
	if plain.campaign(def, "case") != def || plain.campaign(def, "gone") != def {
		t.Error("an item without a floor was copied")
	}
	then := saleTerms{
		Guardrails: Guardrails{MinPrice: 7, DiscountBudget: 9}, Added: map[string]int64{"case": 80, "gift": 20},
		Floors: map[string]int64{"case": 3, "gone": 4},
	}
	got := then.campaign(def, "phone")
	if got == def || got.Guardrails != then.Guardrails || got.Item("phone").MinPrice != 0 || got.Quotas["q"] != 1 {
		t.Errorf("%+v", got)
	}
	if item := got.Item("case"); item.Price != 80 || item.MinPrice != 3 {
		t.Errorf("an added item: %+v", item)
	}
	if item := got.Item("gift"); item == nil || item.Price != 20 {
		t.Errorf("an item that is gone: %+v", item)
	}
	if item := then.campaign(def, "gone").Item("gone"); item == nil || item.MinPrice != 4 {
		t.Errorf("what was ordered is gone: %+v", item)
	}
	if def.Items[0].MinPrice != 900 || def.Items[1].Price != 100 || len(def.Items) != 2 {
		t.Errorf("the campaign itself has changed: %+v", def.Items)
	}
	for name, other := range map[string]saleTerms{
		"another floor":       {Guardrails: def.Guardrails, Floors: map[string]int64{"phone": 800}},
		"another price":       {Guardrails: def.Guardrails, Floors: same.Floors, Added: map[string]int64{"case": 1}},
		"other guardrails":    {Floors: same.Floors},
		"no floor any more":   {Guardrails: def.Guardrails},
		"an item that is new": {Guardrails: def.Guardrails, Floors: same.Floors, Added: map[string]int64{"gift": 1}},
	} {
		if other.campaign(def, "phone") == def {
			t.Errorf("%s went unnoticed", name)
		}
	}
}
