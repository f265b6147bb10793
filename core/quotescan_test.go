package core

import (
	"bytes"
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// anyPin draws what an order pins of a decision about arbitrary facts, with the decision.
func anyPin() *rapid.Generator[*pinnedSale] {
	return rapid.Custom(func(t *rapid.T) *pinnedSale {
		s := anySale(anyEffect()).Draw(t, "sale")
		item, quantity := s.facts.Item, s.facts.Quantity
		*s.facts = anyFacts().Draw(t, "facts")
		s.facts.Item, s.facts.Quantity, s.facts.Order, s.facts.Message = item, quantity, OrderFacts{}, MessageFacts{}
		r := rulesetOf(s.stacking, s.groups, s.proposals...)
		r.ruleset.Number, r.lastGood = rapid.Int64Range(1, 9).Draw(t, "ruleset"), 3
		for _, b := range r.bindings {
			b.policy = FailLastGood
			if rapid.IntRange(0, 5).Draw(t, "fails") == 0 {
				b.fallback = b.mechanic
				b.mechanic = &proposal{name: "bad", err: &MechanicError{Code: "trap", Message: anyText().Draw(t, "failure")}}
			}
		}
		p := &pinnedSale{sale: s, ruleset: r}
		p.decision, p.err = r.decide(HookQuote, s.facts, s.campaign, s.budget)
		if p.err == nil {
			p.text = string(p.decision.pin(s.facts, rapid.Int64Range(1, 99).Draw(t, "epoch")))
		}
		return p
	})
}

type pinnedSale struct {
	*sale

	ruleset  *compiled
	decision *decision
	err      error
	text     string
}

// sameRecording reports in what two recordings differ, however their facts are held; "" for nothing.
func sameRecording(a, b *recording) string {
	one, two := *a, *b
	if !bytes.Equal(one.facts.appendJSON(nil), two.facts.appendJSON(nil)) {
		return "the facts are " + string(one.facts.appendJSON(nil)) + " and " + string(two.facts.appendJSON(nil))
	}
	saleA, _ := one.terms.sale()
	saleB, _ := two.terms.sale()
	if !reflect.DeepEqual(saleA, saleB) || one.terms.sku != two.terms.sku {
		return "the terms"
	}
	for _, r := range []*recording{&one, &two} {
		r.facts, r.terms, r.added, r.quota, r.tags, r.units = Facts{}, recordedTerms{}, nil, nil, nil, 0
	}
	if !reflect.DeepEqual(one, two) {
		return "the decision"
	}
	return ""
}

func TestTheFastReaderReadsEveryPinAsEncodingJSONDoes(t *testing.T) {
	var fast recording // used again and again, as it is in a backtest
	fell := 0
	rapid.Check(t, func(t *rapid.T) {
		p := anyPin().Draw(t, "pin")
		if p.err != nil {
			return
		}
		var slow recording
		if err := slow.readSlowly(p.text); err != nil {
			t.Fatal(err)
		}
		fast.reset()
		s := quoteScan{text: p.text}
		if !s.decision(&fast) || s.at != len(p.text) || fast.conclude() != nil {
			fell++
			if !p.needsTheSlowReader() {
				t.Fatalf("the fast reader gave up at %q", p.text[s.at:])
			}
			return
		}
		if difference := sameRecording(&fast, &slow); difference != "" {
			t.Fatalf("%s of\n%s", difference, p.text)
		}
		decided := comparedOf(p.ruleset, p.decision, nil)
		if fast.decided != decided {
			t.Fatalf("recorded %+v, decided %+v in\n%s", fast.decided, decided, p.text)
		}
	})
	if fell == 0 {
		t.Log("nothing needed the slow reader")
	}
}

// needsTheSlowReader reports whether the pin has what the fast reader leaves alone.
func (p *pinnedSale) needsTheSlowReader() bool {
	var hard func(value any) bool
	hard = func(value any) bool {
		switch v := value.(type) {
		case []any:
			return true
		case Object:
			for _, inner := range v {
				if hard(inner) {
					return true
				}
			}
		case int64:
			return v == -1<<63
		}
		return false
	}
	return hard(p.facts.Input) || strings.Contains(p.text, "-9223372036854775808") || p.orderless()
}

// orderless reports whether the order's sums are beyond money: nothing that a campaign file allows.
func (p *pinnedSale) orderless() bool {
	var r recording
	return r.readSlowly(p.text) != nil
}

func TestAReaderFallsBackForWhatIsWrittenOtherwise(t *testing.T) {
	r := rulesetOf(nil, []string{""}, &proposal{name: "m", effects: []Effect{discount(100), {Kind: EffectTake, Name: "q", Units: 2}}})
	facts := Facts{Now: 9, Quantity: 1, Item: ItemFacts{SKU: "phone", Price: 1000}, Shopper: ShopperFacts{ID: "ann", Tags: []string{"a"}}}
	d, err := r.decide(HookQuote, &facts, testCampaign, -1)
	if err != nil {
		t.Fatal(err)
	}
	canonical := string(d.pin(&facts, 7))
	var plain, other recording
	if err := plain.read(canonical); err != nil {
		t.Fatal(err)
	}
	if plain.decided.total != 900 || plain.decided.off != 100 || plain.budget != -1 || plain.engine != EngineVersion {
		t.Errorf("%+v", plain)
	}
	var spread bytes.Buffer
	if err := json.Indent(&spread, []byte(canonical), "", " "); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"spaces":        spread.String(),
		"a new name":    strings.Replace(canonical, `"total":`, `"something":{"new":[1]},"total":`, 1),
		"another order": `{"total":900,` + strings.Replace(canonical[1:], `,"total":900`, "", 1),
		"a new fact":    strings.Replace(canonical, `"quantity":1`, `"mood":"good","quantity":1`, 1),
	} {
		if err := other.read(text); err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		other.factsText = plain.factsText
		if difference := sameRecording(&plain, &other); difference != "" {
			t.Errorf("%s: %s", name, difference)
		}
	}
	for name, text := range map[string]string{
		"nothing": "", "half of it": canonical[:len(canonical)/2], "more than it": canonical + "{}", "a list": "[]",
		"another type": strings.Replace(canonical, `"total":900`, `"total":"900"`, 1),
		"a fraction":   strings.Replace(canonical, `"quantity":1`, `"quantity":1.5`, 1),
		"no effect":    strings.Replace(canonical, `{"take":`, `{"teleport":`, 1),
	} {
		if err := other.read(text); err == nil {
			t.Errorf("%s was read as %+v", name, other)
		}
	}
}

func FuzzQuoteScan(f *testing.F) {
	r := rulesetOf(nil, []string{"", ""},
		&proposal{name: "m", effects: []Effect{{Kind: EffectAdd, Name: "case", Units: 1, Amount: 5}, {Kind: EffectOblige, Name: "k", Data: `{"a":1}`}}},
		&proposal{name: "n\u00e9\n", effects: []Effect{{Kind: EffectTag, Name: "k", Value: "v"}}})
	facts := Facts{
		Quantity: 1, Item: ItemFacts{SKU: "phone", Price: 1000}, Shopper: ShopperFacts{ID: "a", Tags: []string{"x"}},
		Input: Object{"a": Object{"b": "c", "d": true, "e": int64(-1)}}, Quota: map[string]int64{"q": 1},
		Voucher: VoucherFacts{Code: "v"}, Group: GroupFacts{ID: "g"}, Shares: SharesFacts{Counted: "c"}, Reservation: ReservationFacts{At: 1},
	}
	d, err := r.decide(HookQuote, &facts, testCampaign, 500)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(string(d.pin(&facts, 1)))
	f.Add(`{"bindings":[{"effects":[{"once":{"key":"\ud800"}}],"outcome":"applied"}],"facts":{"quantity":-0},"total":01}`)
	f.Add(`{"facts":{"input":{"a":[null]}},"total":9223372036854775808}`)
	f.Fuzz(func(t *testing.T, text string) {
		var fast, slow recording
		s := quoteScan{text: text}
		quick := s.decision(&fast) && s.at == len(text) && fast.conclude() == nil
		if s.at > len(text) {
			t.Fatalf("read %d of %d bytes", s.at, len(text))
		}
		if err := slow.readSlowly(text); !quick || err != nil {
			return // what only one of them takes is no pin: the slow one is stricter about effects
		}
		if difference := sameRecording(&fast, &slow); difference != "" && isCanonical(text) {
			t.Fatalf("%s of %q", difference, text)
		}
	})
}

// isCanonical reports whether the text is as core writes: only then what effects carry is compared byte by byte.
func isCanonical(text string) bool {
	var object Object
	if err := json.Unmarshal([]byte(text), &object); err != nil {
		return false
	}
	return string(appendObject(nil, object)) == text
}

// BenchmarkQuoteScan measures what a backtest reads of one order.
func BenchmarkQuoteScan(b *testing.B) {
	r := rulesetOf(nil, []string{""}, &proposal{name: "seckill", effects: []Effect{
		{Kind: EffectPrice, Amount: 900, Text: Text{EN: "Flash price", ZH: "秒杀价"}}, {Kind: EffectOnce, Name: "seckill"},
	}})
	facts := Facts{
		Now: 1356062400000, Quantity: 1, Item: ItemFacts{SKU: "phone", Price: 1000, Stock: 50_000, Left: 49_000, Sold: 1_000},
		Campaign:    CampaignFacts{ID: "phone", Brand: "xiaomi", Currency: "CNY", Phase: "sale", SaleOpens: 1356062400000, SaleCloses: 1356148800000},
		Shopper:     ShopperFacts{ID: "shopper-000123", Tier: "gold", RegisteredAt: 1256062400000},
		Reservation: ReservationFacts{At: 1356000000000, Position: 123}, Quota: map[string]int64{"few": 10},
	}
	d, err := r.decide(HookQuote, &facts, testCampaign, -1)
	if err != nil {
		b.Fatal(err)
	}
	text := string(d.pin(&facts, 1))
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	var recorded recording
	for b.Loop() {
		if err := recorded.read(text); err != nil || !slices.Equal([]int64{recorded.decided.total}, []int64{900}) {
			b.Fatal(err)
		}
	}
}
