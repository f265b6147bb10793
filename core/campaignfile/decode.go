package campaignfile

import (
	"encoding"
	"encoding/json"
	"errors"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"hotdrop/core"
)

// errTarget is a defect of the caller: there is nowhere to decode to.
var errTarget = errors.New("campaignfile: the target is not a pointer")

// Decode reads the one YAML or JSON document in data into the value that into points to, by its json tags. Types that
// implement [json.Unmarshaler] or [encoding.TextUnmarshaler] decode themselves, from the canonical JSON of their part of
// the document or from the scalar as it was written; a [json.RawMessage] keeps that JSON.
//
// Whatever deviates is a problem: unknown and repeated keys, values of another type, floats, null, integers out of
// range. The error is a [*core.Problems] with all of them located, up to a hundred; what could be decoded is decoded
// even then. The file is never nil.
func Decode(data []byte, into any) (*File, error) {
	r, err := decode(data, into, false)
	if err != nil {
		return &File{}, err
	}
	return r.file, r.err()
}

// decode is Decode; complete makes keys that are not optional by their tag required.
func decode(data []byte, into any, complete bool) (*reporter, error) {
	target := reflect.ValueOf(into)
	if target.Kind() != reflect.Pointer || target.IsNil() {
		return nil, errTarget
	}
	file, r := read(data)
	if file.root != nil {
		newDecoder(r, complete).value(file.root, target.Elem())
	}
	return r, nil
}

// decoder walks the tree of a file and a Go value side by side.
type decoder struct {
	*reporter
	trail    trail
	complete bool
	types    map[reflect.Type][]field // those met so far
	kinds    map[string][]string      // the fields of the kinds of effects met so far
}

// newDecoder returns a decoder; complete makes keys that are not optional by their tag required.
func newDecoder(r *reporter, complete bool) *decoder {
	return &decoder{reporter: r, complete: complete, types: map[reflect.Type][]field{}, kinds: map[string][]string{}}
}

// problem reports something at a node of the current path.
func (d *decoder) problem(n *yaml.Node, message, hint string) {
	d.on(&d.trail, placeOf(n), message, hint)
}

// value decodes n into v, which can be set.
func (d *decoder) value(n *yaml.Node, v reflect.Value) {
	switch {
	case n.Kind == refused:
		return
	case isNull(n):
		d.problem(n, "there is no value", "give it one or remove the key")
		return
	}
	switch target := v.Addr().Interface().(type) {
	case *core.Text:
		d.text(n, target)
	case *core.Input:
		d.input(n, target)
	case *core.Effect:
		d.effect(n, target)
	case *time.Time:
		d.time(n, target)
	case *core.Duration:
		d.duration(n, target)
	case json.Unmarshaler:
		d.json(n, target.UnmarshalJSON)
	case encoding.TextUnmarshaler:
		d.plainText(n, target)
	default:
		d.kind(n, v)
	}
}

// kind decodes by the kind of Go type.
func (d *decoder) kind(n *yaml.Node, v reflect.Value) {
	switch v.Kind() {
	case reflect.Struct:
		d.structure(n, v)
	case reflect.Map:
		d.mapping(n, v)
	case reflect.Slice:
		d.list(n, v)
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		d.value(n, v.Elem())
	case reflect.Interface:
		if value, ok := d.untyped(n); ok {
			v.Set(reflect.ValueOf(value))
		}
	default:
		d.scalar(n, v)
	}
}

// wanted reports whether n is of the kind; if not, that is a problem.
func (d *decoder) wanted(n *yaml.Node, kind yaml.Kind, what string) bool {
	if n.Kind == kind {
		return true
	}
	d.problem(n, "needs "+what+", not "+describe(n), "")
	return false
}

func (d *decoder) structure(n *yaml.Node, v reflect.Value) {
	if !d.wanted(n, yaml.MappingNode, "a mapping") {
		return
	}
	fields, met := d.types[v.Type()]
	if !met {
		fields = fieldsOf(v.Type())
		d.types[v.Type()] = fields
	}
	excused := map[string]bool{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key := n.Content[i]
		excused[key.Value] = true
		at := slices.IndexFunc(fields, func(f field) bool { return f.name == key.Value })
		d.trail.push("." + key.Value)
		if at < 0 {
			d.unknown(key, fields, excused)
		} else {
			d.value(n.Content[i+1], v.FieldByIndex(fields[at].index))
		}
		d.trail.pop()
	}
	if d.complete {
		d.missing(n, fields, excused)
	}
}

// unknown reports a key that is none of the fields, and excuses the one it was probably meant to be.
func (d *decoder) unknown(key *yaml.Node, fields []field, excused map[string]bool) {
	if d.full() {
		d.more++
		return
	}
	names := namesOf(fields)
	excused[core.Nearest(key.Value, names)] = true
	d.problem(key, "there is no such key", d.hint(key.Value, names))
}

// missing reports the required keys that a mapping does not have, except those that an unknown key was probably meant
// to be.
func (d *decoder) missing(n *yaml.Node, fields []field, excused map[string]bool) {
	for _, f := range fields {
		if f.optional || excused[f.name] {
			continue
		}
		if d.full() {
			d.more++
		} else {
			d.trail.push("." + f.name)
			d.problem(n, "the key "+f.name+" is missing", "")
			d.trail.pop()
		}
	}
}

func (d *decoder) mapping(n *yaml.Node, v reflect.Value) {
	if v.Type().Key().Kind() != reflect.String {
		d.problem(n, "cannot be read into "+v.Type().String(), "")
		return
	}
	if !d.wanted(n, yaml.MappingNode, "a mapping") {
		return
	}
	v.Set(reflect.MakeMapWithSize(v.Type(), len(n.Content)/2))
	for i := 0; i+1 < len(n.Content); i += 2 {
		d.trail.push("." + n.Content[i].Value)
		element := reflect.New(v.Type().Elem()).Elem()
		d.value(n.Content[i+1], element)
		v.SetMapIndex(reflect.ValueOf(n.Content[i].Value).Convert(v.Type().Key()), element)
		d.trail.pop()
	}
}

func (d *decoder) list(n *yaml.Node, v reflect.Value) {
	if !d.wanted(n, yaml.SequenceNode, "a list") {
		return
	}
	v.Set(reflect.MakeSlice(v.Type(), len(n.Content), len(n.Content)))
	for i, element := range n.Content {
		d.trail.push("[" + strconv.Itoa(i) + "]")
		d.value(element, v.Index(i))
		d.trail.pop()
	}
}

// field is a key of a struct.
type field struct {
	name     string
	index    []int
	optional bool
	doc      string
	typ      reflect.Type
}

// fieldsOf returns the fields that encoding/json would use of a struct without embedded pointers, in their order.
func fieldsOf(t reflect.Type) []field {
	var fields []field
	for _, f := range reflect.VisibleFields(t) {
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		embedded := f.Anonymous && name == ""
		if !f.IsExported() || embedded || (name == "-" && options == "") || throughPointer(t, f.Index) {
			continue
		}
		if name == "" {
			name = f.Name
		}
		fields = append(fields, field{
			name: name, index: f.Index, optional: strings.Contains(options, "omit"), doc: f.Tag.Get("doc"), typ: f.Type,
		})
	}
	return fields
}

// throughPointer reports whether the field is promoted from an embedded pointer, which may be nil.
func throughPointer(t reflect.Type, index []int) bool {
	for _, i := range index[:len(index)-1] {
		if t = t.Field(i).Type; t.Kind() == reflect.Pointer {
			return true
		}
	}
	return false
}

func namesOf(fields []field) []string {
	names := make([]string, len(fields))
	for i, f := range fields {
		names[i] = f.name
	}
	return names
}
