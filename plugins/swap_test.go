package plugins_test

import (
	"bytes"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"

	"hotdrop/core"
	"hotdrop/plugins"
	"hotdrop/plugins/abi"
)

// resident returns how much memory the process has, bytes, after what can be freed was freed.
func resident(t *testing.T) int64 {
	t.Helper()
	for range 2 { // machine code is unmapped by finalizers, which run after the collection that found them
		runtime.GC()
	}
	debug.FreeOSMemory()
	statm, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		t.Skipf("SKIPPED: the resident memory cannot be read here: %v", err)
	}
	pages, err := strconv.ParseInt(string(bytes.Fields(statm)[1]), 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return pages * int64(os.Getpagesize())
}

// swaps is how many times plugins are swapped: a thousand times in `make long`.
func swaps(t *testing.T) int {
	t.Helper()
	if os.Getenv("HOTDROP_LONG") != "" {
		return 1000
	}
	return 20
}

// version returns the leaky module with other bytes for every n, so that each is compiled anew.
func version(n int) []byte {
	m := leaky()
	m.text(strconv.Itoa(n))
	return m.bytes()
}

// TestSwappingPluginsUnderLoadLeaksNothing loads a new version in every round, lets deciders move over to it and closes
// the old one while they still decide. Nobody fails, nobody waits for a compilation, and the memory stays flat.
func TestSwappingPluginsUnderLoadLeaksNothing(t *testing.T) {
	host := newHost(t, plugins.Options{CacheDir: t.TempDir()})
	var serving atomic.Pointer[plugins.Plugin]
	swap := func(n int) {
		next, err := host.Load(t.Context(), everything("quantity"), version(n))
		if err != nil {
			t.Fatal(err)
		}
		if old := serving.Swap(next); old != nil {
			if err := old.Close(t.Context()); err != nil {
				t.Error(err)
			}
		}
	}
	swap(0)
	var decided, moved atomic.Int64
	number := 0
	underLoad := func(rounds int) {
		done := make(chan struct{})
		var deciders sync.WaitGroup
		for range 4 {
			deciders.Go(func() { decideUntil(t, done, &serving, &decided, &moved) })
		}
		for range rounds {
			number++
			swap(number)
		}
		close(done)
		deciders.Wait()
	}
	rounds := swaps(t)
	const warm = 10
	underLoad(warm)
	before, asked := resident(t), decided.Load() // measured while nobody decides, like what it is compared with
	underLoad(rounds)
	grown := resident(t) - before
	t.Logf("%d rounds, %d decisions, %d on a plugin that was just closed, %d KiB more memory", rounds, decided.Load()-asked, moved.Load(), grown>>10)
	if grown > noise+int64(rounds)*perSwap {
		t.Errorf("%d rounds left %d bytes behind", rounds, grown)
	}
	if decided.Load() == asked {
		t.Error("nobody decided while plugins were swapped")
	}
}

// noise is how many bytes of resident memory may come and go by themselves, and perSwap how many more with every swap, as
// the heap's spans fill up. Twenty swaps that left 200 KB each would be twice as much.
const (
	noise   = 2 << 20
	perSwap = 2 << 10
)

// decideUntil decides on what is served until done is closed, and counts.
func decideUntil(t *testing.T, done <-chan struct{}, serving *atomic.Pointer[plugins.Plugin], decided, moved *atomic.Int64) {
	for {
		select {
		case <-done:
			return
		default:
		}
		if decideOn(t, serving.Load()) {
			decided.Add(1)
		} else {
			moved.Add(1)
		}
	}
}

// decideOn reports false if the plugin was closed meanwhile.
func decideOn(t *testing.T, plugin *plugins.Plugin) bool {
	mechanic, err := plugin.Bind(nil)
	if err != nil {
		t.Error(err)
		return true
	}
	effects, _, err := mechanic.Decide(core.HookQuote, &core.Facts{Quantity: 1}, nil)
	if err != nil {
		wantCode(t, err, abi.CodeUnavailable)
		return false
	}
	if err := pristine(effects); err != nil {
		t.Error(err)
	}
	return true
}

// TestGuestsThatTrapLeaveNothingBehind discards a guest in every round.
func TestGuestsThatTrapLeaveNothingBehind(t *testing.T) {
	mechanic := bind(t, load(t, everything("quantity"), leaky().bytes()), nil)
	trapped := func(rounds int) {
		for range rounds {
			_, _, err := mechanic.Decide(core.HookQuote, &core.Facts{Quantity: -1}, nil)
			wantCode(t, err, abi.CodeTrap)
		}
	}
	trapped(200)
	before := resident(t)
	trapped(10 * swaps(t))
	if grown := resident(t) - before; grown > noise {
		t.Errorf("it left %d bytes behind", grown)
	}
}
