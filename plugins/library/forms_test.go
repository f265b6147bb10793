package library_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"hotdrop/core"
	"hotdrop/core/campaignfile"
	"hotdrop/core/mechanictest"
	"hotdrop/plugins"
	"hotdrop/plugins/library"
	"hotdrop/plugins/sdk/toolchain"
)

// form is a plugin in one language: all forms of a plugin share its manifest and its vectors.
type form struct {
	toolchain.Guest
	plugin string
	module string // the committed file
	most   int    // bytes of the module
	limits plugins.Limits
}

// forms returns the plugins of this folder, each in C and in the languages that it has a folder for.
func forms(t testing.TB) []form {
	t.Helper()
	var all []form
	for _, name := range library.Names() {
		modest := plugins.DefaultLimits()
		candidates := []form{
			{guest("c", name+"/"+name+".c"), name, name + "/" + name + ".wasm", 7 << 10, modest},
			{guest("go", name+"/go"), name, name + "/go/" + name + ".wasm", 2 << 20, plugins.GoLimits()},
			{guest("rust", name+"/rust/"+name+".rs"), name, name + "/rust/" + name + ".wasm", 21 << 10, modest},
			{guest("assemblyscript", name+"/assemblyscript/"+name+".ts"), name, name + "/assemblyscript/" + name + ".wasm", 8 << 10, modest},
		}
		for _, f := range candidates {
			if _, err := os.Stat(f.Source); err == nil {
				all = append(all, f)
			}
		}
	}
	return all
}

func guest(language, source string) toolchain.Guest {
	return toolchain.Guest{Language: language, Recipe: "../sdk/" + language + "/build.sh", Source: source}
}

// formsOf returns the forms of one plugin.
func formsOf(t testing.TB, plugin string) []form {
	t.Helper()
	return slices.DeleteFunc(forms(t), func(f form) bool { return f.plugin != plugin })
}

// TestEveryPluginIsThereInC, which is what is embedded, and trade-in in every language, since the others have it as their
// example.
func TestEveryPluginIsThereInC(t *testing.T) {
	languages := map[string][]string{}
	for _, f := range forms(t) {
		languages[f.plugin] = append(languages[f.plugin], f.Language)
	}
	for _, name := range library.Names() {
		if !slices.Contains(languages[name], "c") {
			t.Errorf("%s is there in %v", name, languages[name])
		}
	}
	if got := languages["trade-in"]; !slices.Equal(got, []string{"c", "go", "rust", "assemblyscript"}) {
		t.Errorf("trade-in is there in %v", got)
	}
}

func (f form) committed(t testing.TB) []byte {
	t.Helper()
	module, err := os.ReadFile(f.module)
	if err != nil {
		t.Fatal(err)
	}
	return module
}

// load returns the module with its plugin's manifest, in a host of its own with the limits of its language.
func (f form) load(t testing.TB, module []byte) *plugins.Plugin {
	t.Helper()
	entry, err := library.Open(f.plugin)
	if err != nil {
		t.Fatal(err)
	}
	host, err := plugins.NewHost(t.Context(), plugins.Options{Limits: f.limits, CacheDir: cache, CacheKey: make([]byte, plugins.CacheKeySize)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := host.Close(t.Context()); err != nil {
			t.Error(err)
		}
	})
	plugin, err := host.Load(t.Context(), entry.Manifest, module)
	if err != nil {
		t.Fatal(err)
	}
	return plugin
}

// vectors returns those of the plugin and those of the rule of the same name.
func (f form) vectors(t *testing.T) []*campaignfile.Vectors {
	t.Helper()
	var all []*campaignfile.Vectors
	for _, file := range []string{f.plugin + "/" + f.plugin, "../../rules/library/" + f.plugin} {
		text, err := os.ReadFile(file + ".vectors.yaml")
		if err != nil {
			t.Fatal(err)
		}
		vectors, err := campaignfile.ParseVectors(text)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, vectors)
	}
	return all
}

// TestEveryFormOfAPluginPassesTheSameVectors holds the languages, and the rule of the same name, together.
func TestEveryFormOfAPluginPassesTheSameVectors(t *testing.T) {
	for _, f := range forms(t) {
		t.Run(f.plugin+"/"+f.Language, func(t *testing.T) {
			plugin := f.load(t, f.committed(t))
			for _, vectors := range f.vectors(t) {
				mechanictest.Run(t, plugin.Bind, vectors)
			}
		})
	}
}

// TestEveryFormAsksForTheSameEffects compares what the vectors leave open: Chinese labels, and the very text of data.
func TestEveryFormAsksForTheSameEffects(t *testing.T) {
	first := map[string][]core.Effect{}
	for _, f := range forms(t) {
		plugin := f.load(t, f.committed(t))
		for _, vector := range f.vectors(t)[0].Vectors {
			place := f.plugin + ": " + vector.Name
			effects, _, err := bind(t, plugin, vector.Config).Decide(vector.Hook, &vector.Facts, nil)
			if err != nil {
				t.Fatalf("%s: %s: %v", f.Language, place, err)
			}
			if before, compared := first[place]; compared && !slices.Equal(effects, before) {
				t.Errorf("%s: %s:\n got %+v\nwant %+v", f.Language, place, effects, before)
			}
			first[place] = effects
		}
	}
}

// TestWhateverTheShopperWritesStaysData proves the SDKs' JSON: any model, also with zero bytes, quotes and control
// characters, arrives in the duty as it was submitted.
func TestWhateverTheShopperWritesStaysData(t *testing.T) {
	for _, f := range formsOf(t, "trade-in") {
		t.Run(f.Language, func(t *testing.T) {
			mechanic := bind(t, f.load(t, f.committed(t)), nil)
			rapid.Check(t, func(t *rapid.T) {
				model := rapid.StringN(0, 160, 600).Draw(t, "model")
				effects, _, err := mechanic.Decide(core.HookQuote, tradeInFacts(model), nil)
				if err != nil || len(effects) != 3 {
					t.Fatalf("got %v, %v", effects, err)
				}
				var duty struct {
					Brand string `json:"brand"`
					Model string `json:"model"`
				}
				if err := json.Unmarshal([]byte(effects[2].Data), &duty); err != nil || duty.Brand != "Xiaomi" || duty.Model != model {
					t.Fatalf("got %q, %v; want the model %q", effects[2].Data, err, model)
				}
			})
		})
	}
}

func TestABrandWithAZeroByteIsAnotherBrand(t *testing.T) {
	facts := tradeInFacts("2S")
	facts.Input = core.Object{"trade_in": core.Object{"brand": "Xiaomi\x00", "model": "2S"}}
	for _, f := range formsOf(t, "trade-in") {
		effects, _, err := bind(t, f.load(t, f.committed(t)), nil).Decide(core.HookQuote, facts, nil)
		if err != nil || len(effects) != 0 {
			t.Errorf("%s: got %v, %v; want no effects", f.Language, effects, err)
		}
	}
}

// TestWhatDoesNotFitFailsTheDecision: nothing is ever cut off, whichever way a language holds its strings.
func TestWhatDoesNotFitFailsTheDecision(t *testing.T) {
	long, escaped, many := tradeInFacts(strings.Repeat("x", 1025)), tradeInFacts(strings.Repeat("\x01", 1000)), tradeInFacts("2S")
	many.Quantity = 1 << 31
	for _, f := range formsOf(t, "trade-in") {
		t.Run(f.Language, func(t *testing.T) {
			mechanic := bind(t, f.load(t, f.committed(t)), nil)
			failing := map[string]*core.Facts{
				"failed: JSON data is longer than 4096 bytes": escaped,
				"failed: a count does not fit 32 bits":        many,
			}
			if f.Language == "c" || f.Language == "rust" { // the others' strings have no fixed length
				failing["failed: a string is longer than its buffer"] = long
			}
			for want, facts := range failing {
				if _, _, err := mechanic.Decide(core.HookQuote, facts, nil); err == nil || err.Error() != want {
					t.Errorf("got %v, want %s", err, want)
				}
			}
			if effects, _, err := mechanic.Decide(core.HookQuote, tradeInFacts("2S"), nil); err != nil || len(effects) != 3 {
				t.Errorf("after failures: %v, %v", effects, err)
			}
		})
	}
}

func TestNoModuleIsLargerThanItsLanguageNeeds(t *testing.T) {
	for _, f := range forms(t) {
		if size := len(f.committed(t)); size > f.most {
			t.Errorf("%s has %d bytes, want at most %d", f.module, size, f.most)
		}
	}
}

// TestEveryCommittedModuleIsWhatItsSourceBuilds compares bytes where the toolchain is the very version that the modules are
// built with (see the file toolchains), and decisions where it is another.
func TestEveryCommittedModuleIsWhatItsSourceBuilds(t *testing.T) {
	pinned, err := os.ReadFile("toolchains")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range forms(t) {
		t.Run(f.plugin+"/"+f.Language, func(t *testing.T) {
			built := f.Build(t, sources(t, f)...)
			version := f.Language + " " + f.Version(t)
			if slices.Contains(strings.Split(string(pinned), "\n"), version) {
				if !bytes.Equal(built, f.committed(t)) {
					t.Errorf("%s is not what its source builds with %s: run go generate ./plugins/library", f.module, version)
				}
				return
			}
			t.Logf("only decisions are compared: bytes are those of another version than %s", version)
			plugin := f.load(t, built)
			mechanictest.Run(t, plugin.Bind, f.vectors(t)[0])
		})
	}
}

// sources are the files that a form is built from.
func sources(t *testing.T, f form) []string {
	t.Helper()
	own, err := filepath.Glob(filepath.Join(filepath.Dir(f.module), "*.[cgrt]*"))
	if err != nil {
		t.Fatal(err)
	}
	sdk, err := filepath.Glob("../sdk/" + f.Language + "/hotdrop.*")
	if err != nil || len(own) == 0 || len(sdk) != 1 {
		t.Fatalf("%v, %v, %v", own, sdk, err)
	}
	return append(own, sdk...)
}
