package core_test

import (
	"errors"
	"strings"
	"testing"

	"hotdrop/core"
)

func TestABreakerOpensWhateverTheMechanicSaysOfItsFailure(t *testing.T) {
	for name, said := range map[string]string{
		"plain text": "bad", "a NUL": "bad\x00text", "no UTF-8": "bad\xff", "a book": strings.Repeat("bad ", 10_000),
	} {
		t.Run(name, func(t *testing.T) {
			eachStore(t, func(t *testing.T, s store) {
				w := newJudged(t, s, core.Guards{}, core.Binding{Mechanic: "list"})
				w.mechanics["ugly"] = func(_ *core.Facts, effects []core.Effect) ([]core.Effect, error) { return effects, errors.New(said) }
				w.live(core.Binding{Mechanic: "ugly", OnFailure: core.FailSkip})
				w.sell(30)
				w.judge()
				r := w.rollout()
				if len(r.Breakers) != 1 {
					t.Fatalf("the breakers are %+v", r.Breakers)
				}
				if f := r.Breakers[0].Failure; !strings.HasPrefix(f, "bad") || len(f) > 200 {
					t.Errorf("the breaker's failure is %q", f)
				}
			})
		})
	}
}

func TestAReasonThatIsNoPlainTextIsRefused(t *testing.T) {
	for name, reason := range map[string]string{
		"a NUL": "at\x00noon", "no UTF-8": "at noon\xff", "a control character": "at\x1bnoon", "a book": strings.Repeat("why ", 1000),
		"nothing but spaces": "  ",
	} {
		t.Run(name, func(t *testing.T) {
			eachStore(t, func(t *testing.T, s store) { refusesReason(t, s, reason) })
		})
	}
}

func refusesReason(t *testing.T, s store, reason string) {
	t.Helper()
	d := newDrop(t, s, prices(), at100)
	two, by := d.add(core.Binding{Mechanic: "p200"}), operatorCalled("op")
	number := d.rollout().Number
	for action, try := range map[string]func() error{
		"a ruleset": func() error {
			_, err := d.AddRuleset(t.Context(), core.RulesetRequest{
				Campaign: "phone", Bindings: []core.Binding{{Mechanic: "p300"}}, Reason: reason, Actor: by,
			})
			return err
		},
		"a change": func() error {
			_, err := d.ChangeRollout(t.Context(), core.RolloutRequest{
				Campaign: "phone", Change: core.Change{Mode: core.ModeLive, Ruleset: two}, Expect: number, Reason: reason, Actor: by,
			})
			return err
		},
		"an undo": func() error {
			_, err := d.Undo(t.Context(), core.UndoRequest{Campaign: "phone", Reason: reason, Actor: by})
			return err
		},
		"a stop": func() error {
			_, err := d.StopCampaign(t.Context(), core.StopRequest{Campaign: "phone", Level: core.StopCampaign, Reason: reason, Actor: by})
			return err
		},
		"an approval": func() error {
			_, err := d.ApproveRollout(t.Context(), core.ApprovalRequest{Campaign: "phone", Expect: number, Reason: reason, Actor: by})
			return err
		},
		"a campaign file": func() error {
			_, err := d.ApplyCampaign(t.Context(), core.ApplyRequest{
				Definition: d.with(func(c *core.Campaign) { c.Items[0].Stock++ }), Reason: reason, Actor: by,
			})
			return err
		},
	} {
		t.Run(action, func(t *testing.T) { wantCode(t, try(), core.CodeInvalid) })
	}
	if r := d.rollout(); r.Number != number {
		t.Errorf("the rollout became %+v", r)
	}
}
