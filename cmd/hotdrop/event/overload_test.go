package event

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// overloaded is what became of an overload without a fault.
func overloaded() *Overload {
	o := &Overload{Times: 3, Highest: 1000.4, Offered: 3000, Bound: 500 * time.Millisecond, Accepted: 900, Shed: 2100, Goodput: 900}
	o.accepted.observe(200 * time.Millisecond)
	o.shed.observe(time.Millisecond)
	return o
}

func TestAnOverloadTellsWhatBecameOfIt(t *testing.T) {
	t.Parallel()
	if problems := overloaded().problems(); len(problems) > 0 {
		t.Errorf("an overload without a fault has %v", problems)
	}
	var none *Overload
	if none.problems() != nil || none.fields() != nil {
		t.Error("a run without an overload has figures of it")
	}
	figures := fmt.Sprint(overloaded().fields())
	for _, part := range []string{"{overload_shed_share 0.7}", "{overload_accepted_ratio_to_highest 0.9}", "{overload_bound_ms 500}"} {
		if !strings.Contains(figures, part) {
			t.Errorf("%s is not in %s", part, figures)
		}
	}
	for want, plant := range map[string]func(*Overload){
		"over the bound of 500ms":       func(o *Overload) { o.accepted.observe(time.Second) },
		"no order was accepted":         func(o *Overload) { o.Accepted = 0 },
		"1 orders refused otherwise":    func(o *Overload) { o.Refused++ },
		"1 orders without an answer":    func(o *Overload) { o.Failed++ },
		"1 orders shed without a Retry": func(o *Overload) { o.Hasty++ },
		"1 accepted orders of the":      func(o *Overload) { o.Lost++ },
		"-1 units of stock":             func(o *Overload) { o.Unbooked-- },
	} {
		o := overloaded()
		plant(o)
		if problems := o.problems(); len(problems) != 1 || !strings.Contains(problems[0], want) {
			t.Errorf("%q: %v", want, problems)
		}
	}
}

func TestEveryAnswerToAnOverloadIsCountedAsWhatItIs(t *testing.T) {
	t.Parallel()
	const own = "06fmxw9z3k8q7v5t2s1r0p4n6m"
	w := &offerer{buyer: &buyer{replay: &replay{mark: orderMark("phone-x")}, plan: []entry{{shopper: 7}}, tally: tally{}}}
	shed := answer(503, `{"code":"overloaded"}`)
	w.take(0, shed, nil, time.Millisecond, true)
	shed.RetryAfter = time.Second
	w.take(0, shed, nil, time.Millisecond, true)
	w.take(0, shed, nil, time.Millisecond, false) // while servers get used to it
	w.take(0, answer(201, `{"id":"phone-x.`+own+`","total":1}`), nil, time.Second, true)
	w.take(0, answer(201, `{"id":"phone-x.`+own+`","total":1}`), nil, time.Second, false)
	w.take(0, answer(503, `{"code":"unavailable"}`), nil, time.Second, true)
	w.take(0, answer(409, `{"code":"sold_out"}`), nil, time.Second, true)
	w.take(0, Response{}, errEnded, time.Second, true)
	got := fmt.Sprint(w.seen.Accepted, w.seen.Shed, w.seen.Hasty, w.seen.Refused, w.seen.Failed, len(w.placed), w.placed[0].shopper)
	if got != "1 2 1 2 1 2 7" {
		t.Errorf("counted %s", got)
	}
}

func TestOnlyAnOverloadBoundsTheServers(t *testing.T) {
	t.Parallel()
	for overload, want := range map[float64]string{0: "--order-latency 0s", 3: "--order-latency 500ms"} {
		config, err := Config{Overload: overload, Binary: "hotdrop"}.filled()
		if flags := strings.Join(config.doors(), " "); err != nil || !strings.Contains(flags, want) || strings.Count(flags, " off") != 4 {
			t.Errorf("%g times: %s (%v)", overload, flags, err)
		}
	}
	for _, wrong := range []Config{{Overload: 0.5}, {Overload: 101}, {Overload: 3, Name: Car}, {OrderLatency: -1}} {
		wrong.Binary = "hotdrop"
		if _, err := wrong.filled(); err == nil {
			t.Errorf("%+v can be run", wrong)
		}
	}
}

// moreOrdersThanThereCanBe replays a small overload. How fast it is does not matter here: nobody may lose anything.
func moreOrdersThanThereCanBe(t *testing.T, binary string) {
	t.Helper()
	r := requireBalanced(t, Config{
		Binary: binary, Shoppers: 50, Reservations: 50, Units: 20, Connections: 4,
		Overload: 3, OrderLatency: time.Hour, OverloadLasts: 400 * time.Millisecond,
	})
	if o := r.Overload; o.Accepted == 0 || o.Highest <= 0 || r.Audit.Orders <= 20 {
		t.Errorf("%+v, %+v", o, r.Audit)
	}
}
