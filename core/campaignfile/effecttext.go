package campaignfile

import (
	"encoding/json"
	"fmt"
	"strings"

	"go.yaml.in/yaml/v3"

	"hotdrop/core"
)

// EffectText writes an effect on one line, as a rule or vector file does: "discount: {amount: 50000, label: Sale}". It may
// go to a terminal, whatever a plugin handed over: control characters are escaped, data that is no JSON is quoted.
func EffectText(e core.Effect) string {
	if e.Data != "" && !json.Valid([]byte(e.Data)) {
		return fmt.Sprintf("%s: {name: %q, data: %q}", e.Kind, e.Name, e.Data)
	}
	text, err := e.MarshalJSON()
	if err != nil || !json.Valid(text) {
		return fmt.Sprintf("%q", e.Kind)
	}
	root := readJSON(text)
	root.Style = 0
	kind, fields := root.Content[0], root.Content[1]
	kind.Style = 0
	flow(fields)
	orderFields(fields)
	line, err := yaml.Marshal(root)
	if err != nil {
		return fmt.Sprintf("%q", text)
	}
	return strings.TrimRight(string(line), "\n")
}

// EffectsText writes effects one a line, and "" for none.
func EffectsText(effects []core.Effect) string {
	lines := make([]string, len(effects))
	for i, e := range effects {
		lines[i] = EffectText(e)
	}
	return strings.Join(lines, "\n")
}

// orderFields puts the fields of an effect in the order people say them in, what it is about first.
func orderFields(n *yaml.Node) {
	order := []string{
		"reason", "sku", "quota", "key", "kind", "pool", "draw", "template", "size", "seconds", "amount", "basis_points", "credit",
		"units", "count", "weight", "unit_price", "price", "value", "text", "label", "data",
	}
	var sorted []*yaml.Node
	for _, name := range order {
		for i := 0; i+1 < len(n.Content); i += 2 {
			if n.Content[i].Value == name {
				sorted = append(sorted, n.Content[i], n.Content[i+1])
			}
		}
	}
	n.Content = sorted
}

// flow puts a value on one line, with as few quotes as it needs to stay what it is.
func flow(n *yaml.Node) {
	n.Style = yaml.FlowStyle
	if n.Kind == yaml.ScalarNode {
		layOutScalar(n)
		if n.Style == yaml.LiteralStyle {
			n.Style = yaml.DoubleQuotedStyle
		}
	}
	for _, inner := range n.Content {
		flow(inner)
	}
}
