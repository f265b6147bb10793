package core_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"hotdrop/core"
	"hotdrop/core/sqlite"
)

// tape is a journal that can break, and that counts what it is asked.
type tape struct {
	core.Journal

	mu            sync.Mutex
	broken        bool
	slow          time.Duration // how long a write takes
	reads, writes int
}

func (j *tape) SaveSamples(ctx context.Context, samples []core.Sample) error {
	if err := j.use(&j.writes); err != nil {
		return err
	}
	j.mu.Lock()
	slow := j.slow
	j.mu.Unlock()
	time.Sleep(slow) // in the bubble
	return j.Journal.SaveSamples(ctx, samples)
}

func (j *tape) Samples(ctx context.Context, of core.CampaignKey, from, until int64) ([]core.Sample, error) {
	if err := j.use(&j.reads); err != nil {
		return nil, err
	}
	return j.Journal.Samples(ctx, of, from, until)
}

func (j *tape) use(count *int) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	*count++
	if j.broken {
		return core.ErrUnavailable
	}
	return nil
}

func (j *tape) asked() (reads, writes int) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.reads, j.writes
}

func (j *tape) slows(by time.Duration) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.slow = by
}

func (j *tape) breaks(broken bool) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.broken = broken
}

// fleet is several nodes on one store, in a bubble whose time passes when everybody waits.
type watchedFleet struct {
	*testing.T

	nodes []*core.Engine
	tapes []*tape
	sales int
}

// watchFleet runs the test with so many nodes of a campaign that is on sale.
func watchFleet(t *testing.T, nodes int, test func(f *watchedFleet)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s, err := sqlite.Open(t.Context(), t.TempDir())
		must(t, err)
		defer func() { _ = s.Close() }()
		must(t, s.Migrate(t.Context()))
		f := &watchedFleet{T: t}
		defer f.stop()
		for i := range nodes {
			j := &tape{Journal: s}
			e := core.NewEngine(core.Options{
				Store: s, Campaigns: s, Ledger: s, Journal: j, Nodes: s, NodeID: fmt.Sprint("node-", i),
				Compiler: mechanics{"flash": priceOf(99_900)}, Log: slog.New(slog.DiscardHandler),
			})
			must(t, e.Start(t.Context()))
			f.nodes, f.tapes = append(f.nodes, e), append(f.tapes, j)
		}
		_, err = f.nodes[0].ApplyCampaign(t.Context(), core.ApplyRequest{
			Actor: core.Principal{ID: "op", Role: core.RoleOperator}, Reason: "test", Definition: watchedCampaign(),
		})
		must(t, err)
		time.Sleep(3*time.Second - time.Duration(time.Now().Nanosecond())) // in the bubble: every node has followed
		test(f)
	})
}

// stop stops the nodes, the last one first.
func (f *watchedFleet) stop() {
	for _, node := range slices.Backward(f.nodes) {
		node.Stop()
	}
}

func watchedCampaign() *core.Campaign {
	now := time.Now()
	return &core.Campaign{
		ID: "phone", Brand: "xiaomi", Currency: "CNY", Title: core.Text{EN: "Phone"},
		Phases: core.Phases{Reservation: now.Add(-time.Hour), Sale: now, Closed: now.Add(24 * time.Hour)},
		Items: []core.Item{{
			SKU: "mi2", Title: core.Text{EN: "Mi 2"}, Price: 199_900, Stock: 1000, Hold: core.Duration(15 * time.Minute),
		}},
		Guardrails: core.Guardrails{DiscountBudget: 1_000_000_000},
		Ruleset:    []core.Binding{{Mechanic: "flash"}},
	}
}

// sells places orders at a node.
func (f *watchedFleet) sells(node, orders int) {
	f.Helper()
	for range orders {
		f.sales++
		_, _, err := f.nodes[node].Place(f.Context(), buy(fmt.Sprint("s", f.sales), "k"))
		must(f.T, err)
	}
}

// stream is what a watcher was sent, and when.
type stream struct {
	points      []*core.LivePoint
	corrections []*core.LivePoint
	late        []time.Duration // after the second began
	end         context.CancelFunc
	ended       chan error
}

// watches opens a stream on the node.
func (f *watchedFleet) watches(node int, after int64) *stream {
	ctx, cancel := context.WithCancel(f.Context())
	s := &stream{end: cancel, ended: make(chan error, 1)}
	go func() {
		s.ended <- f.nodes[node].Live(ctx, "phone", after, core.Principal{Role: core.RoleOperator}, func(p *core.LivePoint) error {
			if p.Corrected {
				s.corrections = append(s.corrections, p)
				return nil
			}
			s.points = append(s.points, p)
			s.late = append(s.late, time.Since(time.Unix(p.Second, 0)))
			return nil
		})
	}()
	return s
}

// pass lets time pass.
func (*watchedFleet) pass(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

// close ends the stream, and requires that every second came once, in its order. It returns how many orders it told of.
func (s *stream) close(t *testing.T) (orders int64) {
	t.Helper()
	s.end()
	must(t, <-s.ended)
	for i, p := range s.points {
		if orders += p.Orders; i > 0 && p.Second != s.points[i-1].Second+1 {
			t.Errorf("after second %d came %d", s.points[i-1].Second, p.Second)
		}
	}
	return orders
}

func TestEverySecondIsSentOnceWithin2SecondsOfItsBeginning(t *testing.T) {
	watchFleet(t, 2, func(f *watchedFleet) {
		s, other := f.watches(0, 0), f.watches(1, 0)
		f.pass(4 * time.Second)
		for i := range 20 { // at every part of a second, on both nodes
			f.sells(i%2, 1)
			f.pass(130 * time.Millisecond)
		}
		f.pass(4 * time.Second)
		for _, one := range []*stream{s, other} {
			if orders := one.close(f.T); orders != 20 {
				t.Errorf("%d orders in %d points", orders, len(one.points))
			}
			for i, late := range one.late[1:] {
				if late > 2*time.Second {
					t.Errorf("point %d came %v after its second began", i, late)
				}
			}
		}
		if len(s.points) < 9 {
			t.Errorf("%d points: seconds in which nothing happened have one too", len(s.points))
		}
		last := s.points[len(s.points)-1]
		if last.Stock["mi2"] != 980 || last.Placed != 20 || last.DiscountSpent != 20*100_000 || last.DiscountBudget != 1_000_000_000 ||
			len(last.Nodes) != 2 || !last.Nodes[1].Ready || last.Nodes[0].Ruleset != 1 || last.Rollout.Live != 1 {
			t.Errorf("the last point is %+v", last)
		}
	})
}

func TestAStreamGoesOnWhereItWasOnAnyNodeAndLongAfterwards(t *testing.T) {
	watchFleet(t, 2, func(f *watchedFleet) {
		s := f.watches(0, 0)
		f.pass(2 * time.Second)
		f.sells(0, 3)
		f.sells(1, 4)
		f.pass(3 * time.Second)
		orders, read := s.close(f.T), s.points[len(s.points)-1].Second
		f.sells(1, 5) // while nobody watches
		f.pass(3 * time.Minute)
		f.sells(0, 6)
		f.pass(3 * time.Second)
		resumed := f.watches(1, read)
		f.pass(2 * time.Second)
		if orders += resumed.close(f.T); orders != 18 || resumed.points[0].Second != read+1 {
			t.Errorf("%d orders; after second %d came %d", orders, read, resumed.points[0].Second)
		}
		if p := resumed.points[5]; p.Stock["mi2"] != 988 {
			t.Errorf("when 12 were sold, %d were left", p.Stock["mi2"])
		}
		whole := f.watches(1, 1) // from the beginning of time: from 15 minutes ago
		f.pass(2 * time.Second)
		if orders := whole.close(f.T); orders != 18 || len(whole.points) < 900 || len(whole.points) > 910 {
			t.Errorf("%d orders in %d points", orders, len(whole.points))
		}
		ahead := f.watches(0, time.Now().Add(time.Hour).Unix()) // which no node has sent
		f.pass(2 * time.Second)
		if ahead.close(f.T); len(ahead.points) < 2 {
			t.Errorf("%d points", len(ahead.points))
		}
	})
}

func TestANodeThatWritesNothingAnyMoreHoldsUpNobody(t *testing.T) {
	watchFleet(t, 2, func(f *watchedFleet) {
		s := f.watches(0, 0)
		f.pass(3 * time.Second)
		f.tapes[1].breaks(true)
		f.sells(1, 1)
		f.sells(0, 1)
		f.pass(4 * time.Second)
		if orders := s.close(f.T); orders != 1 || len(s.points) < 6 {
			t.Errorf("%d orders in %d points", orders, len(s.points))
		}
		f.tapes[1].breaks(false)
		f.pass(time.Second)
		again := f.watches(0, s.points[0].Second) // what came too late for its point is in the journal
		f.pass(3 * time.Second)
		if orders := again.close(f.T); orders != 2 {
			t.Errorf("%d orders", orders)
		}
	})
}

func TestANodeThatIsSlowToWriteIsInThePointOfItsSecond(t *testing.T) {
	watchFleet(t, 2, func(f *watchedFleet) {
		s := f.watches(0, 0)
		f.pass(3 * time.Second)
		f.tapes[1].slows(800 * time.Millisecond)
		for range 5 {
			f.sells(1, 1)
			f.pass(time.Second)
		}
		f.pass(3 * time.Second)
		if orders := s.close(f.T); orders != 5 || len(s.corrections) != 0 {
			t.Errorf("%d orders in %d points, and %d corrections", orders, len(s.points), len(s.corrections))
		}
		for i, late := range s.late[1:] {
			if late > 2*time.Second {
				t.Errorf("point %d came %v after its second began", i, late)
			}
		}
	})
}

func TestWhatANodeTellsTooLateForItsSecondIsSentAsACorrection(t *testing.T) {
	watchFleet(t, 2, func(f *watchedFleet) {
		s := f.watches(0, 0)
		f.pass(3 * time.Second)
		f.tapes[1].breaks(true)
		second := time.Now().Unix()
		f.sells(1, 2)
		f.sells(0, 1)
		f.pass(6 * time.Second)
		if len(s.corrections) != 0 {
			t.Errorf("corrected without a cause: %+v", s.corrections[0])
		}
		f.tapes[1].breaks(false)
		f.pass(3 * time.Second)
		f.pass(10 * time.Second)
		if orders := s.close(f.T); orders != 1 {
			t.Errorf("%d orders in the points", orders)
		}
		if len(s.corrections) != 1 || s.corrections[0].Second != second || s.corrections[0].Orders != 3 {
			t.Errorf("the corrections are %+v", s.corrections)
		}
	})
}

func TestWhatANodeTellsMuchTooLateIsSentNoMore(t *testing.T) {
	watchFleet(t, 2, func(f *watchedFleet) {
		s := f.watches(0, 0)
		f.pass(3 * time.Second)
		f.tapes[1].breaks(true)
		f.sells(1, 2)
		f.pass(20 * time.Second)
		f.tapes[1].breaks(false)
		f.pass(5 * time.Second)
		if orders := s.close(f.T); orders != 0 || len(s.corrections) != 0 {
			t.Errorf("%d orders, and %d corrections", orders, len(s.corrections))
		}
	})
}

func TestWhileTheStoreIsAwaySecondsWaitAndThenComeAll(t *testing.T) {
	watchFleet(t, 1, func(f *watchedFleet) {
		s := f.watches(0, 0)
		f.pass(3 * time.Second)
		f.tapes[0].breaks(true)
		f.sells(0, 2)
		before := len(s.points)
		f.pass(5 * time.Second)
		if len(s.points) > before+1 {
			t.Errorf("%d points came while nobody could know what the others counted", len(s.points)-before)
		}
		f.tapes[0].breaks(false)
		f.pass(3 * time.Second)
		if orders := s.close(f.T); orders != 2 || len(s.points) < before+5 {
			t.Errorf("%d orders in %d points", orders, len(s.points))
		}
	})
}

func TestNothingIsReadOrWrittenForNothing(t *testing.T) {
	watchFleet(t, 2, func(f *watchedFleet) {
		f.pass(time.Minute)
		if reads, writes := f.tapes[0].asked(); reads != 0 || writes != 0 {
			t.Errorf("%d reads and %d writes while nothing happened", reads, writes)
		}
		many := make([]*stream, 20)
		for i := range many {
			many[i] = f.watches(0, 0)
		}
		f.pass(10 * time.Second)
		for _, s := range many {
			s.close(f.T)
		}
		if reads, writes := f.tapes[0].asked(); reads > 41 || reads < 39 || writes != 0 {
			t.Errorf("%d reads and %d writes for 20 who watched for 10 s", reads, writes)
		}
		f.pass(3 * time.Second)
		idle, _ := f.tapes[0].asked()
		f.pass(10 * time.Second)
		if reads, _ := f.tapes[0].asked(); reads != idle {
			t.Errorf("%d reads after everybody had gone", reads-idle)
		}
	})
}

func TestASignUpAndAPaymentCountOnce(t *testing.T) {
	watchFleet(t, 1, func(f *watchedFleet) {
		s, e := f.watches(0, 0), f.nodes[0]
		f.pass(2 * time.Second)
		f.sells(0, 1)
		o, replayed, err := e.Place(f.Context(), buy("s1", "k"))
		must(t, err)
		_, err = e.TopUp(f.Context(), core.TopUp{Shopper: "s1", Currency: "CNY", Amount: 1_000_000, Key: "t"})
		must(t, err)
		for range 2 {
			_, err := e.Pay(f.Context(), payOf(o, "p"))
			must(t, err)
		}
		_, _, err = e.Reserve(f.Context(), "phone", core.Principal{ID: "ann"}, "")
		wantCode(t, err, core.CodeNotInPhase)
		f.pass(4 * time.Second)
		s.close(f.T)
		var sum core.LivePoint
		for _, p := range s.points {
			sum.Orders, sum.Replayed = sum.Orders+p.Orders, sum.Replayed+p.Replayed
			sum.Paid, sum.PaidTotal = sum.Paid+p.Paid, sum.PaidTotal+p.PaidTotal
		}
		if !replayed || sum.Orders != 1 || sum.Replayed != 1 || sum.Paid != 1 || sum.PaidTotal != 99_900 {
			t.Errorf("the points tell of %+v", sum)
		}
	})
}

func TestAStreamEnds(t *testing.T) {
	watchFleet(t, 1, func(f *watchedFleet) {
		full := errors.New("the client is gone")
		operator := core.Principal{Role: core.RoleOperator}
		err := f.nodes[0].Live(f.Context(), "phone", 0, operator, func(*core.LivePoint) error { return full })
		if !errors.Is(err, full) {
			t.Errorf("a client that is gone ended it with %v", err)
		}
		stranger := core.Principal{Role: core.RoleBrand, Brand: "meizu"}
		never := func(*core.LivePoint) error { panic("a point was sent") }
		wantCode(t, f.nodes[0].Live(f.Context(), "phone", 0, stranger, never), core.CodeNotFound)
		wantCode(t, f.nodes[0].Live(f.Context(), "none", 0, operator, never), core.CodeNotFound)
		s := f.watches(0, 0)
		f.pass(3 * time.Second)
		f.sells(0, 1)
		f.nodes[0].Stop()
		must(t, <-s.ended)
	})
}

// TestANodeThatStopsWritesWhatItCounted sells right before it stops.
func TestANodeThatStopsWritesWhatItCounted(t *testing.T) {
	watchFleet(t, 2, func(f *watchedFleet) {
		began := time.Now().Unix()
		f.sells(1, 3)
		f.nodes[1].Stop()
		f.pass(3 * time.Second)
		s := f.watches(0, began-1)
		f.pass(3 * time.Second)
		if orders := s.close(f.T); orders != 3 {
			t.Errorf("%d orders", orders)
		}
	})
}
