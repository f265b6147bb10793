package core

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"io"
	"time"
)

// PluginUpload brings a module.
type PluginUpload struct {
	Actor Principal
	Brand string    // whose it shall be; staff of one brand may leave it empty
	Body  io.Reader // the module, at most MaxPluginBytes
	Again bool      // vet it once more if it was refused before
}

// uploadBound is how long an upload may take; what is not finished by then is swept.
const uploadBound = 15 * time.Minute

// Upload stores a module part by part, with one part in memory, and returns the plugin, which is then vetted in the
// background. What breaks off leaves nothing that can be seen. created is false for bytes that the brand has uploaded
// before: then the plugin comes back as it stands. One that was refused is vetted again where that was asked for, or where
// there is no report by the rules of this version.
func (r *PluginRegistry) Upload(ctx context.Context, u PluginUpload) (p *Plugin, created bool, err error) {
	brand, err := u.Actor.pluginScope(u.Brand, "")
	if err != nil || !ValidCampaignID(brand) {
		return nil, false, Errorf(CodeInvalid, "name the brand that uploads: your own, or with brand")
	}
	select {
	case r.uploads <- struct{}{}:
		defer func() { <-r.uploads }()
	default:
		return nil, false, overloaded()
	}
	if err := r.checkPending(ctx, brand); err != nil {
		return nil, false, err
	}
	p = &Plugin{
		Brand: brand, State: PluginUploaded, Upload: rand.Text(), UploadedAt: r.now().UnixMilli(), UploadedBy: u.Actor.ID, Revision: 1,
	}
	if err := r.receive(ctx, p, u.Body); err != nil {
		return nil, false, r.abandon(ctx, p, err)
	}
	err = r.store.CreatePlugin(ctx, p, pluginEntry(p.UploadedAt, u.Actor, "plugin.upload", "", nil, p))
	if err == nil {
		r.rouse()
		return p, true, nil
	}
	if err := r.abandon(ctx, p, err); !errors.Is(err, ErrConflict) {
		return nil, false, storeError(err)
	}
	p, err = r.again(ctx, &u, p)
	return p, false, err
}

// checkPending refuses a brand that has too much waiting.
func (r *PluginRegistry) checkPending(ctx context.Context, brand string) error {
	waiting, err := r.store.FindPlugins(ctx, PluginFilter{Brand: brand, Pending: true, Limit: maxPending})
	if err != nil {
		return storeError(err)
	}
	if len(waiting) == maxPending {
		return &Error{Code: CodeOverloaded, RetryAfter: leaseTime, Message: "too many of your plugins wait for vetting; try again"}
	}
	return nil
}

// receive stores the body and fills in digest and size.
func (r *PluginRegistry) receive(ctx context.Context, p *Plugin, body io.Reader) error {
	sum, buffer := sha256.New(), make([]byte, PluginPartBytes)
	for number, ended := int64(0), false; !ended; number++ {
		n, err := io.ReadFull(body, buffer)
		ended = errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
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

// abandon removes what was stored of an upload and returns why; what it cannot remove now is swept.
func (r *PluginRegistry) abandon(ctx context.Context, p *Plugin, why error) error {
	if err := r.store.DropUpload(context.WithoutCancel(ctx), p.Brand, p.Upload); err != nil {
		r.log.Warn("an upload that broke off is left for the sweep", "brand", p.Brand, "error", err)
	}
	return why
}

// again returns the plugin that has been there before this upload of the same bytes.
func (r *PluginRegistry) again(ctx context.Context, u *PluginUpload, sent *Plugin) (*Plugin, error) {
	p, err := r.change(ctx, sent.Brand, sent.Digest, func(p *Plugin) (*PluginChange, error) {
		if p.State != PluginRefused || (p.Report != nil && !u.Again) {
			return nil, nil //nolint:nilnil // nothing changes
		}
		before := *p
		p.State, p.Reason, p.Lease = PluginUploaded, "", PluginLease{}
		entry := pluginEntry(r.now().UnixMilli(), u.Actor, "plugin.upload", "", &before, p)
		return &PluginChange{Plugin: p, Entry: &entry}, nil
	})
	if CodeOf(err) == CodeNotFound {
		return nil, &Error{Code: CodeUnavailable, RetryAfter: retryAfter, Message: "the upload took too long; send it again"}
	}
	r.rouse()
	return p, err
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
