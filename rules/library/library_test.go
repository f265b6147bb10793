package library_test

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"hotdrop/core"
	"hotdrop/core/campaignfile"
	"hotdrop/core/mechanictest"
	"hotdrop/rules"
	"hotdrop/rules/library"
)

// leastVectors is how many vectors every shipped rule has.
const leastVectors = 8

// compiler returns the function that mechanictest compiles the named rule with.
func compiler(name string) func(core.Object) (core.Mechanic, error) {
	return func(config core.Object) (core.Mechanic, error) { return library.Compile(name, config) }
}

func TestEveryShippedRuleDecidesWhatItsVectorsSay(t *testing.T) {
	for _, name := range library.Names() {
		t.Run(name, func(t *testing.T) {
			entry, err := library.Open(name)
			if err != nil {
				t.Fatal(err)
			}
			vectors, err := campaignfile.ParseVectors(entry.Vectors)
			if err != nil {
				t.Fatal(err)
			}
			if len(vectors.Vectors) < leastVectors {
				t.Errorf("it has %d vectors, want %d or more", len(vectors.Vectors), leastVectors)
			}
			isAbuse := func(v campaignfile.Vector) bool { return strings.HasPrefix(v.Name, "abuse: ") }
			if !slices.ContainsFunc(vectors.Vectors, isAbuse) {
				t.Error("no vector is an abuse")
			}
			mechanictest.Run(t, compiler(name), vectors)
		})
	}
}

// TestARuleDecidesWhatThePluginsVectorsSay: the rule and the plugin of the same name are two forms of one mechanic.
func TestARuleDecidesWhatThePluginsVectorsSay(t *testing.T) {
	files, err := filepath.Glob("../../plugins/library/*/*.vectors.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("no plugin has vectors: %v", err)
	}
	for _, file := range files {
		name := filepath.Base(filepath.Dir(file))
		t.Run(name, func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			vectors, err := campaignfile.ParseVectors(text)
			if err != nil {
				t.Fatal(err)
			}
			mechanictest.Run(t, compiler(name), vectors)
		})
	}
}

func TestTheLibraryIsWhole(t *testing.T) {
	want := []string{
		"auto-reply", "bundle", "deposit", "early-bird", "group-buy", "member-exclusive", "one-cent-voucher", "repost-discount",
		"repost-lottery", "seckill", "trade-in",
	}
	if names := library.Names(); !slices.Equal(names, want) {
		t.Errorf("got %v, want %v", names, want)
	}
}

func TestEveryShippedRuleSaysWhatItIsInBothLanguages(t *testing.T) {
	for _, name := range library.Names() {
		entry, err := library.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		rule := entry.Rule
		if rule.Name != name || rule.Version == "" || rule.Author == "" {
			t.Errorf("%s calls itself %s %s by %q", name, rule.Name, rule.Version, rule.Author)
		}
		for where, text := range texts(rule) {
			if text.EN == "" || text.ZH == "" {
				t.Errorf("%s: %s is %+v, want both languages", name, where, text)
			}
		}
	}
}

// texts returns everything about the rule that people read, by where it stands.
func texts(rule *rules.Rule) map[string]core.Text {
	all := map[string]core.Text{"title": rule.Title, "text": rule.Text}
	for parameter, param := range rule.Config {
		all["config."+parameter+".title"] = param.Title
	}
	return all
}

// TestAShippedRuleNeedsNoConfigButWhatItWouldDoNothingWithout holds that only the voucher's item has to be said.
func TestAShippedRuleNeedsNoConfigButWhatItWouldDoNothingWithout(t *testing.T) {
	required := map[string]string{"one-cent-voucher": "config.sku: is required: one-cent-voucher has no default for it"}
	for _, name := range library.Names() {
		got := ""
		if _, err := library.Compile(name, nil); err != nil {
			got = err.Error()
		}
		if got != required[name] {
			t.Errorf("%s: %q, want %q", name, got, required[name])
		}
	}
}

// TestAParameterThatNamesAnItemSaysSo holds that whoever applies a campaign is told of a SKU that it does not have.
func TestAParameterThatNamesAnItemSaysSo(t *testing.T) {
	for _, name := range library.Names() {
		entry, err := library.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		for parameter, param := range entry.Rule.Config {
			isItem := slices.Contains([]string{"sku", "skus", "items", "gift"}, parameter)
			if isItem != (param.Names == "item") {
				t.Errorf("%s: %s names %q", name, parameter, param.Names)
			}
		}
	}
}

func TestAnUnknownRuleIsAProblemOfTheBinding(t *testing.T) {
	for name, hint := range map[string]string{
		"seckil": "did you mean seckill?", "../library": "there are", "seckill.vectors": "there are", "": "there are",
	} {
		_, err := library.Compile(name, nil)
		problems, ok := errors.AsType[*core.Problems](err)
		if !ok || problems.List[0].Path != "mechanic" || !strings.Contains(problems.List[0].Hint, hint) {
			t.Errorf("%q: got %v, want a problem with the hint %q", name, err, hint)
		}
	}
}

func TestAConfigOfTheWrongTypeIsAProblemOfTheBinding(t *testing.T) {
	for path, config := range map[string]core.Object{
		"config.price":          {"price": "1"},
		"config.opens":          {"opens": int64(-1)},
		"config.reservers_only": {"reservers_only": int64(1)},
		"config.prize":          {"prize": int64(1)},
	} {
		_, err := library.Compile("seckill", config)
		problems, ok := errors.AsType[*core.Problems](err)
		if !ok || problems.List[0].Path != path {
			t.Errorf("%v: got %v, want a problem at %s", config, err, path)
		}
	}
}

func TestAConfigThatMakesARuleTooExpensiveIsAProblemOfTheBinding(t *testing.T) {
	brands := make([]any, 100_000)
	for i := range brands {
		brands[i] = "x"
	}
	_, err := library.Compile("trade-in", core.Object{"brands": brands})
	problems, ok := errors.AsType[*core.Problems](err)
	if !ok || problems.List[0].Path != "config" || !strings.Contains(problems.List[0].Message, "steps") {
		t.Errorf("got %v, want a problem at config", err)
	}
}

// TestAPriceOfAlmostNothingIsNotReachedByABlank: an amount that is left out or 0 never becomes a discount of everything
// or a price of nothing.
func TestAPriceOfAlmostNothingIsNotReachedByABlank(t *testing.T) {
	if _, err := library.Compile("trade-in", core.Object{"amount": int64(0)}); err == nil {
		t.Error("trade-in takes an amount of 0")
	}
	mechanic, err := library.Compile("seckill", core.Object{"price": int64(0), "reservers_only": false})
	if err != nil {
		t.Fatal(err)
	}
	facts := &core.Facts{Quantity: 1, Item: core.ItemFacts{SKU: "mi2", Price: 199_900}}
	effects, _, err := mechanic.Decide(core.HookQuote, facts, nil)
	if err != nil || slices.ContainsFunc(effects, func(e core.Effect) bool { return e.Kind == core.EffectPrice }) {
		t.Errorf("got %v, %v, want no price", effects, err)
	}
}
