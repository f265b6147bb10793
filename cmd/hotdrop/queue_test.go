package main

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"hotdrop/core/drawing"
)

// shuffledRecord is an exported shuffle of ten shoppers, s1 to s10.
func shuffledRecord() *drawing.Shuffle {
	seed := []byte("a seed of exactly thirty-two by.")
	s := &drawing.Shuffle{Campaign: "phone", Seed: hex.EncodeToString(seed), SeedHash: drawing.HashSeed(seed), OpenedAt: 1}
	identify := drawing.ArrivalNamer(seed, "phone")
	for i := range 10 {
		s.Arrivals = append(s.Arrivals, identify(fmt.Sprintf("s%d", i+1)))
	}
	drawing.Rank(s.Arrivals)
	s.Digest = s.Sum()
	return s
}

func shuffleFile(t *testing.T, folder string, s *drawing.Shuffle) string {
	t.Helper()
	content, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	return writeFile(t, folder, "shuffle.json", string(content))
}

func TestAnExportedShuffleIsVerifiedOffline(t *testing.T) {
	folder, s := t.TempDir(), shuffledRecord()
	file := shuffleFile(t, folder, s)
	ok := run(t, folder, "queue", "verify", file, "--seed-hash", strings.ToUpper(s.SeedHash), "--digest", s.Digest)
	if ok.code != exitOK || ok.stdout != "" || !strings.HasSuffix(ok.stderr, "shuffled again, the places are the same\n") ||
		!strings.HasPrefix(ok.stderr, "phone: 10 arrivals, seed hash ") {
		t.Errorf("exit %d\n%s%s", ok.code, ok.stdout, ok.stderr)
	}
	alone := run(t, folder, "queue", "verify", file)
	if alone.code != exitOK || strings.Count(alone.stderr, "not checked: ") != 2 {
		t.Errorf("exit %d, %s", alone.code, alone.stderr)
	}
	var report shuffleReport
	out := requireRun(t, folder, "queue", "verify", file, "-o", "json", "--shopper", "s10")
	if err := json.Unmarshal([]byte(out), &report); err != nil || !report.Agrees || report.Place < 1 || report.Place > 10 {
		t.Errorf("%v: %s", err, out)
	}
	own := run(t, folder, "queue", "verify", file, "--shopper", "s10")
	if says := fmt.Sprintf("s10 has place %d, as the arrival %s\n", report.Place, report.Arrival); own.stdout != says {
		t.Errorf("%s, want %s", own.stdout, says)
	}
}

func TestAShopperWithoutAPlaceIsNoDifferenceOfTheShuffle(t *testing.T) {
	folder := t.TempDir()
	file := shuffleFile(t, folder, shuffledRecord())
	late := run(t, folder, "queue", "verify", file, "--shopper", "ghost")
	if says := "ghost has no place in this shuffle: nobody of that id came before the opening\n"; late.code != exitOK || late.stdout != says ||
		!strings.Contains(late.stderr, "shuffled again, the places are the same") {
		t.Errorf("exit %d\n%s%s", late.code, late.stdout, late.stderr)
	}
}

func TestWhatDiffersFromAnHonestShuffleIsSaid(t *testing.T) {
	for _, tt := range []struct {
		name   string
		tamper func(s *drawing.Shuffle)
		args   []string
		says   string
	}{
		{"two who changed places", func(s *drawing.Shuffle) {
			s.Arrivals[0], s.Arrivals[1] = s.Arrivals[1], s.Arrivals[0]
			s.Digest = s.Sum()
		}, nil, "places\tplace 2, "},
		{"somebody left out", func(s *drawing.Shuffle) { s.Arrivals = slices.Delete(s.Arrivals, 2, 3) }, nil, "digest\t"},
		{"another seed", func(s *drawing.Shuffle) { s.Seed = strings.Repeat("00", 32) }, nil, "seed\t"},
		{"another room's hash", func(*drawing.Shuffle) {}, []string{"--seed-hash", "00"}, "seed\tthis is another shuffle"},
		{"another digest", func(*drawing.Shuffle) {}, []string{"--digest", "00"}, "digest\tthis is another shuffle"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			folder, s := t.TempDir(), shuffledRecord()
			tt.tamper(s)
			got := run(t, folder, append([]string{"queue", "verify", shuffleFile(t, folder, s)}, tt.args...)...)
			if got.code != exitFailed || !strings.Contains(got.stdout, tt.says) {
				t.Errorf("exit %d, no %q in\n%s%s", got.code, tt.says, got.stdout, got.stderr)
			}
		})
	}
	folder := t.TempDir()
	got := run(t, folder, "queue", "verify", writeFile(t, folder, "x.json", `{"x": 1}`))
	if got.code != exitFailed || !strings.Contains(got.stderr, `this is not an exported shuffle: line 1, column 2: "x" does not belong here`) {
		t.Errorf("what is no shuffle: exit %d, %s", got.code, got.stderr)
	}
}
