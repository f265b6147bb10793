// Package event replays sales over real HTTP connections and checks their books: `hotdrop event run phone`, and trade-in,
// car and group.
//
// It starts `hotdrop serve --demo` as child processes of their own (or uses a server that runs already), applies the
// sale's campaign under a new id and drives it through its phases: reservations, opening, rush, payment, verification.
// Everything goes over the public API; nothing looks into a store but `hotdrop audit`, in the end, and, in a run with swaps,
// a count of the connections to the database.
//
// With --swaps the price is changed while the phone sells. Each ruleset gives a total of its own, which no mix of two gives,
// so that every answer says which ruleset decided: it has to be one that was in force between the request and the answer,
// whatever the servers say of themselves. In the end the log of decisions has to name the same rulesets, and the audit holds
// every order's epoch against the history. What a swap costs those who order meanwhile is measured in a calm phase; its
// figures are defined at [Calm].
//
// The measured figures are stated as ratios to a floor: the same generator, connections and request bytes against a
// bare echo handler that decodes the same body and answers JSON of the same size, measured right before and right after
// each phase while the server idles. Generator and server share the machine, so the generator writes and reads
// HTTP/1.1 by hand and allocates nothing per request.
package event
