package core

import (
	"encoding/base32"
	"encoding/binary"
	"encoding/json"
	"math"
	"strings"
)

const (
	// batchDecisions and batchBytes are when a batch of recordings is full.
	batchDecisions = 256
	batchBytes     = 256 << 10
	// maxVariants is how many sets of terms a worker remembers at once.
	maxVariants = 64
)

// recordings are pinned decisions on their way from the store to a worker, which both use again and again.
type recordings struct {
	text []byte
	ends []int // of each one's text
	keys []recordingKey
}

// recordingKey is what a recording is of.
type recordingKey struct {
	key    string // the order's id, or the refusal's
	order  string // "" for a refusal
	code   Code   // of the refusal, "" for an order
	reason string
}

func (r *recordings) isFull() bool { return len(r.ends) >= batchDecisions || len(r.text) >= batchBytes }

func (r *recordings) add(key recordingKey, content []byte) {
	r.text = append(r.text, content...)
	r.ends, r.keys = append(r.ends, len(r.text)), append(r.keys, key)
}

func (r *recordings) reset() {
	clear(r.keys)
	r.text, r.ends, r.keys = r.text[:0], r.ends[:0], r.keys[:0]
}

// comparer lets the candidate decide recordings again.
type comparer struct {
	candidate *compiled
	def       *Campaign
	tally     tally
	recording recording
	variants  map[recordedTerms]*Campaign // the campaign with the terms of then
}

func newComparer(candidate *compiled, def *Campaign) *comparer {
	return &comparer{candidate: candidate, def: def, variants: map[recordedTerms]*Campaign{}}
}

// run compares batches until there are no more.
func (w *comparer) run(full <-chan *recordings, free chan<- *recordings) {
	for batch := range full {
		text, start := string(batch.text), 0 // facts refer to it
		for i, end := range batch.ends {
			w.compare(&batch.keys[i], text[start:end])
			start = end
		}
		batch.reset()
		free <- batch
	}
}

// compare decides one recording.
func (w *comparer) compare(of *recordingKey, text string) {
	r := &w.recording
	if r.read(text) != nil {
		w.tally.Unread++
		return
	}
	def := w.campaign(&r.terms)
	if def == nil {
		w.tally.Unread++
		return
	}
	if of.code != "" {
		refused := compared{ruleset: r.decided.ruleset, code: of.code, reason: of.reason, fuel: r.decided.fuel}
		refused.failed = r.decided.failed || of.code == CodeMechanicFailed
		r.decided = refused
	}
	candidate, failure := decideSafely(w.candidate, &r.facts, def, r.budget)
	if failure != "" {
		w.tally.Failure = max(w.tally.Failure, failure)
		w.tally.Dropped++
		return
	}
	w.tally.add(r.facts.Now, of.key, &r.decided, &candidate, func() keptCase {
		terms, _ := r.terms.sale() // was read for the campaign
		return keptCase{
			Order: of.order, Facts: json.RawMessage(strings.Clone(r.factsText)), BudgetLeft: r.budget, Engine: strings.Clone(r.engine),
			LastGood: r.lastGood, Terms: terms,
		}
	})
}

// campaign returns the campaign with the terms that an order was decided with; nil if they cannot be read.
func (w *comparer) campaign(terms *recordedTerms) *Campaign {
	if known := w.variants[*terms]; known != nil {
		return known
	}
	sale, err := terms.sale()
	if err != nil {
		return nil
	}
	if len(w.variants) >= maxVariants {
		clear(w.variants)
	}
	key := *terms // whose texts are part of a larger one
	key.sku, key.added, key.floors = strings.Clone(key.sku), strings.Clone(key.added), strings.Clone(key.floors)
	made := sale.campaign(w.def, key.sku)
	w.variants[key] = made
	return made
}

// idAt is what ids of the campaign that are made at the moment (Unix milliseconds) or later come after.
func idAt(campaign string, millis int64) string {
	var raw [16]byte
	binary.BigEndian.PutUint64(raw[:8], uint64(millis)<<16) //nolint:gosec // not negative
	id := append([]byte(campaign), '.')
	return string(appendBase32(id, raw))
}

// timeOf is when the id was made, Unix milliseconds; the largest time for what is no id.
func timeOf(id string) int64 {
	_, own, _ := strings.Cut(id, ".")
	if len(own) != idLength {
		return math.MaxInt64 - 1
	}
	var raw [20]byte
	// The 26 digits are 130 bits for 128: two zero bits come first.
	decoded := base32.NewEncoding(idAlphabet).WithPadding(base32.NoPadding)
	if _, err := decoded.Decode(raw[:], []byte(own)); err != nil {
		return math.MaxInt64 - 1
	}
	var millis int64
	for i := range 7 { // 56 bits, of which the first two are nothing, then 48 of the time
		millis = millis<<8 | int64(raw[i])
	}
	return millis >> 6
}
