package vet

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Text renders the report for people: the static half, then what the child found, then the verdict.
func (r *Report) Text() string {
	t := &text{}
	r.staticText(t)
	if r.Examination != nil {
		r.examinationText(t)
	}
	r.verdictText(t)
	return t.String()
}

// text is lines of a label and what belongs to it.
type text struct{ strings.Builder }

const labelWidth = 13

func (t *text) line(label, format string, args ...any) {
	_, _ = fmt.Fprintf(t, "%-*s%s\n", labelWidth, label, fmt.Sprintf(format, args...)) // a builder never fails
}

// blank is an empty line.
func (t *text) blank() { _ = t.WriteByte('\n') }

// list is a line for every entry, the label before the first.
func (t *text) list(label string, entries []string) {
	for i, entry := range entries {
		if i > 0 {
			label = ""
		}
		t.line(label, "%s", entry)
	}
	if len(entries) == 0 {
		t.line(label, "none")
	}
}

// wrapped is a comma-separated list in lines of at most textWidth columns.
func (t *text) wrapped(label string, words []string) {
	var lines []string
	for i, word := range words {
		if i < len(words)-1 {
			word += ","
		}
		if last := len(lines) - 1; last >= 0 && len(lines[last])+1+len(word) <= textWidth {
			lines[last] += " " + word
			continue
		}
		lines = append(lines, word)
	}
	t.list(label, lines)
}

const textWidth = 100 - labelWidth

func (r *Report) staticText(t *text) {
	name := strings.TrimSpace(r.Manifest.Name + " " + r.Manifest.Version)
	if name == "" {
		name = "a module without a manifest"
	}
	if r.Manifest.Author != "" {
		name += " by " + r.Manifest.Author
	}
	t.line("plugin", "%s", name)
	t.line("digest", "%s", r.Digest)
	t.line("size", "%s of %s granted", bytesText(r.Size), bytesText(r.Limits.ModuleBytes))
	t.line("code", "%s in %s; %s", counted(r.Code.Functions, "function"), bytesText(int64(r.Code.Bytes)), floatsText(r.Code.Floats))
	t.line("memory", "%s at start, %s granted; %s",
		bytesText(r.Code.MemoryBytes), bytesText(r.Limits.MemoryBytes), tableText(r.Code.TableSize))
	var tools []string
	for _, tool := range r.Toolchain {
		tools = append(tools, strings.TrimSpace(tool.Field+": "+tool.Name+" "+tool.Version))
	}
	t.list("toolchain", tools)
	t.list("imports", functions(r.Imports))
	t.list("exports", functions(r.Exports))
	t.wrapped("hooks", words(r.Manifest.Hooks))
	t.wrapped("facts", r.Manifest.Facts)
	t.wrapped("effects", words(r.Manifest.Effects))
}

func words[S ~string](list []S) []string {
	plain := make([]string, len(list))
	for i, s := range list {
		plain[i] = string(s)
	}
	return plain
}

// functions renders imports and exports in two columns.
func functions(list []Function) []string {
	width := 0
	for _, f := range list {
		width = max(width, len(f.Name))
	}
	var lines []string
	for _, f := range list {
		what := f.Signature
		if what == "" {
			what = f.Kind
		}
		lines = append(lines, fmt.Sprintf("%-*s  %s", width, f.Name, what))
	}
	return lines
}

func floatsText(n int) string {
	if n == 0 {
		return "no floats"
	}
	return counted(n, "instruction") + " with floats"
}

func tableText(entries int64) string {
	if entries == 0 {
		return "no table"
	}
	return fmt.Sprintf("a table of %s entries", grouped(entries))
}

func (r *Report) examinationText(t *text) {
	e := r.Examination
	t.blank()
	t.line("ran", "as far as %s, %s", stage(e.Stage).words(), e.Confinement)
	t.line("cost", "%s ms of processor time, %s of memory", grouped(e.Cost.Milliseconds), knownBytes(e.Cost.PeakBytes))
	if reached := slices.Index(order(), stage(e.Stage)); !e.Lost && reached >= slices.Index(order(), stageVectors) {
		r.decisionsText(t)
	}
}

// decisionsText is what the vectors and the adversarial run found.
func (r *Report) decisionsText(t *text) {
	e := r.Examination
	t.wrapped("facts read", e.FactsRead)
	t.wrapped("effects used", words(e.EffectsUsed))
	t.line("fuel", "p50 %s, p99 %s, most %s of %s granted",
		grouped(e.Fuel.P50), grouped(e.Fuel.P99), grouped(e.Fuel.Max), grouped(r.Limits.Fuel))
	t.line("memory", "at most %s", bytesText(e.MemoryBytes))
	t.line("vectors", "%d passed, %d failed, on compiler and interpreter, twice each", e.Vectors.Passed, e.Vectors.Failed)
	if stage(e.Stage) == stageExtreme {
		t.line("adversarial", "%s at their extremes, %s from the digest; %s", counted(e.Adversarial.Extremes, "fact set"),
			counted(e.Adversarial.Generated, "set"), failuresText(e.Adversarial.Failures))
	}
	t.line("repeatable", "%s made again in another order, %d by the interpreter too: %s", counted(e.Determinism.Repeated, "decision"),
		e.Determinism.Engines, differences(e.Determinism.Broken))
}

// knownBytes renders a figure of which 0 means that it is not known.
func knownBytes(n int64) string {
	if n == 0 {
		return "an unknown amount"
	}
	return bytesText(n)
}

func differences(n int) string {
	if n == 0 {
		return "no difference"
	}
	return counted(n, "difference")
}

func failuresText(failures map[string]int) string {
	if len(failures) == 0 {
		return "none failed"
	}
	var parts []string
	for _, code := range slices.Sorted(maps.Keys(failures)) {
		parts = append(parts, fmt.Sprintf("%s %s", grouped(int64(failures[code])), code))
	}
	return "failed: " + strings.Join(parts, ", ")
}

func (r *Report) verdictText(t *text) {
	t.blank()
	switch {
	case r.Verdict != "":
		t.line("verdict", "%s", r.Verdict)
	case r.Examination == nil:
		t.line("verdict", "nothing speaks against it so far; vetting would run it")
	}
	reasonsText(t, "reason", r.Reasons)
	reasonsText(t, "warning", r.Warnings)
}

func reasonsText(t *text, label string, reasons []Reason) {
	for _, reason := range reasons {
		place := ""
		if reason.Place != "" {
			place = reason.Place + ": "
		}
		t.line(label, "%s: %s%s", reason.Code, place, reason.Message)
		if reason.Hint != "" {
			t.line("", "→ %s", reason.Hint)
		}
	}
}

func counted(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return grouped(int64(n)) + " " + what + "s"
}

// bytesText renders a number of bytes: exact, in MiB or KiB where that is a whole number.
func bytesText(n int64) string {
	switch {
	case n > 0 && n%(1<<20) == 0:
		return grouped(n>>20) + " MiB"
	case n > 0 && n%(1<<10) == 0:
		return grouped(n>>10) + " KiB"
	default:
		return grouped(n) + " bytes"
	}
}

// grouped renders a number with commas between groups of three digits.
func grouped(n int64) string {
	digits := fmt.Sprint(n)
	sign := ""
	if n < 0 {
		sign, digits = "-", digits[1:]
	}
	for at := len(digits) - 3; at > 0; at -= 3 {
		digits = digits[:at] + "," + digits[at:]
	}
	return sign + digits
}
