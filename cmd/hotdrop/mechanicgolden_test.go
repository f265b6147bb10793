package main

import (
	"strings"
	"testing"
)

// brokenRule has a fact that does not exist and a discount without an amount.
const brokenRule = `rule: late
hook: quote
when: item.prize > 100
then:
  - discount: {label: Late}
`

// wrongVectors want what the toy cannot do, in every way there is.
const wrongVectors = `mechanic: toy
vectors:
  - name: a hook that it does not have
    hook: paid
    effects: [{grant: {pool: p, count: 1}}]
  - name: a denial
    hook: quote
    denied: never
  - name: a parameter out of bounds, and one that does not exist
    hook: quote
    config: {amount: 0, amont: 3}
`

// failingVectors want something else than the toy decides.
const failingVectors = `mechanic: toy
vectors:
  - name: five off and once
    hook: quote
    effects: [{discount: {amount: 5, label: toy}}, {once: {key: toy}}]
  - name: six off
    hook: quote
    effects:
      - discount: {amount: 6, label: toy}
      - take: {quota: q, units: 1}
  - name: a denial
    hook: quote
    denied: never
  - name: a failure
    hook: quote
    error: trap
  - name: a config that it does not take
    hook: quote
    config: {amount: 0}
`

// TestWhatAuthorsRead holds the output of every command, of what works and of every way to go wrong, against a golden file.
func TestWhatAuthorsRead(t *testing.T) {
	bad := func(body ...[]byte) string { return module([]string{"discount", "grant"}, "toy", body...) }
	for _, tc := range []struct {
		name  string
		files map[string]string
		stdin string
		args  string // separated by |
	}{
		{"check a rule", late(), "", "check|late"},
		{"check a plugin", toy(), "", "check|toy"},
		{"check everything below a folder", with(toy(), "late/late.yaml", lateRule), "", "check|."},
		{"check a rule that does not compile", with(late(), "late/late.yaml", brokenRule), "", "check|late/late.yaml"},
		{"check a manifest with typos", with(toy(), "toy/mechanic.yaml", strings.NewReplacer("[quantity]", "[quantty]", "author", "authors").Replace(manifest)), "", "check|toy"},
		{"check a manifest that contradicts itself", with(toy(), "toy/mechanic.yaml", strings.NewReplacer("[quantity]", "[quantty]", "once", "grant").Replace(manifest)), "", "check|toy"},
		{"check vectors that the manifest forbids", with(toy(), "toy/toy.vectors.yaml", wrongVectors), "", "check|toy"},
		{"check vectors of another mechanic", with(toy(), "toy/toy.vectors.yaml", strings.Replace(toyVectors, "toy", "tot", 1)), "", "check|toy"},
		{"check a plugin that is not built", with(toy(), "toy/toy.wasm", "", "toy/build.sh", "#!/bin/sh\n"), "", "check|toy"},
		{"check a module that is none", with(toy(), "toy/toy.wasm", "not a module"), "", "check|toy"},
		{"check a module that imports what it may not", with(toy(), "toy/toy.wasm", bad()), "", "check|toy"},
		{"check without vectors", with(toy(), "toy/toy.vectors.yaml", ""), "", "check|toy"},
		{"check as json", with(late(), "late/late.yaml", brokenRule), "", "check|late|-o|json"},
		{"check where nothing is", map[string]string{"readme.txt": ""}, "", "check|."},
		{"check here where nothing is", map[string]string{"readme.txt": ""}, "", "check"},
		{"check here where half a mechanic is", map[string]string{"toy.wasm": module(nil, "")}, "", "check"},

		{"test a rule", late(), "", "test|late"},
		{"test a plugin and list its vectors", toy(), "", "test|toy|-v"},
		{"test what fails", with(toy(), "toy/toy.vectors.yaml", failingVectors), "", "test|toy"},
		{"test what fails in a list", with(toy(), "toy/toy.vectors.yaml", failingVectors), "", "test|toy|-v|--run|five|-o|text"},
		{"test as json", with(toy(), "toy/toy.vectors.yaml", failingVectors), "", "test|toy|--run|six|-o|json"},
		{"test as junit", with(toy(), "toy/toy.vectors.yaml", failingVectors, "late/late.yaml", lateRule, "late/late.vectors.yaml", lateVectors), "", "test|.|-o|junit"},
		{"test a filter that matches nothing", toy(), "", "test|toy|--run|seven"},
		{"test a filter that is none", toy(), "", "test|toy|--run|("},
		{"test without vectors", with(toy(), "toy/toy.vectors.yaml", ""), "", "test|toy"},
		{"test a plugin that is not built", with(toy(), "toy/toy.wasm", "", "toy/build.sh", "#!/bin/sh\n"), "", "test|toy"},
		{"test vectors of another mechanic", with(toy(), "toy/toy.vectors.yaml", strings.Replace(toyVectors, "toy", "tot", 1)), "", "test|toy"},
		{"test a rule that does not compile", with(late(), "late/late.yaml", brokenRule), "", "test|late"},

		{"test here where only vectors are", map[string]string{"toy.vectors.yaml": toyVectors, "below/late.yaml": lateRule}, "", "test"},
		{"test here where only a module is", map[string]string{"toy.wasm": module(nil, "")}, "", "test"},
		{"test here where only a manifest is", map[string]string{"mechanic.yaml": manifest}, "", "test"},
		{"bench here where only vectors are", map[string]string{"toy.vectors.yaml": toyVectors}, "", "bench"},

		{"run a plugin", toy(), "", "run|toy"},
		{"run a rule on facts from stdin", late(), "{now: 2000, item: {price: 5}, quantity: 3}", "run|late"},
		{"run a rule that does not match", late(), `{"now": 2000, "quantity": 1}`, "run|late"},
		{"run a rule that refuses", late(), "", "run|late"},
		{"run a vector", late(), "", "run|late|--vector|two after noon are cheaper|--config|noon=1"},
		{"run a vector that is not there", late(), "", "run|late|--vector|none"},
		{"run a rule that overflows", late(), "{now: 2000, item: {price: 5}, quantity: 9223372036854775807}", "run|late"},
		{"run a plugin that traps", with(toy(), "toy/toy.wasm", module(nil, "", []byte{opUnreachable})), "", "run|toy"},
		{"run a plugin that never ends", with(toy(), "toy/toy.wasm", module(nil, "", forever())), "", "run|toy"},
		{"run a plugin that reads what it does not declare", with(toy(), "toy/toy.wasm", module([]string{"fact_i64"}, "now", i32(0), i32(3), callOf(0), []byte{0x1a})), "", "run|toy"},
		{"run a plugin that fails in its own words", with(toy(), "toy/toy.wasm", module([]string{"fail"}, "no\x1b[2J", i32(0), i32(6), callOf(0))), "", "run|toy"},
		{"run on facts with a typo", late(), "quantity: 2\nitme: {price: 5}\n", "run|late"},
		{"run on facts that no sale has", late(), "quantity: -1\nitem: {price: -5}\n", "run|late"},
		{"run on facts that are not there", late(), "", "run|late|--facts|none.yaml"},
		{"run on facts that are a folder", late(), "", "run|late|--facts|late"},
		{"run under a policy that is not there", late(), "", "run|late|--policy|none.yaml"},
		{"run at a hook that it does not have", late(), "", "run|late|--hook|paid"},
		{"run with parameters that it does not take", toy(), "", "run|toy|--config|amount=0|--config|amont=1"},
		{"run with a parameter that is none", toy(), "", "run|toy|--config|amount"},
		{"run what is not there", toy(), "", "run|toi"},
		{"run nothing", toy(), "", "run"},
		{"run as json", late(), "{now: 2000, item: {price: 5}, quantity: 3}", "run|late|-o|json"},
		{"run a refusal as json", late(), "", "run|late|-o|json"},
		{"run a failure as json", with(toy(), "toy/toy.wasm", module(nil, "", []byte{opUnreachable})), "", "run|toy|-o|json"},

		{"bench a rule", late(), "", "bench|late|--decisions|20"},
		{"bench a plugin", toy(), "", "bench|toy|--decisions|20"},
		{"bench a plugin that fails", with(toy(), "toy/toy.wasm", module(nil, "", []byte{opUnreachable})), "", "bench|toy|--decisions|20"},
		{"bench without vectors", with(toy(), "toy/toy.vectors.yaml", ""), "", "bench|toy"},
		{"bench no decisions", toy(), "", "bench|toy|--decisions|0"},

		{"pack a plugin", toy(), "", "pack|toy"},
		{"pack a plugin with problems", with(toy(), "toy/toy.vectors.yaml", wrongVectors), "", "pack|toy"},
		{"pack a plugin whose vectors fail", with(toy(), "toy/toy.vectors.yaml", strings.Replace(toyVectors, "5", "6", 1)), "", "pack|toy"},
		{"pack a plugin without vectors", with(toy(), "toy/toy.vectors.yaml", ""), "", "pack|toy"},
		{"pack a rule", late(), "", "pack|late"},

		{"inspect a plugin", toy(), "", "inspect|toy"},
		{"inspect a rule", late(), "", "inspect|late"},
		{"inspect a module without a manifest", map[string]string{"lone.wasm": module(nil, "")}, "", "inspect|lone.wasm"},
		{"inspect a plugin that is refused with its parameters", with(toy(), "toy/toy.wasm", bad()), "", "inspect|toy"},
		{"inspect what is no module", map[string]string{"noise.wasm": "noise"}, "", "inspect|noise.wasm"},
		{"inspect an empty file", map[string]string{"empty.wasm": ""}, "", "inspect|empty.wasm"},
		{"inspect much noise", map[string]string{"noise.wasm": strings.Repeat("noise", 400<<10)}, "", "inspect|noise.wasm"},
		{"inspect a module that is too large even for Go", map[string]string{"big.wasm": "\x00asm\x01\x00\x00\x00" + strings.Repeat("x", 4<<20)}, "", "inspect|big.wasm"},
		{"inspect nothing", toy(), "", "inspect"},
		{"inspect what is not there", toy(), "", "inspect|toy.packed.wasm"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			files(t, tc.files)
			golden(t, strings.ReplaceAll(tc.name, " ", "_"), doWith(t, tc.stdin, append([]string{"mechanic"}, strings.Split(tc.args, "|")...)...))
		})
	}
}
