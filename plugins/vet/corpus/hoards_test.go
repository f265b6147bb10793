package corpus

import (
	"runtime"
	"strings"
	"testing"

	"hotdrop/core"
	"hotdrop/plugins"
)

// What decisions may leave on the server's heap: what one instruction of every decision left behind would be several times
// as much, at eight bytes each.
const (
	hoarding  = 40 // decisions
	heapNoise = 100 << 10
)

// TestTheServerKeepsNothingOfADecision measures the server's heap over decisions of modules that do by the thousand what
// the engines might allocate for.
func TestTheServerKeepsNothingOfADecision(t *testing.T) {
	for _, engine := range []struct {
		name        string
		interpreter bool
	}{{"compiler", false}, {"interpreter", true}} {
		host := newHost(t, plugins.Options{Guests: 1, Interpreter: engine.interpreter})
		for _, m := range Modules() {
			if m.Stage == StageRun && strings.HasPrefix(m.Name, hoard) {
				t.Run(engine.name+"/"+m.Name, func(t *testing.T) { keepsNothing(t, host, &m) })
			}
		}
	}
}

func keepsNothing(t *testing.T, host *plugins.Host, m *Module) {
	t.Helper()
	plugin, err := host.Load(t.Context(), m.Manifest, m.Wasm())
	if err != nil {
		t.Fatal(err)
	}
	mechanic, err := plugin.Bind(nil)
	if err != nil {
		t.Fatal(err)
	}
	decide(t, mechanic, m, 2)
	before := heap()
	decide(t, mechanic, m, hoarding)
	if kept := heap() - before; kept > heapNoise {
		t.Errorf("%d decisions left %d bytes on the heap", hoarding, kept)
	}
	if err := plugin.Close(t.Context()); err != nil {
		t.Error(err)
	}
}

func decide(t *testing.T, mechanic core.Mechanic, m *Module, times int) {
	t.Helper()
	for range times {
		if _, _, err := mechanic.Decide(m.Manifest.Hooks[0], Facts(), nil); err != nil {
			t.Fatal(err)
		}
	}
}

// heap returns the bytes that are in use, those of values that wait for a cleanup not included.
func heap() int64 {
	runtime.GC()
	runtime.GC()
	var s runtime.MemStats
	runtime.ReadMemStats(&s)
	return int64(s.HeapAlloc)
}
