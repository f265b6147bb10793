package campaignfile

import (
	"encoding/json"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
	"pgregory.net/rapid"

	"hotdrop/core"
)

// JSON is read by its own reader. Where the YAML parser can read the same text, both must build the same tree at the
// same places.
func TestTheReadersOfJSONAndYAMLAgree(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		indent := rapid.SampledFrom([]string{"", " ", "    "}).Draw(t, "indent")
		object := core.Object{"a": values(3).Draw(t, "a"), "b": values(3).Draw(t, "b")}
		text, err := json.MarshalIndent(object, "", indent)
		if err != nil {
			t.Fatal(err)
		}
		document, err := nextDocument(yaml.NewDecoder(newReader(text)))
		if err != nil || strings.Contains(string(text), "\u0085") {
			t.Skip("YAML does not read this JSON, or folds its strings")
		}
		sameTree(t, string(text), readJSON(text), document.Content[0])
	})
}

func newReader(text []byte) *byteReader { return &byteReader{data: text} }

func sameTree(t *rapid.T, text string, a, b *yaml.Node) {
	if a.Kind != b.Kind || a.Value != b.Value || a.Tag != b.Tag || a.Style != b.Style || placeOf(a) != placeOf(b) || len(a.Content) != len(b.Content) {
		t.Fatalf("JSON %s %q at %d:%d, YAML %s %q at %d:%d in\n%s", a.Tag, a.Value, a.Line, a.Column, b.Tag, b.Value, b.Line, b.Column, text)
	}
	for i := range a.Content {
		sameTree(t, text, a.Content[i], b.Content[i])
	}
}

func TestLinesAreThoseOfTheParser(t *testing.T) {
	for _, text := range []string{"a: 1\nb: 2", "a: 1\r\nb: 2", "a: 1\rb: 2", "a: 1\u0085b: 2", "a: 1\u2028b: 2", "a: 1\u2029b: 2"} {
		file := mustDecode(t, text)
		problems := &core.Problems{}
		problems.Add("b", "is here")
		file.Locate(problems)
		if p := problems.List[0]; p.Line != 2 || p.Column != 4 || p.Snippet != "b: 2" {
			t.Errorf("%q: %d:%d, snippet %q", text, p.Line, p.Column, p.Snippet)
		}
	}
}

func TestASyntaxErrorIsReportedInTheLineThatCannotBeRead(t *testing.T) {
	for _, tc := range []struct {
		name, text string
		line       int
	}{
		{"the first line", "a: b: c\nd: 1\n", 1},
		{"a key without a value", "a: 1\n\n\nfoo\nb: 2\n", 4},
		{"a list that turns into a mapping", "- a\nb: 1\n", 2},
		{"a mapping that turns into a list", "a: 1\nb: 2\n- c\nd: 3\ne: 4\n", 3},
		{"a dedent to nowhere", "items:\n  - sku: a\n   price: 1\n  - sku: b\n", 3},
		{"a flow mapping without a comma", "x: 1\na: {b: 1 c: 2}\nd: 3\n", 2},
		{"a reserved character", "x: 1\ny: @a\nz: 1\n", 2},
		{"an unknown escape", "a: 1\nb: \"\\q\"\nc: 1\n", 2},
		{"a tab", "a:\n\t- x\nb: 1\n", 2},
		{"the end of the file", "a: 1\nb: [1,\n  2\n", 3},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var value any
			file, err := Decode([]byte(tc.text), &value)
			if err == nil {
				t.Fatal("no error")
			}
			problems := problemsOf(t, err)
			if p := problems.List[0]; len(problems.List) != 1 || p.Line != tc.line || p.Snippet != file.line(tc.line) {
				t.Errorf("got %v, want line %d", problems, tc.line)
			}
		})
	}
}
