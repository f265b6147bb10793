package vet

import (
	"cmp"
	"errors"
	"slices"
	"strconv"
	"strings"

	"hotdrop/core"
	"hotdrop/core/campaignfile"
	"hotdrop/plugins"
	"hotdrop/plugins/abi"
	"hotdrop/plugins/wasm"
)

// The most that a manifest may declare: far beyond any mechanic's need, and few enough to ask about each.
const (
	maxHooks      = 16
	maxFacts      = 256
	maxParameters = 64
)

// Inspect returns the static half of a report on a packed module: nothing of it is compiled or run. The verdict is
// [Refused] if something already speaks against it, or else "".
func Inspect(module []byte, limits plugins.Limits) *Report {
	r, _ := inspect(nil, nil, module, limits)
	return r
}

// subject is a module that can go on to the child.
type subject struct {
	manifest *core.Manifest
	vectors  []byte // nil if there are none
	module   []byte
}

// inspect makes the static half. Manifest and vectors are those of the module's custom sections where they are nil. The
// subject is nil if the module must not be run, not even by a child.
func inspect(manifest *core.Manifest, vectors, module []byte, limits plugins.Limits) (*Report, *subject) {
	r := &Report{
		Digest: plugins.Digest(module), Size: int64(len(module)), Limits: limits, Rewriter: wasm.Version,
		Packed: manifest == nil && vectors == nil,
	}
	if r.Size > limits.ModuleBytes {
		r.refuse(reasonf(CodeModuleTooLarge, "", "it has %d bytes, and %d are granted", r.Size, limits.ModuleBytes))
		return r, nil
	}
	s := &subject{manifest: manifest, vectors: vectors, module: module}
	sections := r.unpack(s)
	r.declared(s)
	r.check(s, limits)
	if r.Verdict != Refused {
		r.refuse(sections...)
	}
	if r.Verdict != Refused {
		r.checkVectors(s)
	}
	if r.Verdict == Refused {
		return r, nil
	}
	return r, s
}

// unpack fills in what comes in the module's custom sections and returns what is wrong with them, which counts only if the
// decoder has nothing to say.
func (r *Report) unpack(s *subject) []Reason {
	manifest, vectors, err := plugins.Unpack(s.module)
	if s.vectors == nil {
		s.vectors = vectors
	}
	switch {
	case s.manifest != nil && s.vectors != nil:
		return nil
	case err != nil:
		return problems(sectionCode(err), "", err)
	case s.manifest != nil:
		return nil
	case manifest == nil:
		return []Reason{reasonf(CodeManifestMissing, plugins.SectionManifest, "the module carries no manifest")}
	}
	if s.manifest, err = plugins.ManifestOf(s.module); err != nil {
		s.manifest = nil
		return problems(CodeManifestInvalid, plugins.SectionManifest, err)
	}
	return nil
}

// sectionCode tells a section of vectors that cannot be used from everything else.
func sectionCode(err error) string {
	if list, ok := errors.AsType[*core.Problems](err); ok && list.List[0].Path == plugins.SectionVectors {
		return CodeVectorsInvalid
	}
	return CodeManifestInvalid
}

// declared shows what the manifest says. One that declares too much is not looked at any closer.
func (r *Report) declared(s *subject) {
	m := s.manifest
	if m == nil {
		return
	}
	r.Manifest = Manifest{
		Name: clean(m.Name, maxWord), Version: clean(m.Version, maxWord), Author: clean(m.Author, maxPlace),
		Hooks: cleanList(m.Hooks), Facts: cleanList(m.Facts), Effects: cleanList(m.Effects),
	}
	if len(m.Hooks) > maxHooks || len(m.Facts) > maxFacts || len(m.Effects) > maxFacts || len(m.Config) > maxParameters {
		r.refuse(reasonf(CodeManifestInvalid, "",
			"it declares %d hooks, %d facts, %d effects and %d parameters, and %d, %d, %d and %d are allowed",
			len(m.Hooks), len(m.Facts), len(m.Effects), len(m.Config), maxHooks, maxFacts, maxFacts, maxParameters))
		s.manifest = nil
	}
}

// check decodes the module and holds it against ABI, manifest and limits; without a manifest it only decodes.
func (r *Report) check(s *subject, limits plugins.Limits) {
	manifest := s.manifest
	if manifest == nil {
		manifest = &core.Manifest{}
	}
	_, decoded, err := plugins.Check(manifest, s.module, limits)
	if decoded != nil {
		r.describe(decoded)
	}
	if err == nil || (s.manifest == nil && decoded != nil) {
		return
	}
	own, rest := ofManifest(err)
	if s.manifest != nil { // what the empty one lacks is nobody's fault
		r.refuse(problems(CodeManifestInvalid, "", own)...)
	}
	r.refuse(problems(CodeLoadRefused, "", rest)...)
}

// ofManifest tells the problems of a manifest, whose paths are its fields, from those of its module. Either may be nil.
func ofManifest(err error) (own, rest error) {
	list, ok := errors.AsType[*core.Problems](err)
	if !ok {
		return nil, err
	}
	var manifest, module core.Problems
	for _, p := range list.List {
		field, _, _ := strings.Cut(p.Path, ".")
		field, _, _ = strings.Cut(field, "[")
		if slices.Contains([]string{"name", "hooks", "facts", "effects", "config", "digest"}, field) {
			manifest.List = append(manifest.List, p)
		} else {
			module.List = append(module.List, p)
		}
	}
	return manifest.Err(), module.Err()
}

// checkVectors reads the vector file, which the child reads again.
func (r *Report) checkVectors(s *subject) {
	if s.vectors == nil {
		return // what the module does is worth a report all the same; that they are missing is said at its end
	}
	if len(s.vectors) > plugins.MaxVectors {
		r.refuse(reasonf(CodeVectorsInvalid, plugins.SectionVectors,
			"is %d bytes long, and at most %d are read", len(s.vectors), plugins.MaxVectors))
		return
	}
	vectors, err := campaignfile.ParseVectors(s.vectors)
	switch {
	case err != nil:
		r.refuse(problems(CodeVectorsInvalid, plugins.SectionVectors, err)...)
	case vectors.Mechanic != s.manifest.Name:
		r.refuse(reasonf(CodeVectorsInvalid, "mechanic", "the vectors are of %q, the manifest of %q", vectors.Mechanic, s.manifest.Name))
	}
}

// describe shows what is in the module.
func (r *Report) describe(m *wasm.Module) {
	for _, custom := range m.Customs {
		if custom.Name == sectionProducers {
			r.Toolchain = toolchain(custom.Bytes)
		}
	}
	r.Code = codeOf(m)
	for i := range m.Imports[:min(len(m.Imports), maxListed)] {
		in := &m.Imports[i]
		f := Function{Name: clean(in.Module+"."+in.Name, maxPlace), Kind: in.Kind.String()}
		if in.Kind == wasm.KindFunction {
			f.Signature = signature(m.Types[in.TypeIndex])
		}
		r.Imports = append(r.Imports, f)
	}
	for i := range m.Exports[:min(len(m.Exports), maxListed)] {
		e := &m.Exports[i]
		r.Exports = append(r.Exports, Function{Name: clean(e.Name, maxPlace), Kind: e.Kind.String()})
	}
}

func signature(t wasm.FuncType) string {
	list := func(types []wasm.ValueType) string {
		var names []string
		for _, one := range types {
			names = append(names, one.String())
		}
		return "(" + strings.Join(names, ", ") + ")"
	}
	return clean(list(t.Params)+" -> "+list(t.Results), maxPlace)
}

const pageSize = 64 << 10 // bytes

func codeOf(m *wasm.Module) Code {
	c := Code{Functions: len(m.Bodies)}
	for i := range m.Bodies {
		c.Bytes += len(m.Bodies[i].Code)
		c.Floats += floatsIn(m.Bodies[i].Code)
	}
	for _, memory := range m.Memories {
		c.MemoryBytes += int64(memory.Min) * pageSize
	}
	for _, table := range m.Tables {
		c.TableSize += int64(table.Min)
	}
	return c
}

// floatsIn counts the instructions that take or give floats, but for those that only move them.
func floatsIn(code []byte) int {
	n := 0
	for r := wasm.NewReader(code); r.Next(); {
		operands, results, _ := r.Instruction().Op.Fixed()
		if slices.ContainsFunc(operands, isFloat) || slices.ContainsFunc(results, isFloat) {
			n++
		}
	}
	return n
}

func isFloat(t wasm.ValueType) bool { return t == wasm.F32 || t == wasm.F64 }

// problems turns the problems of a file or a module into reasons. Those whose message begins with a code have that code,
// others the given one; in is the file in which lines are counted.
func problems(code, in string, err error) []Reason {
	if err == nil {
		return nil
	}
	list, ok := errors.AsType[*core.Problems](err)
	if !ok {
		return []Reason{reasonf(code, in, "%v", err)}
	}
	var reasons []Reason
	for _, p := range list.List[:min(len(list.List), maxReasons)] {
		reason := reasonf(code, problemPlace(in, p), "%s", p.Message)
		if own, offset, rest, found := coded(p.Message); found {
			reason = reasonf(own, cmp.Or(problemPlace(in, p), offset), "%s", rest)
		}
		if p.Hint != "" {
			reason.Hint = clean(p.Hint, maxMessage)
		}
		reasons = append(reasons, reason)
	}
	return reasons
}

func problemPlace(in string, p core.Problem) string {
	switch {
	case in != "" && p.Line > 0:
		return in + ":" + strconv.Itoa(p.Line) + ":" + strconv.Itoa(p.Column) + " " + p.Path
	case in != "" && p.Path == "":
		return in
	default:
		return p.Path
	}
}

// coded splits "code: message" and "code at offset n: message", which is how the problems of loading begin that have a
// code.
func coded(message string) (code, offset, rest string, found bool) {
	head, rest, found := strings.Cut(message, ": ")
	code, at, _ := strings.Cut(head, " at offset ")
	if !found || !slices.Contains(loadCodes(), code) {
		return "", "", message, false
	}
	if at != "" {
		offset = "offset " + at
	}
	if inner, place, said, nested := coded(rest); nested && code == abi.CodeFailed { // "failed: trap: …" of an initialisation
		return inner, place, said, true
	}
	return code, offset, rest, true
}

// loadCodes are the codes with which a problem of loading may begin.
func loadCodes() []string {
	return []string{
		abi.CodeImportRefused, abi.CodeModuleTooLarge, abi.CodeDecode, abi.CodeUnsupported, abi.CodeMemoryLimit, wasm.CodeExport,
		abi.CodeTrap, abi.CodeOutOfFuel, abi.CodeDepthLimit, abi.CodeFailed, abi.CodeNotReady, abi.CodeBadString, abi.CodeUnavailable,
	}
}
