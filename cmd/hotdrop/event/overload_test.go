package event

import (
	"fmt"
	"slices"
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

func TestARunSaysWhenItWasNoOverloadOfTheServers(t *testing.T) {
	t.Parallel()
	for want, plant := range map[string]func(*Overload){
		"the generator was overloaded and not the servers: it sent 2.0 %": func(o *Overload) { o.Late = 60 },
		"others used the servers' processors 30 % of the time":            func(o *Overload) { o.Strangers = 0.3 },
		"900 orders were accepted per second and 700 measured":            func(o *Overload) { o.Highest = 700 },
	} {
		o := overloaded()
		o.accepted.observe(time.Hour) // which then says nothing
		plant(o)
		if problems := o.problems(); len(problems) != 1 || !strings.Contains(problems[0], want) {
			t.Errorf("%q: %v", want, problems)
		}
		if wrong := o.wrong(); len(wrong) > 0 {
			t.Errorf("%q makes the books wrong: %v", want, wrong)
		}
	}
	o := overloaded()
	o.Late = 30 // one of a hundred
	if problems := o.problems(); len(problems) > 0 {
		t.Errorf("a few late orders are %v", problems)
	}
}

func TestEveryAnswerToAnOverloadIsCountedAsWhatItIs(t *testing.T) {
	t.Parallel()
	const own = "06fmxw9z3k8q7v5t2s1r0p4n6m"
	w := &wire{buyer: &buyer{replay: &replay{mark: orderMark("phone-x")}, plan: []entry{{shopper: 7}}, tally: tally{}}}
	l := &lane{}
	sent := time.Now()
	counts := offered{due: sent.Add(-time.Hour), sent: sent, counts: true}
	early := offered{due: sent, sent: sent} // while servers get used to it
	shed := answer(503, `{"code":"overloaded"}`)
	l.note(w, counts, shed, nil)
	shed.RetryAfter = time.Second
	l.note(w, counts, shed, nil)
	l.note(w, early, shed, nil)
	l.note(w, counts, answer(201, `{"id":"phone-x.`+own+`","total":1}`), nil)
	l.note(w, early, answer(201, `{"id":"phone-x.`+own+`","total":1}`), nil)
	l.note(w, counts, answer(503, `{"code":"unavailable"}`), nil)
	l.note(w, counts, answer(409, `{"code":"sold_out"}`), nil)
	l.note(w, counts, Response{}, errEnded)
	seen := &Overload{}
	seen.add(&l.seen)
	got := fmt.Sprint(seen.Accepted, seen.Shed, seen.Hasty, seen.Refused, seen.Failed, len(l.placed), l.placed[0].shopper)
	if got != "1 2 1 2 1 2 7" {
		t.Errorf("counted %s", got)
	}
	if seen.accepted.quantile(1) < time.Hour || seen.answered.quantile(1) >= time.Hour || seen.shed.quantile(1) >= time.Hour {
		t.Error("what counts from when it was due, and what from when it was sent?")
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
	before := ownCores()
	r, err := Run(t.Context(), Config{
		Binary: binary, Shoppers: 50, Reservations: 50, Units: 20, Connections: 4, Patience: time.Minute,
		Overload: 3, OrderLatency: 100 * time.Millisecond, OverloadLasts: 400 * time.Millisecond,
	})
	if err != nil {
		t.Fatal(err)
	}
	o := r.Overload
	r.Overload = nil
	if problems := append(r.Problems(), o.wrong()...); len(problems) > 0 {
		t.Errorf("%v", problems)
	}
	if o.Highest <= 0 || o.Offered <= 0 || o.Wires == 0 || r.Audit.Orders <= 20 {
		t.Errorf("%+v, %+v", o, r.Audit)
	}
	if now := ownCores(); !slices.Equal(now, before) {
		t.Errorf("this process may use the processors %v, and before %v", now, before)
	}
}
