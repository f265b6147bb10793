package core

// The states of a draw, and of an entry.
const (
	DrawOpen     = "open"
	DrawDrawn    = "drawn"
	EntryEntered = "entered"
)

// Draw is the content of a draw. The hash of the seed is published before entries open, the seed after they close.
type Draw struct {
	SeedHash string   `json:"seed_hash"`         // SHA-256 of the seed, hex
	Seed     string   `json:"seed"`              // hex; nobody sees it before the draw is drawn
	ClosesAt int64    `json:"closes_at"`         // Unix milliseconds
	Places   int64    `json:"places"`            // how many win
	DrawnAt  int64    `json:"drawn_at"`          // Unix milliseconds
	Digest   string   `json:"digest,omitempty"`  // SHA-256 of the entries, hex
	Winners  []string `json:"winners,omitempty"` // shoppers, the first prize first
	Rest     int64    `json:"rest,omitempty"`    // what closing took from the draw's counter
}

// Entry is the content of one shopper's entry into a draw.
type Entry struct {
	Weight int64 `json:"weight"`
	At     int64 `json:"at"` // of the first one, Unix milliseconds
}
