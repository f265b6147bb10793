package core

import (
	"strings"
	"testing"
)

func TestWhatAShopperSubmitsIsHeldAgainstTheDeclaration(t *testing.T) {
	c := &Campaign{Inputs: map[string]Input{
		"note":  {Field: Field{Type: "string", Max: 5}},
		"free":  {Field: Field{Type: "string"}},
		"count": {Field: Field{Type: "integer", Min: 1, Max: 9}},
		"gift":  {Field: Field{Type: "boolean"}},
		"trade_in": {Fields: map[string]Field{
			"brand": {Type: "string", Required: true}, "condition": {Type: "enum", Of: []string{"good", "worn"}},
		}},
	}}
	for _, tt := range []struct {
		name  string
		input Object
		want  string // "" when it is accepted
	}{
		{"nothing", nil, ""},
		{"everything", Object{"note": "五个字符吗", "count": int64(9), "gift": true, "trade_in": Object{"brand": "x", "condition": "good"}}, ""},
		{"an undeclared input", Object{"colour": "red"}, "input.colour is not an input"},
		{"an undeclared field", Object{"trade_in": Object{"brand": "x", "colour": "red"}}, "input.trade_in.colour is not an input"},
		{"a string that is too long", Object{"note": "六个字符太长"}, "input.note is longer than 5"},
		{"a string beyond the limit for all", Object{"free": strings.Repeat("x", 1025)}, "input.free is longer than 1024"},
		{"a zero character", Object{"free": "a\x00"}, "input.free must not contain a zero character"},
		{"an integer below its range", Object{"count": int64(0)}, "input.count is out of its range"},
		{"an integer above its range", Object{"count": int64(10)}, "input.count is out of its range"},
		{"a string for an integer", Object{"count": "3"}, "input.count must be of type integer"},
		{"an integer for a string", Object{"note": int64(3)}, "input.note must be of type string"},
		{"a boolean for a string", Object{"note": true}, "input.note must be of type string"},
		{"a value outside the enum", Object{"trade_in": Object{"brand": "x", "condition": "shiny"}}, "must be one of [good worn]"},
		{"a scalar for a group", Object{"trade_in": "x"}, "input.trade_in must be an object"},
		{"a list", Object{"note": []any{"a"}}, "input.note must be of type string"},
		{"a group without its required field", Object{"trade_in": Object{"condition": "good"}}, "input.trade_in.brand is required"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			err := c.checkInput(tt.input)
			if tt.want == "" && err != nil || tt.want != "" && (CodeOf(err) != CodeInvalid || !strings.Contains(err.Error(), tt.want)) {
				t.Errorf("err = %v, want %q", err, tt.want)
			}
		})
	}
	c.Inputs["note"] = Input{Field: Field{Type: "string", Required: true}}
	if err := c.checkInput(Object{}); err == nil || !strings.Contains(err.Error(), "input.note is required") {
		t.Errorf("err = %v", err)
	}
}
