package api

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"hotdrop/core"
)

// RulesetRequest asks for a new ruleset.
type RulesetRequest struct {
	Bindings []core.Binding           `json:"bindings" maxItems:"256" nullable:"false" doc:"the mechanics, in the order they run"`
	Stacking map[string]core.Stacking `json:"stacking,omitempty" doc:"how each stacking group combines: all (the default), best or first" example:"{\"sale\":\"best\"}"`
	Reason   string                   `json:"reason" minLength:"1" maxLength:"500" doc:"why, for the staff log" example:"half as much for worn phones"`
}

// RolloutRequest asks for a change of the rollout.
type RolloutRequest struct {
	Mode    core.Mode  `json:"mode" enum:"live,canary,shadow,abort" doc:"live: it decides for everybody; canary: for some; shadow: it is compared; abort: canary, shadow and what waits end" example:"canary"`
	Ruleset int64      `json:"ruleset,omitempty" minimum:"1" doc:"its number; every mode but abort needs one" example:"2"`
	Percent int64      `json:"percent,omitempty" minimum:"1" maximum:"99" doc:"of the shoppers, for a canary: the same shoppers for as long as it lasts" example:"5"`
	Tag     string     `json:"tag,omitempty" minLength:"1" maxLength:"64" doc:"for a canary instead of percent: the shoppers who have this tag" example:"staff"`
	Holds   core.Holds `json:"holds,omitempty" enum:"honour,offer,drain" doc:"orders that are placed and not paid: keep their quote (the default), are offered a new one beside it, or end before the change is made"`
	At      *time.Time `json:"at,omitempty" nullable:"false" doc:"when it comes into force; now if absent"`
	Force   bool       `json:"force,omitempty" doc:"also if a node is not ready; a node that cannot compile it takes itself out of /readyz"`
	Expect  int64      `json:"expect" minimum:"1" doc:"the rollout that you have seen: refuse if another one is in force" example:"7"`
	Reason  string     `json:"reason" minLength:"1" maxLength:"500" doc:"why, for the staff log" example:"five in a hundred first"`
	Wait    int64      `json:"wait,omitempty" minimum:"0" maximum:"30000" doc:"how long to wait for the nodes to follow, milliseconds; the change is in force either way" example:"5000"`
}

// UndoRequest asks for the rollout before.
type UndoRequest struct {
	Expect int64  `json:"expect,omitempty" minimum:"1" doc:"the rollout that you have seen: refuse if another one is in force" example:"8"`
	Reason string `json:"reason" minLength:"1" maxLength:"500" doc:"why, for the staff log" example:"prices are wrong"`
	Wait   int64  `json:"wait,omitempty" minimum:"0" maximum:"30000" doc:"how long to wait for the nodes to follow, milliseconds; the change is in force either way" example:"5000"`
}

// StopRequest stops a campaign, or lets it go on.
type StopRequest struct {
	Level  string `json:"level" enum:"none,reservations,mechanics,campaign" doc:"none: it goes on; reservations: nobody can sign up; mechanics: no mechanic is asked, everything costs its list price; campaign: nothing is sold" example:"mechanics"`
	Reason string `json:"reason" minLength:"1" maxLength:"500" doc:"why, for the staff log" example:"prices are wrong"`
	Wait   int64  `json:"wait,omitempty" minimum:"0" maximum:"30000" doc:"how long to wait for the nodes to follow, milliseconds; the change is in force either way" example:"5000"`
}

// RolloutApproval approves the change that waits for it.
type RolloutApproval struct {
	Expect int64  `json:"expect" minimum:"1" doc:"the rollout whose waiting change you have read" example:"9"`
	Reason string `json:"reason" minLength:"1" maxLength:"500" doc:"why, for the staff log" example:"as agreed for noon"`
	Wait   int64  `json:"wait,omitempty" minimum:"0" maximum:"30000" doc:"how long to wait for the nodes to follow, milliseconds; the change is in force either way" example:"5000"`
}

type addRulesetInput struct {
	CampaignPath

	Body RulesetRequest
}

type addRulesetOutput struct {
	Status   int
	Location string `header:"Location" doc:"where the ruleset is"`
	Body     Ruleset
}

type rolloutInput struct {
	CampaignPath

	Body RolloutRequest
}

type undoInput struct {
	CampaignPath

	Body UndoRequest
}

type stopInput struct {
	CampaignPath

	Body StopRequest
}

type approveRolloutInput struct {
	CampaignPath

	Body RolloutApproval
}

type swappedOutput struct{ Body Swapped }

// changeRefusals is what a change of the rollout can be refused with.
func changeRefusals() []core.Code {
	return []core.Code{
		core.CodeNotFound, core.CodePreconditionFailed, core.CodeNotReady, core.CodeWrongState,
		core.CodeApprovalRequired, core.CodeUnavailable,
	}
}

func (s *Server) registerRollouts() {
	register(s, operation{
		Operation: huma.Operation{
			OperationID: "add-ruleset", Method: http.MethodPost, Path: "/v1/campaigns/{campaign}/rulesets", Tags: []string{"rollout"},
			Summary: "Add a ruleset, which decides nothing yet",
			Description: "Everything that it binds is compiled and tried before it gets its number; what is wrong comes back all at " +
				"once. The other nodes prepare it at once as well, so that making it live compiles nothing.",
			DefaultStatus: http.StatusCreated,
		},
		takes:   intake{limit: maxCampaignFile},
		refuses: []core.Code{core.CodeNotFound, core.CodeUnavailable},
	}, s.addRuleset)
	register(s, operation{
		Operation: huma.Operation{
			OperationID: "change-rollout", Method: http.MethodPost, Path: "/v1/campaigns/{campaign}/rollout", Tags: []string{"rollout"},
			Summary: "Say which ruleset decides for whom",
			Description: "From `committed_at` on no order on any node is decided by what was before. With `wait` the answer says when " +
				"each node followed. A change with `at`, with `holds: drain`, or that moves a price further than the campaign's guard " +
				"allows, waits: it is the state's `pending`.",
		},
		refuses: changeRefusals(),
	}, s.changeRollout)
	register(s, operation{
		Operation: huma.Operation{
			OperationID: "undo-rollout", Method: http.MethodPost, Path: "/v1/campaigns/{campaign}/undo", Tags: []string{"rollout"},
			Summary: "Go back to the rollout before",
			Description: "What decided before the last decision decides again, whatever waited since. Canaries and shadows that come " +
				"back are counted anew, and a stop stays as it is. It waits for no node.",
		},
		refuses: changeRefusals(),
	}, s.undo)
	register(s, operation{
		Operation: huma.Operation{
			OperationID: "stop-campaign", Method: http.MethodPost, Path: "/v1/campaigns/{campaign}/stop", Tags: []string{"rollout"},
			Summary:     "Stop a campaign at one of three levels, or let it go on",
			Description: "It asks no mechanic and no other node, so it works when the ruleset does not. Holds can be paid at every level.",
		},
		refuses: []core.Code{core.CodeNotFound, core.CodeUnavailable},
	}, s.stop)
	register(s, operation{
		Operation: huma.Operation{
			OperationID: "approve-rollout", Method: http.MethodPost, Path: "/v1/campaigns/{campaign}/approvals", Tags: []string{"rollout"},
			Summary: "Approve the change that waits for somebody other than who asked for it",
			Description: "The change is made at once, or, if it has an instant or waits for orders to end, then. A campaign file that waits " +
				"is not approved here: it comes into force when somebody else applies the same file.",
		},
		refuses: changeRefusals(),
	}, s.approveRollout)
	s.registerRolloutViews()
}

func (s *Server) addRuleset(ctx context.Context, in *addRulesetInput) (*addRulesetOutput, error) {
	if _, err := s.ownRecord(ctx, in.Campaign); err != nil {
		return nil, err
	}
	ruleset, err := s.engine.AddRuleset(ctx, core.RulesetRequest{
		Campaign: in.Campaign, Bindings: in.Body.Bindings, Stacking: in.Body.Stacking, Reason: in.Body.Reason, Actor: principalOf(ctx),
	})
	if err != nil {
		return nil, inBody(err)
	}
	return &addRulesetOutput{
		Status: http.StatusCreated, Location: "/v1/campaigns/" + in.Campaign + "/rulesets/" + strconv.FormatInt(ruleset.Number, 10),
		Body: rulesetView(in.Campaign, ruleset),
	}, nil
}

// inBody gives the problems of a ruleset the paths that they have in the request: a campaign file has its bindings under
// ruleset.
func inBody(err error) error {
	problems, ok := errors.AsType[*core.Problems](err)
	if !ok {
		return err
	}
	p := newProblem(core.CodeInvalid, "the ruleset has problems")
	for _, one := range problems.List {
		if rest, found := strings.CutPrefix(one.Path, "ruleset["); found {
			one.Path = "bindings[" + rest
		}
		p.Problems = append(p.Problems, one)
	}
	return p
}

func (s *Server) changeRollout(ctx context.Context, in *rolloutInput) (*swappedOutput, error) {
	b := &in.Body
	request := core.RolloutRequest{
		Campaign: in.Campaign, Expect: b.Expect, Reason: b.Reason, Actor: principalOf(ctx),
		Change: core.Change{Mode: b.Mode, Ruleset: b.Ruleset, Percent: b.Percent, Tag: b.Tag, Holds: b.Holds, Force: b.Force},
	}
	if b.At != nil {
		request.At = b.At.UnixMilli()
	}
	return s.swapped(ctx, in.Campaign, b.Wait, func() (*core.Swapped, error) { return s.engine.ChangeRollout(ctx, request) })
}

func (s *Server) undo(ctx context.Context, in *undoInput) (*swappedOutput, error) {
	request := core.UndoRequest{Campaign: in.Campaign, Expect: in.Body.Expect, Reason: in.Body.Reason, Actor: principalOf(ctx)}
	return s.swapped(ctx, in.Campaign, in.Body.Wait, func() (*core.Swapped, error) { return s.engine.Undo(ctx, request) })
}

func (s *Server) stop(ctx context.Context, in *stopInput) (*swappedOutput, error) {
	request := core.StopRequest{Campaign: in.Campaign, Level: core.Stop(in.Body.Level), Reason: in.Body.Reason, Actor: principalOf(ctx)}
	if in.Body.Level == stopNone {
		request.Level = core.StopNothing
	}
	return s.swapped(ctx, in.Campaign, in.Body.Wait, func() (*core.Swapped, error) { return s.engine.StopCampaign(ctx, request) })
}

func (s *Server) approveRollout(ctx context.Context, in *approveRolloutInput) (*swappedOutput, error) {
	request := core.ApprovalRequest{Campaign: in.Campaign, Expect: in.Body.Expect, Reason: in.Body.Reason, Actor: principalOf(ctx)}
	out, err := s.swapped(ctx, in.Campaign, in.Body.Wait, func() (*core.Swapped, error) { return s.engine.ApproveRollout(ctx, request) })
	if err != nil {
		return nil, err
	}
	out.Body.Dropped = nil // it was made
	return out, nil
}

// swapped makes a change of a campaign that is the principal's to change, and waits for the nodes if it is asked to. The
// change is in force then, so that what goes wrong with waiting is no error of it: the nodes are left out.
func (s *Server) swapped(
	ctx context.Context, campaign string, wait int64, change func() (*core.Swapped, error),
) (*swappedOutput, error) {
	before, err := s.ownRecord(ctx, campaign)
	if err != nil {
		return nil, err
	}
	was := before.Rollout
	swapped, err := change()
	if err != nil {
		return nil, err
	}
	out := &swappedOutput{Body: swappedView(campaign, swapped)}
	out.Body.Dropped = pendingView(droppedBy(swapped.Rollout, &was))
	if wait == 0 {
		return out, nil
	}
	followed, err := s.engine.AwaitFollowed(ctx, campaign, swapped.Revision, time.Duration(wait)*time.Millisecond)
	if err != nil {
		s.log.WarnContext(ctx, "a change is in force, and nobody knows which nodes follow", "campaign", campaign, "error", err.Error())
		return out, nil
	}
	out.Body.Nodes = views(followed, followedView)
	if lost, err := s.engine.Lost(ctx); err == nil { // whoever is missing is missing without it, too
		out.Body.Lost = views(lost, lostView)
	}
	return out, nil
}

// droppedBy is what waited before a change and neither waits behind it nor was made by it; nil if there is nothing, or if
// something else came in between.
func droppedBy(next, before *core.Rollout) *core.Pending {
	p := before.Pending
	if p == nil || next.Number != before.Number+1 || next.Pending != nil && next.Pending.Asked == p.Asked && next.Pending.By == p.By {
		return nil
	}
	return p
}

// stopNone is the level at which nothing is stopped, in requests and views.
const stopNone = "none"

// stopLevel is a level as it is shown.
func stopLevel(stop core.Stop) string { return cmp.Or(string(stop), stopNone) }
