package main

import (
	"encoding/json"

	"hotdrop/core/campaignfile"
	"hotdrop/plugins"
	"hotdrop/plugins/vet/corpus"
)

// hostileModules are n modules out of the corpus, of as many kinds as there are, as strangers would upload them during a
// sale.
func hostileModules(n int) [][]byte {
	all := corpus.Modules()
	modules := make([][]byte, n)
	for i := range modules {
		modules[i] = packedHostile(&all[i*max(1, len(all)/n)%len(all)])
	}
	return modules
}

// packedHostile packs the module with a vector that a harmless one fulfils, so that vetting gets as far as it can. What
// is not even a sequence of sections is uploaded as it is.
func packedHostile(m *corpus.Module) []byte {
	if m.Manifest == nil || len(m.Manifest.Hooks) == 0 {
		return m.Upload()
	}
	vector := campaignfile.Vector{Name: m.Name, Hook: m.Manifest.Hooks[0], Facts: *corpus.Innocent(), Effects: m.Effects}
	vectors, unwritten := json.Marshal(campaignfile.Vectors{Mechanic: m.Manifest.Name, Vectors: []campaignfile.Vector{vector}})
	manifest, undescribed := json.Marshal(m.Manifest)
	packed, broken := plugins.Pack(m.Wasm(), manifest, vectors)
	if unwritten != nil || undescribed != nil || broken != nil {
		return m.Upload()
	}
	return packed
}
