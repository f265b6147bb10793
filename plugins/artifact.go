package plugins

import (
	"encoding/binary"
	"math"
	"slices"

	"hotdrop/core"
	"hotdrop/core/campaignfile"
	"hotdrop/plugins/wasm"
)

// The custom sections that make one module the whole artefact. Their content is the file as it was written.
const (
	SectionManifest = "hotdrop.manifest" // mechanic.yaml
	SectionVectors  = "hotdrop.vectors"  // the vector file
)

// The longest files that a module may carry, bytes: ten times what any mechanic here needs, and little enough to be read
// for every upload.
const (
	MaxManifest = 16 << 10
	MaxVectors  = 64 << 10
)

// Pack returns the module with the manifest and the vectors as its last two sections, in place of those it may have
// had; nil leaves a section out. Every other byte stays as it is, so packing the same files again writes the same bytes,
// and so does packing what was packed. The error is a *[core.Problems].
func Pack(module, manifest, vectors []byte) ([]byte, error) {
	packed := slices.Clone(module[:min(len(module), preambleSize)])
	err := walkSections(module, func(s artifactSection) {
		if s.custom == "" {
			packed = append(packed, module[s.start:s.end]...)
		}
	})
	if err != nil {
		return nil, err
	}
	for _, section := range []struct {
		name string
		file []byte
		most int
	}{{SectionManifest, manifest, MaxManifest}, {SectionVectors, vectors, MaxVectors}} {
		if len(section.file) > section.most {
			return nil, tooLong(section.name, section.file, section.most)
		}
		if section.file != nil {
			packed = appendCustom(packed, section.name, section.file)
		}
	}
	return packed, nil
}

// Unpack returns the manifest and the vectors of a packed module, each nil if the module does not carry it. They alias
// module. A module that is no sequence of sections, or carries one of the two twice or longer than it may be, is a
// *[core.Problems].
func Unpack(module []byte) (manifest, vectors []byte, err error) {
	found := map[string][]byte{}
	var twice string
	err = walkSections(module, func(s artifactSection) {
		if s.custom == "" { // there may be hundreds of thousands of others
			return
		}
		if _, before := found[s.custom]; before {
			twice = s.custom
		}
		found[s.custom] = s.content
	})
	if err == nil && twice != "" {
		err = malformed(twice, "the section stands in the module twice; pack it again")
	}
	if err != nil {
		return nil, nil, err
	}
	manifest, vectors = found[SectionManifest], found[SectionVectors]
	if len(manifest) > MaxManifest {
		return nil, nil, tooLong(SectionManifest, manifest, MaxManifest)
	}
	if len(vectors) > MaxVectors {
		return nil, nil, tooLong(SectionVectors, vectors, MaxVectors)
	}
	return manifest, vectors, nil
}

// ManifestOf reads the manifest that a packed module carries, as it was written: without kind and digest. The error is a
// *[core.Problems] whose places are those of the file.
func ManifestOf(module []byte) (*core.Manifest, error) {
	text, _, err := Unpack(module)
	if err != nil {
		return nil, err
	}
	if text == nil {
		return nil, malformed(SectionManifest, "the module carries no manifest; hotdrop mechanic pack adds one")
	}
	manifest := &core.Manifest{}
	if _, err := campaignfile.Decode(text, manifest); err != nil {
		return nil, err
	}
	return manifest, nil
}

// preambleSize is the length of the magic number and the version.
const preambleSize = 8

// artifactSection is one section of a module; start and end are offsets of the whole section in it.
type artifactSection struct {
	start, end int
	custom     string // SectionManifest or SectionVectors; "" for every other section
	content    []byte // of those two, behind the name
}

// walkSections calls visit for every section. It looks no further into a section than the name of a custom one.
func walkSections(module []byte, visit func(artifactSection)) error {
	if len(module) < preambleSize || string(module[:preambleSize]) != "\x00asm\x01\x00\x00\x00" {
		return malformed("", "%s at offset 0: this is not a WebAssembly module of version 1", wasm.CodeDecode)
	}
	for at := preambleSize; at < len(module); {
		body, end := sized(module, at+1)
		if body == nil {
			return malformed("", "%s at offset %d: the section is longer than the module", wasm.CodeDecode, at)
		}
		s := artifactSection{start: at, end: end}
		if module[at] == 0 {
			name, rest := sized(body, 0)
			if name == nil {
				return malformed("", "%s at offset %d: the name of the custom section is longer than the section", wasm.CodeDecode, at)
			}
			s.custom, s.content = packedName(name), body[rest:]
		}
		visit(s)
		at = end
	}
	return nil
}

// packedName returns the name of a custom section that packing writes, "" for any other.
func packedName(name []byte) string {
	switch string(name) {
	case SectionManifest:
		return SectionManifest
	case SectionVectors:
		return SectionVectors
	default:
		return ""
	}
}

// sized returns the bytes at an offset that follow their own length, and the offset behind them; nil if b ends before.
func sized(b []byte, at int) (content []byte, end int) {
	length, n := binary.Uvarint(b[min(at, len(b)):])
	if n <= 0 || length > math.MaxInt32 || int(length) > len(b)-at-n {
		return nil, 0
	}
	end = at + n + int(length)
	return b[at+n : end : end], end
}

func appendCustom(b []byte, name string, content []byte) []byte {
	head := append(binary.AppendUvarint(nil, uint64(len(name))), name...)
	b = append(b, 0)
	b = binary.AppendUvarint(b, uint64(len(head)+len(content)))
	return append(append(b, head...), content...)
}

func tooLong(name string, file []byte, most int) *core.Problems {
	return malformed(name, "is %d bytes long, and at most %d are read", len(file), most)
}

func malformed(path, format string, args ...any) *core.Problems {
	problems := &core.Problems{}
	problems.Add(path, format, args...)
	return problems
}
