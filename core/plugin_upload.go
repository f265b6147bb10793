package core

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"
)

// PluginUpload brings a module.
type PluginUpload struct {
	Actor Principal
	Brand string    // whose it shall be; staff of one brand may leave it empty
	Body  io.Reader // the module, at most MaxPluginBytes
	Again bool      // vet it once more if it was refused before
	// Reason is why, for the staff log; without one it has what became of the bytes.
	Reason string

	Signature *SignedBy // nil: it is not signed
}

// uploadBound is how long an upload may take; what is not finished by then is swept.
const uploadBound = 15 * time.Minute

// Upload stores a module part by part, with one part in memory, and returns the plugin, which is then vetted in the
// background. What breaks off leaves nothing that can be seen. created is false for bytes that the brand has uploaded
// before: then the plugin comes back as it stands, and whoever sent them is remembered, see [PluginSender]. One that was
// refused is vetted again where that was asked for, or where there is no report by the rules of this version; one that
// comes with another signature than it has is signed anew, as [PluginRegistry.Sign] has it.
func (r *PluginRegistry) Upload(ctx context.Context, u PluginUpload) (p *Plugin, created bool, err error) {
	if err := checkOptionalReason(u.Reason); err != nil {
		return nil, false, err
	}
	brand, err := u.Actor.pluginScope(u.Brand, "")
	if err != nil || !ValidCampaignID(brand) {
		return nil, false, Errorf(CodeInvalid, "name the brand that uploads: your own, or with brand")
	}
	leave, err := r.uploads.enter(brand, u.Actor.ID)
	if err != nil {
		return nil, false, err
	}
	defer leave()
	if err := r.checkPending(ctx, brand); err != nil {
		return nil, false, err
	}
	p = &Plugin{
		Brand: brand, State: PluginUploaded, Upload: rand.Text(), UploadedAt: r.now().UnixMilli(), UploadedBy: u.Actor.ID, Revision: 1,
		Needed: r.needed,
	}
	p.Senders = []PluginSender{{By: p.UploadedBy, Deed: DeedUpload, At: p.UploadedAt}}
	signature, err := r.signature(ctx, brand, u.Signature)
	if err != nil {
		return nil, false, err
	}
	err = r.receive(ctx, p, u.Body)
	if err == nil {
		err = p.sign(signature)
	}
	if err != nil {
		return nil, false, r.abandon(ctx, p, err)
	}
	stands, err := r.again(ctx, &u, p)
	if CodeOf(err) != CodeNotFound {
		return stands, false, err
	}
	err = r.create(ctx, &u, p)
	if errors.Is(err, ErrConflict) { // somebody else sent the same bytes, or the sweep was faster
		stands, err = r.again(ctx, &u, p)
		return stands, false, tooSlow(err)
	}
	if err != nil {
		return nil, false, r.abandon(ctx, p, storeError(err))
	}
	r.rouse()
	return p, true, nil
}

// create makes a finished upload a plugin, if the brand has room for it.
func (r *PluginRegistry) create(ctx context.Context, u *PluginUpload, p *Plugin) error {
	if err := r.checkRoom(ctx, p); err != nil {
		return err
	}
	why := cmp.Or(u.Reason, "sent for the first time")
	return r.store.CreatePlugin(ctx, p, *pluginEntry(p.UploadedAt, u.Actor, "plugin.upload", why, nil, p))
}

// checkRoom refuses a module that is more than its brand may keep. It is asked when the module is stored already: of
// several that arrive together, on any node, every one counts those that ask before it.
func (r *PluginRegistry) checkRoom(ctx context.Context, p *Plugin) error {
	used, err := r.store.PluginUsage(ctx, p.Brand)
	if err != nil {
		return storeError(err)
	}
	total := used.Modules + used.Reports
	if total <= r.quota {
		return nil
	}
	return Errorf(CodeStorageFull, "with this module of %d bytes the plugins of the brand %s and their reports would take %d bytes; "+
		"they may take %d. The platform makes room by rejecting what was vetted and is not needed", p.Size, p.Brand, total, r.quota)
}

// uploadSlots counts the uploads under way on this node.
type uploadSlots struct {
	mu    sync.Mutex
	all   int
	taken map[string][]string // by brand: who uploads, a person as often as that person's uploads
}

// enter takes a slot for somebody's upload of the brand, until leave is called, unless all are taken or the brand has its share.
func (s *uploadSlots) enter(brand, person string) (leave func(), err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch theirs := s.taken[brand]; {
	case s.all == maxUploads:
		return nil, uploadsBusy("%d uploads of all brands are under way on this node, as many as it takes: "+
			"send this one again when one has ended", maxUploads)
	case len(theirs) == maxBrandUploads:
		return nil, uploadsBusy("%d uploads of the brand %s are under way on this node, as many as one brand may have: %s; "+
			"send this one again when one has ended, or end one of them", maxBrandUploads, brand, uploadersText(theirs))
	}
	s.all++
	s.taken[brand] = append(s.taken[brand], person)
	return func() { s.leave(brand, person) }, nil
}

func uploadsBusy(format string, arguments ...any) error {
	return &Error{Code: CodeOverloaded, RetryAfter: retryAfter, Message: fmt.Sprintf(format, arguments...)}
}

// uploadersText says who uploads how many.
func uploadersText(people []string) string {
	count := map[string]int{}
	for _, person := range people {
		count[person]++
	}
	var texts []string
	for _, person := range slices.Sorted(maps.Keys(count)) {
		texts = append(texts, fmt.Sprintf("%d by %s", count[person], person))
	}
	return strings.Join(texts, ", ")
}

func (s *uploadSlots) leave(brand, person string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.all--
	at := slices.Index(s.taken[brand], person)
	if s.taken[brand] = slices.Delete(s.taken[brand], at, at+1); len(s.taken[brand]) == 0 {
		delete(s.taken, brand)
	}
}

// checkPending refuses a brand that has too much waiting.
func (r *PluginRegistry) checkPending(ctx context.Context, brand string) error {
	waiting, err := r.store.FindPlugins(ctx, PluginFilter{Brand: brand, Pending: true, Limit: maxPending})
	if err != nil {
		return storeError(err)
	}
	if len(waiting) == maxPending {
		return &Error{Code: CodeOverloaded, RetryAfter: leaseTime, Message: fmt.Sprintf("%d plugins of the brand %s wait for vetting, "+
			"as many as one brand may have: send this one again when some have their verdict, hotdrop review list tells", maxPending, brand)}
	}
	return nil
}

// receive stores the body and fills in digest and size.
func (r *PluginRegistry) receive(ctx context.Context, p *Plugin, body io.Reader) error {
	sum, buffer := sha256.New(), make([]byte, PluginPartBytes)
	for number, ended := int64(0), false; !ended; number++ {
		n, err := fill(buffer, body)
		ended = errors.Is(err, io.EOF)
		if err != nil && !ended {
			return &Error{Code: CodeInvalid, Message: "the upload broke off", Err: err}
		}
		if n == 0 {
			break
		}
		if p.Size += int64(n); p.Size > MaxPluginBytes {
			return Errorf(CodeInvalid, "the module is longer than %d bytes", MaxPluginBytes)
		}
		_, _ = sum.Write(buffer[:n]) // never fails
		part := PluginPart{Brand: p.Brand, Upload: p.Upload, Number: number, Bytes: buffer[:n], At: p.UploadedAt}
		if err := r.store.PutPluginPart(ctx, part); err != nil {
			return storeError(err)
		}
	}
	if p.Size == 0 {
		return Errorf(CodeInvalid, "the module is empty")
	}
	p.Digest = digestOf([sha256.Size]byte(sum.Sum(nil)))
	return nil
}

// fill reads until the buffer is full or the body has ended. Unlike [io.ReadFull] it tells a body that was cut off from one
// that has ended: both are shorter than the buffer.
func fill(buffer []byte, body io.Reader) (n int, err error) {
	for n < len(buffer) && err == nil {
		var read int
		read, err = body.Read(buffer[n:])
		n += read
	}
	return n, err
}

// abandon removes what was stored of an upload and returns why; what it cannot remove now is swept.
func (r *PluginRegistry) abandon(ctx context.Context, p *Plugin, why error) error {
	if err := r.store.DropUpload(context.WithoutCancel(ctx), p.Brand, p.Upload); err != nil {
		r.log.Warn("an upload that broke off is left for the sweep", "brand", p.Brand, "error", err)
	}
	return why
}

// again returns the plugin that has been there before this upload of the same bytes. Where it is vetted again and its
// bytes were not kept, the ones that were sent are; otherwise those are removed. Without such a plugin it fails with
// not_found, and the upload stays.
func (r *PluginRegistry) again(ctx context.Context, u *PluginUpload, sent *Plugin) (*Plugin, error) {
	p, err := r.change(ctx, sent.Brand, sent.Digest, func(p *Plugin) (*PluginChange, error) {
		if p.State != PluginRefused || (p.Report != nil && !u.Again) {
			change, err := r.resent(&u.Actor, p, sent.Signature)
			if change != nil && u.Reason != "" {
				change.Entry.Reason = u.Reason
			}
			return change, err
		}
		before := *p
		if sent.Signature != nil {
			p.Signature = sent.Signature
		}
		if err := p.move(PluginReceive, PluginUploaded); err != nil {
			return nil, err
		}
		p.Reason, p.Lease = "", PluginLease{}
		change := &PluginChange{Plugin: p, Adopt: p.Upload == ""}
		if change.Adopt {
			if err := r.checkRoom(ctx, sent); err != nil {
				return nil, err
			}
			p.Upload = sent.Upload
		}
		now := r.now().UnixMilli()
		r.remember(change, &u.Actor, DeedUpload, now)
		change.Entry = pluginEntry(now, u.Actor, "plugin.upload", cmp.Or(u.Reason, "sent to be vetted once more"), &before, p)
		return change, nil
	})
	if CodeOf(err) == CodeNotFound {
		return nil, err
	}
	if err != nil || p.Upload != sent.Upload {
		err = r.abandon(ctx, sent, err)
	}
	r.rouse()
	return p, err
}

// resent remembers who sent the plugin's bytes again, and gives it the signature that came with them, unless the platform's
// word on it is the last; nil means that nothing changes.
func (r *PluginRegistry) resent(actor *Principal, p *Plugin, s *PluginSignature) (*PluginChange, error) {
	switch {
	case p.State == PluginRejected || p.State == PluginRevoked:
		return nil, nil //nolint:nilnil // nothing changes
	case s == nil:
		return r.sendAgain(actor, p, DeedUpload)
	default:
		return r.resign(actor, p, s, DeedUpload)
	}
}

// tooSlow turns the conflict of an upload that nothing is left of into what its sender can do.
func tooSlow(err error) error {
	if CodeOf(err) != CodeNotFound {
		return err
	}
	return &Error{Code: CodeUnavailable, RetryAfter: retryAfter, Message: "the upload took too long; send it again"}
}

// rouse makes a worker look for something to vet.
func (r *PluginRegistry) rouse() {
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

// SweepUploads removes uploads that broke off on a node that could not do so itself.
func (r *PluginRegistry) SweepUploads(ctx context.Context) (int, error) {
	n, err := r.store.SweepUploads(ctx, r.now().Add(-uploadBound).UnixMilli())
	return n, storeError(err)
}
