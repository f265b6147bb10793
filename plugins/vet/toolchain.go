package vet

import "encoding/binary"

// Tool is one entry of a module's producers section: what it says it was made with. Nothing checks it.
type Tool struct {
	Field   string `json:"field"` // language, processed-by or sdk
	Name    string `json:"name"`
	Version string `json:"version,omitempty"`
}

// sectionProducers is the custom section that compilers write their names into.
const sectionProducers = "producers"

// maxTools is how many entries a report shows.
const maxTools = 16

// toolchain reads a producers section: a list of fields, each a name and a list of pairs of name and version. What
// breaks that form ends the list; a wrong section is not worth a refusal, as nothing depends on it.
func toolchain(section []byte) []Tool {
	r := &producers{rest: section}
	var tools []Tool
	for fields := r.count(); fields > 0 && !r.broken; fields-- {
		field := r.text()
		for values := r.count(); values > 0 && !r.broken && len(tools) < maxTools; values-- {
			tool := Tool{Field: field, Name: r.text(), Version: r.text()}
			if !r.broken {
				tools = append(tools, tool)
			}
		}
	}
	return tools
}

// producers reads the primitives of the section; after an error it returns nothing.
type producers struct {
	rest   []byte
	broken bool
}

// count reads a length, which is never more than the bytes that follow it.
func (r *producers) count() int {
	n, size := binary.Uvarint(r.rest)
	if r.broken || size <= 0 || n > uint64(len(r.rest)) {
		r.broken = true
		return 0
	}
	r.rest = r.rest[size:]
	return int(n) //nolint:gosec // at most the length of a slice
}

func (r *producers) text() string {
	n := r.count()
	if n > len(r.rest) {
		r.broken = true
	}
	if r.broken {
		return ""
	}
	s := clean(string(r.rest[:min(n, maxPlace)]), maxWord)
	r.rest = r.rest[n:]
	return s
}
