package event

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"math"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
)

// Result is what a replay has measured and counted. Its JSON form is one flat object.
type Result struct {
	Event       string // the sale's name
	Store       string // sqlite, postgres, or remote for a server that ran already
	Campaign    string // the id the sale ran under
	Nodes       int
	Connections int

	Reservations    int64 // shoppers who signed up
	Eligible        int64 // of them, those who took part in the rush
	Shoppers        int64 // who took part in the rush
	Units           int64 // for sale
	Requests        int64 // answered in the rush, repeated ones included
	Sold            int64 // orders acknowledged
	Paid            int64 // orders that stand as paid in the end
	Oversold        int64 // orders acknowledged beyond Units
	DuplicateOrders int64 // orders acknowledged beyond a shopper's first
	Lost            int64 // orders acknowledged that are not found afterwards
	Repriced        int64 // orders that are found at another total than they were acknowledged at
	BrokenReplays   int64 // repeated requests that were not answered with the order of the first answer
	Retried         int64 // tries of all phases that ended in a transport error or 5xx and were made again
	Errors          int64 // requests of all phases given up after that
	// Refused counts the refusals of the rush by code; the others are those of other phases.
	Refused, ReservationsRefused, TopUpsRefused, PayRefused map[string]int64

	Rush, Reserving, Paying Speed
	P50, P99, OrderP99      time.Duration // latencies of the rush; OrderP99 of answers 201 only
	TopUpSeconds            float64
	Uploads                 Uploads
	Swaps                   *Swaps    // nil for a run without
	Overload                *Overload // nil for a run without
	Audit                   *Audit    // nil for a server that ran already
	PeakMemory              int64     // resident bytes of the largest server, 0 if not known

	tale tale // what was counted beside the rush: all that there is to a sale without one
}

// Speed is how fast a phase was, beside the floor measured around it.
type Speed struct {
	Seconds   float64
	PerSecond float64
	Floor     float64 // requests per second of the bare handler
}

// Ratio is the speed as a share of the floor's, 0 without a floor.
func (s Speed) Ratio() float64 {
	if s.Floor <= 0 {
		return 0
	}
	return s.PerSecond / s.Floor
}

// Problems lists what is wrong with the books, one sentence each; none means that they balance.
func (r *Result) Problems() []string {
	var problems []string
	if r.rushed() {
		problems = r.rushProblems()
	}
	problems = append(problems, r.Swaps.problems(r.Nodes)...)
	problems = append(problems, r.Overload.problems()...)
	problems = append(problems, r.tale.wrong...)
	if r.Audit != nil && r.Audit.Stale != 0 {
		problems = append(problems, fmt.Sprintf("%d orders were decided under an earlier epoch than the swap before them", r.Audit.Stale))
	}
	if r.Audit != nil && r.Audit.Findings != 0 {
		problems = append(problems, fmt.Sprintf("hotdrop audit has %d findings:\n%s", r.Audit.Findings, r.Audit.Rows))
	}
	return problems
}

// rushed reports whether the sale has a rush.
func (r *Result) rushed() bool { return r.Event == Phone }

// rushProblems lists what is wrong with the books of the rush.
func (r *Result) rushProblems() []string {
	var problems []string
	if want := min(r.Units, r.Eligible); r.Sold != want {
		problems = append(problems, fmt.Sprintf("sold %d, should be %d", r.Sold, want))
	}
	for _, wrong := range []struct {
		n    int64
		what string
	}{
		{r.Oversold, "orders oversold"},
		{r.DuplicateOrders, "duplicate orders"},
		{r.Lost, "acknowledged orders lost"},
		{r.Repriced, "orders at another price than they were acknowledged at"},
		{r.BrokenReplays, "repeated requests not answered with their order"},
		{r.Sold - r.Paid - r.Lost, "orders not paid"},
		{r.Uploads.Failed, "uploads without a verdict"},
	} {
		if wrong.n != 0 {
			problems = append(problems, fmt.Sprintf("%d %s", wrong.n, wrong.what))
		}
	}
	return problems
}

// UnbalancedError is a replay whose books do not balance, or whose measurement is not valid.
type UnbalancedError struct{ Problems []string }

// Error implements error.
func (e *UnbalancedError) Error() string {
	return "the run does not hold: " + strings.Join(e.Problems, ", ")
}

// Err returns an [UnbalancedError] unless the books balance.
func (r *Result) Err() error {
	if problems := r.Problems(); len(problems) > 0 {
		return &UnbalancedError{problems}
	}
	return nil
}

// field is one key of the result. Values are strings, integers or decimals.
type field struct {
	key   string
	value any
}

// fields lists the result in the order it is printed.
func (r *Result) fields() []field {
	list := []field{
		{"event", r.Event},
		{"store", r.Store},
		{"campaign", r.Campaign},
		{"nodes", int64(r.Nodes)},
		{"connections", int64(r.Connections)},
	}
	if r.rushed() {
		list = append(list, r.rushFields()...)
	} else {
		list = append(list, field{"shoppers", r.Shoppers}, field{r.unitsKey(), r.Units},
			field{"retried", r.Retried}, field{"errors", r.Errors})
	}
	list = append(list, r.tale.figures...)
	list = append(list, r.Swaps.fields()...)
	list = append(list, r.Overload.fields()...)
	if r.Audit != nil {
		list = append(list, field{"audit_orders", r.Audit.Orders}, field{"audit_findings", r.Audit.Findings},
			field{"stale_orders", r.Audit.Stale})
	}
	return append(list, field{"rss_mb", (r.PeakMemory + 1<<20 - 1) >> 20})
}

// unitsKey is the key of the units for sale. In the group-buy they are those of one of its two items: orders of the other
// are confirmed too, so that more are confirmed than these.
func (r *Result) unitsKey() string {
	if r.Event == Group {
		return "units_of_complete_groups"
	}
	return "units"
}

// rushFields lists what is known of a sale with a rush.
func (r *Result) rushFields() []field {
	list := []field{
		{"reservations", r.Reservations},
		{"shoppers", r.Shoppers},
		{"eligible", r.Eligible},
		{"units", r.Units},
		{"requests", r.Requests},
		{"sold", r.Sold},
		{"paid", r.Paid},
		{"oversold", r.Oversold},
		{"duplicate_orders", r.DuplicateOrders},
		{"lost", r.Lost},
		{"repriced", r.Repriced},
		{"broken_replays", r.BrokenReplays},
		{"retried", r.Retried},
		{"errors", r.Errors},
	}
	list = appendCodes(list, "refused_", r.Refused)
	list = appendCodes(list, "reservations_refused_", r.ReservationsRefused)
	list = appendCodes(list, "topups_refused_", r.TopUpsRefused)
	list = appendCodes(list, "pay_refused_", r.PayRefused)
	list = append(list, r.Rush.fields("")...)
	list = append(list,
		field{"p50_ms", milliseconds(r.P50)},
		field{"p99_ms", milliseconds(r.P99)},
		field{"order_p99_ms", milliseconds(r.OrderP99)})
	list = append(list, r.Uploads.fields()...)
	list = append(list, r.Reserving.fields("reservations_")...)
	list = append(list, field{"topup_seconds", thousandths(r.TopUpSeconds)})
	return append(list, r.Paying.fields("pay_")...)
}

// fields lists a phase's speed.
func (s Speed) fields(prefix string) []field {
	return []field{
		{prefix + "seconds", thousandths(s.Seconds)},
		{prefix + "requests_per_second", int64(math.Round(s.PerSecond))},
		{prefix + "floor_requests_per_second", int64(math.Round(s.Floor))},
		{prefix + "ratio_to_floor", thousandths(s.Ratio())},
	}
}

// appendCodes lists refusals by code, sorted.
func appendCodes(list []field, prefix string, codes map[string]int64) []field {
	for _, code := range slices.Sorted(maps.Keys(codes)) {
		list = append(list, field{prefix + code, codes[code]})
	}
	return list
}

// thousandths rounds to three decimals.
func thousandths(x float64) float64 { return math.Round(x*1000) / 1000 }

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// MarshalJSON renders one flat object, in the order of the table.
func (r *Result) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	for i, f := range r.fields() {
		key, err := json.Marshal(f.key)
		if err != nil {
			return nil, err
		}
		value, err := json.Marshal(f.value)
		if err != nil {
			return nil, err
		}
		b.WriteByte("{,"[min(i, 1)])
		b.Write(key)
		b.WriteByte(':')
		b.Write(value)
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}

// writeJSON prints the result as JSON, one key a line.
func (r *Result) writeJSON(out io.Writer) error {
	text, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	_, err = out.Write(append(text, '\n'))
	return err
}

// writeTable prints the result as an aligned table.
func (r *Result) writeTable(out io.Writer) error {
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	for _, f := range r.fields() {
		if _, err := fmt.Fprintf(table, "%s\t%v\n", f.key, f.value); err != nil {
			return err
		}
	}
	return table.Flush()
}
