package drawing_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math"
	"math/big"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"hotdrop/core/drawing"
)

// seedOf returns a seed that a test can name.
func seedOf(name string) []byte {
	sum := sha256.Sum256([]byte(name))
	return sum[:]
}

// entriesOf returns sorted entries of shoppers s1, s2 … with these weights.
func entriesOf(seed []byte, weights ...int64) []drawing.Entry {
	name := drawing.Namer(seed, "phone", "prizes")
	entries := make([]drawing.Entry, len(weights))
	for i, weight := range weights {
		entries[i] = drawing.Entry{ID: name(fmt.Sprintf("s%d", i+1)), Weight: weight}
	}
	drawing.Sort(entries)
	return entries
}

// digestOf is the digest of a draw with these entries.
func digestOf(entries []drawing.Entry) string {
	return (&drawing.Record{Campaign: "phone", Draw: "prizes", Places: 3, ClosesAt: 1_420_000_000_000, Entries: entries}).Sum()
}

// drawPlainly is the documented algorithm written down once more, as somebody would who distrusts this package: with
// numbers of any size and without a tree.
func drawPlainly(seed []byte, entries []drawing.Entry, places int64) []int {
	winners := []int{}
	for k := 1; int64(k) <= places && len(winners) < len(entries); k++ {
		total := new(big.Int)
		for i, e := range entries {
			if !slices.Contains(winners, i) {
				total.Add(total, big.NewInt(e.Weight))
			}
		}
		winners = append(winners, plainWinner(seed, entries, winners, k, total))
	}
	return winners
}

func plainWinner(seed []byte, entries []drawing.Entry, gone []int, k int, total *big.Int) int {
	whole := new(big.Int).Lsh(big.NewInt(1), 64)
	bound := new(big.Int).Mul(new(big.Int).Div(whole, total), total)
	for try := 1; ; try++ {
		mac := hmac.New(sha256.New, seed)
		mac.Write([]byte("place/" + fmt.Sprint(k) + "/" + fmt.Sprint(try)))
		x := new(big.Int).SetUint64(binary.BigEndian.Uint64(mac.Sum(nil)[:8]))
		if x.Cmp(bound) >= 0 {
			continue
		}
		r, sum := x.Mod(x, total), new(big.Int)
		for i, e := range entries {
			if slices.Contains(gone, i) {
				continue
			}
			if sum.Add(sum, big.NewInt(e.Weight)).Cmp(r) > 0 {
				return i
			}
		}
	}
}

func winners(t interface{ Fatal(args ...any) }, seed []byte, entries []drawing.Entry, places int64) []int {
	drawn, err := drawing.Winners(seed, entries, places)
	if err != nil {
		t.Fatal(err)
	}
	return drawn
}

// anyEntries draws up to 60 entries whose weights reach from 1 to as much as their sum may have.
func anyEntries(t *rapid.T, seed []byte) []drawing.Entry {
	weights := rapid.SliceOfN(rapid.OneOf(rapid.Int64Range(1, 10), rapid.Int64Range(1, math.MaxInt64/60)), 0, 60).Draw(t, "weights")
	return entriesOf(seed, weights...)
}

func TestTheWinnersAreThoseOfTheDocumentedAlgorithm(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		seed := seedOf(rapid.String().Draw(t, "seed"))
		entries, places := anyEntries(t, seed), rapid.Int64Range(0, 70).Draw(t, "places")
		drawn := winners(t, seed, entries, places)
		if plain := drawPlainly(seed, entries, places); !slices.Equal(drawn, plain) {
			t.Fatalf("drawn %v, by the book %v", drawn, plain)
		}
	})
}

func TestTheOrderInWhichEntriesAreGivenDoesNotMatter(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		seed := seedOf("order")
		entries := anyEntries(t, seed)
		shuffled := rapid.Permutation(entries).Draw(t, "shuffled")
		drawing.Sort(shuffled)
		if !slices.Equal(winners(t, seed, entries, 10), winners(t, seed, shuffled, 10)) ||
			digestOf(entries) != digestOf(shuffled) {
			t.Fatal("another order draws otherwise")
		}
	})
}

func TestNobodyWinsTwiceAndEverybodyWinsWherePlacesSuffice(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		seed := seedOf("once")
		entries := anyEntries(t, seed)
		drawn := winners(t, seed, entries, int64(len(entries))+rapid.Int64Range(0, 3).Draw(t, "more"))
		slices.Sort(drawn)
		for i, winner := range drawn {
			if winner != i {
				t.Fatalf("place %d of all is entry %d", i, winner)
			}
		}
		if len(drawn) != len(entries) {
			t.Fatalf("%d of %d win", len(drawn), len(entries))
		}
	})
}

// TestAKnownDraw is the example that another implementation can be held against.
func TestAKnownDraw(t *testing.T) {
	seed := seedOf("hotdrop")
	entries := entriesOf(seed, 1, 2, 3, 4, 5)
	if id := drawing.EntryID(seed, "phone", "prizes", "s1").String(); id != knownEntry {
		t.Errorf("the entry of s1 is %s", id)
	}
	if digest := digestOf(entries); digest != knownDigest {
		t.Errorf("the digest is %s", digest)
	}
	var drawn []string
	for _, i := range winners(t, seed, entries, 3) {
		drawn = append(drawn, entries[i].ID.String())
	}
	if !slices.Equal(drawn, knownWinners()) {
		t.Errorf("the winners are %q", drawn)
	}
	if hash := drawing.HashSeed(seed); hash != knownHash {
		t.Errorf("the seed's hash is %s", hash)
	}
}

const (
	knownEntry  = "5684b138f6749b38c46297bbf8595469"
	knownDigest = "ac4bd4afd66abc381532358ee568a808f10fd3adf5409311615f19dded2b0af9"
	knownHash   = "86e70ece00f1223d640615011c0457443d8b10ee1785049e26999d0c2f85ad94"
)

func knownWinners() []string {
	return []string{
		"eeb12cf3184d7a379887451f97a53269", "b6ed21128c5f4c3d4727fc2e5c1a0dd7", "5684b138f6749b38c46297bbf8595469",
	}
}

// TestChancesAreAsTheWeights draws often with many seeds and compares who wins the first place with the weights, by the
// chi-squared statistic. The seeds are fixed, so the test is not left to chance: a fair draw exceeds the bound once in
// ten thousand sets of seeds.
func TestChancesAreAsTheWeights(t *testing.T) {
	const draws = 20_000
	weights := []int64{1, 1, 2, 3, 5, 8, 13, 21, 34, 12}
	const total, bound = 100.0, 33.72 // nine degrees of freedom, p = 0.0001
	entries := make([]drawing.Entry, len(weights))
	for i, weight := range weights {
		entries[i] = drawing.Entry{ID: drawing.ID{byte(i)}, Weight: weight}
	}
	first, second := make([]float64, len(weights)), make([]float64, len(weights))
	for n := range draws {
		drawn := winners(t, seedOf(fmt.Sprint("fair ", n)), entries, 2)
		first[drawn[0]]++
		second[drawn[1]]++
	}
	var chi, chiSecond float64
	for i, weight := range weights {
		expected := draws * float64(weight) / total
		chi += (first[i] - expected) * (first[i] - expected) / expected
		expected = draws * chanceOfSecond(weights, i, total)
		chiSecond += (second[i] - expected) * (second[i] - expected) / expected
	}
	if chi > bound || chiSecond > bound {
		t.Errorf("chi-squared %.1f for the first place (%v), %.1f for the second (%v)", chi, first, chiSecond, second)
	}
}

// chanceOfSecond is how likely the entry wins the second place: after each other one has won the first.
func chanceOfSecond(weights []int64, i int, total float64) float64 {
	chance := 0.0
	for j, other := range weights {
		if j != i {
			chance += float64(other) / total * float64(weights[i]) / (total - float64(other))
		}
	}
	return chance
}

func TestEntriesThatCannotBeDrawnFromAreRefused(t *testing.T) {
	for name, entries := range map[string][]drawing.Entry{
		"an entry twice":          {{ID: drawing.ID{1}, Weight: 1}, {ID: drawing.ID{1}, Weight: 1}},
		"entries out of order":    {{ID: drawing.ID{2}, Weight: 1}, {ID: drawing.ID{1}, Weight: 1}},
		"no weight":               {{ID: drawing.ID{1}}},
		"a negative weight":       {{ID: drawing.ID{1}, Weight: -1}},
		"weights beyond any sum":  {{ID: drawing.ID{1}, Weight: math.MaxInt64}, {ID: drawing.ID{2}, Weight: 1}},
		"weights that wrap twice": {{ID: drawing.ID{1}, Weight: math.MaxInt64}, {ID: drawing.ID{2}, Weight: math.MaxInt64}, {ID: drawing.ID{3}, Weight: 3}},
	} {
		t.Run(name, func(t *testing.T) {
			if drawn, err := drawing.Winners(seedOf("x"), entries, 1); err == nil {
				t.Errorf("%v win", drawn)
			}
		})
	}
}

func TestTheLargestWeightThereIsCanWin(t *testing.T) {
	entries := []drawing.Entry{{ID: drawing.ID{1}, Weight: 1}, {ID: drawing.ID{2}, Weight: math.MaxInt64 - 1}}
	if drawn := winners(t, seedOf("large"), entries, 2); !slices.Equal(drawn, []int{1, 0}) {
		t.Errorf("%v win", drawn)
	}
}

func BenchmarkWinnersOfAMillion(b *testing.B) {
	seed := seedOf("million")
	weights := make([]int64, 1_000_000)
	for i := range weights {
		weights[i] = int64(i%7 + 1)
	}
	entries := entriesOf(seed, weights...)
	b.ReportAllocs()
	for b.Loop() {
		winners(b, seed, entries, 1000)
	}
}
