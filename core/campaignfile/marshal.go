package campaignfile

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"

	"hotdrop/core"
)

// maxFlow is the longest mapping or list, in characters, that stands on one line of an exported file.
const maxFlow = 100

// errExport is a defect: the text of an exported campaign does not mean the campaign.
var errExport = errors.New("campaignfile: the campaign cannot be exported")

// Marshal writes a campaign as a file: keys in the order of the format, names of maps sorted, texts and other small
// values on one line, times with the offsets they have. What [Parse] reads from it is the same campaign, and marshals
// to the same bytes.
func Marshal(c *core.Campaign) ([]byte, error) {
	canonical, err := json.Marshal(c)
	if err != nil {
		return nil, fmt.Errorf("export campaign %s: %w", c.ID, err)
	}
	root := readJSON(canonical)
	layOut(root)
	var text bytes.Buffer
	encoder := yaml.NewEncoder(&text)
	encoder.SetIndent(2)
	if err := errors.Join(encoder.Encode(root), encoder.Close()); err != nil {
		return nil, fmt.Errorf("export campaign %s: %w", c.ID, err)
	}
	return text.Bytes(), sameMeaning(text.Bytes(), canonical)
}

// sameMeaning reads an exported file back, so that whatever the YAML package makes of an odd string cannot get out.
func sameMeaning(text, canonical []byte) error {
	again := core.Campaign{}
	if _, err := Decode(text, &again); err != nil {
		return fmt.Errorf("%w: %w", errExport, err)
	}
	if meaning, err := json.Marshal(&again); err != nil || !bytes.Equal(meaning, canonical) {
		return errors.Join(errExport, err)
	}
	return nil
}

// layOut chooses the style of a campaign's nodes. What makes up the outline of the file stands on lines of its own.
func layOut(root *yaml.Node) {
	root.Style = 0
	for i := 0; i+1 < len(root.Content); i += 2 {
		key, value := root.Content[i], root.Content[i+1]
		layOutScalar(key)
		layOutValue(value)
		switch key.Value {
		case "phases":
			value.Style = 0
		case "items", "ruleset":
			value.Style = 0
			for _, element := range value.Content {
				element.Style = 0
				orderRule(child(element, "rule"))
			}
		}
	}
}

// layOutValue puts every collection that is short enough on one line.
func layOutValue(n *yaml.Node) {
	if n.Kind == yaml.ScalarNode {
		layOutScalar(n)
		return
	}
	for _, inner := range n.Content {
		layOutValue(inner)
	}
	n.Style = yaml.FlowStyle
	if len(n.Content) > 0 && width(n) > maxFlow {
		n.Style = 0
	}
}

// layOutScalar leaves the style to the encoder, except where it would quote a time, where an older reader would take a
// word for a boolean, and where lines end.
func layOutScalar(n *yaml.Node) {
	n.Style = 0
	switch {
	case n.Tag != tagString:
	case isTime(n.Value):
		n.Tag = tagTimestamp
	case isBlock(n.Value):
		n.Style = yaml.LiteralStyle
	case isOldBoolean(n.Value) || strings.ContainsFunc(n.Value, isLineBreak):
		n.Style = yaml.DoubleQuotedStyle
	}
}

func isOldBoolean(s string) bool {
	return slices.Contains([]string{"y", "n", "yes", "no", "on", "off"}, strings.ToLower(s))
}

// isBlock reports whether s is of several lines that a literal block shows as they are.
func isBlock(s string) bool {
	lines := strings.Split(s, "\n")
	odd := func(line string) bool {
		return line == "" || strings.TrimSpace(line) != line || strings.ContainsFunc(line, isLineBreak) || strings.Contains(line, "\t")
	}
	return len(lines) > 1 && !slices.ContainsFunc(lines, odd)
}

// orderRule puts the keys of an inline rule in the order people write them in.
func orderRule(n *yaml.Node) {
	if n == nil || n.Kind != yaml.MappingNode {
		return
	}
	order := []string{"rule", "hook", "config", "when", "then"}
	var first, last []*yaml.Node
	for _, name := range order {
		for i := 0; i+1 < len(n.Content); i += 2 {
			if n.Content[i].Value == name {
				first = append(first, n.Content[i], n.Content[i+1])
			}
		}
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		if !slices.Contains(order, n.Content[i].Value) {
			last = append(last, n.Content[i], n.Content[i+1])
		}
	}
	n.Content = slices.Concat(first, last)
}

func isTime(s string) bool {
	return (&time.Time{}).UnmarshalText([]byte(s)) == nil
}

// width is about how many characters n takes on one line; a block cannot stand on one.
func width(n *yaml.Node) int {
	total := utf8.RuneCountInString(n.Value) + len(", ")
	if n.Style == yaml.LiteralStyle {
		total += maxFlow
	}
	for _, inner := range n.Content {
		total += width(inner)
	}
	return total
}
