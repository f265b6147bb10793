package api

import (
	"context"
	"strconv"
	"time"

	"hotdrop/core"
)

// KeyOrigin is who has a staff key.
type KeyOrigin string

// The origins.
const (
	KeyOfServer KeyOrigin = "server" // administrators made it, or somebody logged in
	KeyOfFile   KeyOrigin = "file"   // it stands in the keys file
)

// listedCursor begins the cursors of pages that begin among the keys of the file.
const listedCursor = "file."

// listListed fills the page up with keys of the file, from the given one on of those that the actor sees.
func (s *Server) listListed(page Page[Key], q *core.StaffKeyQuery, from string) (*keysOutput, error) {
	listed := s.listedKeys(q)
	first, err := strconv.Atoi(from)
	if err != nil || first < 0 || first > len(listed) {
		return nil, cursorProblem(core.Errorf(core.CodeInvalid, "the cursor is none of this list"))
	}
	end := min(len(listed), first+q.Limit-len(page.Data))
	page.Data = append(page.Data, listed[first:end]...)
	if end < len(listed) {
		next := listedCursor + strconv.Itoa(end)
		page.Next = &next
	}
	return &keysOutput{page}, nil
}

// listedKeys are the keys of the file that the query asks for, in the order of the file.
func (s *Server) listedKeys(q *core.StaffKeyQuery) []Key {
	keys := []Key{}
	for _, p := range s.keys.People() {
		if (q.Person == "" || q.Person == p.ID) && q.Actor.SeesKeysOf(p.ID, p.Brand) {
			keys = append(keys, s.listedView(&p))
		}
	}
	return keys
}

// listedView is a key of the file as staff see it.
func (s *Server) listedView(p *core.Principal) Key {
	key := Key{
		ID: p.Credential, Kind: core.StaffKeyAPI, From: KeyOfFile, State: core.StaffKeyActive, Person: p.ID, Role: p.Role, Brand: p.Brand,
	}
	if p.ExpiresAt != 0 {
		key.ExpiresAt = time.UnixMilli(p.ExpiresAt).UTC()
		if !s.door.now().Before(key.ExpiresAt) {
			key.State = core.StaffKeyExpired
		}
	}
	return key
}

// refuseListed says of a key of the file, to who may know of it, where it is changed.
func (s *Server) refuseListed(ctx context.Context, id string) error {
	actor := principalOf(ctx)
	for _, p := range s.keys.People() {
		if p.Credential == id && actor.SeesKeysOf(p.ID, p.Brand) {
			return core.Errorf(core.CodeWrongState, "the key %s stands in the keys file: take it out there, then start every server again", id)
		}
	}
	return nil
}
