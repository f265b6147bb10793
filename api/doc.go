// Package api serves hotdrop over HTTP: JSON under /v1, described by an OpenAPI 3.1 document, for shoppers and for staff.
//
// A request's way: [Server.Handler] authenticates it, by token, API key or signature, before anything else; the router finds
// its operation; the operation's [Permission] decides; ids, media type and size are checked; then huma validates and
// decodes what is left into the handler's input. The three routes of a rush (orders, reservations, payments) take a
// shorter way to the same handlers: a hand-written decoder accepts the common form of a request and leaves every doubt to
// huma, so that what is refused, and how, is said in one place. Why, and what it bought, is in RATIONALE.md.
//
// Every error is problem+json (RFC 9457) with a stable code: [Problem]. Handlers know neither echo nor huma's context:
// they take a context and a typed input, and the adapter is one file.
package api
