package main

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"hotdrop/core"
	"hotdrop/core/storetest"
	"hotdrop/rules/library"
)

const (
	cookbook = "../../rules/library/cookbook"
	// pageLines is how long a page may be: one that is longer is not read to its end.
	pageLines = 80
	// The pages that are about no mechanic: one about changing them, and one about who gets to them.
	swapPage    = "swap"
	waitingPage = "waiting-room"
	// says begins a line of a page's commands that shows what they print: pieces of one line, in their order, with
	// whatever between them where it has an ellipsis. Lines that follow each other are all of the commands before them.
	says = "#> "
	// marker begins a line that separates the output of commands from that of the next ones.
	marker = "@@ said "
)

// TestEveryPageOfTheCookbookDoesWhatItSays has one demo run them all, from the last to the first, as nobody would who reads
// them in order: a page that needs another one's campaign, shoppers or files fails.
func TestEveryPageOfTheCookbookDoesWhatItSays(t *testing.T) {
	t.Parallel()
	folder, url := kitchen(t)
	names := append(slices.Clone(library.Names()), swapPage, waitingPage)
	slices.Reverse(names)
	for _, name := range names {
		script, said := transcript(demoBlocks(t, pagePath(name)))
		if len(said) == 0 {
			t.Fatalf("%s has nothing to run, or does not say what it prints", name)
		}
		for _, wrong := range unsaid(shell(t, folder, url, script), said) {
			t.Errorf("%s: %s", name, wrong)
		}
	}
	wantOnly(t, folder, "bin", "data", "mine", "plugins", "rules")
	script, _ := transcript(demoBlocks(t, pagePath(names[0])))
	if out, err := trial(t, folder, url, script); err == nil || !strings.Contains(out, "To start over") {
		t.Errorf("the second time a page ends with %v in\n%s", err, out)
	}
}

// kitchen is a folder as the reader of a page has it, and the URL of the demo that runs in it.
func kitchen(t *testing.T) (folder, url string) {
	t.Helper()
	if _, err := exec.LookPath("curl"); err != nil {
		storetest.Missing(t, "curl", err)
	}
	folder = t.TempDir()
	s := serve(t, folder, "--demo", "--data", "data")
	link(t, folder, "rules", "plugins")
	return folder, s.url
}

func TestAPageThatWaitsInVainSaysForWhat(t *testing.T) {
	t.Parallel()
	folder, url := kitchen(t)
	out := shell(t, folder, url, `. rules/library/cookbook/shop.sh nothing
WAIT_SECONDS=0 wait_for $(shopper ann) vouchers '"code"' && echo found
echo "it ended with $?"`)
	for _, want := range []string{"s for \"code\" in /v1/vouchers; the last answer was\n{", `"data":[]`, "it ended with 1\n"} {
		if !strings.Contains(out, want) {
			t.Errorf("it does not say %q:\n%s", want, out)
		}
	}
}

func TestOfAListOnlyWhatIsOfThePagesCampaignIsTaken(t *testing.T) {
	t.Parallel()
	folder, url := kitchen(t)
	out := shell(t, folder, url, `. rules/library/cookbook/shop.sh here
echo '{"data":[{"id":"there.1","code":"there.1"},{"id":"here.2","code":"here.3"},{"id":"here.4","code":"here.5"}]}' | own code
echo '{"data":[{"code":"there.1"}]}' | own code`)
	if out != "here.3\n" {
		t.Errorf("it takes %q", out)
	}
}

func pagePath(mechanic string) string { return filepath.Join(cookbook, mechanic+".md") }

// transcript returns a page's commands as one script that separates what they print, and what the page says they print:
// for each separator, the lines that stand before it.
func transcript(blocks []string) (string, [][]string) {
	var script strings.Builder
	var said [][]string
	before := ""
	for line := range strings.Lines(strings.Join(blocks, "")) {
		text, isSaid := strings.CutPrefix(line, says)
		switch {
		case !isSaid:
			script.WriteString(line)
		case strings.HasPrefix(before, says):
			said[len(said)-1] = append(said[len(said)-1], strings.TrimSpace(text))
		default:
			fmt.Fprintf(&script, "printf '\\n%s\\n'\n", marker)
			said = append(said, []string{strings.TrimSpace(text)})
		}
		before = line
	}
	return script.String(), said
}

// unsaid holds what the commands printed against what the page says, and returns what is not so.
func unsaid(output string, said [][]string) []string {
	var wrong []string
	parts := strings.Split(output, "\n"+marker+"\n")
	if len(parts) != len(said)+1 {
		return []string{fmt.Sprintf("the page says %d times what its commands print, of which %d ran:\n%s", len(said), len(parts)-1, output)}
	}
	for i, lines := range said {
		for _, line := range lines {
			if !slices.ContainsFunc(strings.Split(parts[i], "\n"), func(printed string) bool { return holds(printed, line) }) {
				wrong = append(wrong, fmt.Sprintf("the page says that its commands print\n\t%s\nthey print\n%s", line, parts[i]))
			}
		}
	}
	return wrong
}

// holds reports whether a printed line has the pieces of a line of a page in it, in their order.
func holds(printed, line string) bool {
	for piece := range strings.SplitSeq(line, "…") {
		_, rest, found := strings.Cut(printed, strings.TrimSpace(piece))
		if !found {
			return false
		}
		printed = rest
	}
	return true
}

func TestWhatAPageSaysIsHeldAgainstTheCommandsItStandsUnder(t *testing.T) {
	script, said := transcript([]string{"one\n#> a … b\n#> c\ntwo\n", "#> d\n"})
	separator := "printf '\\n" + marker + "\\n'\n"
	if want := "one\n" + separator + "two\n" + separator; script != want {
		t.Errorf("the script is\n%s\nwant\n%s", script, want)
	}
	between := "\n" + marker + "\n"
	for name, c := range map[string]struct {
		output string
		wrong  int
	}{
		"everything is there":                        {"c\nxaxbx" + between + "d" + between, 0},
		"pieces on two lines are no line":            {"a\nb\nc" + between + "d" + between, 1},
		"pieces in another order are another line":   {"b a\nc" + between + "d" + between, 1},
		"what the commands after it print is late":   {"c" + between + "a b d" + between, 1},
		"commands that were not reached say nothing": {"a b\nc", 1},
		"everything is missing":                      {between + between, 3},
	} {
		t.Run(name, func(t *testing.T) {
			if wrong := unsaid(c.output, said); len(wrong) != c.wrong {
				t.Errorf("%d things are wrong, want %d: %q", len(wrong), c.wrong, wrong)
			}
		})
	}
}

func TestTheCookbookHasOneShortPageForEachMechanicAndThoseAboutAllOfThem(t *testing.T) {
	readme := readText(t, "../../README.md")
	pages, err := filepath.Glob(pagePath("*"))
	if err != nil || len(pages) != len(library.Names())+2 {
		t.Errorf("the cookbook has %d pages for %d mechanics: %v", len(pages), len(library.Names()), err)
	}
	titles := map[string]string{swapPage: "边卖边换", waitingPage: "排队"}
	for _, name := range library.Names() {
		titles[name] = shipped(t, name).Rule.Title.ZH
	}
	for name, title := range titles {
		page := readText(t, pagePath(name))
		if lines := strings.Count(page, "\n"); lines > pageLines {
			t.Errorf("%s has %d lines, more than %d", pagePath(name), lines, pageLines)
		}
		if heading := fmt.Sprintf("# %s · %s\n", name, title); !strings.HasPrefix(page, heading) {
			t.Errorf("%s does not begin with %s", pagePath(name), heading)
		}
		if !strings.Contains(readme, "](rules/library/cookbook/"+name+".md)") {
			t.Errorf("the README does not lead to the page of %s", name)
		}
	}
}

// parameterRows is the part of a page that tells a mechanic's parameters.
var parameterRows = regexp.MustCompile(`(?s)\n\| parameter \|.*?\n\n`)

//go:generate go test -run TestThePagesTellTheParametersThatTheRulesHave -update .

func TestThePagesTellTheParametersThatTheRulesHave(t *testing.T) {
	for _, name := range library.Names() {
		page, want := readText(t, pagePath(name)), "\n"+parameterTable(t, shipped(t, name))+"\n"
		if *updateGolden {
			page = parameterRows.ReplaceAllLiteralString(page, want)
			if err := os.WriteFile(pagePath(name), []byte(page), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if got := parameterRows.FindString(page); got != want {
			t.Errorf("%s tells the parameters\n%s\nthe rule has\n%s", pagePath(name), got, want)
		}
	}
}

// parameterTable is what a page says of a rule's parameters, in the order of the rule's file.
func parameterTable(t *testing.T, entry *library.Entry) string {
	t.Helper()
	names := make([]string, 0, len(entry.Rule.Config))
	for name := range entry.Rule.Config {
		names = append(names, name)
	}
	place := func(name string) int { return bytes.Index(entry.Source, []byte("\n  "+name+":")) }
	slices.SortFunc(names, func(a, b string) int { return cmp.Compare(place(a), place(b)) })
	var table strings.Builder
	table.WriteString("| parameter | type | default | what it says | 说明 |\n|---|---|---|---|---|\n")
	for _, name := range names {
		p := entry.Rule.Config[name]
		written, err := json.Marshal(p.Default)
		if err != nil {
			t.Fatal(err)
		}
		value := "`" + string(written) + "`"
		if p.Default == nil {
			value = "required"
		}
		fmt.Fprintf(&table, "| `%s` | %s | %s | %s | %s |\n", name, typeOf(p), value, p.Title.EN, p.Title.ZH)
	}
	return table.String()
}

func typeOf(p core.Param) string {
	switch {
	case len(p.Values) > 0:
		return strings.Join(p.Values, ", ")
	case p.Of != "":
		return p.Type + " of " + p.Of
	}
	return p.Type
}

func shipped(t *testing.T, mechanic string) *library.Entry {
	t.Helper()
	entry, err := library.Open(mechanic)
	if err != nil {
		t.Fatal(err)
	}
	return entry
}

func readText(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
