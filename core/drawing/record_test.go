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
	r.Digest = r.Sum()
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
			r.Digest = r.Sum()
		}, []string{"winners"}},
		{"an entry without weight", func(r *drawing.Record) { r.Entries[3].Weight = 0 }, []string{"digest", "entries"}},
		{"a missing entry", func(r *drawing.Record) { r.Entries = slices.Delete(r.Entries, 5, 6) }, []string{"digest", "winners"}},
		{"an entry twice", func(r *drawing.Record) { r.Entries = slices.Insert(r.Entries, 5, r.Entries[5]) }, []string{"digest", "entries"}},
		{"entries in another order", func(r *drawing.Record) { slices.Reverse(r.Entries) }, []string{"digest", "entries"}},
		{"swapped winners", func(r *drawing.Record) { r.Winners[0], r.Winners[1] = r.Winners[1], r.Winners[0] }, []string{"winners"}},
		{"a winner who never entered", func(r *drawing.Record) { r.Winners[0] = drawing.ID{1} }, []string{"winners"}},
		{"a winner left out", func(r *drawing.Record) { r.Winners = r.Winners[:3] }, []string{"winners"}},
		{"a place more", func(r *drawing.Record) { r.Places++ }, []string{"digest", "winners"}},
		{"a place more with its own digest, and no winner for it", func(r *drawing.Record) {
			r.Places++
			r.Digest = r.Sum()
		}, []string{"winners"}},
		{"another time of closing", func(r *drawing.Record) { r.ClosesAt++ }, []string{"digest"}},
		{"a line of the digest moved into a name", func(r *drawing.Record) { r.Draw = "x/y" }, []string{"names", "digest"}},
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

// TestAnAddedWinnerHasAnotherDigest adds a place and its winner and makes everything in the file fit: then only the digest
// that was published tells.
func TestAnAddedWinnerHasAnotherDigest(t *testing.T) {
	r := drawn(t)
	published, seed := r.Digest, seedOf("record")
	r.Places++
	r.Winners = nil
	for _, i := range winners(t, seed, r.Entries, r.Places) {
		r.Winners = append(r.Winners, r.Entries[i].ID)
	}
	r.Digest = r.Sum()
	if found := r.Verify(); len(found) > 0 {
		t.Fatalf("the forger left a trace: %v", found)
	}
	if r.Digest == published {
		t.Error("the digest is the one that was published")
	}
}

func TestManyWrongWinnersAreCounted(t *testing.T) {
	for n, last := range map[int]string{11: "so does one more place", 40: "so do 30 more places"} {
		seed := seedOf("many")
		r := &drawing.Record{Seed: hex.EncodeToString(seed), SeedHash: drawing.HashSeed(seed), Places: int64(n)}
		r.Entries = entriesOf(seed, make([]int64, n)...)
		for i := range r.Entries {
			r.Entries[i].Weight = 1
		}
		r.Digest, r.Winners = r.Sum(), make([]drawing.ID, n)
		if found := r.Verify(); len(found) != 11 || found[10].Detail != last {
			t.Errorf("%d differences, the last is %v", len(found), found[len(found)-1])
		}
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

func TestWhatIsNoExportedDrawIsRefusedInPlainWords(t *testing.T) {
	good := string(encoded(t, drawn(t)))
	for name, tt := range map[string]struct{ text, says string }{
		"nothing":                 {"", "line 1, column 1: it ends too soon"},
		"another object":          {"{\n  \"order\": \"x\"}", `line 2, column 3: "order" does not belong here`},
		"a list":                  {` []`, "line 1, column 2: this is not an object"},
		"null":                    {`null`, "line 1, column 1: this is not an object"},
		"a field twice":           {`{"places": 1, "places": 2}`, `column 15: "places" does not belong here, or not twice`},
		"two draws":               {good + "\n" + good, `line 2, column 1: '{' does not belong here`},
		"a cut one":               {good[:len(good)-1], "it ends too soon"},
		"a comma too many":        {`{"places": 1,}`, `line 1, column 14: '}' does not belong here`},
		"an id that is short":     {strings.Replace(good, `"id":"`, `"id":"00`, 1), "is not 32 lower-case hexadecimal digits"},
		"an id in upper case":     {"{\"winners\": [\n\"ABCDEF00000000000000000000000000\"]}", `line 2, column 1: "ABCDEF`},
		"an id that is no hex":    {`{"winners": ["zz000000000000000000000000000000"]}`, "column 14: "},
		"an id that is a number":  {`{"winners": [1]}`, "column 14: this should be 32 lower-case hexadecimal digits"},
		"entries that are none":   {`{"entries": {}}`, "column 13: this should be a list"},
		"an entry that is none":   {`{"entries": [3]}`, "column 14: this is not an object"},
		"an entry with a name":    {`{"entries": [{"name": "ann"}]}`, `column 15: "name" does not belong here`},
		"a text that is none":     {`{"campaign": 7}`, "column 14: this should be a text"},
		"a weight of a half":      {`{"entries": [{"id": "00000000000000000000000000000000", "weight": 0.5}]}`, "should be a whole number"},
		"a weight beyond 64 bits": {`{"entries": [{"weight": 9223372036854775808}]}`, "column 25: this should be a whole number"},
	} {
		t.Run(name, func(t *testing.T) {
			r, err := drawing.Parse(strings.NewReader(tt.text))
			if err == nil {
				t.Fatalf("parsed as %+v", r)
			}
			if !strings.Contains(err.Error(), tt.says) || strings.Contains(err.Error(), "json") || strings.Contains(err.Error(), "Go ") {
				t.Errorf("%v, want %q", err, tt.says)
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
