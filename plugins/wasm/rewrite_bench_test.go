package wasm

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/tetratelabs/wazero"
)

// BenchmarkRewrite reports how many bytes of a guest are decoded and rewritten per second.
func BenchmarkRewrite(b *testing.B) {
	for path, wasm := range shipped(b) {
		b.Run(strings.ReplaceAll(path, "/", "_"), func(b *testing.B) {
			b.SetBytes(int64(len(wasm)))
			b.ReportAllocs()
			grown := 0
			for b.Loop() {
				m := mustDecode(b, wasm)
				p := freely(m)
				p.MemoryPages = 256
				rewritten, err := Rewrite(m, p)
				if err != nil {
					b.Fatal(err)
				}
				grown = len(rewritten.Wasm)
			}
			b.ReportMetric(100*float64(grown)/float64(len(wasm))-100, "%growth")
		})
	}
}

// BenchmarkMetering calls the same code as it was written and as it is rewritten: loops as they are in a decision and in
// a hash, from C if clang is there, and a recursion.
func BenchmarkMetering(b *testing.B) {
	modules := map[string]*Module{"fib": fibonacci(b), "sum": summation(b)}
	if m := fromC(b); m != nil {
		modules["c"] = m
	}
	for name, m := range modules {
		p := freely(m)
		rewritten, err := Rewrite(m, p)
		if err != nil {
			b.Fatal(err)
		}
		names, types := exported(m)
		for _, export := range names {
			if !slices.Equal(types[export].Params, []ValueType{I32}) {
				continue
			}
			b.Run(name+"."+export+"/plain", func(b *testing.B) { benchmarkCalls(b, m.Encode(), export) })
			b.Run(name+"."+export+"/metered", func(b *testing.B) { benchmarkCalls(b, rewritten.Wasm, export) })
		}
	}
}

func benchmarkCalls(b *testing.B, wasm []byte, export string) {
	b.Helper()
	ctx := context.Background()
	runtime := wazero.NewRuntimeWithConfig(ctx, wazero.NewRuntimeConfigCompiler())
	defer runtime.Close(ctx)
	module, err := runtime.Instantiate(ctx, wasm)
	if err != nil {
		b.Fatal(err)
	}
	if g := module.ExportedGlobal(FuelGlobal); g != nil {
		in := &instance{form: &form{TB: b}, module: module}
		in.global(FuelGlobal).Set(1 << 62)
	}
	f := module.ExportedFunction(export)
	stack := make([]uint64, 1)
	for b.Loop() {
		stack[0] = 20
		if err := f.CallWithStack(ctx, stack); err != nil {
			b.Fatal(err)
		}
	}
}

// alone returns a module of one function, exported as f, and a memory.
func alone(t testing.TB, f fn) *Module {
	t.Helper()
	m := &Module{
		Types: []FuncType{{f.params, f.results}}, Functions: []uint32{0}, Exports: []Export{{"f", KindFunction, 0}},
		Memories: []MemoryType{{SizeLimits{Min: 1}}}, Bodies: []Body{{Code: asm(t, f.text+" end")}},
	}
	for _, l := range f.locals {
		m.Bodies[0].Locals = append(m.Bodies[0].Locals, LocalGroup{1, l})
	}
	return mustDecode(t, m.Encode())
}

func fibonacci(t testing.TB) *Module {
	t.Helper()
	return alone(t, fn{params: []ValueType{I32}, results: []ValueType{I32}, text: "local.get 0 i32.const 2 i32.lt_u if i32 local.get 0 else " +
		"local.get 0 i32.const 1 i32.sub call 0 local.get 0 i32.const 2 i32.sub call 0 i32.add end"})
}

func summation(t testing.TB) *Module {
	t.Helper()
	return alone(t, fn{params: []ValueType{I32}, results: []ValueType{I32}, locals: []ValueType{I32, I32}, text: "loop - " +
		"local.get 1 local.get 2 i32.const 2 i32.shl i32.const 1020 i32.and i32.load 2 0 i32.add local.set 1 " +
		"local.get 2 i32.const 1 i32.add local.tee 2 i32.const 1000 i32.lt_u br_if 0 end local.get 1"})
}

// fromC compiles testdata/bench.c, nil if there is no clang.
func fromC(b *testing.B) *Module {
	b.Helper()
	if _, err := exec.LookPath("clang"); err != nil {
		b.Log("NOT MEASURED: guests in C; install clang and lld")
		return nil
	}
	folder := b.TempDir()
	object, linked := filepath.Join(folder, "bench.o"), filepath.Join(folder, "bench.wasm")
	for _, command := range [][]string{
		{"clang", "--target=wasm32", "-O2", "-mbulk-memory", "-nostdlib", "-ffreestanding", "-fno-builtin", "-c", "-o", object, "testdata/bench.c"},
		{"wasm-ld", "--no-entry", "-z", "stack-size=8192", "--stack-first", "--strip-all", "--export=sha256", "--export=decide", "-o", linked, object},
	} {
		var said bytes.Buffer
		run := exec.CommandContext(b.Context(), command[0], command[1:]...)
		run.Stdout, run.Stderr = &said, &said
		if err := run.Run(); err != nil {
			b.Fatalf("%s: %v\n%s", command[0], err, said.String())
		}
	}
	wasm, err := os.ReadFile(linked)
	if err != nil {
		b.Fatal(err)
	}
	return mustDecode(b, wasm)
}
