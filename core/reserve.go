package core

import "context"

// Reserve signs the shopper up, once: a second call returns the first reservation with created = false. The shopper is
// the key, so it needs no Idempotency-Key. It is durable when Reserve returns.
//
// The store is not asked beforehand whether the shopper has reserved: nearly nobody has, and the unique key finds who has.
func (e *Engine) Reserve(ctx context.Context, campaignID string, shopper Principal) (r Reservation, created bool, err error) {
	c, err := e.campaign(ctx, campaignID)
	if err != nil {
		return Reservation{}, false, err
	}
	if known, _ := c.memory.reservation(shopper.ID); known != nil {
		return *known, false, nil
	}
	for range maxDecisions {
		if !c.glance() {
			if _, err := c.fetch(ctx, "", ""); err != nil {
				return Reservation{}, false, err
			}
		}
		in, err := c.decideReservation(&shopper)
		if err != nil {
			return c.reservedBefore(ctx, shopper.ID, err)
		}
		if err := c.submit(ctx, in); err != nil {
			return Reservation{}, false, err
		}
		switch in.verdict {
		case verdictWrite:
			return *in.reservation, true, nil
		case verdictDone:
			return *in.existing, false, nil
		}
	}
	return Reservation{}, false, storeError(ErrConflict)
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
func (c *campaign) decideReservation(shopper *Principal) (*intent, error) {
	snap, now := c.snapshot.Load(), c.engine.now()
	def := snap.definition()
	if phase := def.Phases.At(now); phase != PhaseReservation {
		return nil, Errorf(CodeNotInPhase, "reservations are not open: the campaign is in the phase %s", phase)
	}
	facts := Facts{Now: now.UnixMilli(), Campaign: snap.campaignFacts(now), Shopper: shopper.facts(0), Quota: c.quotas(def)}
	if _, err := snap.ruleset.decide(HookReserve, &facts, def, -1); err != nil {
		return nil, err
	}
	return &intent{epoch: snap.record.Epoch, reservation: &Reservation{Shopper: shopper.ID, At: now.UnixMilli()}}, nil
}
