package campaignfile

import (
	"encoding"
	"encoding/json"
	"errors"
	"reflect"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"hotdrop/core"
)

// decimal reports whether s is one of the integers that mean the same in YAML 1.1, YAML 1.2 and JSON. Octal, hexadecimal, underscores and a
// plus sign do not.
func decimal(s string) bool {
	digits := strings.TrimPrefix(s, "-")
	notDigit := func(c rune) bool { return c < '0' || c > '9' }
	return digits != "" && !strings.ContainsFunc(digits, notDigit) && (digits == "0" || digits[0] != '0')
}

func isNull(n *yaml.Node) bool { return n.Kind == yaml.ScalarNode && n.Tag == tagNull }

// isText reports whether n is a scalar that means its own text. Times are text: JSON has no type for them.
func isText(n *yaml.Node) bool {
	return n.Kind == yaml.ScalarNode && (n.Tag == tagString || n.Tag == tagTimestamp || n.Tag == tagMerge)
}

// isNumber reports whether n is an unquoted number of any notation.
func isNumber(n *yaml.Node) bool {
	return n.Kind == yaml.ScalarNode && (n.Tag == tagInteger || n.Tag == tagFloat)
}

// describe names what n is, for "needs an integer, not …".
func describe(n *yaml.Node) string {
	switch {
	case n.Kind == yaml.MappingNode:
		return "a mapping"
	case n.Kind == yaml.SequenceNode:
		return "a list"
	case isText(n):
		return "the string " + strconv.Quote(brief(n.Value))
	case n.Tag == tagBool:
		return "the boolean " + n.Value
	default:
		return "the number " + brief(n.Value)
	}
}

// scalar decodes strings, booleans and integers.
func (d *decoder) scalar(n *yaml.Node, v reflect.Value) {
	switch {
	case v.Kind() == reflect.String:
		if s, ok := d.str(n); ok {
			v.SetString(s)
		}
	case v.Kind() == reflect.Bool:
		if b, ok := d.boolean(n); ok {
			v.SetBool(b)
		}
	case v.CanInt():
		if i, ok := d.integer(n); ok && d.within(n, v.OverflowInt(i), v.Type()) {
			v.SetInt(i)
		}
	case v.CanUint():
		d.unsigned(n, v)
	default:
		d.problem(n, "cannot be read into "+v.Type().String(), "")
	}
}

func (d *decoder) unsigned(n *yaml.Node, v reflect.Value) {
	if _, ok := d.integer(n); !ok {
		return
	}
	value, err := strconv.ParseUint(n.Value, 10, 64)
	if d.within(n, err != nil || v.OverflowUint(value), v.Type()) {
		v.SetUint(value)
	}
}

// within reports whether an integer fits its type.
func (d *decoder) within(n *yaml.Node, overflow bool, t reflect.Type) bool {
	if overflow {
		d.problem(n, brief(n.Value)+" is out of range for "+t.Kind().String(), "")
	}
	return !overflow
}

func (d *decoder) str(n *yaml.Node) (string, bool) {
	if isText(n) {
		return n.Value, true
	}
	hint := ""
	if n.Kind == yaml.ScalarNode {
		hint = "write it in quotes: " + strconv.Quote(brief(n.Value))
	}
	d.problem(n, "needs a string, not "+describe(n), hint)
	return "", false
}

func (d *decoder) boolean(n *yaml.Node) (value, ok bool) {
	if n.Kind == yaml.ScalarNode && n.Tag == tagBool {
		value, err := strconv.ParseBool(n.Value)
		return value, err == nil
	}
	d.problem(n, "needs a boolean, not "+describe(n), "write true or false")
	return false, false
}

func (d *decoder) integer(n *yaml.Node) (int64, bool) {
	value, err := strconv.ParseInt(n.Value, 10, 64)
	switch {
	case !isNumber(n):
		hint := ""
		if decimal(n.Value) {
			hint = "write it without quotes"
		}
		d.problem(n, "needs an integer, not "+describe(n), hint)
	case !decimal(n.Value):
		d.problem(n, "needs an integer, not "+describe(n), integerHint(n))
	case err != nil:
		d.problem(n, brief(n.Value)+" is outside the integers of 64 bits", "")
	default:
		return value, true
	}
	return 0, false
}

// integerHint tells how to write a number that is an integer in another notation.
func integerHint(n *yaml.Node) string {
	var value int64
	switch {
	case strings.ContainsAny(n.Value, ".eE") && !strings.HasPrefix(n.Value, "0x"):
		return "only whole numbers are read; amounts are minor units"
	case strings.Trim(n.Value, "0123456789") == "":
		return "write it without leading zeros"
	case n.Decode(&value) == nil:
		return "write " + strconv.FormatInt(value, 10)
	default:
		return ""
	}
}

// untyped decodes into the closed set of values: int64, string, bool, []any and core.Object.
func (d *decoder) untyped(n *yaml.Node) (any, bool) {
	switch {
	case n.Kind == refused:
		return nil, false
	case isNull(n):
		d.problem(n, "there is no value", "give it one or remove the key")
		return nil, false
	case n.Kind == yaml.SequenceNode:
		return d.untypedList(n)
	case n.Kind == yaml.MappingNode:
		return d.untypedMapping(n)
	case n.Tag == tagBool:
		return d.boolean(n)
	case isNumber(n):
		return d.integer(n)
	default:
		return n.Value, true
	}
}

func (d *decoder) untypedList(n *yaml.Node) (any, bool) {
	list, all := make([]any, 0, len(n.Content)), true
	for i, element := range n.Content {
		d.trail.push("[" + strconv.Itoa(i) + "]")
		value, ok := d.untyped(element)
		d.trail.pop()
		list, all = append(list, value), all && ok
	}
	return list, all
}

func (d *decoder) untypedMapping(n *yaml.Node) (any, bool) {
	object, all := make(core.Object, len(n.Content)/2), true
	for i := 0; i+1 < len(n.Content); i += 2 {
		d.trail.push("." + n.Content[i].Value)
		value, ok := d.untyped(n.Content[i+1])
		d.trail.pop()
		object[n.Content[i].Value], all = value, all && ok
	}
	return object, all
}

// json hands the canonical JSON of n to a type that decodes itself: keys sorted, no spaces, integers only.
func (d *decoder) json(n *yaml.Node, unmarshal func([]byte) error) {
	value, ok := d.untyped(n)
	if !ok {
		return
	}
	canonical, err := json.Marshal(value)
	if err == nil {
		err = unmarshal(canonical)
	}
	d.nested(n, err)
}

// nested reports the error of a type that decoded itself. Problems with paths are located under n.
func (d *decoder) nested(n *yaml.Node, err error) {
	if err == nil {
		return
	}
	if problems, ok := errors.AsType[*core.Problems](err); ok {
		for _, p := range problems.List {
			at := d.file.locate(n, p.Path, p.Offset)
			d.at(joinPath(d.trail.String(), p.Path), at, p.Message, p.Hint)
		}
		return
	}
	d.problem(n, explain(err), "")
}

// explain words an error of encoding/json for people who do not know Go.
func explain(err error) string {
	if wrong, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		what := map[reflect.Kind]string{
			reflect.String: "a string", reflect.Int64: "an integer", reflect.Bool: "a boolean",
			reflect.Map: "a mapping", reflect.Struct: "a string or {en, zh}", reflect.Slice: "a list",
		}[wrong.Type.Kind()]
		if what != "" {
			return "needs " + what + ", not a " + wrong.Value
		}
	}
	return err.Error()
}

func (d *decoder) plainText(n *yaml.Node, target encoding.TextUnmarshaler) {
	if !d.wanted(n, yaml.ScalarNode, "a string") {
		return
	}
	d.nested(n, target.UnmarshalText([]byte(n.Value)))
}

func (d *decoder) time(n *yaml.Node, target *time.Time) {
	if n.Kind != yaml.ScalarNode || target.UnmarshalText([]byte(n.Value)) != nil {
		d.problem(n, "needs a time in RFC 3339, not "+describe(n), "such as 2014-04-03T12:00:00+08:00")
	}
}

func (d *decoder) duration(n *yaml.Node, target *core.Duration) {
	if n.Kind != yaml.ScalarNode || target.UnmarshalText([]byte(n.Value)) != nil {
		d.problem(n, "needs a duration, not "+describe(n), "such as 90s, 15m or 2h")
	}
}
