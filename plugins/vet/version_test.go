package vet_test

import (
	"os"
	"strings"
	"testing"

	"hotdrop/plugins/vet"
	"hotdrop/plugins/wasm"
)

func TestAVerdictCountsForTheEngineThatIsBuiltIn(t *testing.T) {
	text, err := os.ReadFile("../../go.mod")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(text), "\tgithub.com/tetratelabs/wazero "+vet.Engine+"\n") || strings.Contains(string(text), "tetratelabs/wazero =>") {
		t.Errorf("go.mod requires another wazero than %s: set vet.Engine, so that what was vetted with the old one is vetted again", vet.Engine)
	}
	for _, part := range []string{"rules " + vet.Rules, "rewriter " + wasm.Version, "wazero " + vet.Engine} {
		if !strings.Contains(vet.Version(), part) {
			t.Errorf("%q does not tell %q", vet.Version(), part)
		}
	}
}
