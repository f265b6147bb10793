package main

import (
	"strings"
	"testing"

	"hotdrop/plugins"
)

// packed is the toy in one file.
func packed(t *testing.T) string {
	t.Helper()
	made := toy()
	module, err := plugins.Pack([]byte(made["toy/toy.wasm"]), []byte(manifest), []byte(toyVectors))
	if err != nil {
		t.Fatal(err)
	}
	return string(module)
}

// found renders mechanics as "kind:manifest or rule+module+vectors", the files that are not there in brackets.
func found(sources []*mechanicSource) string {
	shown := func(f sourceFile) string {
		if f.text == nil && f.name != "" {
			return "[" + f.name + "]"
		}
		return f.name
	}
	lines := make([]string, len(sources))
	for i, s := range sources {
		lines[i] = s.place + " = " + shown(s.rule) + " " + shown(s.manifest) + " " + shown(s.module) + " " + shown(s.vectors)
		lines[i] = strings.Join(strings.Fields(lines[i]), " ")
	}
	return strings.Join(lines, "; ")
}

func TestAMechanicIsFoundByWhateverNamesIt(t *testing.T) {
	toyHere := map[string]string{"mechanic.yaml": manifest, "toy.wasm": "w", "toy.vectors.yaml": "v"}
	for _, tc := range []struct {
		name, path string
		files      map[string]string
		want       string
	}{
		{"a plugin's folder", "toy", toy(), "toy = toy/mechanic.yaml toy/toy.wasm toy/toy.vectors.yaml"},
		{"a plugin's folder with a slash", "toy/", toy(), "toy = toy/mechanic.yaml toy/toy.wasm toy/toy.vectors.yaml"},
		{"the current folder", "", toyHere, ". = mechanic.yaml toy.wasm toy.vectors.yaml"},
		{"the current folder by its name", ".", toyHere, ". = mechanic.yaml toy.wasm toy.vectors.yaml"},
		{"a manifest", "toy/mechanic.yaml", toy(), "toy/mechanic.yaml = toy/mechanic.yaml toy/toy.wasm toy/toy.vectors.yaml"},
		{"a module that is not packed", "toy/toy.wasm", toy(), "toy/toy.wasm = toy/mechanic.yaml toy/toy.wasm toy/toy.vectors.yaml"},
		{"a plugin whose files have another name", "toy", map[string]string{"toy/mechanic.yaml": manifest, "toy/x.wasm": "w", "toy/y.packed.wasm": "w", "toy/z.vectors.yaml": "v"}, "toy = toy/mechanic.yaml toy/x.wasm toy/z.vectors.yaml"},
		{"a plugin with two modules of other names", "toy", map[string]string{"toy/mechanic.yaml": manifest, "toy/x.wasm": "w", "toy/y.wasm": "w"}, "toy = toy/mechanic.yaml [toy/toy.wasm] [toy/toy.vectors.yaml]"},
		{"a plugin with a broken manifest is named after its folder", "toy", map[string]string{"toy/mechanic.yaml": "]", "toy/toy.wasm": "w", "toy/x.wasm": "w"}, "toy = toy/mechanic.yaml toy/toy.wasm [toy/toy.vectors.yaml]"},
		{"a manifest that names a file elsewhere", "toy", map[string]string{"toy/mechanic.yaml": "name: ../secret\n", "secret.wasm": "w", "toy/x.wasm": "w"}, "toy = toy/mechanic.yaml toy/x.wasm [toy/secret.vectors.yaml]"},
		{"a packed module", "a.packed.wasm", map[string]string{"a.packed.wasm": packed(t), "mechanic.yaml": "name: other"}, "a.packed.wasm = a.packed.wasm#hotdrop.manifest a.packed.wasm a.packed.wasm#hotdrop.vectors"},
		{"a folder with nothing but a packed module", "x", map[string]string{"x/a.packed.wasm": packed(t)}, "x/a.packed.wasm = x/a.packed.wasm#hotdrop.manifest x/a.packed.wasm x/a.packed.wasm#hotdrop.vectors"},
		{"a rule", "late/late.yaml", late(), "late/late.yaml = late/late.yaml late/late.vectors.yaml"},
		{"a rule's folder", "late", late(), "late/late.yaml = late/late.yaml late/late.vectors.yaml"},
		{"a rule without vectors", "r.yaml", map[string]string{"r.yaml": lateRule}, "r.yaml = r.yaml [r.vectors.yaml]"},
		{"a rule in JSON", "r.json", map[string]string{"r.json": `{"rule": "r"}`}, "r.json = r.json [r.vectors.yaml]"},
		{"a folder of rules and other files", "x", map[string]string{"x/a.yaml": lateRule, "x/b.yaml": "# b\nrule: b\n", "x/campaign.yaml": "id: x\nruleset: [{rule: {rule: x}}]\n", "x/a.vectors.yaml": "v"}, "x/a.yaml = x/a.yaml x/a.vectors.yaml; x/b.yaml = x/b.yaml [x/b.vectors.yaml]"},
		{"vectors beside their rule", "late/late.vectors.yaml", late(), "late/late.vectors.yaml = late/late.yaml late/late.vectors.yaml"},
		{"vectors beside their plugin", "toy/toy.vectors.yaml", toy(), "toy/toy.vectors.yaml = toy/mechanic.yaml toy/toy.wasm toy/toy.vectors.yaml"},
		{"more vectors beside their rule", "late/more.vectors.yaml", with(late(), "late/more.vectors.yaml", lateVectors), "late/more.vectors.yaml = late/late.yaml late/more.vectors.yaml"},
		{"vectors under another name", "late/cases.yaml", with(late(), "late/cases.yaml", lateVectors), "late/cases.yaml = late/late.yaml late/cases.yaml"},
		{"a folder of folders", ".", with(toy(), "late/late.yaml", lateRule, ".git/x.yaml", lateRule), "late/late.yaml = late/late.yaml [late/late.vectors.yaml]; toy = toy/mechanic.yaml toy/toy.wasm toy/toy.vectors.yaml"},
		{"a folder whose name is a pattern", "a[b]*", map[string]string{"a[b]*/r.yaml": lateRule, "ab/s.yaml": lateRule}, "a[b]*/r.yaml = a[b]*/r.yaml [a[b]*/r.vectors.yaml]"},
		{"a shipped rule", "seckill", nil, "seckill = shipped:seckill.yaml shipped:seckill.vectors.yaml"},
		{"a file before a shipped rule", "seckill", map[string]string{"seckill/seckill.yaml": lateRule}, "seckill/seckill.yaml = seckill/seckill.yaml [seckill/seckill.vectors.yaml]"},
		{"both shipped forms of a name", "trade-in", nil, "trade-in = shipped:trade-in.yaml shipped:trade-in.vectors.yaml; " +
			"trade-in = shipped:mechanic.yaml shipped:trade-in.wasm shipped:trade-in.vectors.yaml"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			files(t, tc.files)
			sources, err := findMechanics(tc.path)
			if got := found(sources); err != nil || got != tc.want {
				t.Errorf("got  %s, %v\nwant %s", got, err, tc.want)
			}
		})
	}
}

func TestWithoutAMechanicHereTheShippedOnesAreMeant(t *testing.T) {
	files(t, map[string]string{"below/late.yaml": lateRule, "campaign.yaml": "id: x\n"})
	var talk strings.Builder
	sources, err := findOrShipped("", &talk)
	if err != nil || len(sources) < 15 || sources[0].rule.name != "shipped:auto-reply.yaml" {
		t.Errorf("%s, %v", found(sources), err)
	}
	if talk.String() != "no mechanic here: these are the shipped ones\n" {
		t.Errorf("nobody is told: %q", talk.String())
	}
}

func TestWhatCannotBeFoundSaysWhyAndWhatToTry(t *testing.T) {
	for _, tc := range []struct {
		name, path string
		files      map[string]string
		want       string
	}{
		{"nothing of that name", "none.yaml", nil, "none.yaml: there is no such file or folder, and no shipped mechanic has that name\nnext: hotdrop mechanic list"},
		{"nearly a shipped one", "sekill", nil, "sekill is neither a file nor a shipped mechanic (did you mean seckill?)\nnext: hotdrop mechanic list"},
		{"an empty folder", ".", nil, ". has no mechanic: neither mechanic.yaml with its module, nor a rule, nor a packed module\nnext: hotdrop mechanic init --help"},
		{"vectors of nobody", "a.vectors.yaml", map[string]string{"a.vectors.yaml": strings.Replace(lateVectors, "late", "nobody", 1)},
			"a.vectors.yaml is for \"nobody\", which is not beside it, and no shipped mechanic has that name\nnext: hotdrop mechanic list"},
		{"a module that is none", "a.wasm", map[string]string{"a.wasm": "no"}, "a.wasm has a problem\na.wasm: decode_error at offset 0: this is not a WebAssembly module of version 1"},
		{"a module that is too long", "a.wasm", map[string]string{"a.wasm": strings.Repeat("x", maxModuleFile+1)}, "a.wasm is longer than 33554432 bytes"},
		{"a rule that is too long", "a.yaml", map[string]string{"a.yaml": strings.Repeat("#", 300<<10)}, "a.yaml is longer than 262144 bytes"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			files(t, tc.files)
			if _, err := findMechanics(tc.path); err == nil || err.Error() != tc.want {
				t.Errorf("got  %v\nwant %s", err, tc.want)
			}
		})
	}
}

func TestACommandForOneMechanicNamesThoseThereAre(t *testing.T) {
	files(t, with(toy(), "late/late.yaml", lateRule))
	if _, err := findMechanic("."); err == nil || err.Error() != ". has 2 mechanics; name one of late/late.yaml, toy" {
		t.Error(err)
	}
	if s, err := findMechanic("trade-in"); err != nil || s.kind != kindRule {
		t.Errorf("%v, %v: of two shipped forms the rule is meant", s, err)
	}
	t.Chdir("toy")
	if s, err := findMechanic(""); err != nil || s.place != "." {
		t.Errorf("%v, %v", s, err)
	}
}
