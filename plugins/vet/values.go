package vet

import (
	"math"
	"math/rand/v2"
	"strings"

	"hotdrop/core"
)

// value is a value of a fact with words for it; nil is an absent one.
type value struct {
	words string
	v     any
}

// The sizes of long values: that of the longest string a shopper may submit, and more elements than any list has.
const (
	longString = 1 << 10 // bytes
	longList   = 500     // elements
)

// extremes returns the values of a kind at which a mechanic may break. Absent is the first.
func extremes(kind core.ValueKind) []value {
	values := []value{{"absent", nil}}
	switch kind {
	case core.ValueInteger:
		values = append(values, value{"0", int64(0)}, value{"1", int64(1)}, value{"−1", int64(-1)},
			value{"the lowest integer", int64(math.MinInt64)}, value{"the highest integer", int64(math.MaxInt64)})
	case core.ValueString:
		values = append(values, value{"empty", ""}, value{"1 KiB long", strings.Repeat("x", longString)},
			value{"1 KiB of characters of four bytes", strings.Repeat("😀", longString/4)},
			value{"mixed scripts", "以旧换新 é\u0301 \u200f\u05d0 🇨🇳"}, value{"control characters", "\x00\x01\t\r\n\x1b[2J\x1f\x7f\u2028\u202e"},
			value{"quotes and escapes", `"\',{}[]%s<&>`})
	case core.ValueBoolean:
		values = append(values, value{"true", true}, value{"false", false})
	case core.ValueList:
		values = append(values, value{"an empty list", []any{}}, value{"a list of an empty string", []any{""}},
			value{"a long list", repeated("element", longList)}, value{"a list of long strings", repeated(strings.Repeat("y", longString), 8)})
	}
	return values
}

func repeated(element any, count int) []any {
	list := make([]any, count)
	for i := range list {
		list[i] = element
	}
	return list
}

// parameterExtremes returns the values of a binding's parameter at which a mechanic may break, all of them allowed.
func parameterExtremes(p core.Param) []value {
	kinds := map[string]core.ValueKind{
		"integer": core.ValueInteger, "string": core.ValueString, "boolean": core.ValueBoolean, "list": core.ValueList,
	}
	var allowed []value
	for _, one := range append(extremes(kinds[p.Type]), boundsOf(p)...) {
		manifest := &core.Manifest{Config: map[string]core.Param{"p": p}}
		if p.Of == "integer" {
			one = integers(one)
		}
		if _, problems := manifest.Configure(core.Object{"p": one.v}); one.v != nil && problems.Err() == nil {
			allowed = append(allowed, one)
		}
	}
	return allowed
}

func boundsOf(p core.Param) []value {
	var values []value
	if p.Min != nil {
		values = append(values, value{"its least", *p.Min})
	}
	if p.Max != nil {
		values = append(values, value{"its most", *p.Max})
	}
	for _, one := range p.Values {
		values = append(values, value{"allowed", one})
	}
	return values
}

// integers is the list with numbers for its elements.
func integers(of value) value {
	list, isList := of.v.([]any)
	if !isList {
		return of
	}
	numbers := make([]any, len(list))
	for i := range numbers {
		numbers[i] = math.MaxInt64 - int64(i)
	}
	return value{of.words, numbers}
}

// random returns a value such as a sale has: small numbers, prices and times, words and short lists.
func random(r *rand.Rand, kind core.ValueKind) any {
	switch kind {
	case core.ValueInteger:
		return []int64{r.Int64N(3), r.Int64N(1_000), r.Int64N(1_000_000), 1_700_000_000_000 + r.Int64N(1e10), -r.Int64N(1_000)}[r.IntN(5)]
	case core.ValueString:
		return word(r)
	case core.ValueBoolean:
		return r.IntN(2) == 1
	case core.ValueList:
		list := make([]any, r.IntN(5))
		for i := range list {
			list[i] = word(r)
		}
		return list
	default:
		return nil
	}
}

func word(r *rand.Rand) string {
	const letters = "abcdefghijklmnopqrstuvwxyz-_. 0123456789折抵新品é"
	alphabet := []rune(letters)
	text := make([]rune, r.IntN(16))
	for i := range text {
		text[i] = alphabet[r.IntN(len(alphabet))]
	}
	return string(text)
}
