package core

import "strconv"

// Explainer is what a mechanic may implement beside [Mechanic], so that staff see why it matched or not. It is asked
// after a decision, never for one: it may be slow and may allocate.
type Explainer interface {
	// Explain returns every clause that decides at the hook for these facts, in the order of evaluation, case by case
	// until one matched. It is safe for concurrent use and does not keep facts.
	Explain(hook Hook, facts *Facts) []Clause
}

// Clause is one condition of a mechanic: what it says, whether it held, and the values that it looked at.
type Clause struct {
	Case   int         `json:"case"` // the alternative that it belongs to, from 0
	Text   string      `json:"text"` // as the author wrote it; "true" for an alternative without a condition
	Held   bool        `json:"held"`
	Values []FactValue `json:"values,omitempty"` // sorted by path
}

// FactValue is the value of a fact or a parameter of the config.
type FactValue struct {
	Path  string `json:"path"`
	Value string `json:"value"` // canonical JSON; null when it is absent
}

// JSON returns the value as canonical JSON, null when it is absent.
func (v Value) JSON() string { return string(v.appendJSON(nil)) }

func (v Value) appendJSON(b []byte) []byte {
	switch v.Kind {
	case ValueInteger:
		return strconv.AppendInt(b, v.Int, 10)
	case ValueString:
		return appendString(b, v.Str)
	case ValueBoolean:
		return strconv.AppendBool(b, v.Int != 0)
	case ValueList:
		b = append(b, '[')
		for i := range v.Len() {
			if i > 0 {
				b = append(b, ',')
			}
			b = v.At(i).appendElement(b)
		}
		return append(b, ']')
	default:
		return append(b, "null"...)
	}
}

// appendElement is appendJSON for an element of a list, where an empty string is not absent.
func (v Value) appendElement(b []byte) []byte {
	if v.Kind == ValueAbsent {
		return append(b, `""`...)
	}
	return v.appendJSON(b)
}
