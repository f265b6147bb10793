// Package drawing draws winners by lot in a way that anybody can repeat, in any language. Given the seed, the entries
// and the number of places, the winners are certain:
//
//  1. An entry is an id of 16 bytes and a weight of at least 1. Entries are sorted by id, byte by byte. The sum of the
//     weights is at most 2⁶³ − 1.
//  2. The places are drawn one after the other, from 1. There are as many as the draw has, or as it has entries if these
//     are fewer.
//  3. For place k let total be the sum of the weights of all entries that have not won. For try = 1, 2, 3 … let x be the
//     first 8 bytes, most significant first, of HMAC-SHA256 with the seed as key and the text "place/<k>/<try>" as
//     message, both numbers decimal. The first x that is less than ⌊2⁶⁴ / total⌋ × total counts, so that every remainder is
//     equally likely; r = x mod total.
//  4. Add up the weights of the entries that have not won, in their order. The first entry at which the sum exceeds r wins
//     place k.
//
// The id of a shopper's entry is the first 16 bytes of HMAC-SHA256 with the seed as key and the text
// "entry/<campaign>/<draw>/<shopper>" as message. The digest of a draw is the SHA-256 of lines, each ended by a line feed:
// the campaign's id, the draw's name, the places and the time at which entries close in Unix milliseconds, both decimal,
// then one line for each entry in order: the id in lower-case hexadecimal, a space and the weight in decimal. So whatever
// decides who wins, but for the seed, which has a hash of its own, is in it. Neither name has a slash or a line feed.
//
// # What this proves, and what not
//
// The SHA-256 of the seed is published before the first entry. So nobody could choose the seed to suit the entries, and
// nobody without the seed could choose an entry to suit it. The ids depend on nothing but the seed and the shoppers, so
// their order could not be chosen either. Whoever can read the seed in the database before the draw closes could add
// shoppers that win; against that helps only who enters them, not how they are drawn.
//
// An exported draw names no shopper. A shopper can compute the id of an entry of one's own, and so find it and its
// weight. So can everybody else who knows, or guesses, the shopper's id once the seed is published: the ids keep the
// participants from being read off, not from being looked up. How many entries there are, and the weights, are public.
package drawing

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"hash"
	"math"
	"math/bits"
	"slices"
)

// SeedLength is the length of a seed in bytes.
const SeedLength = 32

// ID is the id of an entry; its text is 32 lower-case hexadecimal digits.
type ID [16]byte

// String returns the id's text.
func (id ID) String() string { return hex.EncodeToString(id[:]) }

// MarshalText returns the id's text.
func (id ID) MarshalText() ([]byte, error) { return []byte(id.String()), nil }

// UnmarshalText reads the id's text; upper case is an error, so that one id has one text.
func (id *ID) UnmarshalText(text []byte) error {
	if len(text) == 2*len(id) {
		if _, err := hex.Decode(id[:], text); err == nil && id.String() == string(text) {
			return nil
		}
	}
	return &idError{string(text)}
}

// idError is a text that is no id.
type idError struct{ text string }

func (e *idError) Error() string {
	return fmt.Sprintf("%q is not 32 lower-case hexadecimal digits", e.text)
}

// Entry is one shopper's part in a draw.
type Entry struct {
	ID     ID    `json:"id"`
	Weight int64 `json:"weight"` // at least 1
}

// Compare orders entries by id.
func Compare(a, b Entry) int { return bytes.Compare(a.ID[:], b.ID[:]) }

// EntryID returns the id of the shopper's entry.
func EntryID(seed []byte, campaign, draw, shopper string) ID {
	return ID(mac(hmac.New(sha256.New, seed), "entry/"+campaign+"/"+draw+"/"+shopper))
}

// Namer returns a function that computes the ids of many shoppers' entries into one draw. It is not safe for concurrent
// use.
func Namer(seed []byte, campaign, draw string) func(shopper string) ID {
	keyed, prefix := hmac.New(sha256.New, seed), "entry/"+campaign+"/"+draw+"/"
	return func(shopper string) ID { return ID(mac(keyed, prefix+shopper)) }
}

// mac returns the first 16 bytes of the keyed hash of the message.
func mac(keyed hash.Hash, message string) []byte {
	keyed.Reset()
	_, _ = keyed.Write([]byte(message)) // a hash never fails
	return keyed.Sum(nil)[:16]
}

// HashSeed returns what is published of a seed before entries open: its SHA-256 in hexadecimal.
func HashSeed(seed []byte) string {
	sum := sha256.Sum256(seed)
	return hex.EncodeToString(sum[:])
}

// Total returns the sum of the weights. It is an error if one is below 1, if the sum is beyond 2⁶³ − 1, or if the entries
// are not sorted by ids that differ.
func Total(entries []Entry) (int64, error) {
	var total int64
	for i := range entries {
		e := &entries[i]
		switch {
		case i > 0 && Compare(entries[i-1], *e) >= 0:
			return 0, fmt.Errorf("entry %d, %s, does not come after the one before it", i+1, e.ID)
		case e.Weight < 1:
			return 0, fmt.Errorf("entry %d, %s, has the weight %d", i+1, e.ID, e.Weight)
		case e.Weight > math.MaxInt64-total:
			return 0, fmt.Errorf("the weights add up to more than %d", int64(math.MaxInt64))
		}
		total += e.Weight
	}
	return total, nil
}

// Winners draws and returns the indexes of the entries that win, the first place first. The entries must be what [Total]
// accepts. It takes 8 bytes an entry and, of n entries, about log₂ n steps a place.
func Winners(seed []byte, entries []Entry, places int64) ([]int, error) {
	total, err := Total(entries)
	if err != nil {
		return nil, err
	}
	left := newSums(entries)
	numbers := hmac.New(sha256.New, seed)
	winners := make([]int, min(max(places, 0), int64(len(entries))))
	for k := range winners {
		i := left.find(below(numbers, k+1, uint64(total))) //nolint:gosec // at least 1
		winners[k] = i
		left.add(i, -entries[i].Weight)
		total -= entries[i].Weight
	}
	return winners, nil
}

// below returns the number of a place: at least 0, less than total.
func below(keyed hash.Hash, place int, total uint64) int64 {
	surplus := -total % total // 2⁶⁴ mod total
	for try := 1; ; try++ {
		x := binary.BigEndian.Uint64(mac(keyed, fmt.Sprintf("place/%d/%d", place, try)))
		if x <= math.MaxUint64-surplus {
			return int64(x % total) //nolint:gosec // less than total
		}
	}
}

// sums is a binary indexed tree of weights: element i (from 1) is the sum of the i&-i weights that end at i.
type sums []int64

func newSums(entries []Entry) sums {
	s := make(sums, len(entries)+1)
	for i := range entries {
		s[i+1] += entries[i].Weight
		if above := i + 1 + (i+1)&-(i+1); above < len(s) {
			s[above] += s[i+1]
		}
	}
	return s
}

func (s sums) add(index int, weight int64) {
	for i := index + 1; i < len(s); i += i & -i {
		s[i] += weight
	}
}

// find returns the index of the first weight at which the sum of all up to it exceeds r.
func (s sums) find(r int64) int {
	at := 0
	for step := 1 << bits.Len(uint(len(s)-1)); step > 0; step >>= 1 {
		if next := at + step; next < len(s) && s[next] <= r {
			at, r = next, r-s[next]
		}
	}
	return at
}

// Sort brings entries into their order.
func Sort(entries []Entry) { slices.SortFunc(entries, Compare) }
