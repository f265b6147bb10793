package core

import (
	"crypto/rand"
	"encoding/binary"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// idLength is the length of an id's own part: 128 bits in base 32.
const idLength = 26

// idAlphabet is Crockford's base 32 in lower case: no i, l, o, u, and in the order of its code points.
const idAlphabet = "0123456789abcdefghjkmnpqrstvwxyz"

// newID returns "<campaign>.<26 characters>": 48 bits of milliseconds, then 80 random bits. Ids made later sort later,
// so that inserting them appends to the primary key.
func newID(campaign string, now time.Time) string {
	var raw [16]byte
	_, _ = rand.Read(raw[6:]) // never fails: crypto/rand ends the process instead
	var stamp [8]byte
	binary.BigEndian.PutUint64(stamp[:], uint64(now.UnixMilli()))
	copy(raw[:6], stamp[2:])
	id := make([]byte, 0, len(campaign)+1+idLength)
	id = append(append(id, campaign...), '.')
	return string(appendBase32(id, raw))
}

// appendBase32 appends 16 bytes as 26 digits, most significant first.
func appendBase32(b []byte, raw [16]byte) []byte {
	hi, lo := binary.BigEndian.Uint64(raw[:8]), binary.BigEndian.Uint64(raw[8:])
	for shift := 125; shift >= 0; shift -= 5 {
		var digit uint64
		switch {
		case shift >= 64:
			digit = hi >> (shift - 64)
		case shift > 59:
			digit = lo>>shift | hi<<(64-shift)
		default:
			digit = lo >> shift
		}
		b = append(b, idAlphabet[digit&31])
	}
	return b
}

// ValidCampaignID reports whether s can be the id of a campaign: 1 to 63 lower-case letters, digits and hyphens.
func ValidCampaignID(s string) bool {
	for i := range len(s) {
		if c := s[i]; (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' {
			return false
		}
	}
	return s != "" && len(s) <= 63
}

// ValidOrderID reports whether s can be the id of an order: a campaign's, a dot, and 26 characters of the id alphabet.
func ValidOrderID(s string) bool {
	campaign, own, _ := strings.Cut(s, ".")
	for i := range len(own) {
		if strings.IndexByte(idAlphabet, own[i]) < 0 {
			return false
		}
	}
	return len(own) == idLength && ValidCampaignID(campaign)
}

// isStorable reports whether a store can be asked for s: not every one has a text that is no UTF-8, or one with a NUL.
func isStorable(s string) bool { return utf8.ValidString(s) && strings.IndexByte(s, 0) < 0 }

// startOf returns the campaign at which a list that is sorted by campaign goes on behind the cursor, "" for its beginning. A
// cursor that cannot be the last id of a page is an error.
func (e *Engine) startOf(cursor string) (string, error) {
	if cursor == "" {
		return "", nil
	}
	campaign := CampaignOf(cursor)
	if !ValidOrderID(cursor) || !slices.Contains(e.CampaignIDs(), campaign) {
		return "", foreignCursor()
	}
	return campaign, nil
}

// foreignCursor is the refusal of a cursor that no page has ended with.
func foreignCursor() error { return Errorf(CodeInvalid, "the cursor is not one of this list") }
