package core_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"hotdrop/core"
)

func TestNodesSeeOneAnotherWhileTheyRun(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		before := goleak.IgnoreCurrent()
		f := newFleet(t, s, newWorkshop(1), 2)
		late := f.joining("c", newWorkshop(1), shared(s))
		must(t, late.Start(t.Context()))
		if got := f.idsOf(f.nodes[0]); !slices.Equal(got, []string{"a", "b", "c"}) {
			t.Errorf("nodes = %v", got)
		}
		nodes, err := f.nodes[1].Nodes(t.Context())
		must(t, err)
		for _, n := range nodes {
			if n.Version != "test" || n.StartedAt != opening.UnixMilli() || n.Campaigns["phone"] == nil {
				t.Errorf("node %+v", n)
			}
		}
		late.Stop()
		if got := f.idsOf(f.nodes[0]); !slices.Equal(got, []string{"a", "b"}) {
			t.Errorf("after it stopped, nodes = %v", got)
		}
		for _, e := range f.nodes {
			e.Stop()
		}
		goleak.VerifyNone(t, before, goleak.IgnoreAnyFunction("github.com/jackc/pgx/v5/pgxpool.(*Pool).backgroundHealthCheck"))
	})
}

func TestANodeWithoutOthersIsAlone(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		d := newDrop(t, s, newWorkshop(2).known, func(c *core.Campaign) { c.Ruleset = []core.Binding{{Mechanic: "v1"}} })
		f := &fleet{drop: d, nodes: []*core.Engine{d.Engine}}
		if got := f.idsOf(d.Engine); len(got) != 1 || got[0] != d.NodeID() || len(got[0]) != 16 {
			t.Errorf("nodes = %v", got)
		}
		f.add("v2")
		f.ready(2)
		swapped, err := f.change(d.Engine, core.Change{Mode: core.ModeLive, Ruleset: 2}, 0)
		must(t, err)
		if got := f.follow(swapped.Revision); len(got) != 1 || got[0].Revision != swapped.Revision {
			t.Errorf("followed = %+v", got)
		}
	})
}

func TestASwapCompilesNothingThatEveryNodeHasPrepared(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		w := newWorkshop(3)
		f := newFleet(t, s, w, 3)
		f.add("v2")
		f.add("v3")
		f.ready(2)
		f.ready(3)
		if got := f.readyOn(2); !slices.Equal(got, []string{"a", "b", "c"}) {
			t.Errorf("ready on %v", got)
		}
		before := w.asked()
		for _, to := range []int64{2, 3, 2} {
			swapped, err := f.change(f.nodes[int(to)%3], core.Change{Mode: core.ModeLive, Ruleset: to}, 0)
			must(t, err)
			for _, n := range f.follow(swapped.Revision) {
				if n.At != opening.UnixMilli() || n.Revision != swapped.Revision {
					t.Errorf("followed: %+v", n)
				}
			}
		}
		undone, err := f.nodes[0].Undo(t.Context(), core.UndoRequest{Campaign: "phone", Reason: "no", Actor: operator})
		must(t, err)
		f.follow(undone.Revision)
		if after := w.asked(); after != before {
			t.Errorf("%d mechanics were compiled by the swaps", after-before)
		}
		f.pays(f.nodes[2], "ann", 1003)
		f.audit()
	})
}

func TestANodeThatCannotCompileARulesetBlocksItWithItsReason(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		f := newFleet(t, s, newWorkshop(2), 2)
		poor := newWorkshop(1)
		c := f.join("c", poor, shared(s))
		f.add("v2")
		_, err := f.change(f.nodes[0], core.Change{Mode: core.ModeLive, Ruleset: 2}, 0)
		wantCode(t, err, core.CodeNotReady)
		for _, part := range []string{"node c: ", `there is no mechanic "v2"`} {
			if err == nil || !strings.Contains(err.Error(), part) {
				t.Errorf("err = %v, should say %s", err, part)
			}
		}
		if got := f.rollout(); got.Live != 1 {
			t.Errorf("rollout %+v", got)
		}
		f.pays(c, "ann", 1001)

		forced, err := f.change(f.nodes[0], core.Change{Mode: core.ModeLive, Ruleset: 2, Force: true}, 0)
		must(t, err)
		for _, n := range f.follow(forced.Revision) {
			if (n.Node == "c") != (n.Unserved != "") || (n.Node == "c") != (n.At == 0) {
				t.Errorf("followed %+v", n)
			}
		}
		must(t, f.nodes[0].Ready(t.Context()))
		if c.Ready(t.Context()) == nil {
			t.Error("a node that cannot serve what was forced is ready for requests")
		}
		_, _, err = c.Place(t.Context(), buy("bob", "k-bob"))
		wantCode(t, err, core.CodeUnavailable)
		if err == nil || !strings.Contains(err.Error(), "this campaign cannot be served right now") {
			t.Errorf("a node that cannot follow answers %v", err)
		}
		poor.learn(2)
		f.clock.advance(2 * time.Second) // it tries again now and then
		must(t, c.Follow(t.Context()))
		must(t, c.Ready(t.Context()))
		f.pays(c, "bob", 1002)
		f.audit()
	})
}

func TestANodeThatCannotServeACampaignThatNobodyForcedStaysInService(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		f := newFleet(t, s, newWorkshop(2), 1)
		c := f.join("c", newWorkshop(1), shared(s))
		_, err := f.nodes[0].ApplyCampaign(t.Context(), core.ApplyRequest{
			Definition: f.with(func(def *core.Campaign) { def.Ruleset = []core.Binding{{Mechanic: "v2"}} }), Actor: operator, Reason: "test",
		})
		must(t, err)
		must(t, c.Follow(t.Context()))
		must(t, c.Ready(t.Context()))
	})
}

func TestANodeThatHearsOfNothingFollowsAndNeverSellsUnderTheOldRuleset(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		w := newWorkshop(20)
		f := newFleet(t, s, w, 2)
		c := f.join("c", w, deaf{shared(s)})
		for n := 2; n <= 5; n++ {
			f.add(fmt.Sprintf("v%d", n))
			f.ready(int64(n))
			swapped, err := f.change(f.nodes[0], core.Change{Mode: core.ModeLive, Ruleset: int64(n)}, 0)
			must(t, err)
			f.pays(c, fmt.Sprintf("s%d", n), int64(1000+n)) // at once, before it can have polled
			f.pays(f.nodes[1], fmt.Sprintf("t%d", n), int64(1000+n))
			f.follow(swapped.Revision)
		}
		f.audit()
	})
}

// stammering loses its connection a few times.
type stammering struct {
	core.NodeStore

	mu     sync.Mutex
	lost   int
	joined chan struct{}
}

func (s *stammering) Listen(ctx context.Context, heard func(string)) error {
	s.mu.Lock()
	s.lost--
	lost := s.lost >= 0
	s.mu.Unlock()
	if lost {
		return errors.New("connection reset")
	}
	return s.NodeStore.Listen(ctx, func(campaign string) {
		heard(campaign)
		select {
		case s.joined <- struct{}{}:
		default:
		}
	})
}

func TestANodeThatLostItsConnectionListensAgain(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		f := newFleet(t, s, newWorkshop(2), 1)
		nodes := &stammering{NodeStore: shared(s), lost: 2, joined: make(chan struct{}, 100)}
		f.join("b", newWorkshop(2), nodes)
		<-nodes.joined // the store says at once that something may have been missed
		f.add("v2")
		<-nodes.joined
	})
}

// TestANodeThatDiedIsNotWaitedFor has a node die without a word. Its row says that it is alive until it is three seconds old.
func TestANodeThatDiedIsNotWaitedFor(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		w := newWorkshop(3)
		f := newFleet(t, s, w, 1)
		dead := f.joining("dead", w, doomed{shared(s)})
		must(t, dead.Start(t.Context()))
		dead.Stop()
		f.add("v2")

		sight := &watched{NodeStore: shared(s)}
		b := f.join("b", w, sight)
		sight.mu.Lock()
		sight.looked = func(times int) {
			if times == 40 {
				f.clock.advance(4 * time.Second)
			}
		}
		sight.mu.Unlock()
		swapped, err := f.change(b, core.Change{Mode: core.ModeLive, Ruleset: 2}, 0)
		must(t, err)
		if got := f.idsOf(b); slices.Contains(got, "dead") {
			t.Errorf("nodes = %v", got)
		}
		lost, err := b.Lost(t.Context())
		if err != nil || !slices.ContainsFunc(lost, func(n *core.Node) bool { return n.ID == "dead" }) {
			t.Errorf("lost are %v, %v", lost, err)
		}
		for _, n := range lost {
			if n.ID == b.NodeID() {
				t.Error("a node counts itself as lost")
			}
		}
		f.follow(swapped.Revision)
	})
}

func TestUndoAndStopWaitForNobody(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		w := newWorkshop(2)
		f := newFleet(t, s, w, 2)
		f.add("v2")
		f.ready(2)
		_, err := f.change(f.nodes[0], core.Change{Mode: core.ModeLive, Ruleset: 2}, 0)
		must(t, err)
		dead := f.joining("dead", w, doomed{shared(s)})
		must(t, dead.Start(t.Context()))
		dead.Stop()
		silent := &watched{NodeStore: shared(s)}
		b := f.joining("c", w, silent) // it was not started: nobody but the caller looks for nodes
		for name, act := range map[string]func() (*core.Swapped, error){
			"undo": func() (*core.Swapped, error) {
				return b.Undo(t.Context(), core.UndoRequest{Campaign: "phone", Reason: "no", Actor: operator})
			},
			"stop": func() (*core.Swapped, error) {
				return b.StopCampaign(t.Context(), core.StopRequest{
					Campaign: "phone", Level: core.StopReservations, Reason: "no", Actor: operator,
				})
			},
		} {
			if _, err := act(); err != nil || silent.times != 0 {
				t.Errorf("%s: %v, after %d looks for nodes", name, err, silent.times)
			}
		}
		followed, err := f.nodes[0].AwaitFollowed(t.Context(), "phone", 1, 0)
		must(t, err)
		if len(followed) != 3 {
			t.Errorf("followed = %+v", followed)
		}
	})
}

func TestARulesetFromLongAgoIsPreparedWhenSomebodyWaitsForIt(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		w := newWorkshop(30)
		f := newFleet(t, s, w, 2)
		for n := 2; n <= 30; n++ {
			f.add(fmt.Sprintf("v%d", n))
		}
		f.ready(30)
		if got := f.readyOn(3); slices.Contains(got, "b") {
			t.Fatalf("3 is ready on %v: the test has to have more rulesets", got)
		}
		swapped, err := f.change(f.nodes[0], core.Change{Mode: core.ModeLive, Ruleset: 3}, 0)
		must(t, err)
		f.follow(swapped.Revision)
		f.pays(f.nodes[1], "ann", 1003)
		if got := f.readyOn(3); !slices.Equal(got, []string{"a", "b"}) {
			t.Errorf("3 is ready on %v", got)
		}
	})
}

func TestARulesetThatIsStillCompiledIsWaitedFor(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		f := newFleet(t, s, newWorkshop(2), 1)
		slow := newWorkshop(2)
		gate := slow.gate("v2")
		f.join("b", slow, shared(s))
		f.add("v2")
		missing, err := f.nodes[0].AwaitReady(t.Context(), "phone", 2, 0)
		must(t, err)
		if len(missing) != 1 || missing[0].Node != "b" {
			t.Errorf("missing %+v", missing)
		}
		close(gate)
		f.ready(2)
	})
}

func TestFollowingACampaignDoesNotWaitForAnother(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		f := newFleet(t, s, newWorkshop(4), 1)
		slow := newWorkshop(4)
		gate := slow.gate("v4")
		b := f.join("b", slow, shared(s))
		f.add("v2")
		f.ready(2)
		other := f.with(func(def *core.Campaign) { def.ID, def.Ruleset = "car", []core.Binding{{Mechanic: "v4"}} })
		_, err := f.nodes[0].ApplyCampaign(t.Context(), core.ApplyRequest{Definition: other, Actor: operator, Reason: "test"})
		must(t, err)
		swapped, err := f.change(f.nodes[0], core.Change{Mode: core.ModeLive, Ruleset: 2}, 0)
		must(t, err)
		f.follow(swapped.Revision)
		if got := b.CampaignIDs(); slices.Contains(got, "car") {
			t.Errorf("campaigns %v: the other one should still be compiled", got)
		}
		close(gate)
		must(t, b.Follow(t.Context()))
		if got := b.CampaignIDs(); !slices.Contains(got, "car") {
			t.Errorf("campaigns %v", got)
		}
	})
}

func TestWaitingEndsWithTheRequest(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		f := newFleet(t, s, newWorkshop(1), 1)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_, err := f.nodes[0].AwaitFollowed(ctx, "phone", 99, patience)
		wantCode(t, err, core.CodeUnavailable)
		followed, err := f.nodes[0].AwaitFollowed(t.Context(), "phone", 99, 0)
		must(t, err)
		if len(followed) != 1 || followed[0].At != 0 {
			t.Errorf("followed %+v", followed)
		}
		missing, err := f.nodes[0].AwaitReady(t.Context(), "phone", 99, patience)
		must(t, err)
		if len(missing) != 1 || !strings.Contains(missing[0].Reason, "has no ruleset 99") {
			t.Errorf("missing %+v", missing)
		}
	})
}

// voiceless cannot tell others anything.
type voiceless struct{ core.NodeStore }

func (voiceless) Notify(context.Context, string) error           { return errors.New("nobody listens") }
func (voiceless) SaveNode(context.Context, *core.Node) error     { return errors.New("nobody reads") }
func (voiceless) Listen(context.Context, func(string)) error     { return errors.New("nobody speaks") }
func (voiceless) DropNodes(context.Context, int64, string) error { return errors.New("nobody cares") }

func TestANodeThatOthersDoNotSeeSellsAllTheSame(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		f := newFleet(t, s, newWorkshop(2), 0)
		f.join("a", newWorkshop(2), voiceless{shared(s)})
		f.add("v2")
		_, err := f.change(f.nodes[0], core.Change{Mode: core.ModeLive, Ruleset: 2}, 0)
		must(t, err)
		f.pays(f.nodes[0], "ann", 1002)
	})
}

func TestAnAnnouncedChangeIsOneThatWasMade(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		if core.Announced(s, nil, nil) != core.CampaignStore(s) {
			t.Error("without nodes nothing is told")
		}
		f := newFleet(t, s, newWorkshop(1), 1)
		told := &telling{}
		campaigns := core.Announced(s, told, slog.New(slog.DiscardHandler))
		record, err := s.Campaign(t.Context(), "phone")
		must(t, err)
		change := &core.CampaignChange{Record: *record, From: record.Revision + 7, Limits: record.Definition.Limits()}
		if err := campaigns.SaveCampaign(t.Context(), change); !errors.Is(err, core.ErrConflict) || len(told.campaigns) != 0 {
			t.Errorf("%v, told of %v", err, told.campaigns)
		}
		change.From, change.Record.Revision = record.Revision, record.Revision+1
		must(t, campaigns.SaveCampaign(t.Context(), change))
		if !slices.Equal(told.campaigns, []string{"phone"}) {
			t.Errorf("told of %v", told.campaigns)
		}
		f.follow(change.Record.Revision)
	})
}

// telling takes note of what is told.
type telling struct {
	core.NodeStore

	campaigns []string
}

func (s *telling) Notify(_ context.Context, campaign string) error {
	s.campaigns = append(s.campaigns, campaign)
	return nil
}

func TestANodeThatCannotServeWhatIsLiveKeepsNobodyFromWhatItCould(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		f := newFleet(t, s, newWorkshop(3), 2)
		poor := newWorkshop(0)
		poor.learn(2)
		c := f.join("c", poor, shared(s))
		if got := c.CampaignIDs(); len(got) > 0 {
			t.Fatalf("it serves %v", got)
		}
		f.add("v2")
		f.add("v3")
		_, err := f.change(f.nodes[0], core.Change{Mode: core.ModeLive, Ruleset: 3}, 0)
		wantCode(t, err, core.CodeNotReady)
		for _, part := range []string{"node c: ", `there is no mechanic "v3"`} {
			if err == nil || !strings.Contains(err.Error(), part) {
				t.Errorf("err = %v, should say %s", err, part)
			}
		}
		f.ready(2)
		asked := poor.asked()
		swapped, err := f.change(f.nodes[0], core.Change{Mode: core.ModeLive, Ruleset: 2}, 0)
		must(t, err)
		f.follow(swapped.Revision)
		for len(c.CampaignIDs()) == 0 { // nobody waits for a node that serves nothing
			runtime.Gosched()
		}
		f.pays(c, "ann", 1002)
		if again := poor.asked(); again != asked {
			t.Errorf("the swap compiled %d mechanics", again-asked)
		}
	})
}
