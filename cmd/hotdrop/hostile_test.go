package main

import (
	"testing"

	"hotdrop/plugins"
	"hotdrop/plugins/vet/corpus"
)

func TestHostileUploadsAreOfManyKindsAndMostCarryTheirFiles(t *testing.T) {
	for _, n := range []int{1, 32, len(corpus.Modules()), len(corpus.Modules()) + 3} {
		digests, packed := map[string]bool{}, 0
		for _, module := range hostileModules(n) {
			digests[plugins.Digest(module)] = true
			if _, vectors, err := plugins.Unpack(module); err == nil && vectors != nil {
				packed++
			}
		}
		if want := min(n, len(corpus.Modules())); len(digests) < want*9/10 {
			t.Errorf("%d uploads are %d modules", n, len(digests))
		}
		if n > 1 && packed < n/3 {
			t.Errorf("%d of %d uploads carry vectors", packed, n)
		}
	}
}
