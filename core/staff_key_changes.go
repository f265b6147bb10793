package core

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"time"
)

// Rotate replaces an API key and returns the new one with its secret. An administrator may rotate what it could hand out;
// everybody else only the very key that they show: a lesser key of the same person must not become a greater one. It fails
// with not_found, forbidden, invalid, or wrong_state for a key that has ended or was replaced before.
func (k *StaffKeys) Rotate(ctx context.Context, req StaffKeyRotation) (*StaffKey, string, error) {
	old, err := k.visible(ctx, &req.Actor, req.Key)
	if err != nil {
		return nil, "", err
	}
	if err := cmp.Or(req.check(old, k.now()), k.checkUnreplaced(ctx, old)); err != nil {
		return nil, "", err
	}
	next := NewStaffKey{Actor: req.Actor, Kind: old.Kind, Person: old.Person, Role: old.Role, Brand: old.Brand}
	created, secret := k.mint(&next, time.Duration(old.ExpiresAt-old.CreatedAt)*time.Millisecond)
	created.Replaces = old.ID
	change := k.change(&req.Actor, "rotate", req.Reason, old)
	change.Entry.Before = old.logged()
	change.Created, change.Ended = created, old.endedBy(req.Actor.ID, k.now(), req.Overlap)
	if err := k.commit(ctx, change); err != nil {
		return nil, "", err
	}
	return created, secret, nil
}

// endedBy returns the key as it is when it works for that much longer: when none, it is revoked.
func (k *StaffKey) endedBy(person string, now time.Time, overlap time.Duration) *StaffKey {
	ended := *k
	if overlap == 0 {
		ended.RevokedAt, ended.RevokedBy = now.UnixMilli(), person
		return &ended
	}
	ended.ExpiresAt = min(k.ExpiresAt, now.Add(overlap).UnixMilli())
	return &ended
}

// check returns what keeps the key from being rotated.
func (r *StaffKeyRotation) check(old *StaffKey, now time.Time) error {
	if own := r.Actor.Credential == old.ID; !own {
		if err := r.Actor.mayHandOut(old.Role, old.Brand); err != nil {
			return err
		}
	}
	switch {
	case old.Kind != StaffKeyAPI:
		return Errorf(CodeWrongState, "a session is not rotated: log out and in again")
	case old.State(now) != StaffKeyActive:
		return Errorf(CodeWrongState, "the key %s is %s; make a new one", old.ID, old.State(now))
	case r.Overlap < 0 || r.Overlap > MaxStaffKeyOverlap:
		return Errorf(CodeInvalid, "the old key works for at most %d more days", MaxStaffKeyOverlap/(24*time.Hour))
	}
	return checkReason(r.Reason)
}

// checkUnreplaced refuses a key that another one has replaced: one rotation gives one key.
func (k *StaffKeys) checkUnreplaced(ctx context.Context, old *StaffKey) error {
	found, err := k.store.FindStaffKeys(ctx, StaffKeyFilter{Brand: old.Brand, Replaces: old.ID, Limit: 1})
	if err != nil {
		return storeError(err)
	}
	if len(found) > 0 {
		return Errorf(CodeWrongState, "the key %s was replaced by %s", old.ID, found[0].ID)
	}
	return nil
}

// Revoke ends a key: an administrator any that it sees, everybody else their own. From the answer on this node refuses it,
// within a second every node. A key that was revoked before is answered as it is.
func (k *StaffKeys) Revoke(ctx context.Context, req StaffKeyRevocation) (*StaffKey, error) {
	key, err := k.visible(ctx, &req.Actor, req.Key)
	if err != nil {
		return nil, err
	}
	if err := checkReason(req.Reason); err != nil {
		return nil, err
	}
	switch key.State(k.now()) {
	case StaffKeyRevoked:
		return key, nil
	case StaffKeyExpired:
		return nil, Errorf(CodeWrongState, "the key %s has expired already", key.ID)
	case StaffKeyActive:
	}
	change := k.change(&req.Actor, "revoke", req.Reason, key)
	change.Entry.Before = key.logged()
	change.Ended = key.endedBy(req.Actor.ID, k.now(), 0)
	if err := k.commit(ctx, change); err != nil {
		return nil, err
	}
	return change.Ended, nil
}

// visible returns the key if the actor may know of it: administrators of their brand's or of all, everybody of their own.
func (k *StaffKeys) visible(ctx context.Context, actor *Principal, id string) (*StaffKey, error) {
	filter := actor.keyFilter()
	filter.ID, filter.Limit = id, 1
	found, err := k.store.FindStaffKeys(ctx, filter)
	if err != nil {
		return nil, storeError(err)
	}
	if len(found) == 0 {
		return nil, Errorf(CodeNotFound, "there is no key %s", id)
	}
	return found[0], nil
}

// keyFilter chooses the keys that the principal may know of. A person is one within its brand: what another brand's
// administrator calls by the same name is somebody else.
func (p *Principal) keyFilter() StaffKeyFilter {
	filter := StaffKeyFilter{Brand: p.Brand}
	if p.Role == RoleAdmin {
		filter.EveryBrand = p.Brand == ""
		return filter
	}
	filter.Person = p.ID
	return filter
}

// SeesKeysOf reports whether the principal may know of keys of that person of the brand, "" for somebody of every brand.
func (p *Principal) SeesKeysOf(person, brand string) bool {
	f := p.keyFilter()
	return (f.EveryBrand || f.Brand == brand) && (f.Person == "" || f.Person == person)
}

// List returns the keys that the actor may know of, the latest first.
func (k *StaffKeys) List(ctx context.Context, q StaffKeyQuery) (Page[*StaffKey], error) {
	filter := q.Actor.keyFilter()
	if q.Cursor != "" && !ValidStaffKeyID(q.Cursor) {
		return Page[*StaffKey]{}, foreignCursor()
	}
	if q.Person != "" && filter.Person != "" && q.Person != filter.Person {
		return Page[*StaffKey]{}, nil // what others have looks like what nobody has
	}
	filter.Person, filter.Before, filter.Limit = cmp.Or(q.Person, filter.Person), q.Cursor, q.Limit+1
	found, err := k.store.FindStaffKeys(ctx, filter)
	if err != nil {
		return Page[*StaffKey]{}, storeError(err)
	}
	if len(found) <= q.Limit {
		return Page[*StaffKey]{Data: found}, nil
	}
	return Page[*StaffKey]{Data: found[:q.Limit], Next: found[q.Limit-1].ID}, nil
}

// change begins what the actor does about a key.
func (k *StaffKeys) change(actor *Principal, verb, reason string, key *StaffKey) *StaffKeyChange {
	now := k.now()
	action := "key." + verb
	if key.Kind == StaffKeySession {
		action = "session." + verb
	}
	return &StaffKeyChange{
		At: now.UnixMilli(), Forget: now.Add(-sessionsKept).UnixMilli(),
		Bounds: StaffKeyBounds{All: maxStaffKeys, Brand: maxBrandStaffKeys, Person: maxPersonStaffKeys},
		Entry:  actor.entry(now.UnixMilli(), action, key.Brand, "", reason),
	}
}

// loggedKey is a key as the staff log has it: nothing of its secret.
type loggedKey struct {
	ID        string       `json:"key"`
	Kind      StaffKeyKind `json:"kind"`
	Person    string       `json:"person"`
	Role      Role         `json:"role"`
	ExpiresAt int64        `json:"expires_at"` // Unix milliseconds
	RevokedAt int64        `json:"revoked_at,omitempty"`
	Replaces  string       `json:"replaces,omitempty"`
}

// logged is the key as the staff log has it, JSON.
func (k *StaffKey) logged() []byte {
	text, _ := json.Marshal(loggedKey{k.ID, k.Kind, k.Person, k.Role, k.ExpiresAt, k.RevokedAt, k.Replaces}) // always encodes
	return text
}

// commit writes the change, and makes this node act by it at once.
func (k *StaffKeys) commit(ctx context.Context, change *StaffKeyChange) error {
	change.Entry.After = cmp.Or(change.Created, change.Ended).logged()
	revision, err := k.store.ChangeStaffKeys(ctx, change)
	if errors.Is(err, ErrConflict) {
		return Errorf(CodeWrongState, "somebody else has changed the key at the same time; look at it and try again")
	}
	if err != nil {
		return storeError(err)
	}
	for _, key := range []*StaffKey{change.Ended, change.Created} {
		if key != nil {
			key.Revision = revision
			k.remember([]*StaffKey{key})
		}
	}
	return nil
}
