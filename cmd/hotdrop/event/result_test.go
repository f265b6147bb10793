package event

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// balanced is a result whose books balance.
func balanced() *Result {
	return &Result{
		Event: "phone", Store: "sqlite", Campaign: "phone-k3x9", Nodes: 1, Connections: 256,
		Reservations: 1_300_000, Eligible: 240_000, Shoppers: 240_000, Units: 50_000,
		Requests: 253_207, Sold: 50_000, Paid: 50_000, Retried: 3,
		Refused: map[string]int64{"sold_out": 199_100, "limit_reached": 1_200, "in_flight": 7},
		Rush:    Speed{Seconds: 5.0641, PerSecond: 50_000.4, Floor: 62_500.5},
		P50:     4_100 * time.Microsecond, P99: 12_345 * time.Microsecond, OrderP99: 17 * time.Millisecond,
		Reserving:    Speed{Seconds: 40, PerSecond: 32_500, Floor: 65_000},
		TopUpSeconds: 2.5,
		Paying:       Speed{Seconds: 2, PerSecond: 25_000, Floor: 60_000},
		Audit:        &Audit{Orders: 50_000},
		PeakMemory:   123_456_789,
		tale:         balancedTale(),
	}
}

// balancedTale is what is told beside the rush when everything is as it should be.
func balancedTale() tale {
	var t tale
	t.expect("reposts", 300_000, 300_000)
	t.took("reposts_seconds", 41.23456)
	t.tell("most_reposts_of_a_link", 70_000)
	return t
}

// TestASaleWithoutARushHasNoneOfItsFigures but those of every sale, in the order in which they were told.
func TestASaleWithoutARushHasNoneOfItsFigures(t *testing.T) {
	t.Parallel()
	r := &Result{
		Event: TradeIn, Store: "postgres", Campaign: "trade-in-k3x9", Nodes: 2, Connections: 256, Shoppers: 20_000, Units: 2_099,
		tale: balancedTale(),
	}
	var keys []string
	for _, f := range r.fields() {
		keys = append(keys, f.key)
	}
	want := strings.Fields("event store campaign nodes connections shoppers units retried errors " +
		"reposts reposts_seconds most_reposts_of_a_link rss_mb")
	if !slices.Equal(keys, want) {
		t.Errorf("the keys are %v, want %v", keys, want)
	}
	if r.Event = Group; !slices.ContainsFunc(r.fields(), func(f field) bool { return f.key == "units_of_complete_groups" && f.value == r.Units }) {
		t.Errorf("of a group-buy they are %v", r.fields())
	}
	r.Event = TradeIn
	if err := r.Err(); err != nil {
		t.Error(err)
	}
	r.tale.expect("delivered", 3, 4)
	r.Audit = &Audit{Findings: 1, Rows: "trade-in-k3x9\tcounter\tstock/mx3\tdoes not add up"}
	problems := r.Problems()
	if len(problems) != 2 || problems[0] != "delivered is 3, should be 4" || !strings.Contains(problems[1], "stock/mx3") {
		t.Errorf("the problems are %q", problems)
	}
}

func TestTheResultReads(t *testing.T) {
	t.Parallel()
	for name, write := range map[string]func(*Result, *bytes.Buffer) error{
		"result.json": func(r *Result, b *bytes.Buffer) error { return r.writeJSON(b) },
		"result.txt":  func(r *Result, b *bytes.Buffer) error { return r.writeTable(b) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var got bytes.Buffer
			if err := write(balanced(), &got); err != nil {
				t.Fatal(err)
			}
			golden := filepath.Join("testdata", name)
			if os.Getenv("HOTDROP_UPDATE_GOLDEN") != "" {
				if err := os.WriteFile(golden, got.Bytes(), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if got.String() != string(want) {
				t.Errorf("got\n%s\nwant\n%s", got.String(), want)
			}
		})
	}
}

func TestTheJSONResultIsFlatWithTheKeysThatScriptsRead(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	if err := balanced().writeJSON(&out); err != nil {
		t.Fatal(err)
	}
	var object map[string]any
	if err := json.Unmarshal(out.Bytes(), &object); err != nil {
		t.Fatal(err)
	}
	for key := range strings.FieldsSeq("event store nodes reservations shoppers requests sold paid oversold " +
		"duplicate_orders lost refused_sold_out refused_limit_reached seconds requests_per_second p50_ms p99_ms " +
		"order_p99_ms floor_requests_per_second ratio_to_floor reservations_seconds reservations_requests_per_second " +
		"reservations_ratio_to_floor pay_seconds pay_requests_per_second pay_ratio_to_floor rss_mb errors") {
		if _, ok := object[key]; !ok {
			t.Errorf("there is no %s", key)
		}
	}
	for key, value := range object {
		switch value.(type) {
		case string, float64:
		default:
			t.Errorf("%s is %v, which is not flat", key, value)
		}
	}
	if lines := strings.Count(out.String(), "\n"); lines != len(object)+2 {
		t.Errorf("%d keys on %d lines", len(object), lines)
	}
}

func TestUploadsAreReportedWhereThereWereAny(t *testing.T) {
	t.Parallel()
	r := balanced()
	r.Uploads = Uploads{Stored: 32, Refused: 30, Accepted: 2, Seconds: 1.5}
	var out bytes.Buffer
	if err := r.writeJSON(&out); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`"uploads": 32`, `"uploads_refused": 30`, `"uploads_accepted": 2`, `"uploads_failed": 0`, `"uploads_seconds": 1.5`} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("there is no %s in\n%s", want, out.String())
		}
	}
	r.Uploads.Failed = 1
	if problems := r.Problems(); len(problems) != 1 || problems[0] != "1 uploads without a verdict" {
		t.Errorf("the problems are %q", problems)
	}
}

func TestBooksBalanceOnlyWithoutAnythingWrong(t *testing.T) {
	t.Parallel()
	if err := balanced().Err(); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name  string
		spoil func(*Result)
		want  string
	}{
		{"a unit is left", func(r *Result) { r.Sold--; r.Paid-- }, "sold 49999, should be 50000"},
		{"a unit is sold twice", func(r *Result) { r.Sold++; r.Paid++; r.Oversold++ }, "1 orders oversold"},
		{"fewer want one than there are", func(r *Result) { r.Eligible = 40_000 }, "sold 50000, should be 40000"},
		{"a shopper has two orders", func(r *Result) { r.DuplicateOrders++ }, "1 duplicate orders"},
		{"an order is gone", func(r *Result) { r.Lost++; r.Paid-- }, "1 acknowledged orders lost"},
		{
			"a repeated request is refused",
			func(r *Result) { r.BrokenReplays = 2 }, "2 repeated requests not answered with their order",
		},
		{"an order is not paid", func(r *Result) { r.Paid -= 3 }, "3 orders not paid"},
		{"a repost is counted twice", func(r *Result) { r.tale.expect("reposts", 300_001, 300_000) }, "reposts is 300001, should be 300000"},
		{
			"the audit finds something",
			func(r *Result) { r.Audit = &Audit{Findings: 2, Rows: "a\nb\n"} }, "hotdrop audit has 2 findings:\na\nb\n",
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			r := balanced()
			test.spoil(r)
			err := r.Err()
			var unbalanced *UnbalancedError
			if !errors.As(err, &unbalanced) || !slices.Contains(unbalanced.Problems, test.want) {
				t.Fatalf("%v, want %q", err, test.want)
			}
			if !strings.Contains(err.Error(), "does not hold") {
				t.Errorf("the error says %q", err)
			}
		})
	}
}

func TestALostOrderIsNotAlsoAnUnpaidOne(t *testing.T) {
	t.Parallel()
	r := balanced()
	r.Lost, r.Paid = 2, r.Paid-2
	if problems := r.Problems(); len(problems) != 1 {
		t.Errorf("the problems are %q", problems)
	}
}

func TestAPhaseWithoutAFloorHasNoRatio(t *testing.T) {
	t.Parallel()
	if ratio := (Speed{PerSecond: 10}).Ratio(); ratio != 0 {
		t.Errorf("the ratio is %v", ratio)
	}
}
