package campaignfile

import (
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"

	"hotdrop/core"
)

// vectorsSize is the longest vector file that a stranger's module may carry, bytes.
const vectorsSize = 64 << 10

// fill repeats an item, with its number if it wants one, until the text is as long as it may be.
func fill(head, item, tail string) string {
	var b strings.Builder
	b.WriteString(head)
	for i := 0; b.Len()+len(item)+len(tail)+8 < vectorsSize; i++ {
		if strings.Contains(item, "%") {
			fmt.Fprintf(&b, item, i)
		} else {
			b.WriteString(item)
		}
	}
	return b.String() + tail
}

func floods() map[string]string {
	const few, one = "mechanic: m\nvectors:\n", "mechanic: m\nvectors:\n- {name: a, hook: quote, "
	deep, end := strings.Repeat("{"+strings.Repeat("k", 126)+": ", 30), strings.Repeat("}", 30)
	return map[string]string{
		"empty vectors in a line":      fill("mechanic: m\nvectors: [", "{},", "]"),
		"empty vectors as JSON":        fill(`{"mechanic": "m", "vectors": [`, "{},", "{}]}"),
		"empty vectors on lines":       fill(few, "- {}\n", ""),
		"good vectors":                 fill(few, "- {name: a %d, hook: quote}\n", ""),
		"vectors with effects":         fill(few, "- {name: a, hook: quote, effects: ["+strings.Repeat("{deny: {}},", 64)+"]}\n", ""),
		"effects":                      fill(one+"effects: [", "{once: {key: k}},", "]}"),
		"numbers for effects":          fill(one+"effects: [", "0,", "]}"),
		"fields of an effect":          fill(one+"effects: [{deny: {", "k%d: 1,", "}}]}"),
		"unknown keys":                 fill(one, "k%d: 1,", "}"),
		"unknown facts":                fill(one+"facts: {", "k%d: 1,", "}}"),
		"quotas that are no numbers":   fill(one+"facts: {quota: {", "k%d: x,", "}}}"),
		"empty lists":                  fill("x: [", "[],", "]"),
		"no keys":                      fill("x: {", "?,", "}"),
		"keys that are lists":          fill("x: {", "[]: 1,", "}"),
		"keys that are too long":       fill("", "%0129d: 1\n", ""),
		"a list at a long path":        fill("x: "+deep+"[", "1,", "]"+end),
		"a mapping at a long path":     fill("x: "+deep+"{", "a%d,", "}"+end),
		"open lists":                   fill("x: ", "[", ""),
		"comments":                     fill("x:\n", "#\n- 1\n#\n", ""),
		"anchors":                      fill("x: [", "&a%d 1,", "]"),
		"aliases":                      fill("x: &a [1]\ny: [", "*a,", "]"),
		"directives":                   fill("", "%%TAG !%d! x\n", "--- x"),
		"directives after the end":     fill("x: 1\n...\n", "%%TAG !%d! x\n", "--- x"),
		"a number of 64,000 digits":    fill("mechanic: ", "9", ""),
		"a hexadecimal number":         fill("mechanic: 0x", "9", ""),
		"a string of 64,000 escapes":   fill(`mechanic: "`, `\n`, `"`),
		"a mistake behind much":        fill("x: [", "1,", "}"),
		"a mistake in the last line":   fill("x:\n", "b:\n", "\tx"),
		"64,000 spaces":                fill("mechanic: a", " ", "b\nx: 1\n"),
		"documents":                    fill("a\n", "---\n", ""),
		"merge keys":                   fill("x: {", "<<: {},", "}"),
		"two-byte line breaks":         fill("x: 1", "\u0085", ""),
		"one key again and again":      fill("x: {", "a,", "}"),
		"dates":                        fill("x: [", "2001-01-01,", "]"),
		"floats where texts should be": fill("mechanic: m\nvectors: [", "1.5,", "]"),
	}
}

func TestAFloodOfMistakesIsAnsweredWithinBounds(t *testing.T) {
	const most = 32 << 20 // bytes
	for name, text := range floods() {
		t.Run(name, func(t *testing.T) {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			_, err := ParseVectors([]byte(text))
			runtime.ReadMemStats(&after)
			problems, ok := errors.AsType[*core.Problems](err)
			if !ok || len(problems.List) > maxProblems+1 {
				t.Errorf("got %T of %d problems", err, len(problems.List))
			}
			if used := after.TotalAlloc - before.TotalAlloc; used > most {
				t.Errorf("%d bytes of file made it allocate %d", len(text), used)
			}
		})
	}
}

// BenchmarkFloods has the time, which no test can hold: at most 50 ms for each.
func BenchmarkFloods(b *testing.B) {
	for name, text := range floods() {
		b.Run(strings.ReplaceAll(name, " ", "-"), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				_, _ = ParseVectors([]byte(text))
			}
		})
	}
}

func TestListsThatAreTooLongAreReportedAtTheFirstElementBeyond(t *testing.T) {
	count := func(n int) string {
		text := "mechanic: m\nvectors:\n"
		for i := range n {
			text += fmt.Sprintf("- {name: a %d, hook: quote}\n", i)
		}
		return text
	}
	effects := func(n int) string {
		return "mechanic: m\nvectors:\n- {name: a, hook: quote, effects: [" + strings.Repeat("{once: {key: k}},", n) + "]}\n"
	}
	for _, text := range []string{count(MaxVectors), effects(MaxVectorEffects)} {
		if _, err := ParseVectors([]byte(text)); err != nil {
			t.Errorf("as many as may be: %v", err)
		}
	}
	for text, want := range map[string]string{
		count(MaxVectors + 2):         "259:3: vectors: there are 258 vectors, and at most 256 are read",
		effects(MaxVectorEffects + 1): "3:1124: vectors[0].effects: there are 65 effects, and at most 64 are read",
	} {
		if _, err := ParseVectors([]byte(text)); err == nil || err.Error() != want {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}

func TestDirectivesAreNotRead(t *testing.T) {
	for text, want := range map[string]string{
		"%YAML 1.2\n---\na: 1\n":           "1:1: directives are not read (remove the line)",
		"# a file\n\n%TAG ! x\n--- {}\n":   "3:1: directives are not read (remove the line)",
		"a: 1\n...\n# more\n%YAML 1.2\n":   "4:1: directives are not read (remove the line)",
		"a: 1\nb: [\n%,\n1]\n":             "3:1: could not find expected directive name",
		"a: |\n  %YAML 1.2\nb: '%'\n":      "",
		"{\"a\": \"\n%\"}":                 "",
		"a: one\n\n  %TAG two\nc: ' %a\n'": "",
	} {
		var into core.Object
		if _, err := Decode([]byte(text), &into); (err == nil) != (want == "") || (err != nil && err.Error() != want) {
			t.Errorf("%q: got %v, want %q", text, err, want)
		}
	}
}

func TestLocatingKeepsTheFirstHundredProblems(t *testing.T) {
	file := mustDecode(t, "a: 1\nb: 2\n")
	problems := &core.Problems{}
	for range 5_000 {
		problems.Add("b", "is wrong")
	}
	file.Locate(problems)
	last := problems.List[len(problems.List)-1]
	if len(problems.List) != maxProblems+1 || last.String() != "further problems are not listed: 4900" {
		t.Errorf("%d problems, the last %q", len(problems.List), last)
	}
}
