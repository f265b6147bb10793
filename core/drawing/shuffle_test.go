package drawing_test

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"hotdrop/core/drawing"
)

// shuffled returns the shuffle of so many shoppers, s0 … , under the seed of the name.
func shuffled(name string, shoppers int) *drawing.Shuffle {
	seed := seedOf(name)
	s := &drawing.Shuffle{Campaign: "phone", Seed: hex.EncodeToString(seed), SeedHash: drawing.HashSeed(seed), OpenedAt: 1}
	identify := drawing.ArrivalNamer(seed, "phone")
	for i := range shoppers {
		s.Arrivals = append(s.Arrivals, identify(fmt.Sprintf("s%d", i)))
	}
	drawing.Rank(s.Arrivals)
	s.Digest = s.Sum()
	return s
}

// TestAShuffleCanBeRepeatedWithNothingButTheDocumentation derives every place from the text of the package's documentation.
func TestAShuffleCanBeRepeatedWithNothingButTheDocumentation(t *testing.T) {
	s := shuffled("independent", 500)
	seed, err := hex.DecodeString(s.Seed)
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for i := range 500 {
		mac := hmac.New(sha256.New, seed)
		mac.Write([]byte("arrival/phone/s" + fmt.Sprint(i)))
		lines = append(lines, hex.EncodeToString(mac.Sum(nil)[:16])+fmt.Sprintf(" s%d", i))
	}
	slices.Sort(lines)
	digest := sha256.New()
	digest.Write([]byte("phone\n1\n"))
	for i, line := range lines {
		id, shopper, _ := strings.Cut(line, " ")
		digest.Write([]byte(id + "\n"))
		if arrival, place := s.Find(shopper); place != i+1 || arrival.String() != id || drawing.PlaceOf(s.Arrivals, arrival) != int64(place) {
			t.Errorf("%s has place %d as %s, want %d as %s", shopper, place, arrival, i+1, id)
		}
	}
	if got := hex.EncodeToString(digest.Sum(nil)); got != s.Digest {
		t.Errorf("the digest is %s, want %s", s.Digest, got)
	}
	if _, place := s.Find("stranger"); place != 0 {
		t.Errorf("somebody who never came has place %d", place)
	}
}

func TestAnExportedShuffleIsShuffledAgainAndAgrees(t *testing.T) {
	content, err := json.Marshal(shuffled("export", 30))
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := drawing.ParseShuffle(bytes.NewReader(content))
	if err != nil {
		t.Fatal(err)
	}
	if found := parsed.Verify(); len(found) > 0 || len(parsed.Arrivals) != 30 {
		t.Errorf("%v", found)
	}
}

func TestWhatWasTamperedWithInAShuffleIsNamed(t *testing.T) {
	for _, tt := range []struct {
		name   string
		tamper func(s *drawing.Shuffle)
		what   []string
	}{
		{"another seed", func(s *drawing.Shuffle) { s.Seed = hex.EncodeToString(seedOf("other")) }, []string{"seed"}},
		{"a short seed", func(s *drawing.Shuffle) { s.Seed = s.Seed[2:] }, []string{"seed"}},
		{"another published hash", func(s *drawing.Shuffle) { s.SeedHash = s.Digest }, []string{"seed"}},
		{"an arrival left out", func(s *drawing.Shuffle) { s.Arrivals = slices.Delete(s.Arrivals, 3, 4) }, []string{"digest"}},
		{"an arrival added", func(s *drawing.Shuffle) {
			s.Arrivals = append(s.Arrivals, drawing.ID{0xff, 0xff, 0xff})
			drawing.Rank(s.Arrivals)
		}, []string{"digest"}},
		{"two who changed places", func(s *drawing.Shuffle) {
			s.Arrivals[0], s.Arrivals[9] = s.Arrivals[9], s.Arrivals[0]
			s.Digest = s.Sum()
		}, []string{"places"}},
		{"somebody with two places", func(s *drawing.Shuffle) {
			s.Arrivals = slices.Insert(s.Arrivals, 4, s.Arrivals[4])
			s.Digest = s.Sum()
		}, []string{"places"}},
		{"all backwards", func(s *drawing.Shuffle) {
			slices.Reverse(s.Arrivals)
			s.Digest = s.Sum()
		}, []string{"places"}},
		{"another opening", func(s *drawing.Shuffle) { s.OpenedAt++ }, []string{"digest"}},
		{"a campaign that is none", func(s *drawing.Shuffle) { s.Campaign = "a/b" }, []string{"names", "digest"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := shuffled("tampered", 20)
			tt.tamper(s)
			var what []string
			for _, d := range s.Verify() {
				what = append(what, d.What)
			}
			if what = slices.Compact(what); !slices.Equal(what, tt.what) {
				t.Errorf("what differs is %q, want %q", what, tt.what)
			}
		})
	}
}

// TestWhenSomebodyComesDoesNotTellTheirPlace holds the rank correlation of arrival and place against what chance gives: of
// n pairs it is normal with a deviation of 1/√(n−1), and five deviations come once in a million and a half.
func TestWhenSomebodyComesDoesNotTellTheirPlace(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		const n = 400
		s := shuffled(rapid.StringN(1, 20, 40).Draw(t, "seed"), n)
		var squares float64
		for i := range n {
			_, place := s.Find(fmt.Sprintf("s%d", i))
			squares += math.Pow(float64(place-1-i), 2)
		}
		correlation := 1 - 6*squares/(n*(n*n-1))
		if math.Abs(correlation) > 5/math.Sqrt(n-1) {
			t.Fatalf("arrival and place correlate by %f", correlation)
		}
	})
}

// TestEverybodyHasTheSameChanceOfTheFirstPlaces counts over many seeds who is among the first tenth.
func TestEverybodyHasTheSameChanceOfTheFirstPlaces(t *testing.T) {
	const seeds, shoppers = 2000, 20
	first := make([]float64, shoppers)
	for k := range seeds {
		s := shuffled(fmt.Sprintf("seed %d", k), shoppers)
		for i := range first {
			if _, place := s.Find(fmt.Sprintf("s%d", i)); place <= shoppers/10 {
				first[i]++
			}
		}
	}
	expected, chi := float64(seeds)/10, 0.0
	for _, n := range first {
		chi += (n - expected) * (n - expected) / (expected * 0.9)
	}
	if chi > 60 { // of 19 degrees of freedom: once in two hundred thousand
		t.Errorf("the first places are given out unevenly: chi-squared %f, %v", chi, first)
	}
}

func FuzzParseShuffle(f *testing.F) {
	content, err := json.Marshal(shuffled("fuzz", 3))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(content)
	f.Add([]byte(`{"campaign":"a","arrivals":null}`))
	f.Add([]byte(`{"arrivals":["00"]}`))
	f.Fuzz(func(t *testing.T, content []byte) {
		s, err := drawing.ParseShuffle(bytes.NewReader(content))
		if err != nil {
			if !strings.HasPrefix(err.Error(), "this is not an exported shuffle: line ") {
				t.Errorf("the error says no place: %v", err)
			}
			return
		}
		s.Verify()
		s.Find("ann")
	})
}
