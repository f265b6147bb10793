package rules

import (
	"fmt"
	"strconv"

	"hotdrop/core"
)

// value is what an expression evaluates to. The zero value is an absent one, and it is also 0, false, "" and the empty
// list: an operator that expects a type reads the field of that type and needs no case for absence.
type value struct {
	kind core.ValueKind
	n    int64 // an integer; a boolean as 0 or 1
	s    string
	list list
}

// list is a list's elements.
type list interface {
	size() int
	item(i int) value
}

// items is a list that the rule or its config wrote.
type items []value

func (l items) size() int        { return len(l) }
func (l items) item(i int) value { return l[i] }

// factList is a list of the facts; it is read in place.
type factList struct{ core.Value }

func (l factList) size() int        { return l.Len() }
func (l factList) item(i int) value { return factValue(l.At(i)) }

func integer(n int64) value     { return value{kind: core.ValueInteger, n: n} }
func text(s string) value       { return value{kind: core.ValueString, s: s} }
func listOf(elems items) value  { return value{kind: core.ValueList, list: elems} }
func (v value) truth() bool     { return v.n != 0 }
func (v value) isAbsent() bool  { return v.kind == core.ValueAbsent }
func (v value) isNothing() bool { return v.n == 0 && v.s == "" && v.size() == 0 }

func (v value) size() int {
	if v.list == nil {
		return 0
	}
	return v.list.size()
}

func boolean(b bool) value {
	if b {
		return value{kind: core.ValueBoolean, n: 1}
	}
	return value{kind: core.ValueBoolean}
}

// factValue wraps a fact.
func factValue(v core.Value) value {
	if v.Kind == core.ValueList {
		return value{kind: v.Kind, list: factList{v}}
	}
	return value{kind: v.Kind, n: v.Int, s: v.Str}
}

// configValue wraps a parameter; its values are those of a [core.Object]. As for every fact, an empty string and an empty
// list are absent.
func configValue(v any) value {
	switch v := v.(type) {
	case int64:
		return integer(v)
	case string:
		if v == "" {
			return value{}
		}
		return text(v)
	case bool:
		return boolean(v)
	case []any:
		if len(v) == 0 {
			return value{}
		}
		elems := make(items, len(v))
		for i := range v {
			elems[i] = configValue(v[i])
		}
		return listOf(elems)
	default:
		return value{}
	}
}

// same reports whether two values are equal; an absent one equals 0, false, "" and the empty list.
func same(a, b value) bool {
	switch {
	case a.isAbsent():
		return b.isNothing()
	case b.isAbsent():
		return a.isNothing()
	case a.kind != b.kind || a.kind == core.ValueList:
		return false
	default:
		return a.n == b.n && a.s == b.s
	}
}

// String renders a scalar as people write it.
func (v value) String() string {
	switch v.kind {
	case core.ValueInteger:
		return strconv.FormatInt(v.n, 10)
	case core.ValueBoolean:
		return strconv.FormatBool(v.truth())
	default:
		return v.s
	}
}

const (
	// maxSteps bounds the work of one decision: a step is one evaluation of one node of an expression inside a
	// predicate, or the reading of four elements or 64 bytes elsewhere. 20,000 take less than a millisecond.
	maxSteps = 20_000
	// maxString is the longest string, in bytes, that an expression may build; the same as a plugin's.
	maxString = 4096
)

// frame is the state of one decision. The first failure stays; evaluation goes on with zero values, which costs less
// than asking after every operator, and is bounded because a failed frame has no steps left.
type frame struct {
	facts *core.Facts
	slots []value // variables and the elements that predicates look at
	steps int64
	err   *core.MechanicError
	data  []byte // scratch for JSON
}

// fail keeps the first failure.
func (f *frame) fail(code, format string, args ...any) value {
	if f.err == nil {
		f.err = &core.MechanicError{Code: code, Message: fmt.Sprintf(format, args...)}
	}
	f.steps = 0
	return value{}
}

// spend takes steps and reports whether there were enough.
func (f *frame) spend(steps int64) bool {
	f.steps -= steps
	if f.steps < 0 {
		f.fail("out_of_fuel", "the rule takes more than %d steps", maxSteps)
		return false
	}
	return true
}

// spendBytes takes what reading n bytes costs.
func (f *frame) spendBytes(n int) { f.spend(int64(n) / 64) }

// checked wraps the result of checked arithmetic.
func (f *frame) checked(n int64, err error, source string) value {
	if err != nil {
		return f.fail(arithmeticCode(err), "%s: %v", source, err)
	}
	return integer(n)
}
