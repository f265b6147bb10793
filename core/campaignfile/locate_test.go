package campaignfile

import (
	"strings"
	"testing"

	"hotdrop/core"
)

func mustDecode(t *testing.T, text string) *File {
	t.Helper()
	var value any
	file, err := Decode([]byte(text), &value)
	if err != nil {
		t.Fatalf("decode %q: %v", text, err)
	}
	return file
}

func TestAPathIsLocated(t *testing.T) {
	file := mustDecode(t, `title: {en: Drop}
items:
  - sku: a
    price: 1
  -
    sku: b
    config:
      brands: [x, y]
quotas: {trade-in: 5, a: {b.c: 7}, a.b: 6}
`)
	for _, tc := range []struct{ name, path, at string }{
		{"the root", "", "title: {en: Drop}"},
		{"a mapping at its key", "title", "title: {en: Drop}"},
		{"a scalar at the scalar", "title.en", "Drop}"},
		{"an element of a list", "items[1]", "sku: b"},
		{"a scalar in an element", "items[0].price", "1"},
		{"a list at its key", "items[1].config.brands", "brands: [x, y]"},
		{"an element of a flow list", "items[1].config.brands[1]", "y]"},
		{"a key with a dot", "quotas.a.b", "6}"},
		{"a key with a dot inside another", "quotas.a.b.c", "6}"},
		{"a missing key at the mapping it is missing from", "items[0].title", "sku: a"},
		{"an index beyond the list at the list's key", "items[2].sku", "items:"},
		{"an index that is none at the list's key", "items[x]", "items:"},
		{"something below a scalar at the scalar", "title.en.more", "Drop}"},
		{"an unknown top-level key at the root", "nothing", "title: {en: Drop}"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			problems := &core.Problems{}
			problems.Add(tc.path, "is wrong")
			file.Locate(problems)
			p := problems.List[0]
			line := []rune(file.line(p.Line))
			if got := string(line[p.Column-1:]); got != tc.at {
				t.Errorf("%s is located at %d:%d, %q, want %q", tc.path, p.Line, p.Column, got, tc.at)
			}
			if p.Snippet != string(line) {
				t.Errorf("snippet %q, want %q", p.Snippet, string(line))
			}
		})
	}
}

func TestLocateKeepsWhatIsLocatedAndSortsByPlace(t *testing.T) {
	file := mustDecode(t, "a: 1\nb: 2\nc: 3\n")
	problems := &core.Problems{List: []core.Problem{
		{Path: "c", Message: "last"}, {Path: "a", Line: 2, Column: 9, Message: "placed"}, {Path: "a", Message: "first"},
	}}
	file.Locate(problems)
	if got, want := problems.Error(), "1:4: a: first\n2:9: a: placed\n3:4: c: last"; got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestAFileThatCouldNotBeReadLocatesNothing(t *testing.T) {
	for _, text := range []string{"", "a: [", "\xff"} {
		var value any
		file, err := Decode([]byte(text), &value)
		if err == nil {
			t.Fatalf("%q decodes", text)
		}
		problems := &core.Problems{}
		problems.Add("a", "is wrong")
		file.Locate(problems)
		file.Locate(nil)
		if problems.List[0].Line != 0 {
			t.Errorf("%q: located at line %d", text, problems.List[0].Line)
		}
	}
}

// TestAnOffsetIntoAScalarIsLocated marks the wanted character with an @ in the value; it stands once in the source too.
func TestAnOffsetIntoAScalarIsLocated(t *testing.T) {
	for name, text := range map[string]string{
		"near the start of a plain scalar":          "a: b@ + c\n",
		"a plain scalar":                            "a: b + @c # comment\n",
		"a plain scalar with wide characters":       "键: 价格 > @1\n",
		"a plain scalar over two lines":             "a: b +\n   c + @d\n",
		"a plain scalar with spaces at a line end":  "a: b  +  \n   c @d\n",
		"a plain scalar with blank lines":           "a: b\n\n\n   c @d\n",
		"a single-quoted scalar":                    "a: 'b + @c'\n",
		"a quote in a single-quoted scalar":         "a: 'it''s ''@c'\n",
		"a folded single-quoted scalar":             "a: 'b\n   c\n\n   d @e'\n",
		"a double-quoted scalar":                    "a: \"b + @c\"\n",
		"escapes in a double-quoted scalar":         `a: "\t\x41\u00e9\U0001F600\"\\ @c"` + "\n",
		"an escaped line break":                     "a: \"b \\\n    c @d\"\n",
		"a folded double-quoted scalar":             "a: \"b\n\n   c @d\"\n",
		"a literal block":                           "a: |\n  b +\n  c + @d\n",
		"the first line of a literal block":         "a: |\n  b + @d\n",
		"a literal block with deeper lines":         "a: |\n  b\n    c\n   @d\n",
		"a literal block with blank lines":          "a: |\n\n  b\n\n\n  c @d\n",
		"a literal block that says its indentation": "a: |2\n   b\n  @d\n",
		"a literal block that keeps its end":        "a: |+\n  b\n  @d\n\n\nb: 1\n",
		"a folded block":                            "a: >-\n  b +\n  c + @d\n",
		"a folded block with paragraphs":            "a: >\n  b\n  c\n\n\n  d\n  e @f\n",
		"a folded block with deeper lines":          "a: >\n  b\n    c\n    d\n\n  e @f\n",
		"a folded block that starts blank":          "a: >\n\n  b @c\n",
		"a block inside a list":                     "a:\n  - |\n    b\n    @c\n",
		"windows line ends":                         "a: |\r\n  b\r\n  @c\r\n",
		"a JSON string":                             `{"a": "\ud83d\ude00 \u4ef7 @c"}`,
	} {
		t.Run(name, func(t *testing.T) {
			file := mustDecode(t, text)
			value, path := firstScalar(file)
			before, _, found := strings.Cut(value, "@")
			if !found {
				t.Fatalf("no mark in %q", value)
			}
			problems := &core.Problems{List: []core.Problem{{Path: path, Offset: len([]rune(before))}}}
			file.Locate(problems)
			p := problems.List[0]
			if got := standsAt([]byte(text), place{p.Line, p.Column}); !strings.HasPrefix(got, "@") {
				t.Errorf("offset %d of %q is located at %d:%d, %q", p.Offset, value, p.Line, p.Column, got)
			}
		})
	}
}

func firstScalar(f *File) (value, path string) {
	n := f.root.Content[1]
	path = f.root.Content[0].Value
	if len(n.Content) > 0 {
		n, path = n.Content[0], path+"[0]"
	}
	return n.Value, path
}

func TestAnOffsetBeyondAScalarStaysInsideTheFile(t *testing.T) {
	for _, text := range []string{"a: b", "a: 'b'", "a: \"b\"", "a: |\n  b\n", "a: >\n  b\n", "a: |\n", `{"a": "b"}`} {
		file := mustDecode(t, text)
		problems := &core.Problems{List: []core.Problem{{Path: "a", Offset: 1 << 20}}}
		file.Locate(problems)
		p := problems.List[0]
		if p.Line < 1 || p.Line > len(file.lines) || p.Column < 1 || p.Column > len([]rune(file.line(p.Line)))+1 {
			t.Errorf("%q: located at %d:%d", text, p.Line, p.Column)
		}
	}
}

func TestALongLineIsCutAroundTheColumn(t *testing.T) {
	file := mustDecode(t, "a: "+strings.Repeat("长", 300)+"@"+strings.Repeat("x", 300)+"\n")
	problems := &core.Problems{List: []core.Problem{{Path: "a", Offset: 300}}}
	file.Locate(problems)
	snippet := problems.List[0].Snippet
	if n := len([]rune(snippet)); n != maxSnippet+2 || !strings.Contains(snippet, "长@x") {
		t.Errorf("snippet of %d characters: %s", n, snippet)
	}
}
