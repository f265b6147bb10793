package event

import (
	"maps"
	"testing"

	"pgregory.net/rapid"
)

func answer(status int, body string) Response { return Response{Status: status, Body: []byte(body)} }

func TestAnOrderIsFoundInItsAnswer(t *testing.T) {
	t.Parallel()
	const own = "06fmxw9z3k8q7v5t2s1r0p4n6m"
	mark := orderMark("phone-k3x9")
	for _, test := range []struct {
		name string
		r    Response
		ok   bool
	}{
		{"as it is rendered", answer(201, `{"id":"phone-k3x9.`+own+`","campaign":"phone-k3x9","state":"placed"}`), true},
		{"with spaces and other fields first", answer(200, `{"state": "placed", "id": "phone-k3x9.`+own+`" }`), true},
		{"not in a refusal", answer(409, `{"code":"in_flight","detail":"phone-k3x9.`+own+`"}`), false},
		{"not of another campaign", answer(201, `{"id":"phone.`+own+`"}`), false},
		{"not when its id is longer", answer(201, `{"id":"phone-k3x9.`+own+`0"}`), false},
		{"not when its id is shorter", answer(201, `{"id":"phone-k3x9.06fmxw"}`), false},
		{"not in nothing", answer(201, ``), false},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			id, ok := orderIn(test.r, mark)
			if ok != test.ok || (ok && string(id[:]) != own) {
				t.Errorf("found %t, %q", ok, id)
			}
		})
	}
}

func TestRefusalsAreCountedByTheirCode(t *testing.T) {
	t.Parallel()
	sold := answer(409, `{"type":"/problems/sold_out","status":409,"code":"sold_out"}`)
	one, other := tally{}, tally{}
	for _, r := range []Response{
		sold, sold, answer(409, `{ "code" : "limit_reached" }`), answer(200, `{"code":"x"}`), answer(502, "<html>"),
		answer(500, `{"code":""}`),
	} {
		one.refuse(r)
	}
	if code := other.refuse(sold); code != "sold_out" {
		t.Errorf("the code is %q", code)
	}
	sum := map[string]int64{}
	one.addTo(sum)
	other.addTo(sum)
	want := map[string]int64{"sold_out": 3, "limit_reached": 1, "unreadable": 1, "http_502": 1, "http_500": 1}
	if !maps.Equal(sum, want) {
		t.Errorf("counted %v, want %v", sum, want)
	}
}

func TestCountingACodeAgainAllocatesNothing(t *testing.T) {
	codes, r := tally{}, answer(409, `{"type":"/problems/sold_out","code":"in_flight"}`)
	codes.refuse(r)
	if n := testing.AllocsPerRun(100, func() { codes.refuse(r) }); n > 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestAnOrderIsCountedOnceHoweverOftenItIsAcknowledged(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		acknowledged := rapid.SliceOf(rapid.Custom(func(t *rapid.T) placement {
			return placement{rapid.Uint32Max(4).Draw(t, "shopper"), orderID{rapid.Byte().Draw(t, "id") % 3}, 1}
		})).Draw(t, "acknowledged")
		orders, duplicates := distinct(acknowledged)
		ids, shoppers := map[placement]bool{}, map[uint32]bool{}
		for _, o := range acknowledged {
			ids[o], shoppers[o.shopper] = true, true
		}
		if len(orders) != len(ids) || duplicates != int64(len(ids)-len(shoppers)) {
			t.Fatalf("%d orders, %d duplicates; want %d, %d", len(orders), duplicates, len(ids), len(ids)-len(shoppers))
		}
	})
}

func TestTheStateOfAnOrderIsItsOwnAndNotThatOfADue(t *testing.T) {
	t.Parallel()
	if got := orderState([]byte(`{"dues":[{"state":"paid"}],"state":"placed"}`)); got != "placed" {
		t.Errorf("the state is %q", got)
	}
	if got := orderState([]byte(`[`)); got != "" {
		t.Errorf("the state of nothing is %q", got)
	}
}
