// Package core is the domain of hotdrop: campaigns, items, reservations, orders, money and the rollout of the
// mechanics that decide them.
//
// It owns everything that must be true (stock is never oversold, an order's price is the one that was decided, a
// counter's takes add up) and leaves everything that may differ to three seams: a [Mechanic] proposes effects, a
// [Store] applies plans, a [Provider] moves money. core imports the standard library only.
//
// One order's way: [Engine.Place] loads the shopper's facts (loads of concurrent requests share one query), the ruleset
// decides, the resulting intent joins the campaign's current batch, and the batch commits in one transaction. Why it
// is built like this is answered in RATIONALE.md.
//
// Units, everywhere: money is an int64 in minor units of the campaign's ISO 4217 currency, times are Unix
// milliseconds, fuel is the unit of the plugin host's meter.
package core
