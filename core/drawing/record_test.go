package drawing_test

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"hotdrop/core/drawing"
)

// drawn returns a record of twelve entries and four winners.
func drawn(t testing.TB) *drawing.Record {
	t.Helper()
	seed := seedOf("record")
	r := &drawing.Record{
		Campaign: "phone", Draw: "prizes", Seed: hex.EncodeToString(seed), SeedHash: drawing.HashSeed(seed), ClosesAt: 1, DrawnAt: 2,
		Places: 4, Entries: entriesOf(seed, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12),
	}
	r.Digest = drawing.Digest(r.Entries)
	for _, i := range winners(t, seed, r.Entries, r.Places) {
		r.Winners = append(r.Winners, r.Entries[i].ID)
	}
	return r
}

func encoded(t testing.TB, r *drawing.Record) []byte {
	t.Helper()
	content, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	return content
}

func TestAnExportedDrawIsDrawnAgainAndAgrees(t *testing.T) {
	parsed, err := drawing.Parse(bytes.NewReader(encoded(t, drawn(t))))
	if err != nil {
		t.Fatal(err)
	}
	if found := parsed.Verify(); len(found) > 0 {
		t.Errorf("%v", found)
	}
}

func TestWhatWasTamperedWithIsNamed(t *testing.T) {
	for _, tt := range []struct {
		name   string
		tamper func(r *drawing.Record)
		what   []string // the kinds of differences, each once
	}{
		{"another seed", func(r *drawing.Record) { r.Seed = hex.EncodeToString(seedOf("other")) }, []string{"seed", "winners"}},
		{"another seed with its own hash", func(r *drawing.Record) {
			r.Seed, r.SeedHash = hex.EncodeToString(seedOf("other")), drawing.HashSeed(seedOf("other"))
		}, []string{"winners"}},
		{"a short seed", func(r *drawing.Record) { r.Seed = r.Seed[:62] }, []string{"seed"}},
		{"no seed", func(r *drawing.Record) { r.Seed = "" }, []string{"seed"}},
		{"another published hash", func(r *drawing.Record) { r.SeedHash = r.Digest }, []string{"seed"}},
		{"a heavier entry", func(r *drawing.Record) { r.Entries[3].Weight += 1000 }, []string{"digest", "winners"}},
		{"a heavier entry with its own digest", func(r *drawing.Record) {
			r.Entries[3].Weight += 1000
			r.Digest = drawing.Digest(r.Entries)
		}, []string{"winners"}},
		{"an entry without weight", func(r *drawing.Record) { r.Entries[3].Weight = 0 }, []string{"digest", "entries"}},
		{"a missing entry", func(r *drawing.Record) { r.Entries = slices.Delete(r.Entries, 5, 6) }, []string{"digest", "winners"}},
		{"an entry twice", func(r *drawing.Record) { r.Entries = slices.Insert(r.Entries, 5, r.Entries[5]) }, []string{"digest", "entries"}},
		{"entries in another order", func(r *drawing.Record) { slices.Reverse(r.Entries) }, []string{"digest", "entries"}},
		{"swapped winners", func(r *drawing.Record) { r.Winners[0], r.Winners[1] = r.Winners[1], r.Winners[0] }, []string{"winners"}},
		{"a winner who never entered", func(r *drawing.Record) { r.Winners[0] = drawing.ID{1} }, []string{"winners"}},
		{"a winner left out", func(r *drawing.Record) { r.Winners = r.Winners[:3] }, []string{"winners"}},
		{"a place more", func(r *drawing.Record) { r.Places++ }, []string{"winners"}},
		{"no entries at all", func(r *drawing.Record) { r.Entries = nil }, []string{"digest", "winners"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := drawn(t)
			tt.tamper(r)
			var what []string
			for _, d := range r.Verify() {
				what = append(what, d.What)
			}
			if what = slices.Compact(what); !slices.Equal(what, tt.what) {
				t.Errorf("what differs is %q, want %q", what, tt.what)
			}
		})
	}
}

func TestManyWrongWinnersAreCounted(t *testing.T) {
	seed := seedOf("many")
	r := &drawing.Record{Seed: hex.EncodeToString(seed), SeedHash: drawing.HashSeed(seed), Places: 40}
	r.Entries = entriesOf(seed, make([]int64, 40)...)
	for i := range r.Entries {
		r.Entries[i].Weight = 1
	}
	r.Digest, r.Winners = drawing.Digest(r.Entries), make([]drawing.ID, 40)
	found := r.Verify()
	if last := found[len(found)-1]; len(found) != 11 || last.Detail != "so do 30 more places" {
		t.Errorf("%d differences, the last is %v", len(found), last)
	}
}

func TestAShopperFindsTheOwnEntry(t *testing.T) {
	r := drawn(t)
	won := 0
	for _, shopper := range []string{"s1", "s2", "s3", "s4", "s5", "s6", "s7", "s8", "s9", "s10", "s11", "s12"} {
		entry, place := r.Find(shopper)
		if entry == nil {
			t.Fatalf("%s has no entry", shopper)
		}
		if place > 0 {
			won++
			if r.Winners[place-1] != entry.ID {
				t.Errorf("%s won place %d, which is another's", shopper, place)
			}
		}
	}
	if entry, place := r.Find("stranger"); entry != nil || place != 0 || won != 4 {
		t.Errorf("a stranger has %v, place %d; %d won", entry, place, won)
	}
}

func TestWhatIsNoExportedDrawIsRefused(t *testing.T) {
	good := string(encoded(t, drawn(t)))
	for name, text := range map[string]string{
		"nothing":                 "",
		"another object":          `{"order": "x"}`,
		"a list":                  `[]`,
		"two draws":               good + good,
		"a cut one":               good[:len(good)-1],
		"an id that is short":     strings.Replace(good, `"id":"`, `"id":"00`, 1),
		"an id in upper case":     `{"winners": ["ABCDEF00000000000000000000000000"]}`,
		"an id that is no hex":    `{"winners": ["zz000000000000000000000000000000"]}`,
		"a weight of a half":      `{"entries": [{"id": "00000000000000000000000000000000", "weight": 0.5}]}`,
		"a weight beyond 64 bits": `{"entries": [{"id": "00000000000000000000000000000000", "weight": 9223372036854775808}]}`,
	} {
		t.Run(name, func(t *testing.T) {
			if r, err := drawing.Parse(strings.NewReader(text)); err == nil {
				t.Errorf("parsed as %+v", r)
			}
		})
	}
}

func FuzzParse(f *testing.F) {
	f.Add(encoded(f, drawn(f)))
	f.Add([]byte(`{"seed": "00", "places": -1, "entries": [{"id": "00000000000000000000000000000000", "weight": 9223372036854775807}]}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		r, err := drawing.Parse(bytes.NewReader(text))
		if err != nil {
			return
		}
		first := r.Verify()
		again, err := drawing.Parse(bytes.NewReader(encoded(t, r)))
		if err != nil {
			t.Fatalf("what was parsed does not parse again: %v", err)
		}
		if second := again.Verify(); !slices.Equal(first, second) {
			t.Errorf("verified again: %v, first: %v", second, first)
		}
	})
}
