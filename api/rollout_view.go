package api

import (
	"context"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"hotdrop/core"
)

// Rollout says which ruleset decides for whom.
type Rollout struct {
	Rollout  int64          `json:"rollout" doc:"its number; send it as expect" example:"8"`
	Live     int64          `json:"live" doc:"the ruleset that decides" example:"7"`
	LastGood int64          `json:"last_good,omitempty" doc:"the ruleset that was live before it: what the failure policy last_good falls back to" example:"6"`
	Canary   *Canary        `json:"canary,omitempty" doc:"the ruleset that decides for some; absent if there is none"`
	Shadow   *Shadow        `json:"shadow,omitempty" doc:"the ruleset that is compared; absent if there is none"`
	Stop     string         `json:"stop" enum:"none,reservations,mechanics,campaign" doc:"how far the campaign is stopped"`
	Breakers []Breaker      `json:"breakers" nullable:"false" doc:"bindings whose mechanic is not asked now"`
	Offering bool           `json:"offering,omitempty" doc:"orders from before this and not paid are offered a new quote"`
	Draining bool           `json:"draining,omitempty" doc:"nothing is sold until orders that were placed have ended and pending comes into force"`
	Pending  *PendingChange `json:"pending,omitempty" doc:"the change that waits; absent if there is none"`
	Forced   bool           `json:"forced,omitempty" doc:"it was made although not every node was ready"`
	Undo     int64          `json:"undo,omitempty" doc:"the rollout that an undo goes back to; absent if there is none" example:"7"`
	Action   core.Action    `json:"action" doc:"what made it" enum:"apply,live,canary,shadow,abort,undo,stop,propose,drain,breaker,guard,fence,fallback"`
	At       time.Time      `json:"at" doc:"when it was made"`
	By       string         `json:"by" doc:"the id of who made it; system for what happened by itself" example:"demo-operator"`
	Role     core.Role      `json:"role,omitempty" doc:"the role of who made it"`
	Reason   string         `json:"reason,omitempty" doc:"why"`
}

// Canary is a ruleset that decides for some shoppers.
type Canary struct {
	Ruleset int64  `json:"ruleset" example:"8"`
	Percent int64  `json:"percent,omitempty" doc:"of the shoppers; absent if it goes by tag" example:"5"`
	Tag     string `json:"tag,omitempty" doc:"of the shoppers it decides for"`
	Since   int64  `json:"since" doc:"the rollout that began it" example:"8"`
}

// Shadow is a ruleset that decides beside the live one and is only compared.
type Shadow struct {
	Ruleset int64 `json:"ruleset" example:"9"`
	Since   int64 `json:"since" doc:"the rollout that began it" example:"8"`
}

// Breaker is a binding whose mechanic is not asked for a while, because it kept failing.
type Breaker struct {
	Ruleset int64     `json:"ruleset" example:"7"`
	Binding int       `json:"binding" doc:"its place in the ruleset, from 0; reasons and other texts count from 1" example:"1"`
	Until   time.Time `json:"until" doc:"when it is asked again"`
	Trips   int64     `json:"trips" doc:"how often in a row it was closed to; each time it takes longer" example:"2"`
	Failure string    `json:"failure" doc:"its last failure" example:"out_of_fuel"`
}

// PendingChange is a change of the rollout that waits for its moment.
type PendingChange struct {
	Mode     core.Mode  `json:"mode" enum:"live,canary,shadow,abort" doc:"what is to become of the ruleset"`
	Ruleset  int64      `json:"ruleset,omitempty" doc:"its number" example:"8"`
	Percent  int64      `json:"percent,omitempty" doc:"of a canary" example:"5"`
	Tag      string     `json:"tag,omitempty" doc:"of a canary"`
	Holds    string     `json:"holds,omitempty" doc:"what becomes of orders that are placed and not paid"`
	At       *time.Time `json:"at,omitempty" nullable:"false" doc:"when it comes into force; absent if it waits for something else"`
	Drain    bool       `json:"drain,omitempty" doc:"it comes into force when no order holds stock any more"`
	Approval string     `json:"approval,omitempty" doc:"why somebody other than by has to approve it; absent if nobody has to"`
	File     string     `json:"file,omitempty" doc:"the digest of a campaign file that waits until somebody else applies the same file; absent for a change of the rollout"`
	By       string     `json:"by" doc:"who asked for it"`
	Role     core.Role  `json:"role,omitempty" doc:"the role of who asked for it"`
	Asked    time.Time  `json:"asked" doc:"when it was asked for"`
	Reason   string     `json:"reason,omitempty" doc:"why"`
}

// Swapped is what a change of the rollout came to.
type Swapped struct {
	Campaign    string         `json:"campaign" example:"trade-in"`
	Rollout     int64          `json:"rollout" doc:"the number of the rollout that is in force now" example:"8"`
	Revision    int64          `json:"revision" doc:"of the campaign; a node that is at it or beyond has followed" example:"12"`
	Epoch       int64          `json:"epoch" doc:"rises with every change that can change a decision" example:"9"`
	CommittedAt time.Time      `json:"committed_at" doc:"from here on no order is decided by what was before"`
	Nodes       []NodeFollowed `json:"nodes" nullable:"false" doc:"who has followed, as far as wait was given"`
	State       Rollout        `json:"state" doc:"the rollout that is in force now"`
	Lost        []LostNode     `json:"lost" nullable:"false" doc:"nodes that were seen within the last minute and are no longer alive: nobody waited for them"`
	Dropped     *PendingChange `json:"dropped,omitempty" doc:"the change that waited until this one ended it; absent if none did"`
	Warnings    []string       `json:"warnings,omitempty" nullable:"false" doc:"what it was made in spite of: approvals of plugins that end before the campaign closes"`
}

// LostNode is a node that is no longer alive and said no farewell.
type LostNode struct {
	ID     string    `json:"id"`
	SeenAt time.Time `json:"seen_at" doc:"its last heartbeat"`
}

// NodeFollowed says when a node followed a change.
type NodeFollowed struct {
	Node       string     `json:"node" doc:"the node's id, another one at each start"`
	FollowedAt *time.Time `json:"followed_at,omitempty" nullable:"false" doc:"from when on it decides so; absent: it does not yet"`
	Revision   int64      `json:"revision" doc:"of the campaign that it decides under" example:"12"`
	Unserved   string     `json:"unserved,omitempty" doc:"why it does not serve the campaign; absent if it does"`
}

// RolloutState is a campaign's rollout, the nodes that follow it and the changes that led to it.
type RolloutState struct {
	Campaign string             `json:"campaign" example:"trade-in"`
	Rollout  int64              `json:"rollout" doc:"the number of the rollout that is in force; send it as expect" example:"8"`
	Revision int64              `json:"revision" doc:"of the campaign; a node that is at it or beyond has followed" example:"12"`
	Epoch    int64              `json:"epoch" doc:"rises with every change that can change a decision" example:"9"`
	Rulesets int64              `json:"rulesets" doc:"the highest number that a ruleset has" example:"9"`
	State    Rollout            `json:"state" doc:"the rollout that is in force"`
	Idle     []IdleBinding      `json:"idle" nullable:"false" doc:"bindings of the rulesets that decide whose mechanic the answering node does not ask now: their failure policy decides"`
	Nodes    []Node             `json:"nodes" nullable:"false" doc:"the nodes that are alive, sorted by id"`
	Lost     []LostNode         `json:"lost" nullable:"false" doc:"the nodes that were seen within the last minute and are no longer alive, sorted by id"`
	History  Page[RolloutEntry] `json:"history" doc:"the changes that led here, the newest first"`
}

// IdleBinding is a binding whose mechanic is not asked now.
type IdleBinding struct {
	Ruleset  int64              `json:"ruleset" example:"7"`
	Binding  int                `json:"binding" doc:"its place in the ruleset, from 0; reasons and other texts count from 1" example:"1"`
	Mechanic string             `json:"mechanic" example:"trade-in"`
	Plugin   string             `json:"plugin,omitempty" doc:"the digest of the plugin that it binds; absent if it binds none"`
	Policy   core.FailurePolicy `json:"on_failure" doc:"what decides instead" enum:"deny,skip,last_good"`
	Why      core.IdleWhy       `json:"why" enum:"revoked,expired,void,absent,breaker" doc:"the plugin is revoked; its approval has expired, or does not hold or is not for this campaign; it cannot be loaded; the breaker is open"`
	Message  string             `json:"message" doc:"the same in words"`
}

// Node is one serving process, as far as it follows one campaign.
type Node struct {
	ID         string        `json:"id" doc:"another one at each start"`
	Version    string        `json:"version,omitempty" doc:"of the binary"`
	StartedAt  time.Time     `json:"started_at"`
	SeenAt     time.Time     `json:"seen_at" doc:"its last heartbeat"`
	Rollout    int64         `json:"rollout" doc:"the number of the rollout that it decides under; 0 if it has not loaded the campaign" example:"8"`
	Revision   int64         `json:"revision" doc:"of the campaign that it decides under" example:"12"`
	Epoch      int64         `json:"epoch" example:"9"`
	FollowedAt *time.Time    `json:"followed_at,omitempty" nullable:"false" doc:"since when"`
	Ready      []int64       `json:"ready" nullable:"false" doc:"the rulesets that it has compiled and tried"`
	Refused    []NodeRefusal `json:"refused" nullable:"false" doc:"the rulesets that it cannot compile"`
	Unserved   string        `json:"unserved,omitempty" doc:"why it does not serve the campaign; absent if it does"`
}

// NodeRefusal is a ruleset that a node cannot compile.
type NodeRefusal struct {
	Ruleset int64  `json:"ruleset" example:"9"`
	Why     string `json:"why"`
}

// RolloutEntry is one change that was made to a campaign.
type RolloutEntry struct {
	ID       string    `json:"id" doc:"the revision, as a string" example:"12"`
	Revision int64     `json:"revision" example:"12"`
	Epoch    int64     `json:"epoch" example:"9"`
	At       time.Time `json:"at" doc:"when it was committed"`
	Orders   int64     `json:"orders" doc:"orders that had been placed then: no later one was decided under an earlier epoch" example:"4711"`
	State    Rollout   `json:"state" doc:"the rollout that was in force from then on"`
}

type rolloutStateInput struct {
	CampaignPath

	Cursor string `query:"cursor" maxLength:"19" pattern:"^[1-9][0-9]{0,17}$" patternDescription:"the next of a page" doc:"next of the previous page of the history"`
	Limit  int    `query:"limit" minimum:"1" maximum:"100" default:"20" doc:"changes of a page"`
}

type rolloutStateOutput struct{ Body RolloutState }

type rulesetsInput struct {
	CampaignPath

	Cursor string `query:"cursor" maxLength:"19" pattern:"^[1-9][0-9]{0,17}$" patternDescription:"the next of a page" doc:"next of the previous page"`
	Limit  int    `query:"limit" minimum:"1" maximum:"100" default:"20" doc:"rows of a page"`
}

type rulesetsOutput struct{ Body Page[Ruleset] }

func (s *Server) registerRolloutViews() {
	register(s, operation{
		Operation: huma.Operation{
			OperationID: "get-rollout", Method: http.MethodGet, Path: "/v1/campaigns/{campaign}/rollout", Tags: []string{"rollout"},
			Summary: "Which ruleset decides for whom, which nodes follow, and what was changed by whom and why",
			Description: "The rollout that is in force, what waits, the nodes that are alive and those that were lost within the last " +
				"minute. Every node decides by its own rollout until it follows: one is behind while its revision is lower. The history " +
				"is a page of all changes, the newest first.",
		},
		refuses: []core.Code{core.CodeNotFound, core.CodeUnavailable},
	}, s.rollout)
	register(s, operation{
		Operation: huma.Operation{
			OperationID: "list-rulesets", Method: http.MethodGet, Path: "/v1/campaigns/{campaign}/rulesets", Tags: []string{"rollout"},
			Summary: "A campaign's rulesets, the newest first",
		},
		refuses: []core.Code{core.CodeNotFound, core.CodeUnavailable},
	}, s.listRulesets)
}

func (s *Server) rollout(ctx context.Context, in *rolloutStateInput) (*rolloutStateOutput, error) {
	record, err := s.ownRecord(ctx, in.Campaign)
	if err != nil {
		return nil, err
	}
	below, err := numberIn(in.Cursor)
	if err != nil {
		return nil, err
	}
	entries, err := s.engine.RolloutHistory(ctx, in.Campaign, below, in.Limit+1, principalOf(ctx))
	if err != nil {
		return nil, err
	}
	nodes, err := s.engine.Nodes(ctx)
	if err != nil {
		return nil, err
	}
	lost, err := s.engine.Lost(ctx)
	if err != nil {
		return nil, err
	}
	idle, err := s.engine.IdleBindings(ctx, in.Campaign)
	if err != nil && core.CodeOf(err) != core.CodeUnavailable { // a campaign that this node cannot serve has a state all the same
		return nil, err
	}
	return &rolloutStateOutput{Body: RolloutState{
		Campaign: in.Campaign, Rollout: record.Rollout.Number, Revision: record.Revision, Epoch: record.Epoch,
		Rulesets: record.Rulesets, State: RolloutOf(&record.Rollout),
		Idle:    views(idle, func(b core.IdleBinding) IdleBinding { return IdleBinding(b) }),
		Nodes:   views(nodes, func(n *core.Node) Node { return nodeView(n, in.Campaign) }),
		Lost:    views(lost, lostView),
		History: historyPage(entries, in.Limit),
	}}, nil
}

// numberIn is the number that a cursor is; 0 if it is "".
func numberIn(cursor string) (int64, error) {
	if cursor == "" {
		return 0, nil
	}
	return strconv.ParseInt(cursor, 10, 64) // the pattern allows nothing else
}

// historyPage makes a page of entries, of which there is one too many if it is not the last.
func historyPage(entries []core.RolloutEntry, limit int) Page[RolloutEntry] {
	page := core.Page[core.RolloutEntry]{Data: entries}
	if len(entries) > limit {
		page.Data, page.Next = entries[:limit], strconv.FormatInt(entries[limit-1].Revision, 10)
	}
	return pageOf(page, func(e core.RolloutEntry) RolloutEntry {
		return RolloutEntry{
			ID: strconv.FormatInt(e.Revision, 10), Revision: e.Revision, Epoch: e.Epoch, At: timeOf(e.At), Orders: e.Orders,
			State: RolloutOf(&e.Rollout),
		}
	})
}

// listRulesets reads the rulesets one by one: they are numbered without gaps, and never change.
func (s *Server) listRulesets(ctx context.Context, in *rulesetsInput) (*rulesetsOutput, error) {
	record, err := s.ownRecord(ctx, in.Campaign)
	if err != nil {
		return nil, err
	}
	below, err := numberIn(in.Cursor)
	if err != nil {
		return nil, err
	}
	number := max(record.Rulesets, record.Ruleset.Number)
	if below > 0 {
		number = min(number, below-1)
	}
	out := &rulesetsOutput{Body: Page[Ruleset]{Data: []Ruleset{}}}
	for ; number > 0 && len(out.Body.Data) < in.Limit; number-- {
		ruleset, err := s.rulesets.Ruleset(ctx, record.Definition.Key(), number)
		if err != nil {
			return nil, err
		}
		if ruleset != nil {
			out.Body.Data = append(out.Body.Data, rulesetView(in.Campaign, ruleset))
		}
	}
	if number > 0 {
		next := strconv.FormatInt(number+1, 10)
		out.Body.Next = &next
	}
	return out, nil
}

// RolloutOf is a rollout as the API shows it.
func RolloutOf(r *core.Rollout) Rollout {
	view := Rollout{
		Rollout: r.Number, Live: r.Live, LastGood: r.LastGood, Stop: stopLevel(r.Stop), Breakers: views(r.Breakers, breakerView),
		Offering: r.Offer > 0, Draining: r.Draining, Pending: pendingView(r.Pending), Forced: r.Forced, Undo: r.Undo,
		Action: r.Action, At: timeOf(r.At), By: r.By, Role: r.Role, Reason: r.Reason,
	}
	if c := r.Canary; c != nil {
		view.Canary = &Canary{Ruleset: c.Ruleset, Percent: c.Percent, Tag: c.Tag, Since: c.Since}
	}
	if s := r.Shadow; s != nil {
		view.Shadow = &Shadow{Ruleset: s.Ruleset, Since: s.Since}
	}
	return view
}

func breakerView(b core.Breaker) Breaker {
	return Breaker{Ruleset: b.Ruleset, Binding: b.Binding, Until: timeOf(b.Until), Trips: b.Trips, Failure: b.Failure}
}

func pendingView(p *core.Pending) *PendingChange {
	if p == nil {
		return nil
	}
	return &PendingChange{
		Mode: p.Change.Mode, Ruleset: p.Change.Ruleset, Percent: p.Change.Percent, Tag: p.Change.Tag, Holds: string(p.Change.Holds),
		At: pastTime(p.At), Drain: p.Drain, Approval: p.Approval, File: p.File, By: p.By, Role: p.Role, Asked: timeOf(p.Asked), Reason: p.Reason,
	}
}

func swappedView(campaign string, s *core.Swapped) Swapped {
	return Swapped{
		Campaign: campaign, Rollout: s.Rollout.Number, Revision: s.Revision, Epoch: s.Epoch, CommittedAt: timeOf(s.At),
		Nodes: []NodeFollowed{}, Lost: []LostNode{}, State: RolloutOf(s.Rollout), Warnings: s.Warnings,
	}
}

func followedView(f core.NodeFollowed) NodeFollowed {
	return NodeFollowed{Node: f.Node, FollowedAt: pastTime(f.At), Revision: f.Revision, Unserved: f.Unserved}
}

func lostView(n *core.Node) LostNode { return LostNode{ID: n.ID, SeenAt: timeOf(n.SeenAt)} }

func nodeView(n *core.Node, campaign string) Node {
	view := Node{
		ID: n.ID, Version: n.Version, StartedAt: timeOf(n.StartedAt), SeenAt: timeOf(n.SeenAt), Ready: []int64{},
		Refused: []NodeRefusal{},
	}
	c := n.Campaigns[campaign]
	if c == nil {
		return view
	}
	view.Rollout, view.Revision, view.Epoch, view.FollowedAt = c.Rollout, c.Revision, c.Epoch, pastTime(c.FollowedAt)
	view.Ready, view.Unserved = append(view.Ready, c.Ready...), c.Unserved
	for _, number := range slices.Sorted(maps.Keys(c.Refused)) {
		view.Refused = append(view.Refused, NodeRefusal{Ruleset: number, Why: c.Refused[number]})
	}
	return view
}
