package main

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"hotdrop/api"
	"hotdrop/core"
)

// clockForm is how the commands write an instant of today: in the zone of whoever reads it.
const clockForm = "15:04:05.000"

// effect says what was observed of a change, and whether every node follows it: in one sentence, and on a line each what it
// left waiting and what it dropped.
func effect(s *api.Swapped, wait time.Duration) (string, bool) {
	var sentence string
	follows := true
	if p := s.State.Pending; p != nil && onlyWaits(s.State.Action) {
		sentence = waiting(s.Campaign, s.State.Draining, p)
	} else {
		sentence, follows = observed(s, wait)
		if p != nil {
			sentence += "\nstill " + waiting(s.Campaign, s.State.Draining, p)
		}
	}
	if s.Dropped != nil {
		sentence += "\ndropped: " + dropped(s.Dropped)
	}
	if warnings := warningLines(s.Warnings); warnings != "" {
		sentence += "\n" + strings.TrimSuffix(warnings, "\n")
	}
	if s.State.Action == core.ActionCanary || s.State.Action == core.ActionShadow {
		sentence += "\nnext: hotdrop rollout report " + s.Campaign
	}
	return sentence, follows
}

// onlyWaits reports whether the action made nothing but a change that waits.
func onlyWaits(action core.Action) bool {
	return action == core.ActionPropose || action == core.ActionDrain
}

// dropped says which change waits no more, and for what it did.
func dropped(p *api.PendingChange) string {
	switch {
	case p.File != "":
		return "the campaign file that waited"
	case p.At != nil:
		return fmt.Sprintf("v%d at %s", p.Ruleset, moment(*p.At))
	case p.Drain:
		return fmt.Sprintf("v%d, which waited until the orders that were placed have ended", p.Ruleset)
	default:
		return fmt.Sprintf("v%d, which waited to be approved", p.Ruleset)
	}
}

// observed says in one sentence what a change that is in force made of the rollout, and where.
func observed(s *api.Swapped, wait time.Duration) (string, bool) {
	if len(s.Nodes) == 0 {
		return fmt.Sprintf("%s since %s; no node was waited for", decided(&s.State), s.CommittedAt.Local().Format(clockForm)), true
	}
	latest, late := time.Time{}, []string{}
	for _, n := range s.Nodes {
		switch {
		case n.FollowedAt == nil && n.Unserved != "":
			late = append(late, fmt.Sprintf("node %s does not serve the campaign: %s", n.Node, n.Unserved))
		case n.FollowedAt == nil:
			late = append(late, fmt.Sprintf("node %s has not followed within %s", n.Node, wait))
		case n.FollowedAt.After(latest):
			latest = *n.FollowedAt
		}
	}
	all := len(s.Nodes) + len(s.Lost)
	sentence := fmt.Sprintf("%s on %d of %s", decided(&s.State), len(s.Nodes)-len(late), count(all, "node"))
	if !latest.IsZero() {
		sentence += " since " + latest.Local().Format(clockForm)
	}
	follows := len(late) == 0 // a node that is lost does not sell
	for _, n := range s.Lost {
		late = append(late, fmt.Sprintf("%s was last seen %s", n.ID, n.SeenAt.Local().Format(time.TimeOnly)))
	}
	return strings.Join(append([]string{sentence}, late...), "; "), follows
}

// waiting says of a change that was not made what it waits for.
func waiting(campaign string, draining bool, p *api.PendingChange) string {
	what := "a change of the rollout waits"
	if p.Ruleset != 0 {
		what = fmt.Sprintf("v%d waits to be %s", p.Ruleset, p.Mode)
	}
	switch {
	case p.File != "":
		return fmt.Sprintf("a campaign file waits until somebody other than %s applies the same file (%s): "+
			"hotdrop campaign export %s --pending prints it, hotdrop campaign apply FILE --reason WHY applies it",
			p.By, p.Approval, campaign)
	case p.Approval != "" && p.At != nil:
		return fmt.Sprintf("%s at %s, once somebody other than %s approves it (%s): hotdrop rollout approve %s", what, moment(*p.At), p.By,
			p.Approval, campaign)
	case p.Approval != "":
		return fmt.Sprintf("%s until somebody other than %s approves it (%s): hotdrop rollout approve %s", what, p.By, p.Approval, campaign)
	case draining:
		return what + " until the orders that were placed have ended; nothing is sold meanwhile"
	case p.At != nil && p.Drain:
		return fmt.Sprintf("%s: from %s on nothing is sold until the orders that were placed have ended", what, moment(*p.At))
	case p.At != nil:
		return what + " at " + moment(*p.At)
	default:
		return what
	}
}

// decided says what a rollout's own change made of it.
func decided(r *api.Rollout) string {
	switch r.Action {
	case core.ActionStop:
		if stopped := stoppedText(r.Stop); stopped != "" {
			return stopped
		}
		again := *r
		again.Pending = nil // what waits is on a line of its own
		return strings.Replace(whole(&again), "decides", "decides again", 1)
	case core.ActionShadow:
		if r.Shadow != nil {
			return fmt.Sprintf("v%d is compared with v%d", r.Shadow.Ruleset, r.Live)
		}
	case core.ActionCanary:
		if r.Canary != nil {
			return besides(fmt.Sprintf("v%d decides for %s", r.Canary.Ruleset, someShoppers(r.Canary)), r.Stop)
		}
	case core.ActionAbort:
		return besides(fmt.Sprintf("v%d decides for everybody", r.Live), r.Stop)
	case core.ActionLive:
		return besides(fmt.Sprintf("v%d decides", r.Live), r.Stop)
	case core.ActionFallback:
		return fmt.Sprintf("the change that waited could not be made (%s): %s", oneLine(r.Reason), whole(r))
	default:
	}
	return whole(r)
}

// besides adds that a campaign is stopped to what would hold if it were not.
func besides(sentence, stop string) string {
	switch core.Stop(stop) {
	case core.StopReservations:
		return sentence + ", " + stoppedText(stop)
	case core.StopMechanics, core.StopCampaign:
		return stoppedText(stop) + ", else " + sentence
	default:
		return sentence
	}
}

// whole says everything that a rollout decides.
func whole(r *api.Rollout) string {
	parts := []string{fmt.Sprintf("v%d decides", r.Live)}
	if r.Canary != nil {
		parts = append(parts, fmt.Sprintf("v%d for %s", r.Canary.Ruleset, someShoppers(r.Canary)))
	}
	if r.Shadow != nil {
		parts = append(parts, fmt.Sprintf("v%d is compared", r.Shadow.Ruleset))
	}
	switch {
	case r.Pending != nil && r.Pending.Ruleset != 0:
		parts = append(parts, fmt.Sprintf("v%d waits", r.Pending.Ruleset))
	case r.Pending != nil:
		parts = append(parts, "a change waits")
	}
	return besides(strings.Join(parts, ", "), r.Stop)
}

func someShoppers(c *api.Canary) string {
	if c.Tag != "" {
		return "shoppers with the tag " + c.Tag
	}
	return fmt.Sprintf("%d %% of shoppers", c.Percent)
}

// stoppedText says what is stopped; "" if nothing is.
func stoppedText(stop string) string {
	switch core.Stop(stop) {
	case core.StopReservations:
		return "new reservations are off"
	case core.StopMechanics:
		return "mechanics are off"
	case core.StopCampaign:
		return "the campaign is off"
	case core.StopNothing:
	}
	return ""
}

// allSaid reports whether every node is ready for the ruleset or says that it cannot be.
func allSaid(nodes []api.Node, ruleset int64) bool {
	for _, n := range nodes {
		if !slices.Contains(n.Ready, ruleset) && refusal(&n, ruleset) == "" {
			return false
		}
	}
	return true
}

// refusal is why a node cannot compile the ruleset; "" if it did not say so.
func refusal(n *api.Node, ruleset int64) string {
	for _, r := range n.Refused {
		if r.Ruleset == ruleset {
			return r.Why
		}
	}
	return ""
}

// readySentence says in one sentence which nodes are ready for a ruleset, and whether all are.
func readySentence(ruleset int64, nodes []api.Node) (string, bool) {
	missing := []string{}
	for _, n := range nodes {
		why := refusal(&n, ruleset)
		switch {
		case slices.Contains(n.Ready, ruleset):
		case why != "":
			missing = append(missing, fmt.Sprintf("node %s cannot compile it: %s", n.ID, why))
		default:
			missing = append(missing, fmt.Sprintf("node %s has not compiled it yet", n.ID))
		}
	}
	sentence := fmt.Sprintf("v%d is ready on %d of %s", ruleset, len(nodes)-len(missing), count(len(nodes), "node"))
	return strings.Join(append([]string{sentence}, missing...), "; "), len(missing) == 0
}

// moment writes an instant that need not be of today.
func moment(at time.Time) string { return at.Local().Format("2006-01-02 15:04:05") }
