package vet

import (
	"slices"
	"strings"
	"testing"
)

// clangProducers is what clang 14 writes for a C file.
const clangProducers = "\x01\x0cprocessed-by\x01\x05clang\x0614.0.6"

func TestTheProducersSectionNamesTheToolchain(t *testing.T) {
	for name, c := range map[string]struct {
		section string
		want    []Tool
	}{
		"clang": {clangProducers, []Tool{{"processed-by", "clang", "14.0.6"}}},
		"Rust": {"\x02\x08language\x01\x04Rust\x00\x0cprocessed-by\x02\x05rustc\x061.63.0\x06walrus\x060.19.0", []Tool{
			{"language", "Rust", ""}, {"processed-by", "rustc", "1.63.0"}, {"processed-by", "walrus", "0.19.0"},
		}},
		"no section":                          {"", nil},
		"no fields":                           {"\x00", nil},
		"a field without values":              {"\x01\x03sdk\x00", nil},
		"more fields than bytes":              {"\xff\xff\xff\xff\x7f\x01a", nil},
		"a count that never ends":             {strings.Repeat("\x80", 20), nil},
		"a text that ends early":              {"\x01\x03sdk\x01\x05clan", nil},
		"a version that is missing":           {"\x01\x03sdk\x01\x01a", nil},
		"an entry that is whole before":       {"\x01\x03sdk\x02\x01a\x011\x05b", []Tool{{"sdk", "a", "1"}}},
		"a name that clears the screen":       {"\x01\x03sdk\x01\x04\x1b[2J\x00", []Tool{{"sdk", "�[2J", ""}}},
		"a name of which only the start fits": {"\x01\x03sdk\x01\x64" + strings.Repeat("n", 100) + "\x00", []Tool{{"sdk", strings.Repeat("n", maxWord-3) + "…", ""}}},
	} {
		t.Run(name, func(t *testing.T) {
			if got := toolchain([]byte(c.section)); !slices.Equal(got, c.want) {
				t.Errorf("got %+v, want %+v", got, c.want)
			}
		})
	}
}

func TestAReportShowsOnlyTheFirstTools(t *testing.T) {
	section := "\x01\x03sdk\x64" + strings.Repeat("\x01a\x011", 100)
	if got := toolchain([]byte(section)); len(got) != maxTools {
		t.Errorf("%d tools", len(got))
	}
}

func FuzzToolchain(f *testing.F) {
	f.Add([]byte(clangProducers))
	f.Add([]byte("\x02\x08language\x01\x04Rust\x00\x0cprocessed-by\x01\x05rustc\x061.63.0"))
	f.Add([]byte("\x7f\x7f\x7f"))
	f.Fuzz(func(t *testing.T, section []byte) {
		for _, tool := range toolchain(section) {
			for _, s := range []string{tool.Field, tool.Name, tool.Version} {
				if s != clean(s, maxWord) {
					t.Fatalf("%q is not fit for a terminal", s)
				}
			}
		}
	})
}
