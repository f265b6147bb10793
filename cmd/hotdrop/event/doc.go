// Package event replays sales over real HTTP connections and checks their books: `hotdrop event run phone`, and trade-in,
// car and group.
//
// It starts `hotdrop serve --demo` as child processes of their own (or uses a server that runs already), applies the
// sale's campaign under a new id and drives it through its phases: reservations, opening, rush, payment, verification.
// Everything goes over the public API; nothing looks into a store but `hotdrop audit`, in the end.
//
// The measured figures are stated as ratios to a floor: the same generator, connections and request bytes against a
// bare echo handler that decodes the same body and answers JSON of the same size, measured right before and right after
// each phase while the server idles. Generator and server share the machine, so the generator writes and reads
// HTTP/1.1 by hand and allocates nothing per request.
package event
