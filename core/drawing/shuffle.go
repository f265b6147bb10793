package drawing

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
)

// Shuffle is the order of those who joined a campaign's waiting room before it opened, as it is exported: everything that is
// needed to shuffle again. The id of an arrival is the first 16 bytes of HMAC-SHA256 with the seed as key and the text
// "arrival/<campaign>/<shopper>" as message, and the arrivals' places, from 1, are in the order of their ids, byte by byte.
// The digest is the SHA-256 of lines, each ended by a line feed: the campaign's id, the opening in Unix milliseconds, and each
// id in its order.
//
// The SHA-256 of the seed is published before anybody can join. So nobody who does not know the seed can choose when to come,
// or under which id, to be among the first, and whoever knows it cannot move one arrival without moving it in everybody's eyes.
// What an export names, and what it does not, is as with draws. Its JSON has these fields and no others.
type Shuffle struct {
	Campaign string `json:"campaign" doc:"the campaign's id"`
	SeedHash string `json:"seed_hash" doc:"SHA-256 of the seed, hexadecimal, published before anybody could join"`
	Seed     string `json:"seed" doc:"32 bytes, hexadecimal"`
	OpenedAt int64  `json:"opened_at" doc:"when the first was let in, Unix milliseconds"`
	Digest   string `json:"digest" doc:"SHA-256 of the campaign, the opening and the arrivals, hexadecimal"`
	Arrivals []ID   `json:"arrivals" nullable:"false" doc:"everybody who came before the opening, the first place first"`
}

// ArrivalNamer returns a function that computes the ids of many shoppers' arrivals. It is not safe for concurrent use.
func ArrivalNamer(seed []byte, campaign string) func(shopper string) ID {
	keyed, prefix := hmac.New(sha256.New, seed), "arrival/"+campaign+"/"
	return func(shopper string) ID { return ID(mac(keyed, prefix+shopper)) }
}

// Rank brings arrivals into the order of their places.
func Rank(arrivals []ID) { slices.SortFunc(arrivals, compareIDs) }

func compareIDs(a, b ID) int { return bytes.Compare(a[:], b[:]) }

// PlaceOf returns the place, from 1, of an arrival among those that are ranked; 0 if it is not among them.
func PlaceOf(ranked []ID, arrival ID) int64 {
	i, ok := slices.BinarySearchFunc(ranked, arrival, compareIDs)
	if !ok {
		return 0
	}
	return int64(i) + 1
}

// Sum returns the digest that the shuffle should have, in hexadecimal.
func (s *Shuffle) Sum() string {
	sum, line := sha256.New(), make([]byte, 0, 64)
	_, _ = fmt.Fprintf(sum, "%s\n%d\n", s.Campaign, s.OpenedAt) // a hash never fails
	for i := range s.Arrivals {
		line = append(hex.AppendEncode(line[:0], s.Arrivals[i][:]), '\n')
		_, _ = sum.Write(line)
	}
	return hex.EncodeToString(sum.Sum(nil))
}

// Verify shuffles again and returns what differs; nothing if the shuffle is right.
func (s *Shuffle) Verify() []Difference {
	var found []Difference
	report := func(what, format string, args ...any) {
		found = append(found, Difference{what, fmt.Sprintf(format, args...)})
	}
	seed, err := hex.DecodeString(s.Seed)
	if err != nil || len(seed) != SeedLength {
		report("seed", "the seed is not %d bytes in hexadecimal", SeedLength)
		return found
	}
	if hash := HashSeed(seed); hash != s.SeedHash {
		report("seed", "the seed's hash is %s, the published one is %s", hash, s.SeedHash)
	}
	if strings.ContainsAny(s.Campaign, "/\n") {
		report("names", "%q is not the name of a campaign", s.Campaign)
	}
	if digest := s.Sum(); digest != s.Digest {
		report("digest", "the digest of the shuffle is %s, the published one is %s: the opening or an arrival was changed, "+
			"added or left out", digest, s.Digest)
	}
	s.checkOrder(report)
	return found
}

// checkOrder reports the arrivals that are not behind the ones before them.
func (s *Shuffle) checkOrder(report func(what, format string, args ...any)) {
	wrong := 0
	for i := 1; i < len(s.Arrivals); i++ {
		if compareIDs(s.Arrivals[i-1], s.Arrivals[i]) < 0 {
			continue
		}
		if wrong++; wrong <= maxDifferences {
			report("places", "place %d, %s, does not come after the one before it", i+1, s.Arrivals[i])
		}
	}
	if more := wrong - maxDifferences; more > 0 {
		report("places", "nor do others: %d more", more)
	}
}

// Find returns the id of the shopper's arrival and its place, 0 if the shopper did not come before the opening.
func (s *Shuffle) Find(shopper string) (arrival ID, place int) {
	seed, err := hex.DecodeString(s.Seed)
	if err != nil {
		return ID{}, 0
	}
	arrival = ArrivalNamer(seed, s.Campaign)(shopper)
	return arrival, slices.Index(s.Arrivals, arrival) + 1
}

// ParseShuffle reads one shuffle, as strictly as [Parse] reads a draw.
func ParseShuffle(r io.Reader) (*Shuffle, error) {
	content, err := io.ReadAll(r)
	if err != nil {
		return nil, err
	}
	shuffle := &Shuffle{}
	p := &parser{content: content, decoder: json.NewDecoder(bytes.NewReader(content))}
	if err = p.grammar(); err == nil {
		err = p.shuffle(shuffle)
	}
	if err != nil {
		return nil, fmt.Errorf("this is not an exported shuffle: %w", err)
	}
	return shuffle, nil
}

func (p *parser) shuffle(s *Shuffle) error {
	return p.object(map[string]func() error{
		"campaign": p.value(&s.Campaign), "seed_hash": p.value(&s.SeedHash), "seed": p.value(&s.Seed),
		"opened_at": p.value(&s.OpenedAt), "digest": p.value(&s.Digest),
		"arrivals": func() error {
			return p.list(func() error {
				s.Arrivals = append(s.Arrivals, ID{})
				return p.value(&s.Arrivals[len(s.Arrivals)-1])()
			})
		},
	})
}
