package storetest

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"hotdrop/core"
)

// loggedRows is how many rows the tampered log has, headEvery how many rows apart its heads were signed.
const (
	loggedRows = 40
	headEvery  = 10
)

// Tampering is a store whose staff log somebody with the database's own tools writes to.
type Tampering struct {
	store Store
	exec  func(t testing.TB, statement string) int64
	heads []core.KnownHead
}

// NewTampering fills the log of a store that has none yet, and takes the guards away that the schema has. exec runs one
// statement past the store and returns how many rows it changed.
func NewTampering(t testing.TB, store Store, exec func(t testing.TB, statement string) int64) *Tampering {
	t.Helper()
	g := &Tampering{store: store, exec: exec}
	for n := 1; n <= loggedRows; n++ {
		must(t, store.AppendStaffEntry(t.Context(), note("acme", n)))
		if n%headEvery == 0 {
			head, _, err := store.StaffLogHead(t.Context())
			must(t, err)
			g.heads = append(g.heads, core.KnownHead{Seq: head.Seq, Hash: head.Hash, At: fmt.Sprint("minute ", n), Source: "heads:1"})
		}
	}
	exec(t, "DROP INDEX staff_log_by_seq")
	exec(t, "CREATE TABLE kept AS SELECT * FROM staff_log")           //nolint:unqueryvet // a copy has every column
	exec(t, "CREATE TABLE kept_head AS SELECT * FROM staff_log_head") //nolint:unqueryvet // a copy has every column
	return g
}

// Restore makes the log what it was.
func (g *Tampering) Restore(t testing.TB) {
	t.Helper()
	g.exec(t, "BEGIN; DELETE FROM staff_log; INSERT INTO staff_log SELECT * FROM kept; "+ //nolint:unqueryvet // and goes back whole
		"DELETE FROM staff_log_head; INSERT INTO staff_log_head SELECT * FROM kept_head; COMMIT")
}

// verify returns what is found, held against these heads.
func (g *Tampering) verify(t testing.TB, heads []core.KnownHead) []core.LogFinding {
	t.Helper()
	var found []core.LogFinding
	verifier := core.LogVerifier{Store: g.store, Heads: heads, Found: func(f core.LogFinding) { found = append(found, f) }}
	_, err := verifier.Verify(t.Context())
	must(t, err)
	return found
}

// rewrite computes the hashes from a row on anew, as whoever has read the documentation can, and the log's own head.
func (g *Tampering) rewrite(t testing.TB, from int64) {
	t.Helper()
	var head core.LogHead
	hashes := map[int64]string{}
	must(t, g.store.ScanStaffLog(t.Context(), func(row *core.StoredEntry) error {
		next := core.LogHead{Seq: row.Seq - 1, Hash: head.Hash}.Next(&row.StaffEntry)
		if head = (core.LogHead{Seq: row.Seq, Hash: row.Hash}); row.Seq >= from {
			head = next
			hashes[row.Seq] = next.Hash
		}
		return nil
	}))
	for seq, hash := range hashes {
		g.exec(t, fmt.Sprintf("UPDATE staff_log SET hash = '%s' WHERE seq = %d", hash, seq))
	}
	g.exec(t, fmt.Sprintf("UPDATE staff_log_head SET seq = %d, hash = '%s'", head.Seq, head.Hash))
}

const copied = "brand, campaign, at, actor, role, credential, address, action, reason, before_, after_, hash"

// RunTampering tests that each kind of tampering is found and named.
func (g *Tampering) RunTampering(t *testing.T) {
	t.Helper()
	for _, one := range []struct {
		name string
		do   []string
		from int64 // from which row on hashes are computed anew; 0 for none
		want []string
	}{
		{name: "nothing"},
		{
			name: "a changed reason", do: []string{"UPDATE staff_log SET reason = 'another' WHERE seq = 7"},
			want: []string{"changed 7–7: row 7 does not fit"},
		},
		{
			name: "two changed rows", do: []string{"UPDATE staff_log SET actor = 'nobody' WHERE seq IN (7, 30)"},
			want: []string{"changed 7–7: row 7 does not fit", "changed 30–30: row 30 does not fit"},
		},
		{
			name: "a changed row with its hash", do: []string{"UPDATE staff_log SET reason = 'another' WHERE seq = 7"}, from: -7,
			want: []string{"changed 8–8: row 8 does not fit (2012-12-21T04:00:00Z, log.2 by staff-0): changed, or row 7 was, together with its hash"},
		},
		{
			name: "a changed hash", do: []string{"UPDATE staff_log SET hash = 'f' WHERE seq = 7"},
			want: []string{"changed 7–7: row 7 (2012-12-21T04:00:00Z, log.1 by staff-1): its hash was changed"},
		},
		{
			name: "the last row's hash", do: []string{"UPDATE staff_log SET hash = 'f' WHERE seq = 40"},
			want: []string{"changed 40–40: row 40 (2012-12-21T04:00:00Z, log.1 by staff-0): its hash was changed", "rewritten 31–40: "},
		},
		{
			name: "removed rows", do: []string{"DELETE FROM staff_log WHERE seq IN (5, 6, 7)"},
			want: []string{"removed 5–7: rows 5–7 are missing, between row 4 (2012-12-21T04:00:00Z, log.1 by staff-0) and row 8"},
		},
		{
			name: "the first row removed", do: []string{"DELETE FROM staff_log WHERE seq = 1"},
			want: []string{"removed 1–1: row 1 is missing, between the beginning and row 2"},
		},
		{
			name: "a removed row, and the rest numbered anew",
			do:   []string{"DELETE FROM staff_log WHERE seq = 5", "UPDATE staff_log SET seq = seq - 1 WHERE seq > 5"},
			want: []string{
				"changed 5–39: rows 5–39 do not fit, from 2012-12-21T04:00:00Z, log.0 by staff-0 on, and ids are missing before the first",
				"rewritten 1–10: ", "removed 40–40: row 40 is missing: the log's own record", "removed 40–40: row 40 is missing: the head of minute 40",
			},
		},
		{
			name: "a truncated tail", do: []string{"DELETE FROM staff_log WHERE seq > 33"},
			want: []string{"removed 34–40: rows 34–40 are missing: the log's own record says that it ends with row 40", "removed 34–40: rows 34–40 are missing: the head of minute 40 (heads:1)"},
		},
		{
			name: "a truncated tail with its record", do: []string{
				"DELETE FROM staff_log WHERE seq > 33", "UPDATE staff_log_head SET seq = 33, hash = (SELECT hash FROM staff_log WHERE seq = 33)",
			},
			want: []string{"removed 34–40: rows 34–40 are missing: the head of minute 40 (heads:1) says that the log had 40 rows; the last one here is row 33"},
		},
		{
			name: "neighbours in another order", do: []string{"UPDATE staff_log SET seq = 27 - seq WHERE seq IN (13, 14)"},
			want: []string{"reordered 13–15: rows 13–15 do not fit"},
		},
		{
			name: "an inserted row", do: []string{"INSERT INTO staff_log (seq, " + copied + ") SELECT 9, " + copied + " FROM staff_log WHERE seq = 20"},
			want: []string{"inserted 9–9: two rows have the number 9: the one with the id 41 was inserted, the other has the id 9"},
		},
		{
			name: "a row inserted before the genuine one",
			do: []string{
				"UPDATE staff_log SET id = 100 WHERE seq = 9",
				"INSERT INTO staff_log (id, seq, " + copied + ") SELECT 50, 9, " + copied + " FROM staff_log WHERE seq = 20",
			},
			want: []string{"inserted 9–9: two rows have the number 9: the one with the id 50 was inserted, the other has the id 100"},
		},
		{
			name: "an inserted row, and the rest numbered anew",
			do: []string{
				"UPDATE staff_log SET seq = seq + 1 WHERE seq >= 9",
				"INSERT INTO staff_log (seq, " + copied + ") SELECT 9, " + copied + " FROM staff_log WHERE seq = 20",
			},
			want: []string{"head 40–40: ", "reordered 9–41: rows 9–41 do not fit", "rewritten 1–10: ", "inserted 41–41: "},
		},
		{
			name: "a row that was appended by hand",
			do:   []string{"INSERT INTO staff_log (seq, " + copied + ") SELECT 41, " + copied + " FROM staff_log WHERE seq = 20"},
			want: []string{"changed 41–41: ", "inserted 41–41: row 41 is after the end that the log has a record of"},
		},
		{
			name: "rows without a place",
			do: []string{
				"INSERT INTO staff_log (" + copied + ") SELECT " + copied + " FROM staff_log WHERE seq = 20",
				"INSERT INTO staff_log (seq, " + copied + ") SELECT -1, " + copied + " FROM staff_log WHERE seq = 20",
			},
			want: []string{"inserted 0–0: a row has no place in the log", "inserted -1–-1: a row has no place in the log"},
		},
		{
			name: "the log's own record", do: []string{"UPDATE staff_log_head SET hash = 'f'"},
			want: []string{"head 40–40: the log's own record of where it ends gives row 40 another hash"},
		},
		{
			name: "history written anew, every hash as it ought to be", do: []string{"UPDATE staff_log SET reason = 'another' WHERE seq = 17"}, from: 17,
			want: []string{"rewritten 11–20: rows 11–20 are not all as they were: the head of minute 20 (heads:1) gives row 20 the hash "},
		},
		{
			name: "a removed row, and history written anew",
			do:   []string{"DELETE FROM staff_log WHERE seq = 5", "UPDATE staff_log SET seq = seq - 1 WHERE seq > 5"}, from: 5,
			want: []string{"rewritten 1–10: ", "removed 40–40: row 40 is missing: the head of minute 40"},
		},
	} {
		t.Run(one.name, func(t *testing.T) {
			defer g.Restore(t)
			for _, statement := range one.do {
				g.exec(t, statement)
			}
			switch {
			case one.from < 0:
				g.rewriteOne(t, -one.from)
			case one.from > 0:
				g.rewrite(t, one.from)
			}
			g.wantFindings(t, one.want)
		})
	}
}

// rewriteOne computes the hash of one row anew.
func (g *Tampering) rewriteOne(t testing.TB, seq int64) {
	t.Helper()
	rows, err := g.store.StaffLogRows(t.Context(), core.LogFilter{After: seq - 1, Limit: 1})
	must(t, err)
	head := core.LogHead{Seq: seq - 1, Hash: rows[0].Previous}.Next(&rows[0].StaffEntry)
	g.exec(t, fmt.Sprintf("UPDATE staff_log SET hash = '%s' WHERE seq = %d", head.Hash, seq))
}

// wantFindings checks what is found by how it begins.
func (g *Tampering) wantFindings(t *testing.T, want []string) {
	t.Helper()
	var got []string
	for _, f := range g.verify(t, g.heads) {
		got = append(got, fmt.Sprintf("%s %d–%d: %s", f.Kind, f.From, f.To, f.Detail))
	}
	if !slices.EqualFunc(got, want, strings.HasPrefix) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// RunAnyMutation tests that any change of any one field of any one row is found, also without a head.
func (g *Tampering) RunAnyMutation(t *testing.T) {
	t.Helper()
	texts := []string{
		"credential", "address", "brand", "campaign", "actor", "role", "action", "reason", "before_", "after_", "hash",
	}
	rapid.Check(t, func(rt *rapid.T) {
		seq := rapid.Int64Range(1, loggedRows).Draw(rt, "row")
		column := rapid.SampledFrom(append(texts, "at", "seq")).Draw(rt, "column")
		value := rapid.SampledFrom([]string{"''", "'x'", "'acme'", "'staff-1'", "NULL"}).Draw(rt, "value")
		switch {
		case column == "at" || column == "seq" && value != "NULL":
			value = strconv.FormatInt(rapid.Int64Range(-5, 2*opening).Draw(rt, "number"), 10)
		case value == "NULL" && !strings.HasSuffix(column, "_") && column != "seq":
			value = "'NULL'" // the column has no other
		}
		changed := g.exec(t, fmt.Sprintf("UPDATE staff_log SET %[1]s = %[2]s WHERE seq = %[3]d AND %[1]s IS DISTINCT FROM %[2]s",
			column, value, seq))
		found := g.verify(t, nil)
		g.Restore(t)
		if changed != min(1, int64(len(found))) {
			rt.Fatalf("%s = %s changed %d rows, and this was found: %v", column, value, changed, found)
		}
	})
}
