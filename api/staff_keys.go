package api

import (
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"hotdrop/core"
)

// KeyPath names a staff key.
type KeyPath struct {
	Key string `path:"key" doc:"the key's id" example:"key.06fmxw9z3k8q7v5t2s1r0p4n6m"`
}

// KeyRequest asks for an API key.
type KeyRequest struct {
	Person    string     `json:"person" minLength:"1" maxLength:"128" doc:"who will use it: two keys of one person count as one wherever several people have to agree" example:"olga"`
	Role      core.Role  `json:"role" enum:"brand,platform,operator,auditor,admin" doc:"what it may do" example:"operator"`
	Brand     string     `json:"brand,omitempty" maxLength:"63" doc:"the brand it is scoped to; absent: every brand, or yours if your own key is scoped" example:"meizu"`
	TTL       int64      `json:"ttl,omitempty" minimum:"60" maximum:"34560000" doc:"how long it works, seconds; absent: 90 days" example:"7776000"`
	ExpiresAt *time.Time `json:"expires_at,omitempty" nullable:"false" doc:"until when it works, instead of ttl; at most 400 days from now"`
	Reason    string     `json:"reason" minLength:"1" maxLength:"500" doc:"why, for the staff log" example:"second operator for the phone sale"`
}

// KeyRotation asks for a new secret.
type KeyRotation struct {
	Overlap int64  `json:"overlap,omitempty" minimum:"0" maximum:"604800" doc:"how long the old key works beside the new one, seconds" example:"3600"`
	Reason  string `json:"reason" minLength:"1" maxLength:"500" doc:"why, for the staff log" example:"every quarter"`
}

// KeyRevocation ends a key.
type KeyRevocation struct {
	Reason string `json:"reason" minLength:"1" maxLength:"500" doc:"why, for the staff log" example:"the laptop was stolen"`
}

// Key is a staff key as staff see it: everything but its secret.
type Key struct {
	ID        string             `json:"id" example:"key.06fmxw9z3k8q7v5t2s1r0p4n6m"`
	Kind      core.StaffKeyKind  `json:"kind" enum:"api,session" doc:"session: of a browser, since somebody logged in"`
	From      KeyOrigin          `json:"from" enum:"server,file" doc:"who has it: server, which makes, replaces and ends it; or file, the keys file that servers read when they start"`
	State     core.StaffKeyState `json:"state" enum:"active,expired,revoked"`
	Person    string             `json:"person" example:"olga"`
	Role      core.Role          `json:"role" example:"operator"`
	Brand     string             `json:"brand,omitempty" doc:"absent: every brand" example:"meizu"`
	Prefix    string             `json:"prefix,omitempty" doc:"how the secret begins, to recognise it; absent for a key of the file" example:"hd_operator_Ab3d"`
	CreatedAt time.Time          `json:"created_at,omitzero" doc:"absent for a key of the file"`
	CreatedBy string             `json:"created_by,omitempty" doc:"the person who made it; absent for a key of the file" example:"root"`
	ExpiresAt time.Time          `json:"expires_at,omitzero" doc:"absent for a key of the file that does not end"`
	RevokedAt *time.Time         `json:"revoked_at,omitempty" nullable:"false"`
	RevokedBy string             `json:"revoked_by,omitempty" doc:"the person who revoked it"`
	Replaces  string             `json:"replaces,omitempty" doc:"the id of the key that it was made to replace"`
}

// NewKey is a key that was made just now, with its secret.
type NewKey struct {
	Key

	Secret string `json:"secret" doc:"send it as Authorization: Bearer; it is shown this once and kept nowhere" example:"hd_operator_Ab3d…"`
}

// Me is who asks.
type Me struct {
	ID         string     `json:"id" doc:"the person" example:"olga"`
	Role       core.Role  `json:"role" example:"operator"`
	Brand      string     `json:"brand,omitempty" doc:"absent: every brand" example:"meizu"`
	Credential string     `json:"credential,omitempty" doc:"the id of the key or session that was shown; absent for tokens" example:"key.06fmxw9z3k8q7v5t2s1r0p4n6m"`
	ExpiresAt  *time.Time `json:"expires_at,omitempty" nullable:"false" doc:"when that key or session ends, if it does"`
}

type (
	createKeyInput struct{ Body KeyRequest }
	rotateKeyInput struct {
		KeyPath

		Body KeyRotation
	}
	revokeKeyInput struct {
		KeyPath

		Body KeyRevocation
	}
	listKeysInput struct {
		PageQuery

		Person string `query:"person" maxLength:"128" doc:"only this person's"`
	}
	newKeyOutput struct {
		Location string `header:"Location" doc:"where its revocations are posted, one level below"`
		Body     NewKey
	}
	keyOutput  struct{ Body Key }
	keysOutput struct{ Body Page[Key] }
	meOutput   struct{ Body Me }
)

func (s *Server) registerStaffKeys() {
	register(s, operation{
		Operation: huma.Operation{
			OperationID: "create-key", Method: http.MethodPost, Path: "/v1/keys", Tags: []string{"keys"},
			Summary: "Make an API key for a person", DefaultStatus: http.StatusCreated,
			Description: "The secret is in the answer and nowhere else. Every node knows the key within half a second. With a key that is " +
				"scoped to a brand you make keys of that brand only, none of the platform's, and none in the name of somebody outside the brand.",
		},
		refuses: []core.Code{core.CodeNotFound, core.CodeTooManyKeys, core.CodeNameTaken, core.CodeUnavailable},
	}, s.createKey)
	register(s, operation{
		Operation: huma.Operation{
			OperationID: "list-keys", Method: http.MethodGet, Path: "/v1/keys", Tags: []string{"keys"},
			Summary: "Keys and sessions, the latest first",
			Description: "Administrators see everybody's, or their brand's; others their own. " +
				"Those of the server's keys file come last.",
		},
		refuses: []core.Code{core.CodeUnavailable},
	}, s.listKeys)
	register(s, operation{
		Operation: huma.Operation{
			OperationID: "rotate-key", Method: http.MethodPost, Path: "/v1/keys/{key}/rotations", Tags: []string{"keys"},
			Summary: "Replace an API key by a new one", DefaultStatus: http.StatusCreated,
			Description: "The new key is of the same person, role and brand and works as long as the old one was made to. The old one ends at " +
				"once, or with `overlap` later. Administrators rotate what they could make; everybody else the very key that they send.",
		},
		refuses: []core.Code{core.CodeNotFound, core.CodeWrongState, core.CodeTooManyKeys, core.CodeUnavailable},
	}, s.rotateKey)
	register(s, operation{
		Operation: huma.Operation{
			OperationID: "revoke-key", Method: http.MethodPost, Path: "/v1/keys/{key}/revocations", Tags: []string{"keys"},
			Summary:     "End a key or a session at once",
			Description: "No node takes it a second later. Administrators end all that they see; others their own.",
		},
		refuses: []core.Code{core.CodeNotFound, core.CodeWrongState, core.CodeUnavailable},
	}, s.revokeKey)
	register(s, operation{
		Operation: huma.Operation{
			OperationID: "get-me", Method: http.MethodGet, Path: "/v1/me", Tags: []string{"keys"}, Summary: "Who you are to this server",
		},
	}, s.me)
}

func (s *Server) createKey(ctx context.Context, in *createKeyInput) (*newKeyOutput, error) {
	r := in.Body
	ttl := time.Duration(r.TTL) * time.Second
	if r.ExpiresAt != nil {
		if r.TTL != 0 {
			return nil, core.Errorf(core.CodeInvalid, "say ttl or expires_at, not both")
		}
		if ttl = r.ExpiresAt.Sub(s.door.now()); ttl <= 0 {
			return nil, core.Errorf(core.CodeInvalid, "expires_at is past")
		}
	}
	key, secret, err := s.door.issued.Create(ctx, core.NewStaffKey{
		Actor: principalOf(ctx), Kind: core.StaffKeyAPI, Person: r.Person, Role: r.Role, Brand: r.Brand, TTL: ttl, Reason: r.Reason,
	})
	if err != nil {
		return nil, err
	}
	return s.newKey(key, secret), nil
}

func (s *Server) rotateKey(ctx context.Context, in *rotateKeyInput) (*newKeyOutput, error) {
	if err := s.refuseListed(ctx, in.Key); err != nil {
		return nil, err
	}
	key, secret, err := s.door.issued.Rotate(ctx, core.StaffKeyRotation{
		Actor: principalOf(ctx), Key: in.Key, Overlap: time.Duration(in.Body.Overlap) * time.Second, Reason: in.Body.Reason,
	})
	if err != nil {
		return nil, err
	}
	return s.newKey(key, secret), nil
}

func (s *Server) newKey(key *core.StaffKey, secret string) *newKeyOutput {
	return &newKeyOutput{Location: "/v1/keys/" + key.ID, Body: NewKey{s.keyView(key), secret}}
}

func (s *Server) revokeKey(ctx context.Context, in *revokeKeyInput) (*keyOutput, error) {
	if err := s.refuseListed(ctx, in.Key); err != nil {
		return nil, err
	}
	key, err := s.door.issued.Revoke(ctx, core.StaffKeyRevocation{Actor: principalOf(ctx), Key: in.Key, Reason: in.Body.Reason})
	if err != nil {
		return nil, err
	}
	return &keyOutput{s.keyView(key)}, nil
}

func (s *Server) listKeys(ctx context.Context, in *listKeysInput) (*keysOutput, error) {
	q := core.StaffKeyQuery{Actor: principalOf(ctx), Person: in.Person, Cursor: in.Cursor, Limit: in.Limit}
	if after, listed := strings.CutPrefix(in.Cursor, listedCursor); listed {
		return s.listListed(Page[Key]{Data: []Key{}}, &q, after)
	}
	page, err := s.door.issued.List(ctx, q)
	if err != nil {
		return nil, cursorProblem(err)
	}
	out := pageOf(page, s.keyView)
	if out.Next != nil {
		return &keysOutput{out}, nil
	}
	return s.listListed(out, &q, "0")
}

func (*Server) me(ctx context.Context, _ *struct{}) (*meOutput, error) {
	p := principalOf(ctx)
	return &meOutput{Me{ID: p.ID, Role: p.Role, Brand: p.Brand, Credential: p.Credential, ExpiresAt: pastTime(p.ExpiresAt)}}, nil
}

func (s *Server) keyView(k *core.StaffKey) Key {
	return Key{
		ID: k.ID, Kind: k.Kind, From: KeyOfServer, State: k.State(s.door.now()), Person: k.Person, Role: k.Role, Brand: k.Brand, Prefix: k.Prefix,
		CreatedAt: timeOf(k.CreatedAt), CreatedBy: k.CreatedBy, ExpiresAt: timeOf(k.ExpiresAt), RevokedAt: pastTime(k.RevokedAt),
		RevokedBy: k.RevokedBy, Replaces: k.Replaces,
	}
}
