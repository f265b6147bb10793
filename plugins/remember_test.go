package plugins_test

import (
	"encoding/binary"
	"fmt"
	"maps"
	"slices"
	"testing"

	"hotdrop/core"
	"hotdrop/plugins"
	"hotdrop/plugins/abi"
)

// spy is a module that, when the quantity is probe, reports everything it can see as amounts of discounts, and
// otherwise leaves the trace of that number.
type spy struct {
	*module
	traces map[string]trace
}

type trace struct {
	number int64
	kept   bool // the guest is put back and used again; false: it is discarded
	fails  string
}

const probe = 100

// newSpy writes the module: all the ways in which an instance can change, and a report that sees each of them.
func newSpy() *spy {
	s := &spy{module: newModule(), traces: map[string]trace{}}
	m := s.module
	m.pages, m.table, m.passive = 2, 4, []byte("passive")
	get, set := m.global("", 7)
	shown, show := m.global("stack_pointer", 8)
	m.globals = append(m.globals, []byte{0x70, 1, 0xd0, 0x70, 0x0b}) // a mutable funcref, null
	for name, n := range []int64{11, 12} {
		m.exportFunction(abi.Function{Name: fmt.Sprint("number ", name), Results: []abi.Type{abi.I64}}, i64(n))
	}
	for _, name := range []string{abi.FactI64, abi.Discount, abi.Fail} {
		m.use(name)
	}
	for _, name := range []string{abi.RandomGet, abi.FdWrite, abi.ClockTimeGet} {
		m.wasi(name)
	}
	// All imports are there, so indexes are final.
	call := func(slot int64) []byte { return concat(i32(slot), op(0x11, uint64(len(m.imports))), []byte{0}) }
	m.globals = append(m.globals, concat([]byte{0x70, 0}, op(0xd2, uint64(len(m.imports)+1)), []byte{0x0b}))
	other := op(0x23, 3) // where references come from, as no function may make one
	var code []byte
	leave := func(name string, kept bool, fails string, body ...[]byte) {
		n := int64(len(s.traces) + 1)
		s.traces[name] = trace{number: n, kept: kept, fails: fails}
		code = append(code, concat(m.text("quantity"), m.use(abi.FactI64), i64(n), []byte{0x51}, when(body...))...)
	}
	leave("nothing", true, "", []byte{0x01})
	leave("a word in the memory", true, "", i32(8), i64(99), store64)
	leave("a word at the end of the memory", true, "", i32(131064), i64(99), store64)
	leave("a global that is not exported", true, "", i64(99), set)
	leave("the stack pointer", true, "", shown, i64(16), []byte{0x7d}, show)
	leave("memory that it grew and wrote to", true, "", i32(1), memGrow, drop, i32(131080), i64(99), store64)
	leave("memory grown by many pages", true, "", i32(9), memGrow, drop, i32(500000), i64(99), store64)
	leave("memory grown to the limit", false, "", i32(14), memGrow, drop, i32(131080), i64(99), store64)
	leave("the generator of random bytes", true, "", i32(24), i32(8), m.wasi(abi.RandomGet), drop)
	leave("half a line of its log", true, "",
		i32(32), i32(stringsAt), store32, i32(36), i32(4), store32, i32(1), i32(32), i32(1), i32(40), m.wasi(abi.FdWrite), drop)
	leave("an entry of its table", false, "", i32(0), other, []byte{0x26, 0})
	leave("a larger table", false, "", other, i32(1), []byte{0xfc, 15, 0}, drop)
	leave("a filled table", false, "", i32(0), other, i32(3), []byte{0xfc, 17, 0})
	leave("a table copied onto itself", false, "", i32(0), i32(1), i32(1), []byte{0xfc, 14, 0, 0})
	leave("a table initialised again", false, "", i32(0), i32(0), i32(1), []byte{0xfc, 12, 1, 0})
	leave("a dropped data segment", false, "", []byte{0xfc, 9, 1})
	leave("a dropped element segment", false, "", []byte{0xfc, 13, 1})
	leave("a global that holds a function", false, "", other, op(0x24, 2))
	everything := concat(i32(8), i64(99), store64, i64(99), set, i32(1), memGrow, drop)
	leave("a trap in the middle", false, abi.CodeTrap, everything, trap)
	leave("a failure in the middle", false, abi.CodeFailed, everything, m.text("no"), m.use(abi.Fail))
	leave("an endless loop", false, abi.CodeOutOfFuel, everything, []byte{0x03, 0x40, 0x0c, 0, 0x0b})

	report := func(value ...[]byte) []byte {
		return append(concat(value...), concat(m.text("seen"), m.use(abi.Discount))...)
	}
	m.export("quote", code, m.text("quantity"), m.use(abi.FactI64), i64(probe), []byte{0x51}, when(
		report(i32(8), load64), report(i32(131064), load64), report(get), report(shown), report(memSize, extend),
		report(i32(7), memGrow, extend), report(i32(131080), load64), report(i32(500000), load64),
		report(i32(24), i32(8), m.wasi(abi.RandomGet), drop, i32(24), load64),
		report(i32(0), i64(0), i32(24), m.wasi(abi.ClockTimeGet), drop, i32(24), load64),
		report([]byte{0xfc, 16, 0}, extend), report(call(0)), report(op(0x23, 2), []byte{0xd1}, extend),
		i32(48), i32(0), i32(7), []byte{0xfc, 8, 1, 0}, report(i32(48), load64),
		i32(1), i32(0), i32(1), []byte{0xfc, 12, 1, 0}, report(call(1))))
	return s
}

func see(t *testing.T, mechanic core.Mechanic) []int64 {
	t.Helper()
	effects, _, err := mechanic.Decide(core.HookQuote, &core.Facts{Quantity: probe, Now: 1395799200000}, nil)
	if err != nil {
		t.Fatal(err)
	}
	var seen []int64
	for _, e := range effects {
		seen = append(seen, e.Amount)
	}
	return seen
}

func TestAGuestCannotRememberThePreviousShopperBy(t *testing.T) {
	s := newSpy()
	for _, engine := range []bool{false, true} {
		plugin, err := newHost(t, plugins.Options{Guests: 1, Interpreter: engine}).Load(t.Context(), everything("now", "quantity"), s.bytes())
		if err != nil {
			t.Fatal(err)
		}
		mechanic := bind(t, plugin, nil)
		fresh := see(t, mechanic)
		random, passive := fresh[8], int64(binary.LittleEndian.Uint64([]byte("passive\x00")))
		if want := []int64{0, 0, 7, 8, 2, 2, 0, 0, random, 1395799200000_000_000, 4, 11, 1, passive, 12}; !slices.Equal(fresh, want) {
			t.Fatalf("a fresh guest sees %v, want %v", fresh, want)
		}
		for _, name := range slices.Sorted(maps.Keys(s.traces)) {
			left := s.traces[name]
			_, _, err := mechanic.Decide(core.HookQuote, &core.Facts{Quantity: left.number, Now: 1395799200001}, nil)
			if left.fails != "" {
				wantCode(t, err, left.fails)
			} else if err != nil {
				t.Errorf("%s: %v", name, err)
			}
			if kept := plugin.Idle() == 1; kept != left.kept {
				t.Errorf("%s: the guest was kept: %v, want %v", name, kept, left.kept)
			}
			if seen := see(t, mechanic); !slices.Equal(seen, fresh) {
				t.Errorf("after %s the guest sees %v, want %v", name, seen, fresh)
			}
		}
	}
}
