package core

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
)

// ReasonMisconfigured is the reserved reason of a deny by which a mechanic says that its own config is wrong, whoever asks:
// lists that belong together and do not, a price that is missing. When a campaign file is applied, every mechanic at the
// hook quote is asked about each item, and the file is refused if it denies with this reason.
const ReasonMisconfigured = "misconfigured"

// EffectKind names what an effect asks for.
type EffectKind string

// The effects. What each field of [Effect] means for them is in its JSON form, {kind: {field: value}}.
const (
	EffectDeny            EffectKind = "deny"             // reason, text
	EffectDiscount        EffectKind = "discount"         // amount, label
	EffectDiscountPercent EffectKind = "discount_percent" // basis_points, label
	EffectPrice           EffectKind = "price"            // amount (per unit), label
	EffectAdd             EffectKind = "add"              // sku, units, unit_price, label
	EffectDeposit         EffectKind = "deposit"          // amount, credit
	EffectGroup           EffectKind = "group"            // size, seconds, price
	EffectTake            EffectKind = "take"             // quota, units
	EffectOnce            EffectKind = "once"             // key
	EffectOblige          EffectKind = "oblige"           // kind, data
	EffectGrant           EffectKind = "grant"            // pool, count
	EffectEnter           EffectKind = "enter"            // draw, weight
	EffectTag             EffectKind = "tag"              // key, value
	EffectNotify          EffectKind = "notify"           // template, data
	EffectReply           EffectKind = "reply"            // text
)

// Effect is one thing a mechanic asks for. Which fields mean something depends on Kind.
type Effect struct {
	Kind    EffectKind
	Name    string // deny reason, add sku, take quota, once key, oblige kind, grant pool, enter draw, tag key, notify template
	Amount  int64  // discount amount, discount_percent basis_points, price amount, add unit_price, deposit amount, group price
	Credit  int64  // deposit credit
	Units   int64  // add units, take units, grant count, enter weight, group size
	Seconds int64  // group seconds
	Text    Text   // deny text, labels, reply text
	Value   string // tag value
	Data    string // oblige and notify data: the text of a JSON object, as the mechanic gave it
}

// hookEffects is the closed table of which effects may be used at which hook.
func hookEffects(hook Hook) []EffectKind {
	switch hook {
	case HookReserve:
		return []EffectKind{EffectDeny, EffectTake, EffectOnce, EffectTag, EffectNotify, EffectEnter}
	case HookShare:
		return []EffectKind{EffectTag, EffectNotify, EffectEnter}
	case HookQuote:
		return []EffectKind{EffectDeny, EffectDiscount, EffectDiscountPercent, EffectPrice, EffectAdd, EffectDeposit,
			EffectGroup, EffectTake, EffectOnce, EffectOblige, EffectTag, EffectNotify}
	case HookPaid:
		return []EffectKind{EffectGrant, EffectEnter, EffectTag, EffectNotify}
	case HookMessage:
		return []EffectKind{EffectReply, EffectTag}
	default:
		return nil
	}
}

// Allowed reports whether mechanics may use the effect at the hook.
func (k EffectKind) Allowed(hook Hook) bool { return slices.Contains(hookEffects(hook), k) }

// effectField binds one field of an effect's JSON form to the struct; value is *int64, *string, *Text or data.
type effectField struct {
	name  string
	value any
}

// data marks the field whose JSON form is an object.
type data struct{ text *string }

// fields returns the fields of e's JSON form, sorted by name; nil for an unknown kind.
func (e *Effect) fields() []effectField {
	switch e.Kind {
	case EffectDeny:
		return []effectField{{"reason", &e.Name}, {"text", &e.Text}}
	case EffectDiscount, EffectPrice:
		return []effectField{{"amount", &e.Amount}, {"label", &e.Text}}
	case EffectDiscountPercent:
		return []effectField{{"basis_points", &e.Amount}, {"label", &e.Text}}
	case EffectAdd:
		return []effectField{{"label", &e.Text}, {"sku", &e.Name}, {"unit_price", &e.Amount}, {"units", &e.Units}}
	case EffectDeposit:
		return []effectField{{"amount", &e.Amount}, {"credit", &e.Credit}}
	case EffectGroup:
		return []effectField{{"price", &e.Amount}, {"seconds", &e.Seconds}, {"size", &e.Units}}
	default:
		return e.otherFields()
	}
}

// otherFields is fields of the effects that neither refuse an order nor say what it costs.
func (e *Effect) otherFields() []effectField {
	switch e.Kind {
	case EffectTake:
		return []effectField{{"quota", &e.Name}, {"units", &e.Units}}
	case EffectOnce:
		return []effectField{{"key", &e.Name}}
	case EffectOblige:
		return []effectField{{"data", data{&e.Data}}, {"kind", &e.Name}}
	case EffectGrant:
		return []effectField{{"count", &e.Units}, {"pool", &e.Name}}
	case EffectEnter:
		return []effectField{{"draw", &e.Name}, {"weight", &e.Units}}
	case EffectTag:
		return []effectField{{"key", &e.Name}, {"value", &e.Value}}
	case EffectNotify:
		return []effectField{{"data", data{&e.Data}}, {"template", &e.Name}}
	case EffectReply:
		return []effectField{{"text", &e.Text}}
	default:
		return nil
	}
}

// MarshalJSON renders {kind: {field: value}} with sorted fields.
func (e Effect) MarshalJSON() ([]byte, error) { return e.appendJSON(nil), nil }

// appendJSON appends the canonical form: sorted fields, integers, no spaces.
func (e *Effect) appendJSON(b []byte) []byte {
	b = append(b, '{')
	b = appendString(b, string(e.Kind))
	b = append(b, ':', '{')
	for i, f := range e.fields() {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendString(b, f.name)
		b = append(b, ':')
		switch v := f.value.(type) {
		case *int64:
			b = strconv.AppendInt(b, *v, 10)
		case *string:
			b = appendString(b, *v)
		case *Text:
			b = v.appendJSON(b)
		case data:
			b = appendData(b, *v.text)
		}
	}
	return append(b, '}', '}')
}

func appendData(b []byte, text string) []byte {
	if text == "" {
		return append(b, '{', '}')
	}
	return append(b, text...)
}

// UnmarshalJSON decodes {kind: {field: value}}; an unknown kind or field is an error that names it.
func (e *Effect) UnmarshalJSON(input []byte) error {
	var outer map[EffectKind]map[string]json.RawMessage
	if err := json.Unmarshal(input, &outer); err != nil {
		return err
	}
	if len(outer) != 1 {
		return fmt.Errorf("an effect has exactly one kind, not %d", len(outer))
	}
	*e = Effect{}
	var given map[string]json.RawMessage
	for kind, fields := range outer {
		e.Kind, given = kind, fields
	}
	known := e.fields()
	if known == nil {
		return fmt.Errorf("unknown effect %q", e.Kind)
	}
	for name, raw := range given {
		if err := decodeField(known, name, raw); err != nil {
			return fmt.Errorf("%s.%s: %w", e.Kind, name, err)
		}
	}
	return nil
}

func decodeField(known []effectField, name string, raw json.RawMessage) error {
	i := slices.IndexFunc(known, func(f effectField) bool { return f.name == name })
	if i < 0 {
		return fmt.Errorf("no such field")
	}
	d, ok := known[i].value.(data)
	if !ok {
		return json.Unmarshal(raw, known[i].value)
	}
	canonical, err := CanonicalData(string(raw))
	*d.text = canonical
	return err
}

// CanonicalData returns the text of a JSON object with sorted keys and without spaces; anything but an object of
// integers, strings, booleans, lists and objects is an error.
func CanonicalData(text string) (string, error) {
	var object Object
	if err := json.Unmarshal([]byte(text), &object); err != nil {
		return "", err
	}
	return string(appendObject(nil, object)), nil
}

// appendJSON appends the canonical form of [Text.MarshalJSON].
func (t Text) appendJSON(b []byte) []byte {
	if t.ZH == "" {
		return appendString(b, t.EN)
	}
	b = append(b, '{')
	if t.EN != "" {
		b = append(appendString(append(b, `"en":`...), t.EN), ',')
	}
	return append(appendString(append(b, `"zh":`...), t.ZH), '}')
}
