package vet

import (
	"slices"

	"hotdrop/core"
	"hotdrop/plugins"
)

// The verdicts.
const (
	Accepted = "accepted"
	Refused  = "refused"
)

// Report is what vetting found out about a module. What the module or its manifest say is made fit for a terminal, and
// lists that a stranger could make long are cut.
type Report struct {
	Verdict  string   `json:"verdict,omitempty"`  // "" of a static half without a reason to refuse
	Reasons  []Reason `json:"reasons,omitempty"`  // why it is refused
	Warnings []Reason `json:"warnings,omitempty"` // what author and approvers should know

	Digest   string         `json:"digest"` // sha256:…, over the bytes
	Size     int64          `json:"size"`   // bytes
	Limits   plugins.Limits `json:"limits"` // what it was held to
	Rewriter string         `json:"rewriter"`
	Packed   bool           `json:"packed"` // manifest and vectors are those that the module carries

	Manifest  Manifest   `json:"manifest"`
	Toolchain []Tool     `json:"toolchain,omitempty"`
	Code      Code       `json:"code"`
	Imports   []Function `json:"imports,omitempty"`
	Exports   []Function `json:"exports,omitempty"`

	Examination *Examination `json:"examination,omitempty"` // the dynamic half
}

// Manifest is what the module declares.
type Manifest struct {
	Name    string            `json:"name"`
	Version string            `json:"version,omitempty"`
	Author  string            `json:"author,omitempty"`
	Hooks   []core.Hook       `json:"hooks"`
	Facts   []string          `json:"facts"`
	Effects []core.EffectKind `json:"effects"`
}

// Code is the size of what would run.
type Code struct {
	Functions   int   `json:"functions"`
	Bytes       int   `json:"bytes"`        // of all bodies
	Floats      int   `json:"floats"`       // instructions that compute with floats
	MemoryBytes int64 `json:"memory_bytes"` // the memory it starts with
	TableSize   int64 `json:"table_size"`   // entries of the tables it starts with
}

// Function is one import, or one export that is not a function.
type Function struct {
	Name      string `json:"name"` // of an import with its module: hotdrop.fact_i64
	Kind      string `json:"kind"` // function, memory, table or global
	Signature string `json:"signature,omitempty"`
}

// Examination is what the child found out by running the module.
type Examination struct {
	Reasons     []Reason          `json:"reasons,omitempty"` // moved into the report's
	Warnings    []Reason          `json:"warnings,omitempty"`
	Stage       string            `json:"stage"`          // the last one that ran: compile, first, vectors or extreme
	Lost        bool              `json:"lost,omitempty"` // the child did not come back; what it had found is not known
	FactsRead   []string          `json:"facts_read"`     // of the declared ones, those that it really asked for
	EffectsUsed []core.EffectKind `json:"effects_used"`   // of the declared ones, those that it really proposed
	Fuel        Fuel              `json:"fuel"`
	MemoryBytes int64             `json:"memory_bytes"` // the most it had
	Determinism Determinism       `json:"determinism"`
	Vectors     Vectors           `json:"vectors"`
	Adversarial Adversarial       `json:"adversarial"`
	Confinement string            `json:"confinement"` // the limits that the child ran under, as it set them
	Cost        Cost              `json:"cost"`
}

// Fuel is what the decisions cost: those of the vectors, the extremes and the generated sets that did not fail.
type Fuel struct {
	P50 int64 `json:"p50"`
	P99 int64 `json:"p99"`
	Max int64 `json:"max"`
}

// Determinism counts the decisions that were made again and compared: effects, fuel and failure.
type Determinism struct {
	Repeated int `json:"repeated"` // by the compiled module, in another order, among other decisions
	Engines  int `json:"engines"`  // by the interpreter too
	Broken   int `json:"broken"`   // that differed
}

// Vectors counts the vectors.
type Vectors struct {
	Passed int `json:"passed"`
	Failed int `json:"failed"`
}

// Adversarial counts the decisions on facts that are meant to break the module.
type Adversarial struct {
	Extremes  int            `json:"extremes"`           // single facts and parameters at their extremes
	Generated int            `json:"generated"`          // whole sets from a seed
	Failures  map[string]int `json:"failures,omitempty"` // by code
}

// Cost is what the child took.
type Cost struct {
	Milliseconds int64 `json:"milliseconds"` // of processor time
	PeakBytes    int64 `json:"peak_bytes"`   // the most it had resident; 0 if it did not live to tell, or cannot know
}

// The most entries of lists that a stranger could make long.
const (
	maxListed  = 64
	maxReasons = 40
)

// refuse adds a reason. Beyond the most that a report lists, only the fact that it is refused counts.
func (r *Report) refuse(reasons ...Reason) {
	if len(reasons) > 0 {
		r.Verdict = Refused
	}
	r.Reasons = append(r.Reasons, reasons[:min(len(reasons), max(0, maxReasons-len(r.Reasons)))]...)
}

func (r *Report) warn(warnings ...Reason) {
	r.Warnings = append(r.Warnings, warnings[:min(len(warnings), max(0, maxReasons-len(r.Warnings)))]...)
}

// adopt takes in what the child found and settles the verdict.
func (r *Report) adopt(e *Examination) {
	r.refuse(e.Reasons...)
	r.warn(e.Warnings...)
	e.Reasons, e.Warnings = nil, nil
	r.Examination = e
}

// clean makes everything in the examination fit to be shown, whatever the child was made to say.
func (e *Examination) clean() {
	e.Reasons, e.Warnings = cleanReasons(e.Reasons), cleanReasons(e.Warnings)
	e.Stage, e.Confinement = clean(e.Stage, maxWord), clean(e.Confinement, maxMessage)
	e.FactsRead, e.EffectsUsed = cleanList(e.FactsRead), cleanList(e.EffectsUsed)
	failures := map[string]int{}
	for code, n := range e.Adversarial.Failures {
		if len(failures) < maxListed {
			failures[clean(code, maxWord)] = n
		}
	}
	e.Adversarial.Failures = failures
	if len(failures) == 0 {
		e.Adversarial.Failures = nil
	}
}

func cleanReasons(reasons []Reason) []Reason {
	reasons = slices.Clone(reasons[:min(len(reasons), maxReasons)])
	for i, r := range reasons {
		reasons[i] = Reason{clean(r.Code, maxWord), clean(r.Place, maxPlace), clean(r.Message, maxMessage), clean(r.Hint, maxMessage)}
	}
	return reasons
}

func cleanList[S ~string](list []S) []S {
	short := make([]S, 0, min(len(list), maxListed))
	for _, s := range list[:min(len(list), maxListed)] {
		short = append(short, S(clean(string(s), maxPlace)))
	}
	return short
}
