package postgres

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"sync/atomic"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"
	"github.com/jackc/pgx/v5/pgxpool"

	"hotdrop/core"
	"hotdrop/core/storetest"
)

// readyForQuery is what the server sends at the end of every round trip, up to the transaction's state.
const readyForQuery = "Z\x00\x00\x00\x05"

// wire counts the round trips of a connection.
type wire struct {
	net.Conn
	trips *atomic.Int64
}

func (w *wire) Read(p []byte) (int, error) {
	n, err := w.Conn.Read(p)
	w.trips.Add(int64(bytes.Count(p[:n], []byte(readyForQuery))))
	return n, err
}

// openCounted opens a migrated store with a campaign on one connection whose round trips are counted, and whose
// statements have been described.
func openCounted(t *testing.T) (*Store, *atomic.Int64) {
	t.Helper()
	url := storetest.PostgresURL(t)
	s, err := Open(t.Context(), url+"&pool_max_conns=1")
	must(t, err)
	must(t, s.Migrate(t.Context()))
	var trips atomic.Int64
	config := s.pool.Config()
	config.ConnConfig.AfterNetConnect = func(_ context.Context, _ *pgconn.Config, c net.Conn) (net.Conn, error) {
		return &wire{c, &trips}, nil
	}
	must(t, s.Close())
	s.pool, err = pgxpool.NewWithConfig(t.Context(), config)
	must(t, err)
	t.Cleanup(func() { must(t, s.Close()) })
	must(t, s.SaveCampaign(t.Context(), &core.CampaignChange{
		Record: core.CampaignRecord{Definition: &core.Campaign{ID: "sale"}, Revision: 1, Epoch: 1, Ruleset: core.Ruleset{Number: 1}},
		Limits: map[string]int64{"stock/a": 10, core.CounterReservations: core.Unbounded}, NewRuleset: true,
	}))
	return s, &trips
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// fullPlan uses every part of a plan but the staff log's row. Its order is new; the n-th before it gives back.
func fullPlan(n int) *core.Plan {
	order := func(n int) *core.Order {
		id := fmt.Sprintf("sale.%026d", n)
		return &core.Order{
			Campaign: "sale", ID: id, Shopper: fmt.Sprint("shopper", n), Revision: 1, State: core.OrderPlaced,
			Claims: []core.Claim{{Shopper: fmt.Sprint("shopper", n), Kind: core.ClaimLimit, Key: "a/1"}},
		}
	}
	document := func(n int, state string, revision int64) *core.Document {
		return &core.Document{Kind: core.DocumentTask, ID: fmt.Sprint(n), State: state, Revision: revision, Content: []byte("{}")}
	}
	placed := order(n)
	plan := &core.Plan{
		Campaign: "sale", Epoch: 1,
		Claims:       []core.Claim{{Shopper: placed.Shopper, Kind: core.ClaimLimit, Key: "a/1", Owner: placed.ID}},
		Orders:       []*core.Order{placed},
		Counters:     []core.Delta{{Counter: core.CounterReservations, Units: 1}, {Counter: "stock/a", Units: 1}},
		Reservations: []*core.Reservation{{Shopper: placed.Shopper}},
		Documents:    []*core.Document{document(n, core.TaskOpen, 0)},
	}
	if n > 0 {
		plan.Moves = []core.Move{{Order: order(n - 1), Release: true}}
		plan.Documents = append(plan.Documents, document(n-1, core.TaskOpen, 1))
	}
	if n > 1 {
		plan.Documents = append(plan.Documents, document(n-2, "", 2))
	}
	return plan
}

func TestRoundTrips(t *testing.T) {
	s, trips := openCounted(t)
	shoppers := []string{"shopper0", "shopper1"}
	n := 0
	for name, test := range map[string]struct {
		call func(ctx context.Context) error
		want int64
	}{
		"Apply": {func(ctx context.Context) error {
			n++
			_, err := s.Apply(ctx, fullPlan(n-1))
			return err
		}, 1},
		"Apply of what staff did": {func(ctx context.Context) error { // its row is made of the one before
			_, err := s.Apply(ctx, &core.Plan{
				Campaign: "sale", Counters: []core.Delta{{Counter: "stock/a"}}, Entry: &core.StaffEntry{Campaign: "sale"},
			})
			return err
		}, 2},
		"Load of shoppers": {func(ctx context.Context) error {
			_, err := s.Load(ctx, core.Query{Campaign: "sale", Shoppers: shoppers})
			return err
		}, 1},
		"Load of everything": {func(ctx context.Context) error {
			_, err := s.Load(ctx, core.Query{
				Campaign: "sale", Shoppers: shoppers, Counters: true, Orders: []string{"none"},
				Kinds: []core.DocumentKind{core.DocumentTags}, Documents: []core.DocumentKey{{Kind: core.DocumentTask, ID: "0"}},
			})
			return err
		}, 1},
		"ApplyLocked": {func(ctx context.Context) error {
			_, err := s.ApplyLocked(ctx, core.Query{Campaign: "sale", Shoppers: shoppers}, func(*core.State) (*core.Plan, error) {
				return &core.Plan{Campaign: "sale", Counters: []core.Delta{{Counter: "stock/a"}}}, nil
			})
			return err
		}, 2},
		"Post": {func(ctx context.Context) error {
			n++
			return s.Post(ctx, []core.Transfer{{ID: fmt.Sprint(n), From: core.AccountOutside, To: "shopper/a", Amount: 1}})
		}, 1},
	} {
		n = 0
		for range 3 { // moves exist only from the second plan on, deletions from the third, and are described then
			must(t, test.call(t.Context()))
		}
		before := trips.Load()
		must(t, test.call(t.Context()))
		if got := trips.Load() - before; got != test.want {
			t.Errorf("%s took %d round trips, want %d", name, got, test.want)
		}
	}
}

// TestAWriteLeavesNoTraceOnItsConnection is what a pooler in transaction mode needs.
func TestAWriteLeavesNoTraceOnItsConnection(t *testing.T) {
	s, _ := openCounted(t)
	show := func(what string) (value string) {
		t.Helper()
		must(t, s.pool.QueryRow(t.Context(), what).Scan(&value))
		return value
	}
	for n := range 2 {
		_, err := s.Apply(t.Context(), fullPlan(n))
		must(t, err)
	}
	_, err := s.Apply(t.Context(), fullPlan(0))
	if !errors.Is(err, core.ErrConflict) {
		t.Fatalf("got the error %v", err)
	}
	_, err = s.ApplyLocked(t.Context(), core.Query{Campaign: "sale"}, func(*core.State) (*core.Plan, error) { return fullPlan(2), nil })
	must(t, err)
	for _, setting := range []string{"statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout"} {
		if value := show("SHOW " + setting); value != "0" {
			t.Errorf("%s is still %s", setting, value)
		}
	}
	if named := show("SELECT count(*)::text FROM pg_prepared_statements"); named != "0" {
		t.Errorf("%s statements are named", named)
	}
}

// TestAStatementWaitsWithinBounds holds the counter's lock until the server has given up waiting for it.
func TestAStatementWaitsWithinBounds(t *testing.T) {
	s, _ := openCounted(t)
	config := s.pool.Config().ConnConfig.Copy()
	other, err := pgx.ConnectConfig(t.Context(), config)
	must(t, err)
	tx, err := other.Begin(t.Context())
	must(t, err)
	_, err = tx.Exec(t.Context(), "SELECT 1 FROM counters FOR UPDATE")
	must(t, err)
	b := &pgx.Batch{}
	b.Queue(boundStatements, "10ms")
	_, err = queue(b, fullPlan(0))
	must(t, err)
	if err := s.write(t.Context(), b); !errors.Is(err, core.ErrUnavailable) {
		t.Errorf("got the error %v", err)
	}
	must(t, tx.Rollback(t.Context()))
	_, err = s.Apply(t.Context(), fullPlan(0))
	must(t, err)
	must(t, other.Close(t.Context()))
}

// TestALockedPlanDoesNotDeadlock makes the circle: a plan holds a claim and waits for the counters, which ApplyLocked
// holds while it waits for that claim.
func TestALockedPlanDoesNotDeadlock(t *testing.T) {
	s, _ := openCounted(t)
	other, err := Open(t.Context(), s.pool.Config().ConnString())
	must(t, err)
	defer func() { must(t, other.Close()) }()
	applied := make(chan error, 1)
	_, err = s.ApplyLocked(t.Context(), core.Query{Campaign: "sale"}, func(*core.State) (*core.Plan, error) {
		go func() {
			_, err := other.Apply(context.WithoutCancel(t.Context()), fullPlan(0))
			applied <- err
		}()
		waitForLockWait(t, other)
		return fullPlan(0), nil
	})
	if !errors.Is(err, core.ErrConflict) {
		t.Errorf("the locked plan: got the error %v", err)
	}
	if err := <-applied; err != nil {
		t.Errorf("the other plan: got the error %v", err)
	}
}

// waitForLockWait returns once a connection of the database waits for a lock.
func waitForLockWait(t *testing.T, s *Store) {
	t.Helper()
	watcher, err := pgx.ConnectConfig(t.Context(), s.pool.Config().ConnConfig)
	must(t, err)
	defer func() { must(t, watcher.Close(t.Context())) }()
	for waiting := 0; waiting == 0; {
		must(t, watcher.QueryRow(t.Context(),
			"SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'").Scan(&waiting))
	}
}

func TestWhatErrorsMean(t *testing.T) {
	refusal := func(state string) error { return fmt.Errorf("wrapped: %w", &pgconn.PgError{Code: state}) }
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	for name, test := range map[string]struct {
		err    error
		ended  bool // the caller has gone
		broken bool
		want   error
	}{
		"a key that exists":             {err: refusal("23505"), want: core.ErrConflict},
		"a check that fails":            {err: refusal("23514"), want: core.ErrConflict},
		"a guard that fails":            {err: refusal("22012"), want: core.ErrConflict},
		"a number out of range":         {err: refusal("22003"), want: core.ErrConflict},
		"a serialization failure":       {err: refusal("40001"), want: core.ErrConflict},
		"a deadlock":                    {err: refusal("40P01"), want: core.ErrConflict},
		"a lock that is not to be had":  {err: refusal("55P03"), want: core.ErrConflict},
		"a full disk":                   {err: refusal("53100"), want: core.ErrFull},
		"too many connections":          {err: refusal("53300"), want: core.ErrUnavailable},
		"an administrator":              {err: refusal("57P01"), broken: true, want: core.ErrUnavailable},
		"a crash":                       {err: refusal("57P02"), broken: true, want: core.ErrUnavailable},
		"a server that starts":          {err: refusal("57P03"), broken: true, want: core.ErrUnavailable},
		"a statement that takes long":   {err: refusal("57014"), want: core.ErrUnavailable},
		"a transaction that idles":      {err: refusal("25P03"), broken: true, want: core.ErrUnavailable},
		"a standby":                     {err: refusal("25006"), want: core.ErrUnavailable},
		"a failed connection":           {err: refusal("08006"), broken: true, want: core.ErrUnavailable},
		"an I/O error":                  {err: refusal("58030"), want: core.ErrUnavailable},
		"a lost connection":             {err: io.ErrUnexpectedEOF, broken: true, want: core.ErrUnavailable},
		"our own bound":                 {err: context.DeadlineExceeded, broken: true, want: core.ErrUnavailable},
		"the caller's context":          {err: context.Canceled, ended: true, broken: true, want: context.Canceled},
		"a conflict after it was gone":  {err: refusal("23505"), ended: true, want: core.ErrConflict},
		"a lost commit after it was":    {err: io.EOF, ended: true, broken: true, want: core.ErrUnavailable},
		"a table that is not there":     {err: refusal("42P01")},
		"an error of the program's own": {err: io.ErrShortWrite},
	} {
		ctx := t.Context()
		if test.ended {
			ctx = ended
		}
		got := translate(ctx, test.err, test.broken)
		for _, kind := range []error{core.ErrConflict, core.ErrFull, core.ErrUnavailable, context.Canceled} {
			if errors.Is(got, kind) != errors.Is(test.want, kind) {
				t.Errorf("%s: got the error %v, want %v", name, got, test.want)
			}
		}
		if !errors.Is(got, test.err) {
			t.Errorf("%s: the cause is lost", name)
		}
	}
	if translate(t.Context(), nil, false) != nil {
		t.Error("no error became one")
	}
}

func TestTextArraysAreEncodedAsTheDriverDoes(t *testing.T) {
	own, theirs := pgtype.NewMap(), pgtype.NewMap()
	element, _ := own.TypeForOID(pgtype.TextOID)
	own.RegisterType(&pgtype.Type{Name: "_text", OID: pgtype.TextArrayOID, Codec: &textArray{pgtype.ArrayCodec{ElementType: element}}})
	for _, list := range [][]string{nil, {}, {""}, {"a"}, {"a", "末日", `{"x":"\"y\""}`}, make([]string, 1000)} {
		got, err := own.Encode(pgtype.TextArrayOID, pgtype.BinaryFormatCode, list, []byte("before"))
		must(t, err)
		want, err := theirs.Encode(pgtype.TextArrayOID, pgtype.BinaryFormatCode, list, []byte("before"))
		must(t, err)
		if !bytes.Equal(got, want) {
			t.Errorf("%q: got %q, want %q", list, got, want)
		}
		if list == nil {
			continue
		}
		var back []string
		must(t, own.Scan(pgtype.TextArrayOID, pgtype.BinaryFormatCode, got[len("before"):], &back))
		if !slices.Equal(back, list) {
			t.Errorf("%q came back as %q", list, back)
		}
	}
}
