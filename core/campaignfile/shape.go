package campaignfile

import (
	"encoding/json"
	"errors"
	"maps"
	"reflect"
	"slices"

	"go.yaml.in/yaml/v3"

	"hotdrop/core"
)

// The types of core that have two shapes in files decode here and not through their UnmarshalJSON, so that a problem
// is located at the key it is about and not at the value as a whole.

// text decodes a string, which is English, or {en, zh}.
func (d *decoder) text(n *yaml.Node, target *core.Text) {
	if n.Kind == yaml.ScalarNode {
		if s, ok := d.str(n); ok {
			*target = core.Text{EN: s}
		}
		return
	}
	type languages core.Text
	if d.wanted(n, yaml.MappingNode, "a string or {en, zh}") {
		d.value(n, reflect.ValueOf((*languages)(target)).Elem())
	}
}

// input decodes a field, which has a type, or a group of fields.
func (d *decoder) input(n *yaml.Node, target *core.Input) {
	if typ := child(n, "type"); typ != nil && typ.Kind == yaml.ScalarNode {
		d.value(n, reflect.ValueOf(&target.Field).Elem())
		return
	}
	d.value(n, reflect.ValueOf(&target.Fields).Elem())
}

// effect decodes {kind: {field: value}} with the decoder of core, which knows what each kind may have.
func (d *decoder) effect(n *yaml.Node, target *core.Effect) {
	if !d.wanted(n, yaml.MappingNode, "a mapping of one kind of effect") {
		return
	}
	if len(n.Content) != 2 {
		d.problem(n, "an effect has exactly one kind", "")
		return
	}
	key, fields := n.Content[0], n.Content[1]
	d.trail.push("." + key.Value)
	defer d.trail.pop()
	if !slices.Contains(core.EffectKinds(), core.EffectKind(key.Value)) {
		d.problem(key, "there is no such effect", d.hint(key.Value, effectKinds()))
		return
	}
	if !d.wanted(fields, yaml.MappingNode, "a mapping") {
		return
	}
	value, ok := d.effectFields(key.Value, fields)
	err := asEffect(key.Value, value, target)
	if (!ok || err != nil) && d.eachField(key.Value, fields, value) && ok {
		d.nested(fields, err)
	}
}

// effectFields returns the fields that can be read and that the kind has, and whether those are all.
func (d *decoder) effectFields(kind string, n *yaml.Node) (core.Object, bool) {
	object, all, known := core.Object{}, true, d.fieldsOfKind(kind)
	for i := 0; i+1 < len(n.Content); i += 2 {
		key := n.Content[i]
		d.trail.push("." + key.Value)
		if !slices.Contains(known, key.Value) {
			d.problem(key, "there is no such key", d.hint(key.Value, known))
			all = false
		} else if value, ok := d.untyped(n.Content[i+1]); ok {
			object[key.Value] = value
		} else {
			all = false
		}
		d.trail.pop()
	}
	return object, all
}

// eachField tries every field alone, so that a problem is located at the field that it is about, and reports whether
// each can stand alone.
func (d *decoder) eachField(kind string, n *yaml.Node, fields core.Object) bool {
	all := true
	for i := 0; i+1 < len(n.Content); i += 2 {
		name := n.Content[i].Value
		value, read := fields[name]
		if !read {
			continue
		}
		if err := asEffect(kind, core.Object{name: value}, &core.Effect{}); err != nil {
			d.trail.push("." + name)
			d.problem(n.Content[i+1], explain(innermost(err)), "")
			d.trail.pop()
			all = false
		}
	}
	return all
}

// fieldsOfKind is effectFields, asked once for every kind.
func (d *decoder) fieldsOfKind(kind string) []string {
	fields, met := d.kinds[kind]
	if !met {
		fields = effectFields(kind)
		d.kinds[kind] = fields
	}
	return fields
}

// effectFields returns the names of the fields of a kind of effect, as its own JSON has them.
func effectFields(kind string) []string {
	var fields map[string]map[string]any
	text, err := json.Marshal(core.Effect{Kind: core.EffectKind(kind)})
	if err == nil {
		err = json.Unmarshal(text, &fields)
	}
	if err != nil {
		return nil
	}
	return slices.Sorted(maps.Keys(fields[kind]))
}

func asEffect(kind string, fields core.Object, target *core.Effect) error {
	text, err := json.Marshal(core.Object{kind: fields})
	if err != nil {
		return err
	}
	return target.UnmarshalJSON(text)
}

// innermost returns the cause that an error wraps last.
func innermost(err error) error {
	for {
		cause := errors.Unwrap(err)
		if cause == nil {
			return err
		}
		err = cause
	}
}

func effectKinds() []string {
	var names []string
	for _, kind := range core.EffectKinds() {
		names = append(names, string(kind))
	}
	return names
}
