package vet

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"hotdrop/plugins/abi"
)

// The codes of reasons and warnings that are vetting's own. Beside them stand the codes of package wasm (decode_error,
// unsupported …) and those with which a decision fails (package abi: out_of_fuel, trap …).
const (
	CodeModuleTooLarge   = abi.CodeModuleTooLarge // more bytes than the platform grants
	CodeManifestMissing  = "manifest_missing"     // neither beside the module nor in it
	CodeManifestInvalid  = "manifest_invalid"     // the manifest breaks its own rules
	CodeVectorsMissing   = "vectors_missing"      // nothing says what the mechanic should decide
	CodeVectorsInvalid   = "vectors_invalid"      // the vector file cannot be read, or is another mechanic's
	CodeLoadRefused      = "load_refused"         // the module breaks the ABI or its manifest
	CodeCompileFailed    = "compile_failed"       // the child did not get as far as a compiled and initialised module
	CodeVettingLimit     = "vetting_limit"        // the child ran into a limit, or ended, after that
	CodeVectorFailed     = "vector_failed"        // a vector is not decided as it says
	CodeNotDeterministic = "not_deterministic"    // the same facts were decided in two ways, or cost two amounts of fuel
	CodeFactUnused       = "fact_unused"          // a declared fact was never read: declare less
	CodeEffectUnused     = "effect_unused"        // a declared effect was never proposed: declare less
	CodeAboveLine        = "above_line"           // discounts of more than the order costs, or a price above the list price
)

// Reason is one finding: why a module is refused, or what its author and its approvers should know. All texts are fit
// for a terminal, whatever the module said.
type Reason struct {
	Code    string `json:"code"`            // stable
	Place   string `json:"place,omitempty"` // where: imports.env.abort, vectors[2], the facts that did it
	Message string `json:"message"`         // what is wrong, one sentence
	Hint    string `json:"hint,omitempty"`  // the next thing to try
}

// String renders the reason on one line: "code: place: message (hint)".
func (r Reason) String() string {
	text := r.Code + ": "
	if r.Place != "" {
		text += r.Place + ": "
	}
	text += r.Message
	if r.Hint != "" {
		text += " (" + r.Hint + ")"
	}
	return text
}

// reasonf makes a reason whose message and place are clean and whose hint is that of its code.
func reasonf(code, place, format string, args ...any) Reason {
	return Reason{
		Code: clean(code, maxWord), Place: clean(place, maxPlace),
		Message: clean(fmt.Sprintf(format, args...), maxMessage), Hint: hintFor(code),
	}
}

// hintFor is the next thing to try for what has only one.
func hintFor(code string) string {
	switch code {
	case CodeModuleTooLarge:
		return "strip debug sections (--strip-all, -s -w) and unused code, or ask the platform to grant this upload more"
	case CodeManifestMissing, CodeVectorsMissing:
		return "run hotdrop mechanic pack in the folder of the mechanic"
	case CodeManifestInvalid, CodeVectorsInvalid, CodeLoadRefused:
		return "run hotdrop mechanic check in the folder of the mechanic"
	case CodeVectorFailed:
		return "run hotdrop mechanic test -v to see the difference"
	case CodeCompileFailed, CodeVettingLimit:
		return "make the module smaller: fewer and shorter functions, less work in _initialize"
	case CodeNotDeterministic:
		return "keep nothing between decisions, and compute nothing from floats that may be NaN"
	case CodeFactUnused, CodeEffectUnused:
		return "remove it from mechanic.yaml"
	case CodeAboveLine:
		return "bound the amount by what the order costs"
	default:
		return failureHint(code)
	}
}

// failureHint is the next thing to try when a decision failed.
func failureHint(code string) string {
	switch code {
	case "out_of_fuel":
		return "run hotdrop mechanic bench to see what a decision costs"
	case "memory_limit":
		return "run hotdrop mechanic bench to see what a decision needs; a smaller stack and heap are linker settings"
	case "undeclared_fact":
		return "add the path to facts in mechanic.yaml"
	case "trap", "depth_limit", "bad_effect", "bad_string", "wrong_kind", "failed":
		return "run hotdrop mechanic run with these facts"
	case "import_refused":
		return "remove the import, or declare the effect in mechanic.yaml; hotdrop mechanic inspect lists what is imported"
	case "export_refused":
		return "give the export another name"
	case "decode_error":
		return "build the module again, and compare its size and digest with what was sent"
	case "unsupported":
		return "switch the proposal off where the module is compiled"
	default:
		return ""
	}
}

// How much of what a stranger wrote a report repeats, in bytes.
const (
	maxWord    = 64
	maxPlace   = 200
	maxMessage = 500
)

// clean returns s on one line, without anything that moves a terminal's cursor or reverses its text, and no longer than
// most bytes, of which there are at least 4.
func clean(s string, most int) string {
	s = strings.Map(func(c rune) rune {
		if unicode.IsPrint(c) {
			return c
		}
		return unicode.ReplacementChar
	}, s)
	if len(s) <= most {
		return s
	}
	end := most - len("…")
	for !utf8.RuneStart(s[end]) {
		end--
	}
	return s[:end] + "…"
}
