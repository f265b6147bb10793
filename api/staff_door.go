package api

import (
	"cmp"
	"context"
	"crypto/sha256"
	"log/slog"
	"net/netip"
	"strings"
	"time"

	"hotdrop/core"
)

// StaffKeys are the keys that administrators make. It is implemented by *core.StaffKeys.
type StaffKeys interface {
	// Find returns who shows the secret of the digest. Messages of its errors are for the log.
	Find(ctx context.Context, digest [sha256.Size]byte) (*core.Principal, error)
	// Create makes a key and returns it with its secret.
	Create(ctx context.Context, r core.NewStaffKey) (*core.StaffKey, string, error)
	// Rotate replaces a key and returns the new one with its secret.
	Rotate(ctx context.Context, r core.StaffKeyRotation) (*core.StaffKey, string, error)
	// Revoke ends a key and returns it.
	Revoke(ctx context.Context, r core.StaffKeyRevocation) (*core.StaffKey, error)
	// List returns one page of keys, the latest first.
	List(ctx context.Context, q core.StaffKeyQuery) (core.Page[*core.StaffKey], error)
}

// staffDoor knows whose a staff key is, be it of the keys file or one that an administrator made. A key is found by its
// digest, which tells nobody how much of a wrong one was right, and all that is not let in is answered the same.
type staffDoor struct {
	file   map[[sha256.Size]byte]core.Principal
	issued StaffKeys
	failed *failedKeys
	log    *slog.Logger
	now    func() time.Time
}

func newStaffDoor(file map[[sha256.Size]byte]core.Principal) *staffDoor {
	return &staffDoor{file: file, issued: noStaffKeys{}, failed: newFailedKeys(), log: slog.Default(), now: time.Now}
}

// with is the door with what the server's options say.
func (d *staffDoor) with(o *Options) *staffDoor {
	if o.StaffKeys != nil {
		d.issued = o.StaffKeys
	}
	d.log = cmp.Or(o.Log, d.log)
	return d
}

// holder returns who shows the key at the address, or the problem to answer. A good key is let in whatever else came from
// the address; only wrong ones are told to wait.
func (d *staffDoor) holder(ctx context.Context, key string, from netip.Addr) (*core.Principal, *Problem) {
	digest, now := sha256.Sum256([]byte(key)), d.now()
	p, err := d.find(ctx, key, digest)
	switch {
	case core.CodeOf(err) == core.CodeUnavailable:
		return nil, problemOf(err)
	case err != nil:
		return nil, d.refuse(ctx, err, from, digest, now)
	}
	p.Address = addressText(from)
	return p, nil
}

// refuse counts a wrong key and returns what it is answered. One that comes while its address waits is not counted.
func (d *staffDoor) refuse(ctx context.Context, why error, from netip.Addr, digest [sha256.Size]byte, now time.Time) *Problem {
	if wait := d.failed.wait(from, now); wait > 0 {
		problem := newProblem(CodeRateLimited, "the token or API key is not valid, or no longer, and too many wrong ones came from this address")
		problem.retryAfter = wait
		return problem
	}
	if d.failed.failed(from, digest, now) {
		d.log.WarnContext(ctx, "an API key was refused", "why", why, "address", from)
	}
	return newProblem(CodeUnauthorized, "the token or API key is not valid, or no longer")
}

// find looks in both places, whatever the first one says.
func (d *staffDoor) find(ctx context.Context, key string, digest [sha256.Size]byte) (*core.Principal, error) {
	listed, inFile := d.file[digest]
	issued, err := d.issued.Find(ctx, digest)
	switch {
	case !staffKeyPattern.MatchString(key) || strings.HasPrefix(key, core.SessionPrefix):
		return nil, core.Errorf(core.CodeNotFound, "that is no API key")
	case !inFile:
		return issued, err
	case listed.ExpiresAt != 0 && d.now().UnixMilli() >= listed.ExpiresAt:
		return nil, core.Errorf(core.CodeWrongState, "the key %s of the keys file has expired", listed.Credential)
	}
	return &listed, nil
}

// addressText is the address as the staff log has it.
func addressText(address netip.Addr) string {
	if !address.IsValid() {
		return ""
	}
	return address.String()
}

// noStaffKeys is a server that has the keys of its file alone.
type noStaffKeys struct{}

func (noStaffKeys) Find(context.Context, [sha256.Size]byte) (*core.Principal, error) {
	return nil, core.Errorf(core.CodeNotFound, "the key is not known")
}

func (noStaffKeys) Create(context.Context, core.NewStaffKey) (*core.StaffKey, string, error) {
	return nil, "", errNoStaffKeys()
}

func (noStaffKeys) Rotate(context.Context, core.StaffKeyRotation) (*core.StaffKey, string, error) {
	return nil, "", errNoStaffKeys()
}

func (noStaffKeys) Revoke(context.Context, core.StaffKeyRevocation) (*core.StaffKey, error) {
	return nil, errNoStaffKeys()
}

func (noStaffKeys) List(context.Context, core.StaffKeyQuery) (core.Page[*core.StaffKey], error) {
	return core.Page[*core.StaffKey]{}, errNoStaffKeys()
}

func errNoStaffKeys() error {
	return core.Errorf(core.CodeUnavailable, "this server has the keys of its file alone")
}
