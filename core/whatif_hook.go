package core

import "context"

// HookRequest asks what a campaign's mechanics would say of a shopper at a hook where nothing is ordered.
type HookRequest struct {
	Campaign string
	Hook     Hook        // HookReserve, HookShare or HookMessage
	Shopper  Principal   // who signs up or writes; at the hook share the owner of the link, of whom only the id counts
	Shares   SharesFacts // at the hook share: the counts of the link, and in Counted which of them has just risen
	Message  string      // at the hook message: what the shopper writes
	Order    string      // at the hook message: the order that is told of; "" for the shopper's latest
}

// ExplainHook says how the campaign's mechanics would decide at the hook now, and if they would refuse, by which check. It
// takes, counts and writes nothing. The refusals are in the explanation; the error is for the caller: another brand's
// campaign, or another shopper's order, is not_found, and a request that no shopper could cause is invalid.
func (e *Engine) ExplainHook(ctx context.Context, r HookRequest, staff Principal) (*Explanation, error) {
	c, err := e.campaignFor(ctx, r.Campaign, &staff)
	if err != nil {
		return nil, err
	}
	tags := DocumentKey{DocumentTags, r.Shopper.ID}
	known, err := c.fetchAll(ctx, &load{shopper: r.Shopper.ID, wanted: []DocumentKey{tags}})
	if err != nil {
		return nil, err
	}
	snap, now := c.snapshot.Load(), c.engine.now()
	var facts Facts
	switch r.Hook { //nolint:exhaustive // the others are about orders
	case HookReserve:
		facts = c.reserveFacts(snap, now, &r.Shopper, known.state)
	case HookShare:
		facts, err = c.shareHookFacts(snap, now, r.Shopper.ID, r.Shares, known.documents[tags]), r.Shares.check()
	case HookMessage:
		facts, err = c.wouldWrite(ctx, snap, &r, known)
	default:
		err = Errorf(CodeInvalid, "at the hook %s the mechanics are asked about orders", r.Hook)
	}
	if err != nil {
		return nil, err
	}
	return c.explainHook(snap, r.Hook, &facts, known.state), nil
}

// check refuses counts that no link has.
func (s *SharesFacts) check() error {
	counts := map[string]int64{countRepost: s.Reposts, countVisitor: s.Visitors, countReservation: s.Reservations}
	risen, known := counts[s.Counted]
	switch {
	case !known:
		return Errorf(CodeInvalid, "what has just been counted is %s, %s or %s", countRepost, countVisitor, countReservation)
	case min(s.Reposts, s.Visitors, s.Reservations) < 0 || risen < 1:
		return Errorf(CodeInvalid, "what has just been counted is at least 1, and no count is below 0")
	default:
		return nil
	}
}

// wouldWrite returns the facts of a message that the shopper might write.
func (c *campaign) wouldWrite(ctx context.Context, snap *snapshot, r *HookRequest, known *load) (Facts, error) {
	text, err := checkMessage(r.Message)
	if err != nil {
		return Facts{}, err
	}
	var order *Order
	if r.Order == "" {
		order, err = c.latestOrder(ctx, known.state)
	} else {
		order, err = c.engine.Order(ctx, r.Order, r.Shopper.ID)
	}
	switch {
	case err != nil:
		return Facts{}, err
	case order != nil && order.Campaign != c.id:
		return Facts{}, noOrder(r.Order)
	}
	var tags []*Document
	if d := known.documents[DocumentKey{DocumentTags, r.Shopper.ID}]; d != nil {
		tags = append(tags, d)
	}
	return snap.messageFacts(c.engine.now(), text, &r.Shopper, known.state, order, tags), nil
}

// explainHook explains what the mechanics decide for the facts.
func (c *campaign) explainHook(snap *snapshot, hook Hook, facts *Facts, shopper *ShopperState) *Explanation {
	out := c.blank(hook)
	ruleset, _ := snap.arm(&facts.Shopper)
	x := ruleset.examine(hook, facts, snap.definition(), -1, EngineVersion)
	x.into(out)
	out.Facts, out.At, out.Ruleset = facts.appendJSON(nil), facts.Now, ruleset.ruleset.Number
	refusal, binding := x.refusal, x.binding
	if hook == HookReserve && facts.Campaign.Phase != string(PhaseReservation) {
		refusal, binding = notReserving(Phase(facts.Campaign.Phase)), -1
	}
	if refusal == nil {
		refusal, binding = c.untakeable(x.decision.once, x.decision.takes, shopper), -1
	}
	out.Shopper = told(refusal, nil)
	if refusal != nil {
		out.Refusal = refusalOf(refusal, binding)
	}
	return out
}

// ExplainReservation says why the shopper could sign up and what that took: the mechanics' decision is derived again from
// what the sign-up keeps. One for which no mechanic asked for anything keeps nothing, and is explained without facts and
// bindings. Another brand's campaign, and a shopper who has not reserved, is not_found.
func (e *Engine) ExplainReservation(ctx context.Context, campaignID, shopper string, staff Principal) (*Explanation, error) {
	c, err := e.campaignFor(ctx, campaignID, &staff)
	if err != nil {
		return nil, err
	}
	key := DocumentKey{DocumentSignup, shopper}
	known, err := c.fetchAll(ctx, &load{shopper: shopper, wanted: []DocumentKey{key}})
	if err != nil {
		return nil, err
	}
	if known.state == nil || known.state.Reservation == nil {
		return nil, Errorf(CodeNotFound, "the shopper %q has not reserved", shopper)
	}
	out := c.blank(HookReserve)
	out.At = known.state.Reservation.At
	d := known.documents[key]
	if d == nil {
		out.Ruleset = 0
		return out, nil
	}
	signup, err := read[Signup](d)
	if err != nil {
		return nil, storeError(err)
	}
	return out, c.explainKept(ctx, kept{hook: HookReserve, text: signup.Decision}, out)
}
