package event

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"time"

	"hotdrop/core"
)

// How often and how long a server is asked for its verdict on what was uploaded.
const (
	verdictInterval = 50 * time.Millisecond
	verdictPatience = 5 * time.Minute
)

// uploadBrand is the brand that uploads during the rush: nobody's campaign is its.
const uploadBrand = "event-uploads"

// Uploads is what became of the modules that were uploaded during the rush.
type Uploads struct {
	Stored   int64   // taken by the server
	Refused  int64   // of them, those that vetting refused
	Accepted int64   // of them, those that vetting accepted
	Failed   int64   // not taken, or without a verdict in the end
	Seconds  float64 // from the first upload to the last verdict
}

// fields lists the uploads; there are none in a run without.
func (u *Uploads) fields() []field {
	if u.Stored+u.Failed == 0 {
		return nil
	}
	return []field{
		{"uploads", u.Stored},
		{"uploads_refused", u.Refused},
		{"uploads_accepted", u.Accepted},
		{"uploads_failed", u.Failed},
		{"uploads_seconds", thousandths(u.Seconds)},
	}
}

// uploader uploads modules one after another, each when it is due, on a connection of its own.
type uploader struct {
	client  *Client
	token   string
	modules [][]byte
	due     chan struct{}
	ended   chan struct{}
	began   time.Time
	digests []string
	result  Uploads
	failure error // the first
}

// newUploader returns an uploader of the modules.
func newUploader(signer Signer, patience time.Duration, server string, modules [][]byte) (*uploader, error) {
	token, err := signer.Sign(core.Principal{ID: uploadBrand, Role: core.RoleBrand, Brand: uploadBrand}, tokenLife)
	if err != nil {
		return nil, fmt.Errorf("sign the uploads' token: %w", err)
	}
	client, err := NewClient(server)
	if err != nil {
		return nil, err
	}
	client.Patience = patience
	return &uploader{
		client: client, token: token, modules: modules, due: make(chan struct{}, len(modules)), ended: make(chan struct{}),
	}, nil
}

// run uploads until every module was.
func (u *uploader) run(ctx context.Context) {
	defer close(u.ended)
	u.began = time.Now()
	for _, module := range u.modules {
		<-u.due
		if err := u.upload(ctx, module); err != nil {
			u.fail(err)
		}
	}
}

func (u *uploader) fail(err error) {
	u.result.Failed++
	if u.failure == nil {
		u.failure = err
	}
}

// upload uploads one module and keeps its digest.
func (u *uploader) upload(ctx context.Context, module []byte) error {
	r, _, err := u.client.Do(ctx, Request{
		Method: http.MethodPost, Path: "/v1/plugins", Token: u.token, Type: "application/wasm", Body: module,
	})
	if err != nil {
		return fmt.Errorf("upload: %w", err)
	}
	var plugin struct {
		Digest string `json:"digest"`
	}
	if r.Status >= 300 || json.Unmarshal(r.Body, &plugin) != nil || plugin.Digest == "" {
		return fmt.Errorf("upload of %d bytes: status %d: %s", len(module), r.Status, r.Body)
	}
	u.digests = append(u.digests, plugin.Digest)
	return nil
}

// finish uploads what is left at once, waits for every verdict and closes the connection.
func (u *uploader) finish(ctx context.Context) (Uploads, error) {
	close(u.due)
	<-u.ended
	u.result.Stored = int64(len(u.digests))
	waiting, done := context.WithTimeout(ctx, verdictPatience)
	defer done()
	for _, digest := range u.digests {
		switch state, err := u.verdict(waiting, digest); {
		case err != nil:
			u.fail(err)
		case slices.Contains([]core.PluginState{core.PluginVetted, core.PluginApproved}, state):
			u.result.Accepted++
		default:
			u.result.Refused++
		}
	}
	u.result.Seconds = time.Since(u.began).Seconds()
	return u.result, errors.Join(context.Cause(ctx), u.client.Close())
}

// verdict asks for the plugin until it is neither waiting nor being vetted.
func (u *uploader) verdict(ctx context.Context, digest string) (core.PluginState, error) {
	for ctx.Err() == nil {
		r, _, err := u.client.Do(ctx, Request{Method: http.MethodGet, Path: "/v1/plugins/" + url.PathEscape(digest), Token: u.token})
		if err != nil {
			return "", fmt.Errorf("verdict: %w", err)
		}
		var plugin struct {
			State core.PluginState `json:"state"`
		}
		if r.Status != http.StatusOK || json.Unmarshal(r.Body, &plugin) != nil {
			return "", fmt.Errorf("verdict: status %d: %s", r.Status, r.Body)
		}
		if plugin.State != core.PluginUploaded && plugin.State != core.PluginVetting {
			return plugin.State, nil
		}
		wait(ctx, verdictInterval)
	}
	return "", fmt.Errorf("no verdict on %s: %w", digest, context.Cause(ctx))
}

// pacer is a worker that says when the next upload is due: they are spread evenly over the requests of the workload.
type pacer struct {
	worker

	every int // requests
	due   chan<- struct{}
}

// request implements worker.
func (p *pacer) request(b []byte, i int) []byte {
	if i%p.every == 0 {
		select {
		case p.due <- struct{}{}:
		default: // as many as there are modules have been
		}
	}
	return p.worker.request(b, i)
}

// whileUploading runs a workload of n requests, with the configured uploads spread over it.
func (r *runner) whileUploading(
	ctx context.Context, n int, hire func(*Client) worker, run func(hire func(*Client) worker) (measured, error),
) (measured, error) {
	if r.config.Uploads == 0 {
		return run(hire)
	}
	u, err := newUploader(r.signer, r.config.Patience, r.urls[0], r.config.Modules(r.config.Uploads))
	if err != nil {
		return measured{}, err
	}
	go u.run(ctx)
	every := max(1, n/len(u.modules))
	m, err := run(func(c *Client) worker { return &pacer{hire(c), every, u.due} })
	uploads, failed := u.finish(ctx)
	r.result.Uploads = uploads
	if u.failure != nil {
		_, _ = fmt.Fprintf(r.config.Err, "an upload failed: %v\n", u.failure)
	}
	return m, errors.Join(err, failed)
}
