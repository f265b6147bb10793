package core

import (
	"context"
	"slices"
	"time"
)

// Reserve signs the shopper up, once: a second call returns the first reservation with created = false. The shopper is
// the key, so it needs no Idempotency-Key. It is durable when Reserve returns.
//
// share is the code of the link that the shopper came through, "" for none; it counts for the link's owner.
//
// The store is not asked beforehand whether the shopper has reserved: nearly nobody has, and the unique key finds who has.
func (e *Engine) Reserve(
	ctx context.Context, campaignID string, shopper Principal, share string,
) (r Reservation, created bool, err error) {
	c, err := e.shopperCampaign(ctx, campaignID, &shopper)
	if err != nil {
		return Reservation{}, false, err
	}
	if known, _ := c.memory.reservation(shopper.ID); known != nil {
		return *known, false, nil
	}
	defer func() {
		if created || err != nil {
			c.meter.reserved(CodeOf(err))
		}
	}()
	lostQuota := false
	for range maxDecisions {
		in, err := c.decideReservation(ctx, &shopper)
		if err == nil && share != "" {
			err = c.through(ctx, in, share)
		}
		if err != nil {
			return c.reservedBefore(ctx, shopper.ID, err)
		}
		in.last = lostQuota
		err = c.submit(ctx, in)
		if CodeOf(err) == CodeDrawClosed { // while it was decided: then without the entry
			c.view.outdate()
			continue
		}
		if err != nil {
			return c.reservedBefore(ctx, shopper.ID, err)
		}
		if found, made := in.reserved(); found != nil {
			return *found, made, nil
		}
		c.view.outdate()
		if u := c.engine.refused(c.id); u != nil { // this node cannot follow the change that overtook the reservation
			return Reservation{}, false, u.err
		}
		lostQuota = in.epoch == c.snapshot.Load().record.Epoch
	}
	return Reservation{}, false, storeError(ErrConflict)
}

// reserved returns the shopper's reservation, and whether it was made now; nil if it has to be decided afresh.
func (in *intent) reserved() (r *Reservation, made bool) {
	switch in.verdict {
	case verdictWrite:
		return in.reservation, true
	case verdictDone:
		return in.existing, false
	default:
		return nil, false
	}
}

// through lets the reservation count for the owner of the link that it came through.
func (c *campaign) through(ctx context.Context, in *intent, share string) error {
	counted, err := c.reservationThrough(ctx, share, in.reservation.Shopper)
	in.edits = append(in.edits, counted...)
	return err
}

// reservedBefore returns the shopper's reservation from the time when there was no refusal yet, or the refusal.
func (c *campaign) reservedBefore(ctx context.Context, shopper string, refusal error) (Reservation, bool, error) {
	loaded, err := c.fetch(ctx, shopper, "")
	if err != nil {
		return Reservation{}, false, err
	}
	if loaded.state == nil || loaded.state.Reservation == nil {
		return Reservation{}, false, refusal
	}
	return *loaded.state.Reservation, false, nil
}

// decideReservation refuses outside the reservation phase and asks the mechanics that have a say in sign-ups.
func (c *campaign) decideReservation(ctx context.Context, shopper *Principal) (*intent, error) {
	snap, now := c.snapshot.Load(), c.engine.now()
	def := snap.definition()
	if phase := def.Phases.At(now); phase != PhaseReservation {
		return nil, notReserving(phase)
	}
	if err := snap.record.Rollout.refusesReservations(); err != nil {
		return nil, err
	}
	in := &intent{epoch: snap.record.Epoch, reservation: &Reservation{Shopper: shopper.ID, At: now.UnixMilli()}}
	if !snap.asks(HookReserve) {
		return in, nil
	}
	known, overtaken, err := c.acquaint(ctx, snap, shopper.ID)
	if err != nil {
		return nil, err
	}
	if overtaken {
		return c.decideReservation(ctx, shopper)
	}
	facts := c.reserveFacts(snap, now, shopper, known)
	ruleset, _ := snap.arm(&facts.Shopper)
	d, err := ruleset.decide(HookReserve, &facts, def, -1)
	if err != nil {
		return nil, err
	}
	return in, c.signUp(in, snap, d, &facts, now)
}

func notReserving(phase Phase) error {
	return Errorf(CodeNotInPhase, "reservations are not open: the campaign is in the phase %s", phase)
}

// reserveFacts are the facts of the hook reserve.
func (c *campaign) reserveFacts(snap *snapshot, now time.Time, shopper *Principal, known *ShopperState) Facts {
	facts := Facts{
		Now: now.UnixMilli(), Campaign: snap.campaignFacts(now), Shopper: shopper.facts(0), Quota: c.quotas(snap.definition()),
	}
	facts.fillShopper(known)
	return facts
}

// acquaint loads the shopper's documents if mechanics read facts of them, and the counters if they are out of date. overtaken
// says that what was loaded is for another ruleset, which reads less than the snapshot's and has come after it.
func (c *campaign) acquaint(
	ctx context.Context, snap *snapshot, shopper string,
) (known *ShopperState, overtaken bool, err error) {
	if len(snap.kinds) == 0 && c.glance() {
		return nil, false, nil // nothing is known, and nothing needs to be
	}
	loaded, err := c.fetch(ctx, shopper, "")
	if err != nil {
		return nil, false, err
	}
	return loaded.state, !loaded.covers(snap.kinds), nil
}

// signUp adds what the mechanics asked for at a sign-up: it belongs to the sign-up, which is kept as a document.
func (c *campaign) signUp(in *intent, snap *snapshot, d *decision, facts *Facts, now time.Time) error {
	if len(d.takes)+len(d.once)+len(d.notes) == 0 {
		return nil
	}
	shopper := in.reservation.Shopper
	kept := Signup{Takes: d.takes, Decision: d.pin(facts, snap.record.Epoch)}
	for _, key := range d.once {
		kept.Claims = append(kept.Claims, Claim{Shopper: shopper, Kind: ClaimOnce, Key: key, Owner: shopper})
	}
	beside, err := c.consequences(snap, facts, d.notes, shopper, "reservation", now)
	if err != nil {
		return err
	}
	document := Document{Kind: DocumentSignup, ID: shopper, Shopper: shopper}
	in.claims, in.takes = kept.Claims, append(slices.Clip(d.takes), beside.takes...)
	in.edits = append(slices.Clip(beside.edits), insert(document.write(SignupKept, 0, kept)))
	return nil
}
