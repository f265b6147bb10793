package rules

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"unicode/utf8"

	"hotdrop/core"
)

// form is how a field of an effect is written in a rule.
type form uint8

const (
	formAmount form = iota // an expression, or an integer
	formName               // a literal, or {expr: expression}
	formReason             // a literal in snake case
	formText               // a literal, or {en, zh}
	formReply              // the same, where each language may be {expr: expression} too
	formData               // a map of expressions
)

// maxName is the longest name of a quota, key, pool, draw, …, in bytes.
const maxName = 128

// field is one field of an effect: how it is written, and where its value goes.
type field struct {
	name     string
	form     form
	optional bool
	amount   func(*core.Effect) *int64
	str      func(*core.Effect) *string
}

func amountField(name string) field {
	return field{name: name, amount: func(e *core.Effect) *int64 { return &e.Amount }}
}

func unitsField(name string) field {
	return field{name: name, amount: func(e *core.Effect) *int64 { return &e.Units }}
}

func nameField(name string) field {
	return field{name: name, form: formName, str: func(e *core.Effect) *string { return &e.Name }}
}

func textField(name string) field { return field{name: name, form: formText, optional: true} }

func dataField() field { return field{name: "data", form: formData, optional: true} }

// effectFields returns the fields of an effect, nil for an effect that does not exist.
func effectFields(kind core.EffectKind) []field {
	switch kind {
	case core.EffectDeny:
		reason := nameField("reason")
		reason.form = formReason
		return []field{reason, textField("text")}
	case core.EffectDiscount, core.EffectPrice:
		return []field{amountField("amount"), textField("label")}
	case core.EffectDiscountPercent:
		return []field{amountField("basis_points"), textField("label")}
	case core.EffectAdd:
		return []field{nameField("sku"), unitsField("units"), amountField("unit_price"), textField("label")}
	case core.EffectDeposit:
		credit := field{name: "credit", amount: func(e *core.Effect) *int64 { return &e.Credit }}
		return []field{amountField("amount"), credit}
	case core.EffectGroup:
		seconds := field{name: "seconds", amount: func(e *core.Effect) *int64 { return &e.Seconds }}
		return []field{unitsField("size"), seconds, amountField("price")}
	default:
		return moreEffectFields(kind)
	}
}

// moreEffectFields is effectFields for the effects that are not about money.
func moreEffectFields(kind core.EffectKind) []field {
	switch kind {
	case core.EffectTake:
		return []field{nameField("quota"), unitsField("units")}
	case core.EffectOnce:
		return []field{nameField("key")}
	case core.EffectOblige:
		return []field{nameField("kind"), dataField()}
	case core.EffectGrant:
		return []field{nameField("pool"), unitsField("count")}
	case core.EffectEnter:
		return []field{nameField("draw"), unitsField("weight")}
	case core.EffectTag:
		value := field{name: "value", form: formName, str: func(e *core.Effect) *string { return &e.Value }}
		return []field{nameField("key"), value}
	case core.EffectNotify:
		return []field{nameField("template"), dataField()}
	case core.EffectReply:
		return []field{{name: "text", form: formReply}}
	default:
		return nil
	}
}

// plan makes one effect: what the rule spells out is in base, the rest is computed for each decision.
type plan struct {
	base    core.Effect
	amounts []amountPlan
	strings []stringPlan
	data    []dataPlan
	names   []named
}

type amountPlan struct {
	to   func(*core.Effect) *int64
	eval eval
}

type stringPlan struct {
	to   func(*core.Effect) *string
	eval eval
	path string
	most int // bytes
}

// dataPlan is one member of a JSON object; prefix is everything before its value.
type dataPlan struct {
	prefix string
	node   node
}

// effect compiles an effect at a path.
func (c *compiler) effect(path string, effect Effect) plan {
	p := plan{base: core.Effect{Kind: effect.Kind}}
	fields := effectFields(effect.Kind)
	for _, name := range slices.Sorted(maps.Keys(effect.Fields)) {
		i := slices.IndexFunc(fields, func(f field) bool { return f.name == name })
		if i < 0 {
			c.reportPathf(path+"."+name, nearestOf(name, fieldNames(fields)), "%s has no field %s", effect.Kind, name)
			continue
		}
		c.field(path+"."+name, &p, fields[i], effect.Fields[name])
	}
	for _, f := range fields {
		if _, given := effect.Fields[f.name]; !given && !f.optional {
			c.reportPathf(path, "", "%s is missing", f.name)
		}
	}
	return p
}

func fieldNames(fields []field) []string {
	names := make([]string, len(fields))
	for i := range fields {
		names[i] = fields[i].name
	}
	return names
}

// reportPathf adds a problem of a path as a whole.
func (c *compiler) reportPathf(path, hint, format string, args ...any) {
	c.problem = append(c.problem, core.Problem{Path: path, Message: fmt.Sprintf(format, args...), Hint: hint})
}

// field compiles one given field.
func (c *compiler) field(path string, p *plan, f field, given any) {
	switch f.form {
	case formAmount:
		c.amount(path, p, f, given)
	case formName, formReason:
		c.name(path, p, f, given)
	case formText:
		p.base.Text = c.text(path, given)
	case formReply:
		c.reply(path, p, given)
	case formData:
		c.data(path, p, given)
	}
}

func (c *compiler) amount(path string, p *plan, f field, given any) {
	switch v := given.(type) {
	case int64:
		*f.amount(&p.base) = v
	case string:
		p.amounts = append(p.amounts, amountPlan{f.amount, c.expression(path, v, kindInteger).eval})
	default:
		c.reportPathf(path, "", "must be an expression or an integer")
	}
}

func (c *compiler) name(path string, p *plan, f field, given any) {
	switch v := given.(type) {
	case string:
		c.checkName(path, f, v)
		*f.str(&p.base) = v
		p.noteName(path, literal(kindString, text(v), "").eval)
	case core.Object:
		expression, ok := v["expr"].(string)
		if !ok || len(v) != 1 || f.form == formReason {
			c.reportPathf(path, "", "must be a name%s", orExpression(f))
			return
		}
		read := c.reading(func() { c.computed(path, p, f.str, expression, maxName) })
		if isConstant(read) {
			p.noteName(c.placeOfName(path, expression), p.strings[len(p.strings)-1].eval)
		}
	default:
		c.reportPathf(path, "", "must be a name%s", orExpression(f))
	}
}

// computed plans a string that an expression makes.
func (c *compiler) computed(path string, p *plan, to func(*core.Effect) *string, expression string, most int) {
	n := c.expression(path+".expr", expression, kindString)
	p.strings = append(p.strings, stringPlan{to, n.eval, path, most})
}

func orExpression(f field) string {
	if f.form == formReason {
		return ""
	}
	return " or {expr: expression}"
}

// reasonPattern matches a stable code.
const reasonPattern = `^[a-z][a-z0-9_]{0,62}$`

func (c *compiler) checkName(path string, f field, name string) {
	switch {
	case name == "":
		c.reportPathf(path, "", "must not be empty")
	case len(name) > maxName:
		c.reportPathf(path, "", "is longer than %d bytes", maxName)
	case f.form == formReason && !regexp.MustCompile(reasonPattern).MatchString(name):
		c.reportPathf(path, "", "a reason is a stable code of a-z, 0-9 and _")
	}
}

func (c *compiler) data(path string, p *plan, given any) {
	object, ok := given.(core.Object)
	if !ok {
		c.reportPathf(path, "", "must be a map of expressions")
		return
	}
	prefix := "{"
	for _, key := range slices.Sorted(maps.Keys(object)) {
		var n node
		switch v := object[key].(type) {
		case string:
			n = c.expression(path+"."+key, v, kindAny)
		case int64, bool:
			n = literal(kindAny, configValue(v), "")
		default:
			c.reportPathf(path+"."+key, "", "must be an expression, an integer or a boolean")
			continue
		}
		if n.typ.kind == kindList || n.typ.kind == kindNil {
			c.reportPathf(path+"."+key, "", "must be an integer, a string or a boolean, not %s", n.typ)
			continue
		}
		p.data = append(p.data, dataPlan{string(appendJSONString([]byte(prefix), key)) + ":", n})
		prefix = ","
	}
}

// make completes e, which begins as the plan's base, for the facts in the frame.
func (p *plan) make(f *frame, e *core.Effect) {
	for i := range p.amounts {
		*p.amounts[i].to(e) = p.amounts[i].eval(f).n
	}
	for i := range p.strings {
		s := &p.strings[i]
		*s.to(e) = f.bounded(s.eval(f).s, s)
	}
	if len(p.data) > 0 {
		e.Data = p.makeData(f)
	}
}

// bounded refuses computed strings that are empty or too long.
func (f *frame) bounded(s string, p *stringPlan) string {
	if s == "" || len(s) > p.most {
		f.fail("bad_effect", "%s must be 1 to %d bytes", p.path, p.most)
	}
	return s
}

// makeData renders the effect's object with sorted keys; what is absent is an empty string, as null does not exist.
func (p *plan) makeData(f *frame) string {
	f.data = f.data[:0]
	for i := range p.data {
		d := &p.data[i]
		f.data = append(f.data, d.prefix...)
		v := d.node.eval(f)
		if v.isAbsent() {
			v.kind = valueKind(d.node.typ.kind)
		}
		f.data = v.appendJSON(f.data)
	}
	f.data = append(f.data, '}')
	return string(f.data)
}

// appendJSON appends a scalar.
func (v value) appendJSON(b []byte) []byte {
	switch v.kind {
	case core.ValueInteger:
		return strconv.AppendInt(b, v.n, 10)
	case core.ValueBoolean:
		return strconv.AppendBool(b, v.truth())
	default:
		return appendJSONString(b, v.s)
	}
}

// appendJSONString appends s as a JSON string; bytes that are not UTF-8 become U+FFFD.
func appendJSONString(b []byte, s string) []byte {
	const hex = "0123456789abcdef"
	b = append(b, '"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			b = append(b, '\\', byte(r))
		case r < ' ':
			b = append(b, '\\', 'u', '0', '0', hex[r>>4], hex[r&15])
		default:
			b = utf8.AppendRune(b, r)
		}
	}
	return append(b, '"')
}
