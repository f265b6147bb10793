package main

import (
	"encoding/json"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"hotdrop/core"
)

// forms are the folders of the shipped plugin in the other languages, beside the one in C.
func forms(t *testing.T) []string {
	t.Helper()
	modules, err := filepath.Glob(filepath.Join(startFolder, "..", "..", "plugins", "library", "trade-in", "*", "trade-in.wasm"))
	if err != nil || len(modules) < 3 {
		t.Fatalf("modules %v, %v", modules, err)
	}
	return modules
}

// vectorEffects are the effects that `mechanic run` shows for each vector of the plugin in the current folder.
func vectorEffects(t *testing.T, names []string) string {
	t.Helper()
	var all strings.Builder
	for _, name := range names {
		var result runResult
		r := do(t, "mechanic", "run", ".", "--vector", name, "-o", "json")
		if err := json.Unmarshal([]byte(r.stdout), &result); err != nil || result.Fuel == 0 {
			t.Fatalf("%s: %v\n%s%s", name, err, r.stdout, r.stderr)
		}
		effects, err := json.Marshal(result.Effects)
		if err != nil {
			t.Fatal(err)
		}
		all.WriteString(name + ": " + string(effects) + "\n")
	}
	return all.String()
}

// TestEveryLanguageGoesFromCheckToPack takes the same plugin in each language along its author's way: the commands know
// no language, and the effects are the same.
func TestEveryLanguageGoesFromCheckToPack(t *testing.T) {
	names := []string{"a Xiaomi takes 500 yuan off and uses one trade-in", "an order without a device to hand in pays the list price"}
	files(t, shippedPlugin(t))
	want := vectorEffects(t, names)
	if !strings.Contains(want, `{"discount":{"amount":50000`) {
		t.Fatal(want)
	}
	for _, path := range forms(t) {
		t.Run(filepath.Base(filepath.Dir(path)), func(t *testing.T) {
			module, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			files(t, with(shippedPlugin(t), "trade-in.wasm", string(module)))
			for _, args := range [][]string{{"check"}, {"test"}, {"bench", "--decisions", "20"}, {"pack"}, {"inspect", "trade-in.packed.wasm"}} {
				if r := do(t, append([]string{"mechanic"}, args...)...); r.code != exitOK {
					t.Fatalf("%v: exit %d\n%s%s", args, r.code, r.stdout, r.stderr)
				}
			}
			if got := vectorEffects(t, names); got != want {
				t.Errorf("got\n%swant\n%s", got, want)
			}
		})
	}
}

// TestWhatIsShippedIsWhatServes: the author's commands read the shipped files by themselves.
func TestWhatIsShippedIsWhatServes(t *testing.T) {
	c, err := newCompiler(t.Context(), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := c.close(t.Context()); err != nil {
			t.Error(err)
		}
	}()
	shipped, err := shippedSources()
	if err != nil {
		t.Fatal(err)
	}
	kinds := []string{}
	for _, source := range shipped {
		m, err := source.parse()
		if err != nil {
			t.Fatal(err)
		}
		binding := core.Binding{Mechanic: source.place, Config: core.Object{}}
		if source.kind == kindPlugin {
			binding = core.Binding{Plugin: source.place, Config: core.Object{}}
		}
		for name, param := range m.described.Config {
			if param.Default == nil { // required; every such parameter is a string
				binding.Config[name] = "anything"
			}
		}
		served, err := c.Compile(t.Context(), binding)
		if err != nil || served.Manifest().Digest != m.described.Digest {
			t.Errorf("%s (%s) is served as %v, %v", source.place, source.kind, served, err)
		}
		kinds = append(kinds, source.kind)
	}
	if !slices.Contains(kinds, kindRule) || !slices.Contains(kinds, kindPlugin) {
		t.Errorf("shipped: %v", kinds)
	}
}

// TestEveryCommandSaysWhatToTry when it is called with a flag that it does not have.
func TestEveryCommandSaysWhatToTry(t *testing.T) {
	started := false
	group, _, err := newRoot(&started).Find([]string{"mechanic"})
	if err != nil || len(group.Commands()) < 8 {
		t.Fatalf("%v, %v", group, err)
	}
	for _, command := range group.Commands() {
		r := do(t, "mechanic", command.Name(), "--bogus")
		if r.code != exitUsage || r.stderr != "hotdrop: unknown flag: --bogus\nnext: hotdrop mechanic "+command.Name()+" --help\n" {
			t.Errorf("%s: exit %d, %q", command.Name(), r.code, r.stderr)
		}
		if help := do(t, "mechanic", command.Name(), "--help"); help.code != exitOK || !strings.Contains(help.stdout, "Usage:\n  hotdrop mechanic") {
			t.Errorf("%s --help: exit %d\n%s", command.Name(), help.code, help.stdout)
		}
	}
}

func TestTheBuildIsNamedIfThereIsARecipe(t *testing.T) {
	files(t, map[string]string{"build.sh": "", "my mechanic/build.sh": "", "other/x": ""})
	for module, want := range map[string]string{
		"x.wasm": "./build.sh", "my mechanic/x.wasm": "cd 'my mechanic' && ./build.sh", "other/x.wasm": "build the module from its source",
	} {
		if got := buildCommand(module); got != want {
			t.Errorf("%s: %s, want %s", module, got, want)
		}
	}
}

func TestAVectorIsLocatedWhereItBegins(t *testing.T) {
	files(t, late())
	source, err := findMechanic("late")
	if err != nil {
		t.Fatal(err)
	}
	m, err := source.parse()
	if err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string][2]int{
		"mechanic": {1, 11}, "vectors[0]": {3, 5}, "vectors[1].effects[0]": {10, 15}, "vectors[2].hook": {12, 11}, "vectors[9]": {2, 1},
	} {
		if line, column := m.placeOf(path); line != want[0] || column != want[1] {
			t.Errorf("%s is at %d:%d, want %v", path, line, column, want)
		}
	}
}

func TestMechanicsOfOneFolderAreTestedTogether(t *testing.T) {
	files(t, with(toy(), "late/late.yaml", lateRule, "late/late.vectors.yaml", lateVectors))
	if r := do(t, "mechanic", "test", "."); r.code != exitOK || r.stdout != "ok    late (rule)   3 vectors\nok    toy (plugin)  1 vector\n4 passed, 0 failed\n" {
		t.Errorf("exit %d\n%s%s", r.code, r.stdout, r.stderr)
	}
	if r := do(t, "mechanic", "test", ".", "--run", "^toy/"); r.stdout != "ok    toy (plugin)  1 vector\n1 passed, 0 failed\n" {
		t.Errorf("a filter by the mechanic:\n%s", r.stdout)
	}
}

func TestWhatAPluginLogsIsShownWithoutMovingTheCursor(t *testing.T) {
	files(t, with(toy(), "toy/toy.wasm", module([]string{"log"}, "a\x1b[2Jb", i32(0), i32(6), callOf(0))))
	r := do(t, "mechanic", "run", "toy")
	if r.code != exitOK || r.stderr != "log: a\ufffd[2Jb\n" {
		t.Errorf("exit %d, %q", r.code, r.stderr)
	}
	if test := do(t, "mechanic", "test", "toy"); strings.Contains(test.stderr, "log") {
		t.Errorf("a test repeats what is logged some forty times: %q", test.stderr)
	}
}

func TestAFailureThatAVectorWantsIsMeasured(t *testing.T) {
	wanted := strings.Replace(toyVectors, "    effects:\n      - discount: {amount: 5, label: toy}\n      - once: {key: toy}\n", "    error: trap\n", 1)
	files(t, with(toy(), "toy/toy.wasm", module(nil, "", []byte{opUnreachable}), "toy/toy.vectors.yaml", wanted))
	if r := do(t, "mechanic", "bench", "toy", "--decisions", "5"); r.code != exitOK || strings.Contains(r.stdout, "failed") {
		t.Errorf("exit %d\n%s%s", r.code, r.stdout, r.stderr)
	}
}

func TestCheckFindsTheProblemsOfEveryFileAtOnce(t *testing.T) {
	files(t, map[string]string{
		"a/mechanic.yaml": "name: a\n", "a/a.wasm": "no", "a/a.vectors.yaml": "mechanic: a\n",
		"b/b.yaml": brokenRule, "b/b.vectors.yaml": "vectors: 3\n",
	})
	var report checkReport
	r := do(t, "mechanic", "check", ".", "-o", "json")
	if err := json.Unmarshal([]byte(r.stdout), &report); err != nil {
		t.Fatal(err)
	}
	byFile := map[string]int{}
	for _, p := range report.Problems {
		byFile[p.File]++
		if p.Message == "" || p.Line == 0 {
			t.Errorf("%+v has no message or no place", p)
		}
	}
	for _, file := range []string{"a/mechanic.yaml", "a/a.vectors.yaml", "b/b.yaml", "b/b.vectors.yaml"} {
		if byFile[file] == 0 {
			t.Errorf("%s has problems that were not found: %v", file, byFile)
		}
	}
	if r.code != exitFailed {
		t.Errorf("exit %d", r.code)
	}
}

func TestAFolderThatCannotBeWrittenIsNamed(t *testing.T) {
	files(t, toy())
	r := do(t, "mechanic", "pack", "toy", "-o", filepath.Join("none", "x.wasm"))
	if r.code != exitFailed || !strings.Contains(r.stderr, filepath.Join("none", "x.wasm")+" cannot be written") ||
		!strings.Contains(r.stderr, "next: hotdrop mechanic pack toy -o FILE\n") {
		t.Errorf("exit %d, %s", r.code, r.stderr)
	}
}
