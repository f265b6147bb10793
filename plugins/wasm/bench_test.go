package wasm

import (
	"bytes"
	"maps"
	"slices"
	"testing"
)

// MB/s of decoding and validating what ships: 2.4 MiB of Go, a few KiB of the others.
func BenchmarkDecode(b *testing.B) {
	all := guests(b)
	for _, name := range slices.Sorted(maps.Keys(all)) {
		wasm := all[name]
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(wasm)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := Decode(wasm, guestLimits(wasm)); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkEncode(b *testing.B) {
	all := guests(b)
	for _, name := range slices.Sorted(maps.Keys(all)) {
		m, err := Decode(all[name], guestLimits(all[name]))
		if err != nil {
			b.Fatal(err)
		}
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(all[name])))
			b.ReportAllocs()
			for b.Loop() {
				m.Encode()
			}
		})
	}
}

// The worst that a module of the default size can make of the decoder, and what a lie costs.
func BenchmarkDecodeHostile(b *testing.B) {
	const size = 1_000_000
	hostile := denseModules(size)
	hostile["wide calls"] = wideCalls(size)
	hostile["wide branches"] = wideBranches(size)
	hostile["lying count"] = moduleOf(oneType, sectionOf(SectionFunction, 0xff, 0xff, 0xff, 0xff, 0x0f))
	l := allocationLimits()
	for _, name := range slices.Sorted(maps.Keys(hostile)) {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(hostile[name])))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := Decode(hostile[name], l); err != nil && name != "lying count" {
					b.Fatal(err)
				}
			}
		})
	}
}

// wideCalls passes 64 operands through a chain of calls, each of two bytes.
func wideCalls(size int) []byte {
	wide := bytes.Repeat([]byte{byte(I32)}, 64)
	types := sectionOf(SectionType, slices.Concat([]byte{1, 0x60, 64}, wide, []byte{64}, wide)...)
	code := []byte{0}
	for i := range 64 {
		code = append(code, byte(OpLocalGet))
		code = appendUnsigned(code, uint32(i))
	}
	code = append(append(code, bytes.Repeat([]byte{byte(OpCall), 0}, size/2)...), byte(OpEnd))
	return moduleOf(types, oneFunction, sectionOf(SectionCode, append(appendUnsigned([]byte{1}, uint32(len(code))), code...)...))
}

// wideBranches checks operands, of types that nothing tells at once, against 1,000 labels of each of many tables.
func wideBranches(size int) []byte {
	wide := bytes.Repeat([]byte{byte(I32)}, 63)
	types := sectionOf(SectionType, slices.Concat([]byte{2, 0x60, 0, 0, 0x60, 0, 64}, wide, []byte{byte(I64)})...)
	code := slices.Concat([]byte{0}, bytes.Repeat([]byte{byte(OpBlock), 1}, 1_000))
	for range size / 2_200 {
		code = append(code, byte(OpUnreachable), byte(OpSelect))
		code = append(code, bytes.Repeat([]byte{byte(OpI32Const), 0}, 62)...)
		code = append(code, byte(OpI64Const), 0, byte(OpI32Const), 0, byte(OpBrTable))
		code = appendUnsigned(code, 1_000)
		for label := range 1_000 {
			code = appendUnsigned(code, uint32(label))
		}
		code = append(code, 0)
	}
	code = append(code, bytes.Repeat([]byte{byte(OpEnd), byte(OpUnreachable)}, 1_000)...)
	code = append(code, byte(OpEnd))
	return moduleOf(types, oneFunction, sectionOf(SectionCode, append(appendUnsigned([]byte{1}, uint32(len(code))), code...)...))
}
