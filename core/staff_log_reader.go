package core

import (
	"cmp"
	"context"
	"encoding/json"
	"strings"
	"sync"
	"time"
)

// ActionLogRead is the action of the rows that say who read the staff log.
const ActionLogRead = "log.read"

const (
	// readingSpan is for how long pages of one reading are one row of the log.
	readingSpan = 10 * time.Minute
	// maxReadings bounds how many readings a node remembers. Beyond that it forgets them, which costs rows.
	maxReadings = 1000
)

// StaffLog lets staff read the staff log, which is in the log itself, and signs where it ends.
type StaffLog struct {
	store    StaffLogStore
	key      *LogKey // nil if heads are not signed
	now      func() time.Time
	mu       sync.Mutex
	readings map[reading]int64 // when each began, Unix milliseconds
}

// reading is pages by the same person, with the same credential from the same place, through the same filter.
type reading struct {
	actor, credential, address string
	filter                     LogFilter
}

// NewStaffLog makes it. The key may be nil: heads are not signed then. now may be nil.
func NewStaffLog(store StaffLogStore, key *LogKey, now func() time.Time) *StaffLog {
	if now == nil {
		now = time.Now
	}
	return &StaffLog{store: store, key: key, now: now, readings: map[reading]int64{}}
}

// Read returns the rows that the filter picks, of the reader's own brand if it has one. Who reads for one brand
// sees by which credential and from which address people of the role brand and the reader acted, not others: a row does not say
// which brand an actor of another role was scoped to. That somebody reads is a row of the log before the first row is shown:
// one for all that the same person reads through the same filter within ten minutes.
func (l *StaffLog) Read(ctx context.Context, reader Principal, f LogFilter) ([]LoggedEntry, error) {
	if reader.Role == RoleShopper || !reader.serves(cmp.Or(f.Brand, reader.Brand)) {
		return nil, Errorf(CodeNotFound, "there is no brand %q", f.Brand)
	}
	f.Brand = cmp.Or(f.Brand, reader.Brand)
	if err := l.record(ctx, &reader, f); err != nil {
		return nil, storeError(err)
	}
	rows, err := l.store.StaffLogRows(ctx, f)
	if err != nil {
		return nil, storeError(err)
	}
	if reader.Brand != "" {
		for i := range rows {
			rows[i].conceal(&reader)
		}
	}
	return rows, nil
}

// conceal leaves out what whoever reads for one brand does not see of others.
func (e *LoggedEntry) conceal(reader *Principal) {
	own := e.Actor == reader.ID && e.Role == string(reader.Role)
	if !own && e.Role != string(RoleBrand) {
		e.Credential, e.Address = "", ""
	}
}

// record makes the reading a row of the log, unless it is one already.
func (l *StaffLog) record(ctx context.Context, reader *Principal, f LogFilter) error {
	now := l.now().UnixMilli()
	f.After, f.Before, f.Latest, f.Limit = 0, 0, false, 0 // the same reading, whichever page
	key := reading{reader.ID, reader.Credential, reader.Address, f}
	if l.goesOn(key, now) {
		return nil
	}
	entry := reader.entry(now, ActionLogRead, f.Brand, f.Campaign, f.asked())
	entry.After, _ = json.Marshal(struct { // plain data always encodes
		Actor  string `json:"actor,omitempty"`
		Action string `json:"action,omitempty"`
		Since  int64  `json:"since,omitempty"`
	}{f.Actor, f.Action, f.Since})
	if err := l.store.AppendStaffEntry(ctx, &entry); err != nil {
		return err //nolint:wrapcheck // the caller does
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.readings) >= maxReadings {
		clear(l.readings)
	}
	l.readings[key] = now
	return nil
}

// asked says which rows were asked for.
func (f *LogFilter) asked() string {
	parts := []string{"asked for all rows"}
	if f.Campaign != "" {
		parts = append(parts, "of the campaign "+f.Campaign)
	}
	if f.Brand != "" {
		parts = append(parts, "of the brand "+f.Brand)
	}
	if f.Action != "" {
		parts = append(parts, "of the action "+f.Action)
	}
	if f.Actor != "" {
		parts = append(parts, "of what "+f.Actor+" did")
	}
	if f.Since != 0 {
		parts = append(parts, "since "+instant(time.UnixMilli(f.Since)))
	}
	return strings.Join(parts, " ")
}

func (l *StaffLog) goesOn(key reading, now int64) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	began, known := l.readings[key]
	return known && now-began < readingSpan.Milliseconds()
}

// Head returns where the log ends, signed if there is a key: without one, the fields Key and Signature are "".
func (l *StaffLog) Head(ctx context.Context) (*SignedHead, error) {
	head, deployment, err := l.store.StaffLogHead(ctx)
	if err != nil {
		return nil, storeError(err)
	}
	if l.key == nil {
		return &SignedHead{Deployment: deployment, Seq: head.Seq, Hash: head.Hash, At: l.now().UTC().Format(time.RFC3339)}, nil
	}
	return l.key.Sign(deployment, head, l.now()), nil
}

// HashOf returns the hash of the row, "" if the log has none of that number. It is not logged: it tells nobody what is in it.
func (l *StaffLog) HashOf(ctx context.Context, seq int64) (string, error) {
	rows, err := l.store.StaffLogRows(ctx, LogFilter{After: seq - 1, Limit: 1})
	if err != nil {
		return "", storeError(err)
	}
	if len(rows) == 0 || rows[0].Seq != seq {
		return "", nil
	}
	return rows[0].Hash, nil
}

// PublicKey returns the text of the key that checks the heads; "" if they are not signed.
func (l *StaffLog) PublicKey() string {
	if l.key == nil {
		return ""
	}
	return l.key.Public().String()
}

// Record appends a row about what changes nothing else: a node that exports the log's heads begins, or ends.
func (l *StaffLog) Record(ctx context.Context, by Principal, action, reason string, after any) error {
	entry := by.entry(l.now().UnixMilli(), action, "", "", reason)
	entry.After, _ = json.Marshal(after) // plain data always encodes
	return storeError(l.store.AppendStaffEntry(ctx, &entry))
}
