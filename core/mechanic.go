package core

import "context"

// Hook is a moment at which mechanics are asked.
type Hook string

// The hooks.
const (
	HookReserve Hook = "reserve" // a shopper signs up
	HookShare   Hook = "share"   // a repost or a visit was counted
	HookQuote   Hook = "quote"   // price and eligibility; the same decision serves quote and order
	HookPaid    Hook = "paid"    // an order was paid, once per order
	HookMessage Hook = "message" // an inbox message arrived
)

// Mechanic is a promotion rule of the game: a pure function from facts to effects. Implementations are safe for
// concurrent use, keep nothing between calls, and only propose: core checks every effect before it means anything.
type Mechanic interface {
	// Manifest describes the mechanic; the result must not change.
	Manifest() *Manifest
	// Decide appends the effects that the mechanic asks for at the hook to effects and returns the extended slice. A
	// mechanic that does not match returns the slice as it came. facts is the caller's and is not kept. An error means
	// that the mechanic failed (trap, overflow, out of fuel): a *[MechanicError].
	Decide(hook Hook, facts *Facts, effects []Effect) ([]Effect, Usage, error)
}

// Usage is what one decision of a mechanic cost and why it did not match.
type Usage struct {
	Fuel   int64  `json:"fuel,omitempty"`   // units of the plugin meter; rules burn none
	Clause string `json:"clause,omitempty"` // the clause of a rule's when that was false; "" if it matched
}

// Manifest is what a mechanic says of itself, bound to one version by its digest.
type Manifest struct {
	Name    string           `json:"name"`
	Version string           `json:"version,omitempty"`
	Kind    string           `json:"kind"`   // "rule" or "plugin"
	Digest  string           `json:"digest"` // "sha256:…" over the artefact's bytes
	Author  string           `json:"author,omitempty"`
	Title   Text             `json:"title,omitzero"`
	Text    Text             `json:"text,omitzero"` // what it decides, in a sentence or two
	Hooks   []Hook           `json:"hooks"`
	Facts   []string         `json:"facts"`   // paths it reads; nothing else is visible to it
	Effects []EffectKind     `json:"effects"` // effects it uses
	Config  map[string]Param `json:"config,omitempty"`
}

// Param is the type of one configuration parameter of a mechanic.
type Param struct {
	Type    string   `json:"type"`              // integer, string, boolean or list
	Of      string   `json:"of,omitempty"`      // element type of a list: string or integer
	Default any      `json:"default,omitempty"` // used when the binding does not set it; nil means that it must
	Min     *int64   `json:"min,omitempty"`
	Max     *int64   `json:"max,omitempty"`
	Values  []string `json:"values,omitempty"` // the allowed strings, if not any
	Names   string   `json:"names,omitempty"`  // what of the campaign it names: item, pool, draw, quota or template
	Title   Text     `json:"title,omitzero"`
}

// MechanicError is a failure inside a mechanic: which kind, and what it said.
type MechanicError struct {
	Code    string // stable: trap, out_of_fuel, bad_effect, undeclared_fact, failed, overflow, …
	Message string
}

// Error implements error.
func (e *MechanicError) Error() string { return e.Code + ": " + e.Message }

// Compiler turns a binding into a mechanic. Problems in what a brand wrote are *[Problems] whose paths are relative to
// the binding (rule.when, config.amount).
type Compiler interface {
	Compile(ctx context.Context, binding Binding) (Mechanic, error)
}
