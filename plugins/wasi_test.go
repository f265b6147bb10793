package plugins_test

import (
	"log/slog"
	"slices"
	"strings"
	"testing"

	"hotdrop/core"
	"hotdrop/plugins"
	"hotdrop/plugins/abi"
)

// answers returns what a call of an import from WASI by a plugin with these declared facts returns, and then the words at 256, 264, … that it left.
func answers(t *testing.T, declared []string, facts *core.Facts, words int, before []byte, name string, params ...[]byte) []int64 {
	t.Helper()
	m := newModule()
	report := func(value ...[]byte) []byte { return concat(concat(value...), m.text("x"), m.use(abi.Discount)) }
	body := concat(before, report(concat(params...), m.wasi(name), extend))
	for i := range int64(words) {
		body = append(body, report(i32(256+8*i), load64)...)
	}
	effects, err := quote(t, m.export("quote", body), everything(declared...), facts)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	var got []int64
	for _, e := range effects {
		got = append(got, e.Amount)
	}
	return got
}

func word(at, value int64) []byte { return concat(i32(at), i64(value), store64) }

func TestWASIAnswersFromTheDecisionAlone(t *testing.T) {
	facts := &core.Facts{Now: 1395799200000}
	at := i32(256)
	dirty := concat(word(256, -1), word(264, -1), word(272, -1), word(280, -1))
	for name, c := range map[string]struct {
		before []byte
		call   string
		params [][]byte
		want   []int64
	}{
		"the time is the facts'":             {nil, abi.ClockTimeGet, [][]byte{i32(0), i64(0), at}, []int64{0, 1395799200000_000_000}},
		"so is the monotonic time":           {nil, abi.ClockTimeGet, [][]byte{i32(1), i64(0), at}, []int64{0, 1395799200000_000_000}},
		"there are no arguments":             {dirty, abi.ArgsSizesGet, [][]byte{at, i32(260)}, []int64{0, 0}},
		"there is no environment":            {dirty, abi.EnvironSizesGet, [][]byte{at, i32(260)}, []int64{0, 0}},
		"arguments write nothing":            {dirty, abi.ArgsGet, [][]byte{at, at}, []int64{0, -1}},
		"the environment writes nothing":     {dirty, abi.EnvironGet, [][]byte{at, at}, []int64{0, -1}},
		"yielding does nothing":              {nil, abi.SchedYield, nil, []int64{0}},
		"there is no file to close":          {nil, abi.FdClose, [][]byte{i32(3)}, []int64{abi.ErrnoBadFile}},
		"there is no file to seek in":        {nil, abi.FdSeek, [][]byte{i32(3), i64(0), i32(0), at}, []int64{abi.ErrnoBadFile}},
		"there is no file to look at":        {dirty, abi.FdFdstatGet, [][]byte{i32(1), at}, []int64{abi.ErrnoBadFile, -1}},
		"there is no file to write to":       {dirty, abi.FdWrite, [][]byte{i32(3), i32(0), i32(0), at}, []int64{abi.ErrnoBadFile, -1}},
		"nothing is written at all":          {dirty, abi.FdWrite, [][]byte{i32(1), i32(0), i32(0), at}, []int64{0, -1 << 32}},
		"too many random bytes":              {dirty, abi.RandomGet, [][]byte{at, i32(4097)}, []int64{abi.ErrnoInvalid, -1}},
		"no random byte":                     {dirty, abi.RandomGet, [][]byte{at, i32(0)}, []int64{0, -1}},
		"nothing to wait for":                {nil, abi.PollOneoff, [][]byte{i32(0), i32(0), i32(0), at}, []int64{abi.ErrnoInvalid}},
		"more than can be waited for":        {nil, abi.PollOneoff, [][]byte{i32(0), i32(0), i32(17), at}, []int64{abi.ErrnoInvalid}},
		"a wait for the clock is over":       {concat(dirty, word(512, 77)), abi.PollOneoff, [][]byte{i32(512), at, i32(1), i32(600)}, []int64{0, 77, 0, 0, 0}},
		"a wait for a file is a bad file":    {concat(dirty, word(512, 77), word(520, 1)), abi.PollOneoff, [][]byte{i32(512), at, i32(1), i32(600)}, []int64{0, 77, 1<<16 | abi.ErrnoBadFile, 0, 0}},
		"events may overlap what was waited": {word(256, 5), abi.PollOneoff, [][]byte{at, at, i32(2), i32(600)}, []int64{0, 5, 0, 0, 0}},
	} {
		if got := answers(t, []string{"now"}, facts, len(c.want)-1, c.before, c.call, c.params...); !slices.Equal(got, c.want) {
			t.Errorf("%s: got %v, want %v", name, got, c.want)
		}
	}
}

func TestTheClocksStandStillUnlessTheTimeIsDeclared(t *testing.T) {
	facts := &core.Facts{Now: 1395799200000}
	for clock, want := range []int64{0, 1} {
		got := answers(t, []string{"quantity"}, facts, 1, word(256, -1), abi.ClockTimeGet, i32(int64(clock)), i64(0), i32(256))
		if !slices.Equal(got, []int64{0, want}) {
			t.Errorf("clock %d shows %v, want %d", clock, got, want)
		}
	}
}

func TestRandomBytesDependOnWhatIsDeclaredAlone(t *testing.T) {
	random := func(facts *core.Facts) []int64 {
		return answers(t, []string{"quantity"}, facts, 4, nil, abi.RandomGet, i32(256), i32(32))
	}
	first := random(&core.Facts{Quantity: 1})
	if slices.Contains(first[1:], 0) {
		t.Errorf("got %v", first)
	}
	if again := random(&core.Facts{Quantity: 1}); !slices.Equal(first, again) {
		t.Error("the same facts gave other bytes")
	}
	if undeclared := random(&core.Facts{Quantity: 1, Now: 5, Shopper: core.ShopperFacts{ID: "another"}}); !slices.Equal(first, undeclared) {
		t.Error("a fact that is not declared changed the bytes")
	}
	if other := random(&core.Facts{Quantity: 2}); slices.Equal(first, other) {
		t.Error("other facts gave the same bytes")
	}
}

// TestDuringInitialisationTimeStandsAtZero also holds that initialisation gets the same random bytes each time: it hands
// over what it got through the memory.
func TestDuringInitialisationTimeStandsAtZero(t *testing.T) {
	var seen [2][]int64
	for i := range seen {
		m := newModule()
		report := func(at int64) []byte { return concat(i32(at), load64, m.text("x"), m.use(abi.Discount)) }
		m.export(abi.ExportInitialize, word(256, -1),
			i32(0), i64(0), i32(256), m.wasi(abi.ClockTimeGet), drop, i32(1), i64(0), i32(264), m.wasi(abi.ClockTimeGet), drop,
			i32(272), i32(8), m.wasi(abi.RandomGet), drop)
		effects, err := quote(t, m.export("quote", report(256), report(264), report(272)), everything("now"), &core.Facts{Now: 9})
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range effects {
			seen[i] = append(seen[i], e.Amount)
		}
	}
	if seen[0][0] != 0 || seen[0][1] != 1 || seen[0][2] == 0 || !slices.Equal(seen[0], seen[1]) {
		t.Errorf("got %v, want 0, 1 and twice the same", seen)
	}
}

func TestExitingFailsTheDecision(t *testing.T) {
	m := newModule()
	_, err := quote(t, m.export("quote", i32(3), m.wasi(abi.ProcExit), loop), everything(), &core.Facts{})
	if err == nil || err.Error() != "failed: the guest exited with the code 3" {
		t.Errorf("got %v", err)
	}
}

// TestStandardOutputIsTheLog writes "a\nbc" and "d\n\nrest" to standard error, as two vectors of one call.
func TestStandardOutputIsTheLog(t *testing.T) {
	var got lines
	host := newHost(t, plugins.Options{Logger: slog.New(slog.NewTextHandler(&got, &slog.HandlerOptions{Level: slog.LevelDebug}))})
	m := newModule()
	at := int64(stringsAt)
	m.text("a\nbcd\n\nrest")
	vectors := concat(word(256, 4<<32|at), word(264, 7<<32|(at+4)), word(272, -1))
	plugin, err := host.Load(t.Context(), everything(), m.export("quote", vectors, i32(2), i32(256), i32(2), i32(272), m.wasi(abi.FdWrite), drop,
		i32(272), load64, m.text("x"), m.use(abi.Discount)).bytes())
	if err != nil {
		t.Fatal(err)
	}
	effects, _, err := bind(t, plugin, nil).Decide(core.HookQuote, &core.Facts{}, nil)
	if err != nil || effects[0].Amount != -1<<32|11 {
		t.Errorf("got %v, %v; want 11 bytes written", effects, err)
	}
	var messages []string
	for _, line := range got.all {
		_, message, _ := strings.Cut(line, "msg=")
		messages = append(messages, strings.Fields(message)[0])
	}
	if want := []string{"a", "bcd", `""`, "rest"}; !slices.Equal(messages, want) {
		t.Errorf("logged %q, want %q", messages, want)
	}
}

func TestAWriteOfMoreThanTheLogTakesIsCutShort(t *testing.T) {
	got := answers(t, nil, &core.Facts{}, 1, concat(word(512, 5000<<32), word(256, 0)), abi.FdWrite, i32(1), i32(512), i32(1), i32(256))
	if want := []int64{0, abi.MaxString}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}
