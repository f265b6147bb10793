package core

// Arrival is one shopper's joining of a campaign's waiting room. It is never changed: a shopper whose turn is over joins
// again, at the end.
type Arrival struct {
	Shopper string
	Turn    int64 // from 1: the how manyth time the shopper joins
	Number  int64 // from 1, without gaps, in the order in which arrivals became durable; 0 until this one has
	At      int64 // Unix milliseconds
}
