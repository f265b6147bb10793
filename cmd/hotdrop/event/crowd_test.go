package event

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"hotdrop/core"
)

// crowdAt is a runner whose connections go to the handler.
func crowdAt(t *testing.T, connections int, handler http.Handler) *runner {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	team, err := newCrew(connections, time.Minute, server.URL)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := team.close(); err != nil {
			t.Error(err)
		}
	})
	return &runner{crew: team, result: &Result{}, replay: &replay{run: "run", campaign: "sale"}}
}

// scripted answers every request by its path, with 200 and a body, or with a status and a problem.
type scripted map[string]string

func (s scripted) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, ok := s[r.URL.Path]
	switch {
	case !ok:
		w.WriteHeader(http.StatusNotFound)
		body = `{"code":"not_found"}`
	case strings.HasPrefix(body, `{"code":`):
		w.WriteHeader(http.StatusConflict)
	}
	_, _ = w.Write([]byte(body))
}

func TestEveryErrandIsRunOnce(t *testing.T) {
	t.Parallel()
	r := crowdAt(t, 5, scripted{})
	var mu sync.Mutex
	seen := make([]int, 333)
	err := r.everybody(t.Context(), "errands", len(seen), func(_ context.Context, _ *caller, i int) error {
		mu.Lock()
		defer mu.Unlock()
		seen[i]++
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for i, n := range seen {
		if n != 1 {
			t.Errorf("errand %d was run %d times", i, n)
		}
	}
}

func TestTheFirstErrandThatFailsEndsTheRun(t *testing.T) {
	t.Parallel()
	r := crowdAt(t, 2, scripted{})
	why := errors.New("the shop burnt down")
	var mu sync.Mutex
	run := 0
	err := r.everybody(t.Context(), "orders", 1_000_000, func(context.Context, *caller, int) error {
		mu.Lock()
		defer mu.Unlock()
		if run++; run >= 10 {
			return why
		}
		return nil
	})
	if !errors.Is(err, why) || !strings.HasPrefix(err.Error(), "orders: ") || run > 20 {
		t.Errorf("%v after %d errands", err, run)
	}
}

func TestAnErrandEndsWithTheRun(t *testing.T) {
	t.Parallel()
	r := crowdAt(t, 2, scripted{})
	ctx, cancel := context.WithCancelCause(t.Context())
	why := errors.New("stopped")
	err := r.everybody(ctx, "waiting", 2, func(ctx context.Context, _ *caller, _ int) error {
		cancel(why)
		return until(ctx, "nothing", func() (bool, error) { return false, nil })
	})
	if !errors.Is(err, why) {
		t.Errorf("%v, want %v", err, why)
	}
}

// calling runs one errand against the handler.
func calling(t *testing.T, handler http.Handler, do func(on *caller) error) (*runner, error) {
	t.Helper()
	r := crowdAt(t, 1, handler)
	err := r.everybody(t.Context(), "call", 1, func(_ context.Context, on *caller, _ int) error { return do(on) })
	return r, err
}

func TestACallReturnsTheAnswerOrTheCodeOfTheRefusal(t *testing.T) {
	t.Parallel()
	shop := scripted{"/order": `{"id":"sale.1","state":"paid"}`, "/refused": `{"code":"sold_out"}`, "/garbage": `<html>`}
	for _, test := range []struct {
		path, id, code string
		fails          bool
	}{
		{"/order", "sale.1", "", false},
		{"/refused", "", "sold_out", false},
		{"/nowhere", "", "not_found", false},
		{"/garbage", "", "", true},
	} {
		_, err := calling(t, shop, func(on *caller) error {
			var o order
			code, err := on.call(t.Context(), get("token", test.path), &o)
			if code != test.code || o.ID != test.id {
				t.Errorf("%s: code %q, order %q", test.path, code, o.ID)
			}
			return err
		})
		if (err != nil) != test.fails {
			t.Errorf("%s: %v", test.path, err)
		}
	}
}

func TestWhatMustNotBeRefusedIsAnErrorWhenItIs(t *testing.T) {
	t.Parallel()
	_, err := calling(t, scripted{"/x": `{"code":"limit_reached"}`}, func(on *caller) error {
		return on.must(t.Context(), post("token", "/x", "key", nil), nil)
	})
	if !errors.Is(err, errUnexpected) || !strings.Contains(err.Error(), "POST /x: limit_reached") {
		t.Errorf("%v", err)
	}
}

func TestACallWaitsWhileItsTwinIsBeingWorkedOn(t *testing.T) {
	t.Parallel()
	asked := 0
	r, err := calling(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if asked++; asked < 3 {
			w.WriteHeader(http.StatusConflict)
			_, _ = w.Write([]byte(`{"code":"in_flight"}`))
			return
		}
		if asked == 3 {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		_, _ = w.Write([]byte(`{}`))
	}), func(on *caller) error {
		return on.must(t.Context(), post("token", "/x", "key", nil), nil)
	})
	if err != nil || asked != 4 || r.result.Retried != 1 {
		t.Errorf("asked %d times, %d of them again after a 5xx: %v", asked, r.result.Retried, err)
	}
}

func TestARequestCarriesWhatItIsGiven(t *testing.T) {
	t.Parallel()
	var got *http.Request
	_, err := calling(t, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { got = r }), func(on *caller) error {
		request := post("token", "/x", "key", map[string]int{"a": 1})
		request.Header = http.Header{"Webhook-Id": {"one"}, "Webhook-Signature": {"v1,abc"}}
		return on.must(t.Context(), request, nil)
	})
	if err != nil {
		t.Fatal(err)
	}
	for header, want := range map[string]string{
		"Authorization": "Bearer token", "Idempotency-Key": "key", "Webhook-Id": "one", "Webhook-Signature": "v1,abc",
		"Content-Length": "7", "Content-Type": "application/json",
	} {
		if value := got.Header.Get(header); value != want && header != "Content-Length" {
			t.Errorf("%s is %q, want %q", header, value, want)
		}
	}
	if got.ContentLength != 7 || got.Method != http.MethodPost {
		t.Errorf("%s with %d bytes", got.Method, got.ContentLength)
	}
}

func TestWhatIsLookedAtIsLookedAtAtLeastOnce(t *testing.T) {
	t.Parallel()
	looks := 0
	look := func() (bool, error) { looks++; return false, nil }
	if happened, err := by(t.Context(), time.Time{}, look); happened || err != nil || looks != 1 {
		t.Errorf("%v, %v after %d looks", happened, err, looks)
	}
	end := time.Now().Add(time.Hour)
	if happened, err := by(t.Context(), end, func() (bool, error) { looks++; return looks == 3, nil }); !happened || err != nil {
		t.Errorf("%v, %v after %d looks", happened, err, looks)
	}
	why := errors.New("no answer")
	if _, err := by(t.Context(), end, func() (bool, error) { return false, why }); !errors.Is(err, why) {
		t.Errorf("%v, want %v", err, why)
	}
}

func TestAnOrderTellsWhatWasPaidForIt(t *testing.T) {
	t.Parallel()
	of := func(kind, state string, amount int64) due { return due{Kind: kind, State: state, Amount: amount} }
	for _, test := range []struct {
		name         string
		dues         []due
		kept, dealer int64
	}{
		{"nothing yet", []due{of(core.DueFull, "open", 5)}, 0, 0},
		{"all at once", []due{of(core.DueFull, "paid", 5)}, 5, 5},
		{"given back", []due{of(core.DueFull, "refunded", 5)}, 0, 0},
		{"a deposit that is kept", []due{of(core.DueDeposit, "forfeited", 5), of(core.DueBalance, "open", 7)}, 5, 5},
		{"a balance that may be the dealer's", []due{of(core.DueDeposit, "paid", 5), of(core.DueBalance, "paid", 7)}, 12, 5},
		{"the difference to the full price", []due{of(core.DueFull, "paid", 5), of(core.DueDifference, "paid", 2)}, 7, 7},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			o := order{Dues: test.dues}
			if o.kept(false) != test.kept || o.kept(true) != test.dealer {
				t.Errorf("%d, of it online %d", o.kept(false), o.kept(true))
			}
		})
	}
}
