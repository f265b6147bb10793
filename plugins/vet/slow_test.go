package vet

import (
	"context"
	"fmt"
	"os"
	"slices"

	"hotdrop/plugins"
	"hotdrop/plugins/abi"
)

// endless are options under which a slow module keeps its child busy for long.
func endless() Options {
	o := quick()
	o.Limits = plugins.DefaultLimits()
	o.Limits.Fuel, o.Limits.StartFuel = 1_000_000_000, 1_000_000_000
	return o
}

// slow is a guest that takes five off and burns most of that fuel for it: a fraction of a second compiled, many seconds
// interpreted.
func slow() *guest {
	g := newGuest(abi.Discount)
	count := slices.Concat([]byte{0x03, 0x40, 0x20, 0x00}, i64(1), []byte{0x7c, 0x22, 0x00}, i64(100_000_000), []byte{0x53, 0x0d, 0x00, 0x0b})
	g.function("quote", count, i64(5), g.text("off"), g.call(abi.Discount))
	g.m.Bodies[len(g.m.Bodies)-1].Locals = localsI64(1)
	return g
}

// bulky is a module of about 120 KB for every function: legal, but tens of them take the compiler seconds and hundreds of
// megabytes.
func bulky(functions int) *guest {
	g := fiveOff()
	step := slices.Concat([]byte{0x20, 0x00, 0x20, 0x00}, i64(12345), []byte{0x7c, 0x85, 0x21, 0x00}) // local 0 ^= local 0 + 12345
	code := slices.Repeat(step, 9_000)
	for range functions {
		g.m.Functions = append(g.m.Functions, 0)
		g.m.Bodies = append(g.m.Bodies, g.m.Bodies[0])
		body := &g.m.Bodies[len(g.m.Bodies)-1]
		body.Locals, body.Code = localsI64(1), append(slices.Clone(code), 0x0b)
	}
	return g
}

// bulkyOptions grant what bulky needs of static limits.
func bulkyOptions() Options {
	o := quick()
	o.Limits = plugins.DefaultLimits()
	o.Limits.ModuleBytes = 16 << 20
	return o
}

// vetForever vets a module that never ends, after it has said who its child is.
func vetForever() error {
	o := endless()
	o.watch = func(pid int, s stage, _ func()) {
		if s == stageVectors {
			_, _ = fmt.Fprintln(os.Stdout, pid)
		}
	}
	_, err := Run(context.Background(), o, quoting(), []byte(someVectors), slow().bytes())
	return err
}
