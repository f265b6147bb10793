// Package event replays a sale over real HTTP connections and checks its books: `hotdrop event run phone`.
//
// It starts `hotdrop serve --demo` as child processes of their own (or uses a server that runs already), applies the
// sale's campaign under a new id and drives it through its phases: reservations, opening, rush, payment, verification.
// Everything goes over the public API; nothing here looks into a store.
//
// The measured figures are stated as ratios to a floor: the same generator, connections and request bytes against a
// bare echo handler that decodes the same body and answers JSON of the same size, measured right before and right after
// each phase while the server idles. Generator and server share the machine, so the generator writes and reads
// HTTP/1.1 by hand and allocates nothing per request.
package event
