package core

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
)

const (
	// RecordingForm is the version of what a [Recording] looks like.
	RecordingForm = 1
	// MaxRecordingBytes bounds a recording: its plugins have up to 4 MiB each, written in base 64.
	MaxRecordingBytes = 64 << 20
	// maxRecordedBindings is how many bindings one ruleset of a recording may have.
	maxRecordedBindings = 256
)

// Recording is everything that it takes to derive an order's decision again, on any machine and without the database:
// what the order pins, the rulesets that decided, and the bytes of their mechanics. [Replay] derives.
type Recording struct {
	Form     int64  `json:"recording"` // RecordingForm
	Campaign string `json:"campaign"`
	Currency string `json:"currency"` // ISO 4217
	Order    string `json:"order"`
	Total    int64  `json:"total"` // of the order, minor units
	Lines    []Line `json:"lines"` // of the order
	// Quote is the pinned decision, letter for letter: canonical JSON, as a text so that no reader may write it otherwise.
	Quote string `json:"quote"`
	// Rulesets are the one that decided and, if one of its bindings fell back, the one it fell back to. None if the
	// mechanics were off.
	Rulesets  []Ruleset          `json:"rulesets"`
	Artefacts []RecordedArtefact `json:"artefacts"` // what the rulesets name by digest, each once
	// Sums are SHA-256 of the parts above, hex: "order", "quote", "ruleset/<number>", "artefact/<digest>". They say which
	// part is not as it was written; whoever changes a part on purpose can change its sum too.
	Sums map[string]string `json:"sums"`
}

// RecordedArtefact is an [Artefact] in a recording.
type RecordedArtefact struct {
	Digest string `json:"digest"`
	Kind   string `json:"kind"`
	Bytes  []byte `json:"bytes"`
}

// RecordingCompiler is an [ArtefactCompiler] that also has what brands have uploaded.
type RecordingCompiler interface {
	ArtefactCompiler
	// Uploaded returns the artefact of the plugin of the digest that the brand uploaded, also of one that may not be loaded any
	// more; nil if the brand has none, or its bytes are not kept.
	Uploaded(ctx context.Context, brand, digest string) (*Artefact, error)
}

// Recording returns the recording of an order. Another brand's order is not_found for a principal of a brand, and every
// order for a shopper. An artefact that cannot be had is left out: replaying says which one.
func (e *Engine) Recording(ctx context.Context, order string, staff Principal) (*Recording, error) {
	if staff.Role == RoleShopper {
		return nil, noOrder(order)
	}
	c, o, err := e.orderFor(ctx, order, &staff)
	if err != nil {
		return nil, err
	}
	r := &Recording{
		Form: RecordingForm, Campaign: c.id, Currency: o.Currency, Order: o.ID, Total: o.Total, Lines: o.Lines,
		Quote: string(o.Quote), Rulesets: []Ruleset{}, Artefacts: []RecordedArtefact{},
	}
	pinned, err := r.pinned()
	if err != nil {
		return nil, storeError(err)
	}
	if pinned.ErasedAt > 0 {
		return nil, Errorf(CodeWrongState, "%s", pinned.erased())
	}
	for _, number := range []int64{pinned.Ruleset, pinned.fellBackTo()} {
		if number == 0 {
			continue
		}
		ruleset, err := e.Ruleset(ctx, c.key(), number)
		if err != nil {
			return nil, err
		}
		r.Rulesets = append(r.Rulesets, *ruleset)
		if err := e.recordArtefacts(ctx, r, o, ruleset); err != nil {
			return nil, err
		}
	}
	r.Sums = r.sums()
	return r, nil
}

// recordArtefacts adds what the ruleset names by digest.
func (e *Engine) recordArtefacts(ctx context.Context, r *Recording, o *Order, ruleset *Ruleset) error {
	for i, binding := range ruleset.Bindings {
		if len(binding.Rule) > 0 || i >= len(ruleset.Digests) || r.artefact(ruleset.Digests[i]) != nil {
			continue
		}
		binding.Brand, binding.Campaign = o.Brand, o.Campaign
		artefact, err := e.artefactOf(ctx, binding, ruleset.Digests[i])
		if err != nil {
			return storeError(err)
		}
		if artefact != nil {
			r.Artefacts = append(r.Artefacts, RecordedArtefact{artefact.Digest, artefact.Kind, artefact.Bytes})
		}
	}
	return nil
}

// artefactOf returns the bytes that decided for the binding: as they were stored with the ruleset, as its brand has uploaded
// them, or, if the ruleset is older than the storing, this binary's own; nil if none of them has the digest.
func (e *Engine) artefactOf(ctx context.Context, binding Binding, digest string) (*Artefact, error) {
	if stored, err := e.campaigns.Artefact(ctx, digest); stored != nil || err != nil {
		return stored, err //nolint:wrapcheck // the caller turns it into what the layers above see
	}
	if compiler, ok := e.compiler.(RecordingCompiler); ok && ValidDigest(binding.Plugin) {
		if uploaded, err := compiler.Uploaded(ctx, binding.Brand, digest); uploaded != nil || err != nil {
			return uploaded, err //nolint:wrapcheck // it is core's own
		}
	}
	compiler, ok := e.compiler.(ArtefactCompiler)
	if !ok {
		return nil, nil //nolint:nilnil // nothing is kept
	}
	own, err := compiler.Artefact(ctx, binding)
	if err != nil || own == nil || own.Digest != digest {
		return nil, nil //nolint:nilnil,nilerr // this binary has another one of that name, or none
	}
	return own, nil
}

// ParseRecording reads a recording and refuses what is none. Whether it is as it was written is for [Replay] to say.
func ParseRecording(text []byte) (*Recording, error) {
	if len(text) > MaxRecordingBytes {
		return nil, Errorf(CodeInvalid, "a recording has at most %d bytes", MaxRecordingBytes)
	}
	r := &Recording{}
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(r); err != nil {
		return nil, Errorf(CodeInvalid, "this is no recording: %v", err)
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return nil, Errorf(CodeInvalid, "this is no recording: something follows it")
	}
	if err := r.check(); err != nil {
		return nil, err
	}
	return r, nil
}

// check refuses what no recording can be.
func (r *Recording) check() error {
	switch {
	case r.Form != RecordingForm:
		return Errorf(CodeInvalid, "this is no recording of the form %d", RecordingForm)
	case !ValidOrderID(r.Order) || CampaignOf(r.Order) != r.Campaign:
		return Errorf(CodeInvalid, "the recording is of no order of its campaign")
	}
	pinned, err := r.pinned()
	if err != nil {
		return Errorf(CodeInvalid, "what the recording pins is no decision: %v", err)
	}
	if f := &pinned.Facts; f.Quantity < 1 || f.Quantity > maxQuantity || f.Item.Price < 0 {
		return Errorf(CodeInvalid, "what the recording pins is no decision about an order")
	}
	for i := range r.Rulesets {
		if n := len(r.Rulesets[i].Bindings); n > maxRecordedBindings || n != len(r.Rulesets[i].Digests) {
			return Errorf(CodeInvalid, "the recording's ruleset %d has %d bindings, and %d digests",
				r.Rulesets[i].Number, n, len(r.Rulesets[i].Digests))
		}
	}
	return nil
}

// pinned reads the pinned decision.
func (r *Recording) pinned() (*pinnedQuote, error) {
	pinned := &pinnedQuote{}
	if err := json.Unmarshal([]byte(r.Quote), pinned); err != nil {
		return nil, fmt.Errorf("the pinned decision of %s: %w", r.Order, err)
	}
	return pinned, nil
}

// ruleset returns the recorded ruleset of the number, or nil.
func (r *Recording) ruleset(number int64) *Ruleset {
	i := slices.IndexFunc(r.Rulesets, func(one Ruleset) bool { return one.Number == number })
	if i < 0 {
		return nil
	}
	return &r.Rulesets[i]
}

// artefact returns the recorded artefact of the digest, or nil.
func (r *Recording) artefact(digest string) *RecordedArtefact {
	i := slices.IndexFunc(r.Artefacts, func(one RecordedArtefact) bool { return one.Digest == digest })
	if i < 0 {
		return nil
	}
	return &r.Artefacts[i]
}

// sums returns the sums of the recording as it is.
func (r *Recording) sums() map[string]string {
	sums := map[string]string{"quote": sumOf([]byte(r.Quote))}
	add := func(name string, part any) {
		text, _ := json.Marshal(part) // plain data always encodes; what does not is refused elsewhere
		sums[name] = sumOf(text)
	}
	add("order", []any{r.Form, r.Campaign, r.Currency, r.Order, r.Total, r.Lines})
	for i := range r.Rulesets {
		add(fmt.Sprintf("ruleset/%d", r.Rulesets[i].Number), &r.Rulesets[i])
	}
	for i := range r.Artefacts {
		add("artefact/"+r.Artefacts[i].Digest, &r.Artefacts[i])
	}
	return sums
}

func sumOf(text []byte) string {
	sum := sha256.Sum256(text)
	return fmt.Sprintf("%x", sum)
}
