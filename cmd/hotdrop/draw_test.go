package main

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"hotdrop/core/drawing"
)

// drawnRecord is an exported draw of ten shoppers, s1 to s10, of whom so many won.
func drawnRecord(t *testing.T, places int64) *drawing.Record {
	t.Helper()
	seed := []byte("a seed of exactly thirty-two by.")
	r := &drawing.Record{
		Campaign: "phone", Draw: "prizes", Seed: hex.EncodeToString(seed), SeedHash: drawing.HashSeed(seed), ClosesAt: 1, DrawnAt: 2, Places: places,
	}
	for i := range 10 {
		id := drawing.EntryID(seed, "phone", "prizes", fmt.Sprintf("s%d", i+1))
		r.Entries = append(r.Entries, drawing.Entry{ID: id, Weight: int64(i + 1)})
	}
	drawing.Sort(r.Entries)
	drawn, err := drawing.Winners(seed, r.Entries, r.Places)
	if err != nil {
		t.Fatal(err)
	}
	for _, i := range drawn {
		r.Winners = append(r.Winners, r.Entries[i].ID)
	}
	r.Digest = r.Sum()
	return r
}

func drawnFile(t *testing.T, folder string, r *drawing.Record) string {
	t.Helper()
	content, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	return writeFile(t, folder, "draw.json", string(content))
}

func TestAnExportedDrawIsVerifiedOffline(t *testing.T) {
	folder := t.TempDir()
	r := drawnRecord(t, 3)
	file := drawnFile(t, folder, r)
	ok := run(t, folder, "draw", "verify", file, "--seed-hash", strings.ToUpper(r.SeedHash), "--digest", r.Digest)
	if ok.code != exitOK || ok.stdout != "" || !strings.Contains(ok.stderr, "10 entries, 3 winners") ||
		!strings.HasSuffix(ok.stderr, "drawn again, the winners are the same\n") {
		t.Errorf("exit %d\n%s%s", ok.code, ok.stdout, ok.stderr)
	}
	alone := run(t, folder, "draw", "verify", file)
	for _, says := range []string{"not checked: that the seed is the one published before: give --seed-hash", "the server drew from: give --digest"} {
		if alone.code != exitOK || !strings.Contains(alone.stderr, says) {
			t.Errorf("exit %d, no %q in %s", alone.code, says, alone.stderr)
		}
	}
	var result verification
	out := requireRun(t, folder, "draw", "verify", file, "-o", "json", "--shopper", "s10")
	if err := json.Unmarshal([]byte(out), &result); err != nil || !result.Agrees || result.Weight != 10 || len(result.Differences) != 0 {
		t.Errorf("%v: %s", err, out)
	}
	if own := run(t, folder, "draw", "verify", file, "--shopper", "s10"); !strings.Contains(own.stdout, result.Entry+" of weight 10") {
		t.Errorf("%s", own.stdout)
	}
}

func TestWhatDiffersFromAnHonestDrawIsSaid(t *testing.T) {
	for _, tt := range []struct {
		name   string
		tamper func(r *drawing.Record)
		args   []string
		says   []string
	}{
		{"a tampered weight", func(r *drawing.Record) { r.Entries[0].Weight = 1_000_000 }, nil, []string{"digest\t", "winners\t"}},
		{"swapped winners", func(r *drawing.Record) { r.Winners[0], r.Winners[1] = r.Winners[1], r.Winners[0] }, nil,
			[]string{"winners\tplace 1 goes to", "winners\tplace 2 goes to"}},
		{"a place more", func(r *drawing.Record) { r.Places++ }, nil, []string{"digest\t", "winners\tof 10 entries and 4 places there are 4"}},
		{"an added winner, in a file that was made to fit", func(r *drawing.Record) {
			next := drawnRecord(t, 4)
			r.Places, r.Winners, r.Digest = next.Places, next.Winners, next.Digest
		}, []string{"--digest", drawnRecord(t, 3).Digest}, []string{"digest\tthis is another draw"}},
		{"a missing entry", func(r *drawing.Record) { r.Entries = r.Entries[1:] }, nil, []string{"digest\t"}},
		{"another seed", func(r *drawing.Record) { r.Seed = strings.Repeat("00", 32) }, nil, []string{"seed\t"}},
		{"another draw's hash", func(*drawing.Record) {}, []string{"--seed-hash", "00"}, []string{"seed\tthis is another draw"}},
		{"another draw's digest", func(*drawing.Record) {}, []string{"--digest", "00"}, []string{"digest\tthis is another draw"}},
		{"a shopper who was left out", func(*drawing.Record) {}, []string{"--shopper", "s11"}, []string{"shopper\ts11 has no entry"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			folder := t.TempDir()
			r := drawnRecord(t, 3)
			tt.tamper(r)
			got := run(t, folder, append([]string{"draw", "verify", drawnFile(t, folder, r)}, tt.args...)...)
			if got.code != exitFailed {
				t.Errorf("exit %d\n%s%s", got.code, got.stdout, got.stderr)
			}
			for _, says := range tt.says {
				if !strings.Contains(got.stdout, says) {
					t.Errorf("no %q in\n%s", says, got.stdout)
				}
			}
		})
	}
	folder := t.TempDir()
	if got := run(t, folder, "draw", "verify", writeFile(t, folder, "x.json", `{"x": 1}`)); got.code != exitFailed || !strings.Contains(got.stderr, `line 1, column 2: "x" does not belong here`) {
		t.Errorf("what is no draw: exit %d, %s", got.code, got.stderr)
	}
	if got := run(t, folder, "draw", "verify", "none.json"); got.code != exitFailed {
		t.Errorf("no file: exit %d", got.code)
	}
}

func TestOneOfAThingIsOne(t *testing.T) {
	for _, tt := range []struct {
		v    verification
		says string
	}{
		{verification{Agrees: true, Entries: 1, Winners: 1}, "c/d: 1 entry, 1 winner, seed hash h: drawn again, the winners are the same"},
		{verification{Entries: 2, Differences: make([]drawing.Difference, 1)}, "c/d: 2 entries, 0 winners, seed hash h: drawn again, 1 thing differs"},
		{verification{Differences: make([]drawing.Difference, 2)}, "drawn again, 2 things differ"},
	} {
		var talk strings.Builder
		tt.v.Campaign, tt.v.Draw, tt.v.SeedHash = "c", "d", "h"
		if err := tt.v.write(io.Discard, &talk); err != nil || !strings.Contains(talk.String(), tt.says+"\n") {
			t.Errorf("%v: %s", err, talk.String())
		}
	}
}

// TestTheExportIsPrintedWhateverItsSize takes an export that is larger than any other answer.
func TestTheExportIsPrintedWhateverItsSize(t *testing.T) {
	large := `{"entries": [` + strings.Repeat(" ", 2*maxReplyBytes) + "]}"
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.EscapedPath() {
		case "/v1/campaigns/phone/draws/a%2Fb/export":
			_, _ = w.Write([]byte(large))
		case "/v1/campaigns/phone/draws/cut/export":
			w.Header().Set("Content-Length", "100")
			_, _ = w.Write([]byte(large[:50]))
		default:
			w.WriteHeader(http.StatusConflict)
			_, _ = w.Write([]byte(`{"code": "wrong_state", "title": "Conflict", "detail": "not drawn yet"}`))
		}
	}))
	defer s.Close()
	folder := t.TempDir()
	if out := requireRun(t, folder, "draw", "export", "phone", "a/b", "--server", s.URL, "--key", "k"); out != large {
		t.Errorf("printed %d of %d bytes", len(out), len(large))
	}
	for name, says := range map[string]string{"open": "wrong_state", "cut": "EOF"} {
		r := run(t, folder, "draw", "export", "phone", name, "--server", s.URL, "--key", "k")
		if r.code != exitFailed || !strings.Contains(r.stderr, says) {
			t.Errorf("%s: exit %d, %s", name, r.code, r.stderr)
		}
	}
}

// TestADrawIsExportedFromAServerAndVerified closes the draw of a demo campaign by letting its time pass.
func TestADrawIsExportedFromAServerAndVerified(t *testing.T) {
	folder := t.TempDir()
	s := serve(t, folder, "--demo")
	key := keyOf(demoKeys(t, folder+"/data"), "operator")
	if r := run(t, folder, "draw", "export", "phone", "reposts", "--server", s.url); r.code != exitFailed || !strings.Contains(r.stderr, "wrong_state") {
		t.Errorf("before it closes: exit %d, %s", r.code, r.stderr)
	}
	request(t, http.StatusOK, http.MethodPost, s.url+"/v1/demo/campaigns/phone/phase", key, "", `{"phase":"closed"}`)
	s.waitForLog(t, "the winners of a draw are drawn")
	exported := requireRun(t, folder, "draw", "export", "phone", "reposts", "--server", s.url)
	file := writeFile(t, folder, "reposts.json", exported)
	if r := run(t, folder, "draw", "verify", file); r.code != exitOK || !strings.Contains(r.stderr, "the winners are the same") {
		t.Errorf("exit %d\n%s%s\n%s", r.code, r.stdout, r.stderr, exported)
	}
}
