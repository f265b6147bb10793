package core

// ShareActive is the only state of a link.
const ShareActive = "active"

// Share is the content of a shopper's link: what came of it.
type Share struct {
	Reposts      int64 `json:"reposts"`      // accounts that reposted it
	Visitors     int64 `json:"visitors"`     // other shoppers who came through it
	Reservations int64 `json:"reservations"` // other shoppers who reserved through it
	MadeAt       int64 `json:"made_at"`      // Unix milliseconds
}
