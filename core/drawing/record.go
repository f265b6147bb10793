package drawing

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Record is a draw that is over, as it is exported: everything that is needed to draw again. Its JSON has these fields
// and no others.
type Record struct {
	Campaign string  `json:"campaign" doc:"the campaign's id"`
	Draw     string  `json:"draw" doc:"the draw's name in the campaign"`
	SeedHash string  `json:"seed_hash" doc:"SHA-256 of the seed, hexadecimal, published before the first entry"`
	Seed     string  `json:"seed" doc:"32 bytes, hexadecimal"`
	ClosesAt int64   `json:"closes_at" doc:"when entries closed, Unix milliseconds"`
	DrawnAt  int64   `json:"drawn_at" doc:"when the winners were drawn, Unix milliseconds"`
	Places   int64   `json:"places" doc:"how many can win"`
	Digest   string  `json:"digest" doc:"SHA-256 of everything but the seed that decides who wins, hexadecimal"`
	Winners  []ID    `json:"winners" doc:"the entries that won, the first place first"`
	Entries  []Entry `json:"entries" doc:"all entries, sorted by id"`
}

// Sum returns the digest that the record should have, in hexadecimal. The entries must be sorted.
func (r *Record) Sum() string {
	sum, line := sha256.New(), make([]byte, 0, 64)
	_, _ = fmt.Fprintf(sum, "%s\n%s\n%d\n%d\n", r.Campaign, r.Draw, r.Places, r.ClosesAt) // a hash never fails
	for i := range r.Entries {
		line = hex.AppendEncode(line[:0], r.Entries[i].ID[:])
		line = strconv.AppendInt(append(line, ' '), r.Entries[i].Weight, 10)
		_, _ = sum.Write(append(line, '\n'))
	}
	return hex.EncodeToString(sum.Sum(nil))
}

// Difference is one thing in a record that is not what drawing again gives.
type Difference struct {
	What   string `json:"what"`   // seed, names, entries, digest or winners
	Detail string `json:"detail"` // one sentence
}

// maxDifferences is how many winners that differ are told one by one.
const maxDifferences = 10

// Verify draws again and returns what differs; nothing if the record is right.
func (r *Record) Verify() []Difference {
	var found []Difference
	report := func(what, format string, args ...any) {
		found = append(found, Difference{what, fmt.Sprintf(format, args...)})
	}
	seed, err := hex.DecodeString(r.Seed)
	if err != nil || len(seed) != SeedLength {
		report("seed", "the seed is not %d bytes in hexadecimal", SeedLength)
		return found
	}
	if hash := HashSeed(seed); hash != r.SeedHash {
		report("seed", "the seed's hash is %s, the published one is %s", hash, r.SeedHash)
	}
	if strings.ContainsAny(r.Campaign+r.Draw, "/\n") {
		report("names", "%q and %q are not the names of a campaign and a draw", r.Campaign, r.Draw)
	}
	if digest := r.Sum(); digest != r.Digest {
		report("digest", "the digest of the draw is %s, the published one is %s: its places, the time it closed, or an entry "+
			"was changed, added or left out", digest, r.Digest)
	}
	drawn, err := Winners(seed, r.Entries, r.Places)
	if err != nil {
		report("entries", "%v", err)
		return found
	}
	r.compare(drawn, report)
	return found
}

// compare reports where the winners that were drawn again are not those of the record.
func (r *Record) compare(drawn []int, report func(what, format string, args ...any)) {
	if len(drawn) != len(r.Winners) {
		report("winners", "of %d entries and %d places there are %d winners, the record has %d",
			len(r.Entries), r.Places, len(drawn), len(r.Winners))
	}
	differ := 0
	for k := range min(len(drawn), len(r.Winners)) {
		winner := r.Entries[drawn[k]].ID
		if winner == r.Winners[k] {
			continue
		}
		if differ++; differ <= maxDifferences {
			report("winners", "place %d goes to %s, the record says %s", k+1, winner, r.Winners[k])
		}
	}
	if more := differ - maxDifferences; more == 1 {
		report("winners", "so does one more place")
	} else if more > 1 {
		report("winners", "so do %d more places", more)
	}
}

// Find returns the shopper's entry and the place that it won, 0 for none; nil if the shopper has no entry.
func (r *Record) Find(shopper string) (entry *Entry, place int) {
	seed, err := hex.DecodeString(r.Seed)
	if err != nil {
		return nil, 0
	}
	wanted := Entry{ID: EntryID(seed, r.Campaign, r.Draw, shopper)}
	for i := range r.Entries {
		if r.Entries[i].ID == wanted.ID {
			return &r.Entries[i], slices.Index(r.Winners, wanted.ID) + 1
		}
	}
	return nil, 0
}
