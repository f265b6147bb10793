package corpus

import (
	"errors"
	"maps"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"hotdrop/core"
	"hotdrop/plugins"
	"hotdrop/plugins/vet"
	"hotdrop/plugins/wasm"
)

// allocated returns how many bytes the function allocates.
func allocated(f func()) int64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return int64(after.TotalAlloc - before.TotalAlloc)
}

// The bounds on what a static verdict may allocate: whatever a module claims, it has to bring the bytes.
const (
	allocatedFirst   = 512 << 10 // bytes: what the deepest nesting takes
	allocatedPerByte = 4
	allocatedMost    = 32 << 20 // whatever the size
)

func TestTheDecoderRefuses(t *testing.T) {
	each(t, func(t *testing.T, m *Module) {
		b := m.Wasm()
		var err error
		used := allocated(func() { _, err = wasm.Decode(b, wasm.DefaultLimits()) })
		refusal, ok := errors.AsType[*wasm.Error](err)
		if !ok || refusal.Code != m.Want {
			t.Fatalf("got %v, want %s", err, m.Want)
		}
		if !strings.Contains(refusal.Message, m.Says) {
			t.Errorf("%q does not name %s", refusal.Message, m.Says)
		}
		if refusal.Offset < 0 || refusal.Offset > len(b) {
			t.Errorf("offset %d of %d bytes", refusal.Offset, len(b))
		}
		if most := min(allocatedMost, allocatedFirst+allocatedPerByte*int64(len(b))); used > most {
			t.Errorf("%d bytes of module made it allocate %d, more than %d", len(b), used, most)
		}
	}, StageDecode)
}

func TestTheHostRefusesBeforeItCompiles(t *testing.T) {
	host := newHost(t, plugins.Options{Guests: 1})
	each(t, func(t *testing.T, m *Module) {
		b := m.Wasm()
		want := m.Want
		if m.Stage == StageRewrite {
			want = ""
		}
		_, decoded, err := plugins.Check(m.Manifest, b, plugins.DefaultLimits())
		if decoded == nil || loadCode(err) != want {
			t.Errorf("check: got %v, want %q", err, want)
		}
		if _, err := host.Load(t.Context(), m.Manifest, b); loadCode(err) != m.Want || !strings.Contains(err.Error(), m.Says) {
			t.Errorf("load: got %v, want %s, naming %q", err, m.Want, m.Says)
		}
	}, StageLoad, StageRewrite)
}

// loadCode is the code that the first problem of loading begins with; load_refused for one without.
func loadCode(err error) string {
	problems, ok := errors.AsType[*core.Problems](err)
	if !ok {
		return ""
	}
	head, _, _ := strings.Cut(problems.List[0].Message, ":")
	code, _, _ := strings.Cut(head, " at offset")
	if strings.Contains(code, " ") {
		return codeLoad
	}
	return code
}

func TestWhatAModuleSaysOfItselfIsReadWithCare(t *testing.T) {
	each(t, func(t *testing.T, m *Module) {
		b := m.Wasm()
		var report *vet.Report
		used := allocated(func() { report = vet.Inspect(b, plugins.DefaultLimits()) })
		if report.Verdict != vet.Refused || report.Reasons[0].Code != m.Want {
			t.Fatalf("got %s, %v, want %s", report.Verdict, report.Reasons, m.Want)
		}
		if used > allocatedMost {
			t.Errorf("%d bytes of module made it allocate %d", len(b), used)
		}
	}, StageSections)
}

// BenchmarkStaticVerdicts gives every verdict that needs no child, on what a stranger would upload, and reports the one
// that takes longest and the one that allocates most. CORPUS.md has them one by one.
func BenchmarkStaticVerdicts(b *testing.B) {
	static := map[string][]byte{}
	for _, m := range Modules() {
		if m.Stage == StageDecode || m.Stage == StageLoad || m.Stage == StageSections {
			static[m.Name] = m.Upload()
		}
	}
	shortest, most := map[string]time.Duration{}, int64(0)
	for b.Loop() {
		for name, upload := range static {
			start := time.Now()
			most = max(most, allocated(func() { vet.Inspect(upload, plugins.DefaultLimits()) }))
			if took := time.Since(start); shortest[name] == 0 || took < shortest[name] {
				shortest[name] = took
			}
		}
	}
	slowest := slices.Max(slices.Collect(maps.Values(shortest)))
	b.ReportMetric(float64(slowest.Microseconds())/1e3, "ms/slowest")
	b.ReportMetric(float64(most)/1e6, "MB/largest")
}
