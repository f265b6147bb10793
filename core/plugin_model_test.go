package core_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"hotdrop/core"
	"hotdrop/core/sqlite"
)

var pluginStates = []core.PluginState{
	core.PluginUploaded, core.PluginVetting, core.PluginVetted, core.PluginRefused, core.PluginApproved, core.PluginRejected,
	core.PluginRevoked,
}

// history is one plugin through whatever may happen to it, and what the platform has said of it.
type history struct {
	*registry

	nodes    []*registry
	module   string
	approved bool // by the platform, and not taken back
	settled  bool // rejected or revoked: nothing may follow
}

// step is one thing that happens.
func (h *history) step(t *rapid.T) {
	ctx := h.t.Context()
	node := rapid.SampledFrom(h.nodes).Draw(t, "node")
	switch rapid.SampledFrom([]string{"upload", "again", "vet", "meddle", "fail", "stop", "die", "wait", "approve", "reject", "revoke"}).Draw(t, "what") {
	case "upload", "again":
		again := rapid.Bool().Draw(t, "again")
		_, _, err := node.Upload(ctx, core.PluginUpload{Actor: author, Body: strings.NewReader(h.module), Again: again})
		h.fine(t, err)
	case "vet":
		node.vets.strict = rapid.Bool().Draw(t, "strict")
		_, err := node.VetNext(ctx)
		h.fine(t, err)
	case "meddle":
		node.vets.during = func(context.Context) { h.decideAnything(t) }
		_, err := node.VetNext(ctx)
		node.vets.during = nil
		h.fine(t, err)
	case "fail":
		node.vets.fail = errors.New("no process could be started")
		_, _ = node.VetNext(ctx) // fails, if there is something to vet
		node.vets.fail = nil
	case "stop":
		stopping, stop := context.WithCancel(ctx)
		node.vets.during = func(context.Context) { stop() }
		_, _ = node.VetNext(stopping) // ends without a verdict
		node.vets.during = nil
		stop()
	case "die":
		h.die(t)
	case "wait":
		h.clock.advance(time.Duration(rapid.IntRange(1, 90).Draw(t, "seconds")) * time.Second)
	default:
		h.decideAnything(t)
	}
}

// fine requires an answer that users may get; a node that has stopped its work counts as one.
func (h *history) fine(t *rapid.T, err error) {
	if err != nil && core.CodeOf(err) == core.CodeInternal {
		t.Fatalf("%v", err)
	}
}

// die leaves a claim behind as a node does that is killed.
func (h *history) die(t *rapid.T) {
	ctx := h.t.Context()
	due, err := h.store.DuePlugins(ctx, core.PluginsDue{Now: h.clock.now().UnixMilli(), Rules: core.PluginRules{Version: "1"}, Limit: 1})
	if err != nil || len(due) == 0 {
		return
	}
	p := due[0]
	if p.State == core.PluginUploaded {
		p.State = core.PluginVetting
	}
	p.Lease = core.PluginLease{Holder: "dead", Until: h.clock.now().Add(6 * time.Second).UnixMilli(), Attempts: p.Lease.Attempts + 1}
	if err := h.store.SavePlugin(ctx, &core.PluginChange{Plugin: p}); err != nil {
		t.Fatalf("%v", err)
	}
}

func (h *history) decideAnything(t *rapid.T) {
	action := rapid.SampledFrom([]core.PluginAction{core.PluginApprove, core.PluginReject, core.PluginRevoke}).Draw(t, "action")
	if h.decide(action, h.module) != nil {
		return
	}
	h.approved = action == core.PluginApprove
	h.settled = !h.approved
}

// check holds what must be true after every step.
func (h *history) check(t *rapid.T) {
	ctx := h.t.Context()
	p, err := h.Plugin(ctx, author, "", digestOf(h.module))
	if core.CodeOf(err) == core.CodeNotFound {
		return
	}
	if err != nil {
		t.Fatalf("%v", err)
	}
	_, refusal := h.Loadable(ctx, "meizu", "phone", p.Digest)
	switch {
	case !slices.Contains(pluginStates, p.State):
		t.Fatalf("the state is %q", p.State)
	case p.State == core.PluginApproved && !h.approved:
		t.Fatal("approved by nobody")
	case h.settled && p.State != core.PluginRejected && p.State != core.PluginRevoked:
		t.Fatalf("%s after the platform's last word", p.State)
	case refusal == nil && (p.State != core.PluginApproved || p.Report == nil || !p.Report.Accepted):
		t.Fatalf("loadable as %+v, %+v", p, p.Report)
	case p.Lease.Attempts > 5 && p.State != core.PluginApproved && p.State != core.PluginVetted:
		t.Fatalf("attempted %d times", p.Lease.Attempts)
	}
	if p.State != core.PluginApproved {
		h.approved = false
	}
}

// settle lets a healthy node work until nothing is due: whatever happened, there is an answer in the end.
func (h *history) settle(t *rapid.T) {
	ctx := h.t.Context()
	node := h.nodes[0]
	node.vets.strict = false
	for range 20 {
		h.clock.advance(2 * time.Minute)
		for worked := true; worked; {
			var err error
			if worked, err = node.VetNext(ctx); err != nil {
				t.Fatalf("%v", err)
			}
		}
	}
	p, err := h.Plugin(ctx, author, "", digestOf(h.module))
	if err == nil && (p.State == core.PluginUploaded || p.State == core.PluginVetting) {
		t.Fatalf("left as %+v", p)
	}
}

func TestWhateverHappensAPluginIsLoadedOnlyWhileItIsApprovedAndEndsWithAVerdict(t *testing.T) {
	s, err := sqlite.Open(t.Context(), t.TempDir())
	must(t, err)
	defer func() { must(t, s.Close()) }()
	must(t, s.Migrate(t.Context()))
	shared := &registry{t: t, store: s, clock: &clock{at: opening}}
	histories := 0
	rapid.Check(t, func(rt *rapid.T) {
		histories++
		nodes := []*registry{shared.node("1"), shared.node("1")}
		h := &history{registry: nodes[0], nodes: nodes, module: fmt.Sprintf("fit for history %d", histories)}
		h.settle(rt) // what a history that failed has left
		for range rapid.IntRange(1, 40).Draw(rt, "steps") {
			h.step(rt)
			h.check(rt)
		}
		h.settle(rt)
	})
}
