package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/netip"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"github.com/spf13/cobra"

	"hotdrop/api"
	"hotdrop/core"
)

// leastHeadInterval is the shortest time between two looks at where the staff log ends.
const leastHeadInterval = time.Second

// The actions that say from when to when a node exported the heads of the staff log.
const (
	actionHeadsBegin = "log.heads_begin"
	actionHeadsEnd   = "log.heads_end"
)

// headSettings say where the signed heads of the staff log go.
type headSettings struct {
	to      string // a file or a URL; "" for nowhere
	every   time.Duration
	allowed []string // networks that the URL may lead to although they are private
}

func (s *headSettings) register(cmd *cobra.Command) {
	cmd.Flags().StringVar(&s.to, "log-heads", "", "append the signed head of the staff log to this file, one JSON object a line, or post "+
		"it to this https URL; have it where the database's administrators cannot write. When the log no longer has what the last "+
		"head vouches for, as after a restore, nothing is appended and an error is logged each time: see hotdrop log verify")
	cmd.Flags().DurationVar(&s.every, "log-heads-every", time.Minute, "how often, if the log has grown")
	cmd.Flags().StringSliceVar(&s.allowed, "outgoing-allow", nil,
		"networks (CIDR) that the URL of --log-heads may lead to although they are private")
}

func (s *headSettings) check() error {
	if s.every < leastHeadInterval {
		return usageError{fmt.Errorf("--log-heads-every is at least %s", leastHeadInterval)}
	}
	if strings.HasPrefix(s.to, "http://") && len(s.allowed) == 0 {
		return usageError{errors.New("--log-heads: a URL begins with https://; http:// is for networks of --outgoing-allow")}
	}
	_, err := s.outgoing()
	return err
}

// outgoing is how the URL is called.
func (s *headSettings) outgoing() (outgoing, error) {
	var o outgoing
	for _, text := range s.allowed {
		network, err := netip.ParsePrefix(text)
		if err != nil {
			return o, usageError{fmt.Errorf("--outgoing-allow: %q is not a network such as 10.0.0.0/8", text)}
		}
		o.allowed = append(o.allowed, network.Masked())
	}
	return o, nil
}

// headSink is where heads go.
type headSink interface {
	// put returns when the head is kept there.
	put(ctx context.Context, head []byte) error
	// last is the last head that is kept there; of row 0 if there is none, or if it cannot be read back.
	last() (core.SignedHead, error)
	// name is what people read of it; it has no secrets.
	name() string
	Close() error
}

// open opens what heads are written to.
func (s *headSettings) open() (headSink, error) {
	if target, err := url.Parse(s.to); err == nil && (target.Scheme == "https" || target.Scheme == "http") {
		calls, err := s.outgoing()
		return &headCallback{target: target, client: calls.client()}, err
	}
	return openHeadFile(s.to)
}

// headExport writes signed heads where they are safe from the database's administrators. One goroutine runs it.
type headExport struct {
	headSettings

	staffLog *core.StaffLog
	log      *slog.Logger
	out      headSink
	kept     core.SignedHead // the last head that is kept; of row 0 before the first
	failing  bool            // the last attempt failed
	failures atomic.Int64    // attempts that failed
	written  atomic.Int64    // the row of the last head that is kept
	lost     atomic.Bool     // the log no longer has what the last head vouches for
}

// newHeadExport opens what heads go to; without it, it returns nil.
func newHeadExport(s headSettings, staffLog *core.StaffLog, log *slog.Logger) (*headExport, error) {
	if s.to == "" {
		return nil, nil //nolint:nilnil // nothing is exported
	}
	if staffLog.PublicKey() == "" {
		return nil, usageError{errors.New("--log-heads needs a key that signs: the keys file has no log_key (base64 of 32 random bytes)")}
	}
	out, err := s.open()
	if err != nil {
		return nil, err
	}
	kept, err := out.last()
	if err != nil {
		return nil, errors.Join(fmt.Errorf("the last head in %s: %w", out.name(), err), out.Close())
	}
	e := &headExport{headSettings: s, staffLog: staffLog, log: log, out: out, kept: kept}
	e.written.Store(kept.Seq)
	return e, nil
}

// run exports until ctx ends, and once more then. When it begins and ends stands in the log.
func (e *headExport) run(ctx context.Context) {
	if e == nil {
		return
	}
	e.try(ctx) // before the log grows by what follows
	e.record(ctx, actionHeadsBegin)
	tick := time.NewTicker(e.every)
	defer tick.Stop()
	for ctx.Err() == nil {
		e.try(ctx)
		select {
		case <-tick.C:
		case <-ctx.Done():
		}
	}
	ending := context.WithoutCancel(ctx)
	e.record(ending, actionHeadsEnd)
	e.try(ending)
	if err := e.out.Close(); err != nil {
		e.log.Warn("the heads of the staff log", "to", e.out.name(), "error", err)
	}
}

// record says in the log that the export begins or ends.
func (e *headExport) record(ctx context.Context, action string) {
	err := e.staffLog.Record(ctx, core.Principal{ID: "system", Role: "system"}, action, "serve --log-heads", map[string]string{
		"to": e.out.name(), "every": e.every.String(), "public_key": e.staffLog.PublicKey(),
	})
	if err != nil {
		e.log.Warn("the staff log does not say that its heads are exported", "action", action, "error", err)
	}
}

// try exports a head. It says so when that begins to fail, and when it works again; that the log lost rows, each time.
func (e *headExport) try(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, drainTimeout)
	defer cancel()
	err := e.export(ctx)
	if err != nil {
		e.failures.Add(1)
	}
	lost, isLost := errors.AsType[*lostRowsError](err)
	e.lost.Store(isLost)
	switch {
	case isLost:
		e.log.Error("the staff log is not the one whose heads were exported: no head is appended until you have looked. "+
			"`hotdrop log verify --heads` says what is missing; when that is settled, name a new file with --log-heads and keep this one",
			"to", e.out.name(), "head_row", lost.head.Seq, "head_at", lost.head.At, "log_ends_with_row", lost.end.Seq, "why", lost)
	case err != nil && !e.failing:
		e.log.Error("the head of the staff log was not exported; trying again", "to", e.out.name(), "error", err)
	case err == nil && e.failing:
		e.log.Info("the head of the staff log is exported again", "to", e.out.name())
	}
	e.failing = err != nil
}

// lostRowsError is a log that does not hold what an exported head vouches for.
type lostRowsError struct {
	head core.SignedHead // the exported one
	end  *core.SignedHead
	why  string
}

// Error implements error.
func (e *lostRowsError) Error() string { return e.why }

// holds fails with a *lostRowsError unless the log has the row of the last head that is kept, with its hash.
func (e *headExport) holds(ctx context.Context, end *core.SignedHead) error {
	lost := &lostRowsError{head: e.kept, end: end}
	switch {
	case e.kept.Seq == 0:
		return nil
	case e.kept.Deployment != end.Deployment:
		lost.why = fmt.Sprintf("the head is of the deployment %.40q, the database of %q: it was made anew, or is another",
			e.kept.Deployment, end.Deployment)
		return lost
	case e.kept.Seq > end.Seq:
		lost.why = fmt.Sprintf("the log ends with row %d, the head vouches for %d: rows are missing, as after a restore", end.Seq, e.kept.Seq)
		return lost
	}
	hash, err := e.staffLog.HashOf(ctx, e.kept.Seq)
	if err != nil {
		return err
	}
	if hash != e.kept.Hash {
		lost.why = fmt.Sprintf("row %d is not the one that the head vouches for: the log was written anew, or has gone on after a restore",
			e.kept.Seq)
		return lost
	}
	return nil
}

// export writes the head if the log has grown and still has what was exported before.
func (e *headExport) export(ctx context.Context) error {
	head, err := e.staffLog.Head(ctx)
	if err != nil {
		return err
	}
	if err := e.holds(ctx, head); err != nil {
		return err
	}
	if head.Seq == e.written.Load() { // also of a log without rows
		return nil
	}
	line, err := json.Marshal(head)
	if err != nil {
		return err
	}
	if err := e.out.put(ctx, line); err != nil {
		return err
	}
	e.kept = *head
	e.written.Store(head.Seq)
	return nil
}

// exported is what /metrics shows; nil without an export.
func (e *headExport) exported() func() api.ExportedHeads {
	if e == nil {
		return nil
	}
	return func() api.ExportedHeads {
		return api.ExportedHeads{To: e.out.name(), Seq: e.written.Load(), Failures: e.failures.Load(), Lost: e.lost.Load()}
	}
}

// maxHeadLine bounds a line of a file of heads, bytes.
const maxHeadLine = 4096

// readHeads reads a file of heads. What is no head of the deployment's log, signed with one of the keys, is bad; lines that
// were cut off by a crash are not heads and are left out.
func readHeads(
	name string, in io.Reader, deployment string, keys []*core.LogPublicKey, bad func(where string, err error),
) (heads []core.KnownHead, err error) {
	lines := &lineReader{in: bufio.NewReaderSize(in, maxHeadLine)}
	for lines.next() {
		line := bytes.TrimSpace(lines.line)
		if len(line) == 0 {
			continue
		}
		where := fmt.Sprintf("%s:%d", name, lines.number)
		head, err := core.ParseHead(line, keys...)
		switch {
		case errors.Is(err, core.ErrHeadUnreadable) && !bytes.HasSuffix(line, []byte("}")):
		case err != nil:
			bad(where, err)
		case head.Deployment != deployment:
			bad(where, fmt.Errorf("it is of the deployment %.40q, this log is of %q", head.Deployment, deployment))
		default:
			heads = append(heads, core.KnownHead{Seq: head.Seq, Hash: head.Hash, At: head.At, Source: where})
		}
	}
	return heads, lines.err
}

// lineReader reads lines, each of at most as many bytes as its buffer has.
type lineReader struct {
	in     *bufio.Reader
	line   []byte
	number int
	err    error // what stopped it, nil at the end
}

// next reads the next line and reports whether there is one. One that is too long reads as {}, which is nothing.
func (r *lineReader) next() bool {
	line, err := r.in.ReadSlice('\n')
	r.line, r.number = line, r.number+1
	for errors.Is(err, bufio.ErrBufferFull) {
		r.line = []byte("{}")
		_, err = r.in.ReadSlice('\n')
	}
	if err != nil && !errors.Is(err, io.EOF) {
		r.err = err
		return false
	}
	return len(r.line) > 0
}
