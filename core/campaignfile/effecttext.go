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
	for i := range root.Content {
		root.Content[i].Style = 0
		for _, field := range root.Content[i].Content {
			flow(field)
		}
	}
	for i := 1; i < len(root.Content); i += 2 {
		root.Content[i].Style = yaml.FlowStyle
	}
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
