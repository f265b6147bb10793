package core

// The states of a group.
const (
	GroupOpen     = "open"
	GroupComplete = "complete" // as many as it needs have paid
	GroupFailed   = "failed"   // its time ran out before
)

// Group is the content of a group of orders that are to be placed together.
type Group struct {
	SKU      string   `json:"sku"`
	Size     int64    `json:"size"`
	Price    int64    `json:"price"` // per unit for its members, minor units
	Leader   string   `json:"leader"`
	OpenedAt int64    `json:"opened_at"` // Unix milliseconds
	ClosesAt int64    `json:"closes_at"` // Unix milliseconds
	Members  []string `json:"members"`   // the orders that have a seat
	Settled  bool     `json:"settled"`   // every member's order has taken note of how the group ended
}

// groupTerms are what a mechanic's group effect asks for.
type groupTerms struct {
	size, seconds, price int64
}
