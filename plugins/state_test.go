package plugins_test

import (
	"fmt"
	"sync"
	"testing"

	"hotdrop/core"
	"hotdrop/plugins"
	"hotdrop/plugins/abi"
)

// leaky returns a module that reports what it finds as amounts of discounts (the memory at 8, a global, the pages of its
// memory) and then changes all three. After initialisation they are 5, 6 and 2.
func leaky() *module {
	m := newModule()
	get, set := m.global("state", 0)
	report := func(value ...[]byte) []byte {
		return append(concat(value...), concat(m.text("found"), m.use(abi.Discount))...)
	}
	m.export(abi.ExportInitialize, i32(8), i64(5), store64, i64(6), set, i32(1), memGrow, drop)
	m.export("quote",
		report(i32(8), load64), report(get), report(memSize, extend), report(i32(70000), load64),
		i32(8), i64(1), store64, i32(70000), i64(2), store64, get, i64(1), add64, set,
		// An odd quantity also grows the memory, a negative one traps half way.
		m.text("quantity"), m.use(abi.FactI64), i64(1), []byte{0x83}, isNot0, when(i32(1), memGrow, drop),
		m.text("quantity"), m.use(abi.FactI64), i64(0), []byte{0x53}, when(trap))
	return m
}

func concat(parts ...[]byte) []byte {
	var out []byte
	for _, p := range parts {
		out = append(out, p...)
	}
	return out
}

// pristine fails unless the leaky module found what its initialisation left.
func pristine(effects []core.Effect) error {
	want := []int64{5, 6, 2, 0}
	if len(effects) != len(want) {
		return fmt.Errorf("%d effects, want %d", len(effects), len(want))
	}
	for i := range want {
		if effects[i].Amount != want[i] {
			return fmt.Errorf("finding %d is %d, want %d", i, effects[i].Amount, want[i])
		}
	}
	return nil
}

func TestEveryDecisionStartsFromTheStateAfterInitialisation(t *testing.T) {
	mechanic := bind(t, load(t, everything("quantity"), leaky().bytes()), nil)
	for i, quantity := range []int64{0, 2, 1, 4, -2, 0, -1, 3, 0} {
		effects, _, err := mechanic.Decide(core.HookQuote, &core.Facts{Quantity: quantity}, nil)
		if quantity < 0 {
			wantCode(t, err, abi.CodeTrap)
			continue
		}
		if err == nil {
			err = pristine(effects)
		}
		if err != nil {
			t.Errorf("decision %d: %v", i, err)
		}
	}
}

func TestAGuestIsDiscardedAfter(t *testing.T) {
	for name, c := range map[string]struct {
		quantity int64
		idle     int
	}{
		"nothing: a decision that went well": {0, 1},
		"a trap":                             {-2, 0},
		"nothing: growing its memory":        {1, 1},
	} {
		t.Run(name, func(t *testing.T) {
			plugin := load(t, everything("quantity"), leaky().bytes())
			_, _, _ = bind(t, plugin, nil).Decide(core.HookQuote, &core.Facts{Quantity: c.quantity}, nil)
			if got := plugin.Idle(); got != c.idle {
				t.Errorf("%d guests are idle, want %d", got, c.idle)
			}
		})
	}
}

func TestManyGoroutinesShareAFewGuests(t *testing.T) {
	const askers, askings, guests = 24, 100, 3
	plugin, err := newHost(t, plugins.Options{Guests: guests}).Load(t.Context(), everything("quantity"), leaky().bytes())
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	for asker := range int64(askers) {
		mechanic := bind(t, plugin, nil)
		all.Go(func() {
			for i := range int64(askings) {
				quantity := (asker+i)%17 - 1 // now and then −1 traps; the odd ones grow
				effects, _, err := mechanic.Decide(core.HookQuote, &core.Facts{Quantity: quantity}, nil)
				if quantity < 0 {
					wantCode(t, err, abi.CodeTrap)
				} else if err != nil || pristine(effects) != nil {
					t.Errorf("quantity %d: %v, %v", quantity, err, pristine(effects))
				}
			}
		})
	}
	all.Wait()
	if got := plugin.Idle(); got > guests {
		t.Errorf("%d guests, want at most %d", got, guests)
	}
}

func TestCloseWaitsForDecisions(t *testing.T) {
	const askers = 16
	plugin, err := newHost(t, plugins.Options{Guests: 2}).Load(t.Context(), everything("quantity"), leaky().bytes())
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	started := make(chan struct{}, askers)
	for range askers {
		mechanic := bind(t, plugin, nil)
		all.Go(func() {
			first := sync.OnceFunc(func() { started <- struct{}{} })
			defer first()
			for {
				effects, _, err := mechanic.Decide(core.HookQuote, &core.Facts{}, nil)
				if err != nil {
					wantCode(t, err, abi.CodeUnavailable)
					return
				}
				if err := pristine(effects); err != nil {
					t.Error(err)
					return
				}
				first()
			}
		})
	}
	for range askers {
		<-started
	}
	if err := plugin.Close(t.Context()); err != nil {
		t.Error(err)
	}
	all.Wait()
}

func TestGuestsOfOneHostDoNotShareAnything(t *testing.T) {
	host := newHost(t, plugins.Options{Guests: 1})
	for name := range 4 {
		manifest := everything("quantity")
		manifest.Name = fmt.Sprintf("plugin-%d", name)
		plugin, err := host.Load(t.Context(), manifest, leaky().bytes())
		if err != nil {
			t.Fatal(err)
		}
		effects, _, err := bind(t, plugin, nil).Decide(core.HookQuote, &core.Facts{}, nil)
		if err == nil {
			err = pristine(effects)
		}
		if err != nil {
			t.Errorf("%s: %v", manifest.Name, err)
		}
	}
}
