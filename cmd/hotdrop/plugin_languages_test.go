package main

import (
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"hotdrop/plugins"
	"hotdrop/plugins/sdk"
	"hotdrop/plugins/sdk/toolchain"
)

// TestAPluginInEveryLanguageGoesFromAnEmptyFolderToAPrice makes a plugin from each template, lets one server vet it and
// one platform approve it, and buys under it.
func TestAPluginInEveryLanguageGoesFromAnEmptyFolderToAPrice(t *testing.T) {
	a := newAuthor(t)
	for _, language := range sdk.Languages() {
		if !language.Builds() {
			continue
		}
		t.Run(language.Name, func(t *testing.T) {
			a.t = t
			module := packedTemplate(t, language)
			if r := a.submit(module); r.code != exitOK || strings.Contains(r.stdout+r.stderr, "warning") {
				t.Fatalf("exit %d\n%s%s", r.code, r.stdout, r.stderr)
			}
			digest := plugins.Digest(module)
			a.decide(http.StatusOK, digest, "approvals")
			id := "made-in-" + language.Name
			file := writeFile(t, a.folder, id+".yaml", `campaign: `+id+`
brand: meizu
currency: CNY
title: Made here
phases: {sale: 2014-01-01T00:00:00+08:00, closed: 2114-01-01T00:00:00+08:00}
items: [{sku: mx3, title: MX3, price: 179900, stock: 30, hold: 15m}]
ruleset: [{plugin: "`+digest+`", config: {amount: 900}}]
`)
			if r := run(t, a.folder, "campaign", "apply", "--reason", "a test", file, "--server", a.server.url); r.code != exitOK {
				t.Fatalf("exit %d\n%s", r.code, r.stderr)
			}
			placed := request(t, http.StatusCreated, http.MethodPost, a.server.url+"/v1/campaigns/"+id+"/orders",
				tokenOf(t, a.server.url, "ann"), "k", `{"sku":"mx3","quantity":2}`)
			if total := placed.body["total"]; total != float64(2*179900-900) {
				t.Errorf("the total is %v: %s", total, placed.text)
			}
		})
	}
}

// packedTemplate makes a plugin from the language's template as it is, and packs it.
func packedTemplate(t *testing.T, language sdk.Language) []byte {
	t.Helper()
	installed, err := filepath.Abs("../../plugins/sdk/assemblyscript/node_modules")
	if err != nil {
		t.Fatal(err)
	}
	t.Chdir(t.TempDir())
	name := "made-in-" + language.Name
	if r := do(t, "mechanic", "init", "--lang", language.Name, name); r.code != exitOK {
		t.Fatalf("exit %d\n%s%s", r.code, r.stdout, r.stderr)
	}
	t.Chdir(name)
	if err := os.Symlink(installed, "node_modules"); err != nil { // what the first build would fetch
		t.Fatal(err)
	}
	toolchain.Guest{Language: language.Folder, Recipe: sdk.Recipe}.Version(t)
	if text, err := exec.CommandContext(t.Context(), "./"+sdk.Recipe).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	for _, args := range [][]string{{"test"}, {"pack"}, {"inspect", name + ".packed.wasm"}} {
		if r := do(t, append([]string{"mechanic"}, args...)...); r.code != exitOK {
			t.Fatalf("%v: exit %d\n%s%s", args, r.code, r.stdout, r.stderr)
		}
	}
	module, err := os.ReadFile(name + ".packed.wasm")
	if err != nil {
		t.Fatal(err)
	}
	return module
}
