package core

import (
	"cmp"
	"encoding/json"
	"slices"
)

// maxCases is how many cases a report shows, and how many of each kind a tally keeps for it.
const maxCases = 20

// compared is what one side made of one set of facts: an order, or a refusal.
type compared struct {
	ruleset    int64
	code       Code   // of the refusal; "" for an order
	reason     string // the mechanic's, if it denied
	total, off int64  // of an order, minor units
	fuel       int64
	failed     bool   // a mechanic failed, whatever its policy made of that
	held       digest // a digest of what the order takes, owes and writes, whatever it costs
}

// comparedOf is what the ruleset answered: a decision, or the refusal err.
func comparedOf(r *compiled, d *decision, err error) compared {
	v := compared{ruleset: r.ruleset.Number}
	if d != nil {
		for i := range d.steps {
			v.take(&d.steps[i])
		}
		v.total, v.off = d.total, d.off
	}
	if err != nil {
		e := asError(err)
		v.code, v.reason, v.total, v.off, v.held = e.Code, e.Reason, 0, 0, 0
		v.failed = v.failed || e.Code == CodeMechanicFailed
	}
	return v
}

// take takes in one binding's part.
func (v *compared) take(s *step) {
	v.fuel += s.usage.Fuel
	v.failed = v.failed || s.failure != ""
	if s.outcome != outcomeApplied {
		return
	}
	for i := range s.effects {
		v.held += s.effects[i].holding()
	}
}

// digest is an FNV-1a hash of 64 bits.
type digest uint64

const (
	digestStart digest = 0xcbf29ce484222325
	digestPrime digest = 0x100000001b3
)

func (h digest) text(part string) digest {
	for i := range len(part) {
		h = (h ^ digest(part[i])) * digestPrime
	}
	return (h ^ 0x100) * digestPrime // no byte: where one part ends
}

func (h digest) number(n int64) digest {
	h = (h ^ digest(n)) * digestPrime //nolint:gosec // all its bits
	return h ^ h>>29
}

// holding is a digest of what the effect makes an order take, owe or write; 0 for one that only changes its price, of which
// the total says all. What people are shown is no part of it.
func (e *Effect) holding() digest {
	h := digestStart.text(string(e.Kind))
	switch e.Kind {
	case EffectAdd:
		return h.text(e.Name).number(e.Amount).number(e.Units)
	case EffectDeposit:
		return h.number(e.Amount).number(e.Credit)
	case EffectGroup:
		return h.number(e.Amount).number(e.Units).number(e.Seconds)
	case EffectTake, EffectGrant, EffectEnter:
		return h.text(e.Name).number(e.Units)
	case EffectTag:
		return h.text(e.Name).text(e.Value)
	case EffectOblige, EffectNotify:
		return h.text(e.Name).text(cmp.Or(e.Data, "{}"))
	case EffectOnce:
		return h.text(e.Name)
	case EffectReply:
		return h
	default:
		return 0
	}
}

// tally compares decisions two by two. It is what nodes report of a shadow, so it writes itself as JSON, and two of them
// merge in any order into the one that would have seen everything.
type tally struct {
	From      int64           `json:"from"`
	Until     int64           `json:"until"`
	Recorded  map[int64]int64 `json:"recorded,omitempty"` // decisions by ruleset
	Decisions int64           `json:"decisions"`
	Refusals  int64           `json:"refusals"`
	Dropped   int64           `json:"dropped"`
	Unread    int64           `json:"unread"`
	Failure   string          `json:"failure,omitempty"` // the last in alphabetical order, so that any order of nodes has the same

	Differing    int64 `json:"differing"`
	Both         int64 `json:"both"`
	NewlyDenied  int64 `json:"newly_denied"`
	NewlyAllowed int64 `json:"newly_allowed"`
	Winners      int64 `json:"winners"`
	Losers       int64 `json:"losers"`
	Won          int64 `json:"won"`
	Lost         int64 `json:"lost"`
	OtherTerms   int64 `json:"other_terms"`

	Live      tallySide               `json:"live"`
	Candidate tallySide               `json:"candidate"`
	Cases     map[CaseKind][]keptCase `json:"cases,omitempty"` // the first maxCases of each kind, sorted
}

type tallySide struct {
	Orders   int64     `json:"orders"`
	Denied   int64     `json:"denied"`
	Failed   int64     `json:"failed"`
	Errors   int64     `json:"errors"`
	Money    int64     `json:"money"`
	Discount int64     `json:"discount"`
	Fuel     Histogram `json:"fuel"`
}

// keptCase is a case with all that it takes to derive both decisions again.
type keptCase struct {
	Key        string          `json:"key"` // the order's id, or what else names the decision; orders cases of the same difference
	Order      string          `json:"order,omitempty"`
	Difference int64           `json:"difference"`
	Facts      json.RawMessage `json:"facts"`
	BudgetLeft int64           `json:"budget_left"`
	Engine     string          `json:"engine"` // by which version of the engine's rules the live side was decided
	LastGood   int64           `json:"last_good,omitempty"`
	Terms      saleTerms       `json:"terms"`
	Live       keptSide        `json:"live"`
	Candidate  keptSide        `json:"candidate"`
}

type keptSide struct {
	Ruleset  int64  `json:"ruleset"`
	Total    int64  `json:"total"`
	Discount int64  `json:"discount"`
	Code     Code   `json:"code,omitempty"`
	Reason   string `json:"reason,omitempty"`
}

func (v *compared) kept() keptSide {
	return keptSide{Ruleset: v.ruleset, Total: v.total, Discount: v.off, Code: v.code, Reason: v.reason}
}

// add compares one pair of decisions that were made about the same facts at the moment at. keep makes the case of it if it is
// one to keep: it may be slow.
func (t *tally) add(at int64, key string, live, candidate *compared, keep func() keptCase) {
	t.Decisions++
	if t.From == 0 || at < t.From {
		t.From = at
	}
	t.Until = max(t.Until, at)
	if t.Recorded == nil {
		t.Recorded = map[int64]int64{}
	}
	t.Recorded[live.ruleset]++
	if live.code != "" {
		t.Refusals++
	}
	t.Live.add(live)
	t.Candidate.add(candidate)
	kind, difference := t.differ(live, candidate)
	if kind == "" {
		return
	}
	t.Differing++
	if kept := t.Cases[kind]; len(kept) == maxCases && !before(difference, key, &kept[maxCases-1]) {
		return
	}
	one := keep()
	one.Key, one.Difference, one.Live, one.Candidate = key, difference, live.kept(), candidate.kept()
	t.keep(kind, one)
}

// differ counts in what the two differ, and returns it with the difference of their totals; "" if they do not.
func (t *tally) differ(live, candidate *compared) (CaseKind, int64) {
	switch {
	case live.code == "" && candidate.code == "":
		return t.differOrders(live, candidate)
	case live.code == "":
		t.NewlyDenied++
		return CaseNewlyDenied, live.total
	case candidate.code == "":
		t.NewlyAllowed++
		return CaseNewlyAllowed, candidate.total
	case live.code != candidate.code || live.reason != candidate.reason:
		return CaseRefusal, 0
	default:
		return "", 0
	}
}

// differOrders is differ for two orders.
func (t *tally) differOrders(live, candidate *compared) (CaseKind, int64) {
	t.Both++
	t.Live.Money, t.Candidate.Money = addCapped(t.Live.Money, live.total), addCapped(t.Candidate.Money, candidate.total)
	switch less := live.total - candidate.total; {
	case less > 0:
		t.Winners++
		t.Won = addCapped(t.Won, less)
		return CasePrice, less
	case less < 0:
		t.Losers++
		t.Lost = addCapped(t.Lost, -less)
		return CasePrice, -less
	case live.held != candidate.held:
		t.OtherTerms++
		return CaseTerms, 0
	default:
		return "", 0
	}
}

func (s *tallySide) add(v *compared) {
	switch v.code {
	case "":
		s.Orders++
		s.Discount = addCapped(s.Discount, v.off)
	case CodeDenied:
		s.Denied++
	default:
		s.Failed++
	}
	if v.failed {
		s.Errors++
	}
	s.Fuel.Observe(v.fuel)
}

// before reports whether a case of that difference and key comes before the other.
func before(difference int64, key string, other *keptCase) bool {
	return cmp.Or(cmp.Compare(other.Difference, difference), cmp.Compare(key, other.Key)) < 0
}

func compareCases(a, b keptCase) int {
	return cmp.Or(cmp.Compare(b.Difference, a.Difference), cmp.Compare(a.Key, b.Key))
}

// keep puts the case where it belongs, and forgets the last if there are too many.
func (t *tally) keep(kind CaseKind, one keptCase) {
	if t.Cases == nil {
		t.Cases = map[CaseKind][]keptCase{}
	}
	at, _ := slices.BinarySearchFunc(t.Cases[kind], one, compareCases)
	kept := slices.Insert(t.Cases[kind], at, one)
	t.Cases[kind] = kept[:min(len(kept), maxCases)]
}

// merge takes in what another tally of the same candidate has compared.
func (t *tally) merge(other *tally) {
	if other.Decisions > 0 && (t.From == 0 || other.From < t.From) {
		t.From = other.From
	}
	t.Until, t.Failure = max(t.Until, other.Until), max(t.Failure, other.Failure)
	for number, decisions := range other.Recorded {
		if t.Recorded == nil {
			t.Recorded = map[int64]int64{}
		}
		t.Recorded[number] += decisions
	}
	for _, pair := range [...]struct{ to, from *int64 }{
		{&t.Decisions, &other.Decisions}, {&t.Refusals, &other.Refusals}, {&t.Dropped, &other.Dropped},
		{&t.Unread, &other.Unread}, {&t.Differing, &other.Differing}, {&t.Both, &other.Both},
		{&t.NewlyDenied, &other.NewlyDenied}, {&t.NewlyAllowed, &other.NewlyAllowed}, {&t.Winners, &other.Winners},
		{&t.Losers, &other.Losers}, {&t.Won, &other.Won}, {&t.Lost, &other.Lost}, {&t.OtherTerms, &other.OtherTerms},
	} {
		*pair.to = addCapped(*pair.to, *pair.from)
	}
	t.Live.merge(&other.Live)
	t.Candidate.merge(&other.Candidate)
	for kind, cases := range other.Cases {
		for i := range cases {
			t.keep(kind, cases[i])
		}
	}
}

func (s *tallySide) merge(other *tallySide) {
	for _, pair := range [...]struct{ to, from *int64 }{
		{&s.Orders, &other.Orders}, {&s.Denied, &other.Denied}, {&s.Failed, &other.Failed}, {&s.Errors, &other.Errors},
		{&s.Money, &other.Money}, {&s.Discount, &other.Discount},
	} {
		*pair.to = addCapped(*pair.to, *pair.from)
	}
	s.Fuel.Merge(&other.Fuel)
}
