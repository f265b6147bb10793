package vet

import (
	"slices"
	"strings"
	"testing"

	"hotdrop/plugins"
)

func codesOf(reasons []Reason) []string {
	codes := make([]string, len(reasons))
	for i, r := range reasons {
		codes[i] = r.Code
	}
	return codes
}

func TestOfABrokenModuleWithoutAManifestOnlyTheDamageIsSaid(t *testing.T) {
	honest := fiveOff().bytes()
	broken := honest[:len(honest)-3]
	r := Inspect(broken, plugins.DefaultLimits())
	if got := codesOf(r.Reasons); !slices.Equal(got, []string{"decode_error"}) {
		t.Errorf("got %v", r.Reasons)
	}
}

func TestAManifestThatBreaksItsOwnRulesIsToldFromAModuleThatDoes(t *testing.T) {
	honest := fiveOff().bytes()
	for manifest, want := range map[string][]string{
		"name: a/b\nhooks: [quote]\neffects: [discount]\n":                  {CodeManifestInvalid},
		"name: a\nhooks: [quote, boot]\neffects: [discount]\n":              {CodeManifestInvalid, CodeLoadRefused},
		"name: a\nhooks: [quote]\nfacts: [a]\neffects: [discount, b]\n":     {CodeManifestInvalid, CodeManifestInvalid},
		"name: a\nhooks: [quote]\neffects: [discount]\ndigest: sha256:00\n": {CodeManifestInvalid},
		"name: a\nhooks: [quote, paid]\neffects: [discount]\n":              {CodeLoadRefused},
		"name: a\nhooks: [quote]\neffects: [discount]\nconfig: {b: {}}\n":   {CodeManifestInvalid},
		"name: a\nhooks: [" + strings.Repeat("quote,", maxHooks+1) + "]\n":  {CodeManifestInvalid},
	} {
		r := Inspect(append(slices.Clone(honest), section(plugins.SectionManifest, manifest)...), plugins.DefaultLimits())
		if got := codesOf(r.Reasons); !slices.Equal(got, want) {
			t.Errorf("%s: got %v, want %v", manifest, r.Reasons, want)
		}
	}
}
