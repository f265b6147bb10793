package vet

import (
	"slices"
	"strings"
	"testing"

	"hotdrop/core"
	"hotdrop/plugins"
	"hotdrop/plugins/abi"
)

// BenchmarkStaticVerdict is what an upload costs before it gets a child: a verdict must take less than 50 ms and 32 MB,
// whatever is uploaded. The cases are the longest that each part may be, as dense as it can be. Package corpus has
// the same for every hostile module.
func BenchmarkStaticVerdict(b *testing.B) {
	honest := fiveOff().bytes()
	with := func(name, content string) []byte { return append(slices.Clone(honest), section(name, content)...) }
	fill := func(head, item string, most int) string {
		return head + strings.Repeat(item, (most-len(head))/len(item))
	}
	packed := append(section(plugins.SectionManifest, someManifest), section(plugins.SectionVectors, fill(someVectors, strings.SplitAfterN(someVectors, "\n", 3)[2], plugins.MaxVectors))...)
	for name, module := range map[string][]byte{
		"a-module-of-1-MiB":  largest(),
		"a-dense-manifest":   with(plugins.SectionManifest, fill("x: {", "a: 1, ", plugins.MaxManifest-1)+"}"),
		"a-list-of-facts":    with(plugins.SectionManifest, fill("name: x\nfacts: [", "nw, ", plugins.MaxManifest-1)+"]"),
		"dense-vectors":      append(with(plugins.SectionManifest, someManifest), section(plugins.SectionVectors, fill("x: {", "a: 1, ", plugins.MaxVectors-1)+"}")...),
		"vectors-that-count": append(slices.Clone(honest), packed...),
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(int64(len(module)))
			for b.Loop() {
				Inspect(module, plugins.DefaultLimits())
			}
			b.ReportMetric(float64(b.Elapsed().Milliseconds())/float64(b.N), "ms/verdict")
		})
	}
}

// largest is a legal module of just under 1 MiB, of code alone.
func largest() []byte {
	g := fiveOff()
	code := slices.Repeat(slices.Concat(i32(1), i32(2), []byte{0x6a, 0x1a}), 20_000) // add, drop
	for range 8 {
		g.m.Functions = append(g.m.Functions, 0)
		g.m.Bodies = append(g.m.Bodies, g.m.Bodies[0])
		g.m.Bodies[len(g.m.Bodies)-1].Code = append(slices.Clone(code), 0x0b)
	}
	return append(g.bytes(), section(plugins.SectionManifest, someManifest)...)
}

// BenchmarkVetting is one whole vetting with its child, of a small module that is accepted.
func BenchmarkVetting(b *testing.B) {
	vetter := NewVetter(Options{Child: as(asChild)})
	module := fiveOff().bytes()
	manifest := &core.Manifest{Name: "guest", Hooks: []core.Hook{core.HookQuote}, Effects: []core.EffectKind{abi.Discount}}
	for b.Loop() {
		if r, err := vetter.Run(b.Context(), manifest, []byte(someVectors), module); err != nil || r.Verdict != Accepted {
			b.Fatal(r, err)
		}
	}
}
