package core

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"
)

// LogFindingKind is what is wrong with a staff log.
type LogFindingKind string

// The kinds of findings.
const (
	LogChanged   LogFindingKind = "changed"   // rows do not fit their hashes
	LogReordered LogFindingKind = "reordered" // rows do not fit their hashes, and are not in the order of their ids
	LogRemoved   LogFindingKind = "removed"   // numbers are missing
	LogInserted  LogFindingKind = "inserted"  // rows that the log did not write
	LogRewritten LogFindingKind = "rewritten" // a signed head contradicts the rows
	LogHeadMoved LogFindingKind = "head"      // the log's own record of where it ends contradicts its rows
	LogBadHead   LogFindingKind = "bad_head"  // what should be a signed head is none of this log
)

// LogFinding is one thing that is wrong: with the rows From to To, or with a head.
type LogFinding struct {
	Kind     LogFindingKind `json:"kind"`
	From, To int64          `json:"-"`
	Detail   string         `json:"detail"`
}

// LogVerification sums up what was verified.
type LogVerification struct {
	Deployment string `json:"deployment"`
	Rows       int64  `json:"rows"`
	LastSeq    int64  `json:"last_seq"`
	LastHash   string `json:"last_hash"`
	Heads      int64  `json:"heads"`    // signed heads that were held against the rows
	HeadSeq    int64  `json:"head_seq"` // the highest row that a head vouches for
	Findings   int64  `json:"findings"`
}

// KnownHead is a signed head whose signature was checked, and where it was found.
type KnownHead struct {
	Seq    int64
	Hash   string
	At     string // RFC 3339
	Source string // such as a file and a line
}

// LogVerifier holds a staff log against itself and against signed heads.
type LogVerifier struct {
	Store StaffLogStore
	Heads []KnownHead           // in any order
	Found func(f LogFinding)    // gets every finding
	Row   func(row, rows int64) // is told how far it is, if it is not nil
}

// Verify reads the whole log once, in little memory. It works beside nodes that append. An error is one of reading: what is
// wrong with the log is a finding.
func (v *LogVerifier) Verify(ctx context.Context) (*LogVerification, error) {
	end, deployment, err := v.Store.StaffLogHead(ctx)
	if err != nil {
		return nil, fmt.Errorf("the head of the staff log: %w", err)
	}
	w := &logWalk{LogVerifier: v, end: end, sum: &LogVerification{Deployment: deployment, Heads: int64(len(v.Heads))}}
	w.heads = slices.SortedFunc(slices.Values(v.Heads), func(a, b KnownHead) int {
		return cmp.Or(cmp.Compare(a.Seq, b.Seq), cmp.Compare(a.At, b.At))
	})
	if err := v.Store.ScanStaffLog(ctx, w.visit); err != nil {
		return nil, fmt.Errorf("the rows of the staff log: %w", err)
	}
	now, _, err := v.Store.StaffLogHead(ctx)
	if err != nil {
		return nil, fmt.Errorf("the head of the staff log: %w", err)
	}
	w.finish(now)
	return w.sum, nil
}

// logWalk is a verification under way.
type logWalk struct {
	*LogVerifier

	end   LogHead // as the log's own record had it before the rows were read
	heads []KnownHead
	sum   *LogVerification

	last     StoredEntry // the row before
	before   string      // the hash that stands in the row before the last
	computed string      // the hash that the last row ought to have
	broken   brokenRun
	refuted  refutedHeads
}

// brokenRun is rows, one after the other, that do not fit their hashes.
type brokenRun struct {
	from, to  int64
	hashOnly  bool // the content is right: only the column of the hash is not
	unordered bool // an id is lower than the one before
	jumped    bool // the first id does not follow the one before
	around    string
}

// refutedHeads is signed heads, one after the other, that contradict the rows.
type refutedHeads struct {
	first       KnownHead
	stored      string // what the row has
	count, last int64
	agreed      KnownHead // the last one that did not
}

func (w *logWalk) found(kind LogFindingKind, from, to int64, format string, arguments ...any) {
	w.sum.Findings++
	w.Found(LogFinding{Kind: kind, From: from, To: to, Detail: fmt.Sprintf(format, arguments...)})
}

// visit takes the next row.
func (w *logWalk) visit(row *StoredEntry) error {
	w.sum.Rows++
	if w.Row != nil {
		w.Row(w.sum.Rows, max(w.end.Seq, w.sum.Rows))
	}
	switch {
	case row.Seq < 1:
		w.found(LogInserted, row.Seq, row.Seq, "a row has no place in the log: %s, id %d, number %d. It was written past the log, "+
			"or by a release from before the log was a chain: `hotdrop migrate` seals those", row.what(), row.ID, row.Seq)
		return nil
	case row.Seq == w.last.Seq:
		w.twice(row)
		return nil
	case row.Seq > w.last.Seq+1:
		w.gap(row)
	default:
		w.link(row)
	}
	w.before, w.last = w.last.Hash, *row
	w.passHeads(row)
	return nil
}

// link checks that the row follows the one before.
func (w *logWalk) link(row *StoredEntry) {
	was := w.computed
	w.computed = LogHead{w.last.Seq, w.last.Hash}.Next(&row.StaffEntry).Hash
	failed := w.broken.to == w.last.Seq && w.broken.to > 0
	switch {
	case w.computed == row.Hash:
		w.mend()
	case failed && LogHead{w.last.Seq, was}.Next(&row.StaffEntry).Hash == row.Hash:
		w.broken.hashOnly = w.broken.from == w.broken.to
		w.mend()
	default:
		w.breaks(row, failed)
	}
}

// breaks begins a run of rows that do not fit, or lengthens it.
func (w *logWalk) breaks(row *StoredEntry, failed bool) {
	if !failed {
		w.broken = brokenRun{from: row.Seq, jumped: row.ID > w.last.ID+1 && w.last.Seq > 0, around: row.what()}
	}
	w.broken.to = row.Seq
	w.broken.unordered = w.broken.unordered || row.ID < w.last.ID
}

// mend ends the run and says what it was.
func (w *logWalk) mend() {
	b := w.broken
	w.broken = brokenRun{}
	switch {
	case b.to == 0:
	case b.hashOnly:
		w.found(LogChanged, b.from, b.to, "row %d (%s): its hash was changed; its content is what was written", b.from, b.around)
	case b.unordered:
		w.found(LogReordered, b.from, b.to, "%s not fit, from %s on, and not in the order of their ids: rows were put in another order, "+
			"or inserted", rowsDo(b.from, b.to), b.around)
	case b.jumped && b.from < b.to:
		w.found(LogChanged, b.from, b.to, "%s not fit, from %s on, and ids are missing before the first: rows were removed there and the rest "+
			"numbered anew, or changed", rowsDo(b.from, b.to), b.around)
	default:
		w.found(LogChanged, b.from, b.to, "%s not fit (%s): changed, or row %d was, together with its hash",
			rowsDo(b.from, b.to), b.around, b.from-1)
	}
}

// twice is for a row whose number the last one has as well.
func (w *logWalk) twice(row *StoredEntry) {
	fits := LogHead{row.Seq - 1, w.before}.Next(&row.StaffEntry).Hash == row.Hash
	genuine, other := w.last.ID, row.ID
	if fits && w.broken.to == w.last.Seq { // the one before did not fit
		genuine, other = row.ID, w.last.ID
		w.broken, w.last = brokenRun{}, *row
	}
	w.found(LogInserted, row.Seq, row.Seq, "two rows have the number %d: the one with the id %d was inserted, the other has the id %d (%s)",
		row.Seq, other, genuine, row.what())
}

// gap is for a row before which numbers are missing.
func (w *logWalk) gap(row *StoredEntry) {
	w.mend()
	from, to := w.last.Seq+1, row.Seq-1
	w.found(LogRemoved, from, to, "%s missing, between %s and row %d (%s)", rowsAre(from, to), w.lastRow(), row.Seq, row.what())
	for len(w.heads) > 0 && w.heads[0].Seq < row.Seq {
		w.heads = w.heads[1:]
	}
	w.computed = row.Hash // nothing says what it ought to be
}

// lastRow names the row before.
func (w *logWalk) lastRow() string {
	if w.last.Seq == 0 {
		return "the beginning"
	}
	return fmt.Sprintf("row %d (%s)", w.last.Seq, w.last.what())
}

// passHeads holds the row against what is known of it: the log's own record, and signed heads.
func (w *logWalk) passHeads(row *StoredEntry) {
	w.sum.LastSeq, w.sum.LastHash = row.Seq, row.Hash
	if row.Seq == w.end.Seq && row.Hash != w.end.Hash {
		if w.broken.to == row.Seq && w.computed == w.end.Hash {
			w.broken.hashOnly = w.broken.from == w.broken.to
		} else {
			w.found(LogHeadMoved, row.Seq, row.Seq, "the log's own record of where it ends gives row %d another hash than the row has", row.Seq)
		}
	}
	for ; len(w.heads) > 0 && w.heads[0].Seq <= row.Seq; w.heads = w.heads[1:] {
		w.hold(w.heads[0], row)
	}
}

// hold holds the row against a signed head of it.
func (w *logWalk) hold(head KnownHead, row *StoredEntry) {
	w.sum.HeadSeq = head.Seq
	if head.Hash == row.Hash {
		w.conclude()
		w.refuted.agreed = head
		return
	}
	if w.refuted.count == 0 {
		w.refuted.first, w.refuted.stored = head, row.Hash
	}
	w.refuted.count++
	w.refuted.last = head.Seq
}

// conclude says which heads contradicted the rows.
func (w *logWalk) conclude() {
	r := w.refuted
	if r.count == 0 {
		return
	}
	w.refuted.count = 0
	since := "no earlier head says anything"
	if r.agreed.Seq > 0 {
		since = fmt.Sprintf("the last head that fits is of row %d, %s", r.agreed.Seq, r.agreed.At)
	}
	more := ""
	if r.count > 1 {
		more = fmt.Sprintf(", and %d more heads up to row %d", r.count-1, r.last)
	}
	w.found(LogRewritten, r.agreed.Seq+1, r.first.Seq,
		"%s not all as they were: the head of %s (%s) gives row %d the hash %.16s…, the log has %.16s…; %s%s",
		rowsAre(r.agreed.Seq+1, r.first.Seq), r.first.At, r.first.Source, r.first.Seq, r.first.Hash, r.stored, since, more)
}

// finish says what is missing at the end. now is the log's own record as it is after the rows were read.
func (w *logWalk) finish(now LogHead) {
	w.mend()
	w.conclude()
	last := w.last.Seq
	if last > now.Seq {
		w.found(LogInserted, now.Seq+1, last, "%s after the end that the log has a record of: inserted past the log", rowsAre(now.Seq+1, last))
	}
	if last < w.end.Seq {
		w.found(LogRemoved, last+1, w.end.Seq, "%s missing: the log's own record says that it ends with row %d; the last one here is %s",
			rowsAre(last+1, w.end.Seq), w.end.Seq, w.lastRow())
	}
	if len(w.heads) > 0 {
		head := w.heads[len(w.heads)-1]
		w.sum.HeadSeq = head.Seq
		w.found(LogRemoved, last+1, head.Seq, "%s missing: the head of %s (%s) says that the log had %d rows; the last one here is %s",
			rowsAre(last+1, head.Seq), head.At, head.Source, head.Seq, w.lastRow())
	}
}

// what names the row for people.
func (e *StoredEntry) what() string {
	return fmt.Sprintf("%s, %s by %s", time.UnixMilli(e.At).UTC().Format(time.RFC3339), e.Action, e.Actor)
}

func rowsDo(from, to int64) string  { return rowsVerb(from, to, "does", "do") }
func rowsAre(from, to int64) string { return rowsVerb(from, to, "is", "are") }

func rowsVerb(from, to int64, one, many string) string {
	if from == to {
		return fmt.Sprintf("row %d %s", from, one)
	}
	return fmt.Sprintf("rows %d–%d %s", from, to, many)
}
