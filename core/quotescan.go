package core

import (
	"encoding/json"
	"math"
	"strings"
	"unicode/utf8"

	"hotdrop/core/money"
)

// recording is a pinned decision as a comparison reads it. It is filled again and again: what its facts refer to is valid
// until it is read into once more.
type recording struct {
	facts     Facts
	factsText string // as it is pinned
	decided   compared
	budget    int64 // what was left of the discount budget; −1 without one
	engine    string
	lastGood  int64 // the ruleset that a binding fell back to; 0 if none did
	terms     recordedTerms
	added     map[string]int64 // list prices of added items
	units     int64            // sum of what the added units cost without mechanics
	tags      []string
	quota     map[string]int64
}

// recordedTerms are [saleTerms] as they are pinned: compared as text, as most orders have the same.
type recordedTerms struct {
	guardrails    Guardrails
	sku           string
	added, floors string // JSON objects; "" for none
}

// sale reads the terms.
func (t *recordedTerms) sale() (saleTerms, error) {
	terms := saleTerms{Guardrails: t.guardrails}
	for text, into := range map[string]*map[string]int64{t.added: &terms.Added, t.floors: &terms.Floors} {
		if text == "" {
			continue
		}
		if err := json.Unmarshal([]byte(text), into); err != nil {
			return terms, err
		}
	}
	return terms, nil
}

// read reads a pinned decision. What [decision.pin] writes is read without encoding/json, which would take ten times as long;
// anything else is left to it. The recording refers to text.
func (r *recording) read(text string) error {
	r.reset()
	s := quoteScan{text: text}
	if s.decision(r) && s.at == len(text) && r.conclude() == nil {
		return nil
	}
	r.reset()
	return r.readSlowly(text)
}

func (r *recording) reset() {
	clear(r.added)
	clear(r.quota)
	*r = recording{added: r.added, quota: r.quota, tags: r.tags[:0]}
}

// conclude computes what is not pinned: how far the total is below the list price.
func (r *recording) conclude() error {
	list, err := money.Mul(r.facts.Item.Price, r.facts.Quantity)
	if err != nil {
		return err
	}
	if list, err = money.Add(list, r.units); err != nil {
		return err
	}
	r.decided.off = max(0, list-r.decided.total)
	r.terms.sku = r.facts.Item.SKU
	return nil
}

// readSlowly reads what has another form than the one that is written today.
func (r *recording) readSlowly(text string) error {
	var pinned pinnedQuote
	if err := json.Unmarshal([]byte(text), &pinned); err != nil {
		return err
	}
	if pinned.ErasedAt > 0 {
		return errErased
	}
	var raw struct {
		Added    json.RawMessage `json:"added"`
		Facts    json.RawMessage `json:"facts"`
		Floors   json.RawMessage `json:"floors"`
		LastGood int64           `json:"last_good"`
	}
	if err := json.Unmarshal([]byte(text), &raw); err != nil {
		return err
	}
	r.facts, r.factsText, r.budget, r.engine, r.lastGood = pinned.Facts, string(raw.Facts), pinned.BudgetLeft, pinned.Engine, raw.LastGood
	r.terms = recordedTerms{guardrails: pinned.Guardrails, added: string(raw.Added), floors: string(raw.Floors)}
	r.decided.ruleset, r.decided.total = pinned.Ruleset, pinned.Total
	for i := range pinned.Bindings {
		s := &pinned.Bindings[i]
		step := scannedStep{outcome: s.Outcome, fuel: s.Fuel, failed: s.Failure != ""}
		for n := range s.Effects {
			if err := step.take(&s.Effects[n], pinned.Added); err != nil {
				return err
			}
		}
		if err := r.take(&step); err != nil {
			return err
		}
	}
	return r.conclude()
}

// scannedStep is what a comparison reads of one binding's part.
type scannedStep struct {
	outcome string
	fuel    int64
	failed  bool
	held    digest
	units   int64
}

// take takes in one effect; added has the list prices of what effects add.
func (s *scannedStep) take(e *Effect, added map[string]int64) error {
	s.held += e.holding()
	if e.Kind != EffectAdd {
		return nil
	}
	var err error
	s.units, err = addProduct(s.units, added[e.Name], e.Units)
	return err
}

// take takes in one binding's part.
func (r *recording) take(s *scannedStep) error {
	r.decided.fuel += s.fuel
	r.decided.failed = r.decided.failed || s.failed
	if s.outcome != string(outcomeApplied) {
		return nil
	}
	r.decided.held += s.held
	var err error
	r.units, err = money.Add(r.units, s.units)
	return err
}

// maxScanDepth is how deep structured data in a pinned decision may be for the fast reader.
const maxScanDepth = 16

// quoteScan reads the canonical JSON of a pinned decision: names in ascending order, no spaces, integers. Its methods return
// false for everything else, however valid; then encoding/json decides what it is.
type quoteScan struct {
	text string
	at   int
}

// is takes the byte if it comes next.
func (s *quoteScan) is(c byte) bool {
	if s.at < len(s.text) && s.text[s.at] == c {
		s.at++
		return true
	}
	return false
}

// object reads an object; field reads the value of each name, and is false for a name that it does not know.
func (s *quoteScan) object(field func(name string) bool) bool {
	if !s.is('{') {
		return false
	}
	if s.is('}') {
		return true
	}
	for last, first := "", true; ; first = false {
		name, ok := s.str()
		if !ok || !first && name <= last || !s.is(':') || !field(name) {
			return false
		}
		last = name
		if !s.is(',') {
			return s.is('}')
		}
	}
}

// array reads an array; element reads each of its elements.
func (s *quoteScan) array(element func() bool) bool {
	if !s.is('[') {
		return false
	}
	if s.is(']') {
		return true
	}
	for element() {
		if !s.is(',') {
			return s.is(']')
		}
	}
	return false
}

// str reads a string.
func (s *quoteScan) str() (string, bool) {
	if !s.is('"') {
		return "", false
	}
	start, plain := s.at, true
	for ; s.at < len(s.text); s.at++ {
		switch c := s.text[s.at]; {
		case c == '"':
			out := s.text[start:s.at]
			s.at++
			return out, plain || utf8.ValidString(out)
		case c == '\\':
			s.at = start - 1
			return s.escaped()
		case c < ' ':
			return "", false
		case c >= utf8.RuneSelf:
			plain = false
		}
	}
	return "", false
}

// escaped reads a string that has escapes; it is rare.
func (s *quoteScan) escaped() (string, bool) {
	end := s.at + 1
	for end < len(s.text) && s.text[end] != '"' {
		if s.text[end] == '\\' {
			end++
		}
		end++
	}
	if end >= len(s.text) {
		return "", false
	}
	var out string
	raw := s.text[s.at : end+1]
	s.at = end + 1
	return out, utf8.ValidString(raw) && json.Unmarshal([]byte(raw), &out) == nil
}

// integer reads an integer of 64 bits.
func (s *quoteScan) integer() (int64, bool) {
	negative, start, n := s.is('-'), s.at, uint64(0)
	for ; s.at < len(s.text) && s.at-start < 19; s.at++ {
		digit := s.text[s.at] - '0'
		if digit > 9 {
			break
		}
		n = n*10 + uint64(digit)
	}
	switch digits := s.at - start; {
	case digits == 0, digits > 1 && s.text[start] == '0', n > math.MaxInt64:
		return 0, false
	case negative:
		return -int64(n), true
	default:
		return int64(n), true
	}
}

// int and strInto read a value into a field.
func (s *quoteScan) intInto(v *int64) (ok bool) {
	*v, ok = s.integer()
	return ok
}

func (s *quoteScan) strInto(v *string) (ok bool) {
	*v, ok = s.str()
	return ok
}

// counts reads an object of integers into the map, and returns it.
func (s *quoteScan) counts(into map[string]int64) (map[string]int64, bool) {
	if into == nil {
		into = map[string]int64{}
	}
	ok := s.object(func(name string) bool {
		n, ok := s.integer()
		into[name] = n
		return ok
	})
	return into, ok
}

// raw reads a value and returns its text.
func (s *quoteScan) raw() (string, bool) {
	start := s.at
	ok := s.skip(maxScanDepth)
	return s.text[start:s.at], ok
}

// skip reads a value of any kind.
func (s *quoteScan) skip(depth int) bool {
	if depth == 0 || s.at == len(s.text) {
		return false
	}
	switch s.text[s.at] {
	case '{':
		return s.object(func(string) bool { return s.skip(depth - 1) })
	case '[':
		return s.array(func() bool { return s.skip(depth - 1) })
	case '"':
		_, ok := s.str()
		return ok
	case 't', 'f':
		_, ok := s.boolean()
		return ok
	default:
		_, ok := s.integer()
		return ok
	}
}

func (s *quoteScan) boolean() (value, ok bool) {
	for _, word := range [...]string{"true", "false"} {
		if strings.HasPrefix(s.text[s.at:], word) {
			s.at += len(word)
			return word == "true", true
		}
	}
	return false, false
}
