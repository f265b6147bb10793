package core_test

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	_ "modernc.org/sqlite"

	"hotdrop/core"
	"hotdrop/core/postgres"
	"hotdrop/core/sqlite"
	"hotdrop/core/storetest"
)

// dumped is a store whose tables can be read past it.
type dumped struct {
	storetest.Store

	dump   func() string              // every value of every row of every table
	tables func() map[string][]string // every table with its columns
}

// eachDumped runs the test on both stores.
func eachDumped(t *testing.T, test func(t *testing.T, s *dumped)) {
	t.Run("sqlite", func(t *testing.T) {
		dir := t.TempDir()
		s, err := sqlite.Open(t.Context(), dir)
		must(t, err)
		t.Cleanup(func() { _ = s.Close() })
		must(t, s.Migrate(t.Context()))
		test(t, &dumped{
			s, func() string { return dumpSQLite(t, dir) }, func() map[string][]string { return tablesSQLite(t, dir) },
		})
	})
	t.Run("postgres", func(t *testing.T) {
		url := storetest.PostgresURL(t)
		s, err := postgres.Open(t.Context(), url)
		must(t, err)
		t.Cleanup(func() { _ = s.Close() })
		must(t, s.Migrate(t.Context()))
		test(t, &dumped{
			s, func() string { return dumpPostgres(t, url) }, func() map[string][]string { return tablesPostgres(t, url) },
		})
	})
}

func dumpSQLite(t *testing.T, dir string) string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*.db"))
	must(t, err)
	if len(files) != 1 {
		t.Fatalf("the databases are %v", files)
	}
	db, err := sql.Open("sqlite", files[0])
	must(t, err)
	defer func() { _ = db.Close() }()
	rows, err := db.QueryContext(t.Context(), "SELECT name FROM sqlite_master WHERE type = 'table'")
	must(t, err)
	defer func() { must(t, rows.Close()) }()
	var tables []string
	for rows.Next() {
		var name string
		must(t, rows.Scan(&name))
		tables = append(tables, name)
	}
	must(t, rows.Err())
	var text strings.Builder
	for _, table := range tables {
		rows, err := db.QueryContext(t.Context(), `SELECT * FROM "`+table+`"`) //nolint:unqueryvet,sqlclosecheck // a dump has every column; reading to the end closes it
		must(t, err)
		columns, err := rows.Columns()
		must(t, err)
		for rows.Next() {
			values, targets := make([]any, len(columns)), make([]any, len(columns))
			for i := range values {
				targets[i] = &values[i]
			}
			must(t, rows.Scan(targets...))
			writeRow(&text, table, values)
		}
		must(t, rows.Err())
	}
	return text.String()
}

func dumpPostgres(t *testing.T, url string) string {
	t.Helper()
	connection, err := pgx.Connect(t.Context(), url)
	must(t, err)
	defer func() { _ = connection.Close(context.Background()) }()
	rows, err := connection.Query(t.Context(), "SELECT table_name FROM information_schema.tables WHERE table_schema = current_schema()")
	must(t, err)
	tables, err := pgx.CollectRows(rows, pgx.RowTo[string])
	must(t, err)
	var text strings.Builder
	for _, table := range tables {
		rows, err := connection.Query(t.Context(), "SELECT * FROM "+pgx.Identifier{table}.Sanitize()) //nolint:unqueryvet // a dump has every column
		must(t, err)
		for rows.Next() {
			values, err := rows.Values()
			must(t, err)
			writeRow(&text, table, values)
		}
		must(t, rows.Err())
	}
	return text.String()
}

func writeRow(text *strings.Builder, table string, values []any) {
	text.WriteString(table)
	for _, v := range values {
		if b, ok := v.([]byte); ok {
			v = string(b)
		}
		_, _ = fmt.Fprintf(text, "\t%v", v)
	}
	text.WriteString("\n")
}

// linesWith are the lines of a dump that have the text.
func linesWith(dump, text string) []string {
	var found []string
	for line := range strings.Lines(dump) {
		if strings.Contains(line, text) {
			found = append(found, line)
		}
	}
	return found
}

const (
	erased  = "alice-8391"
	zebra   = "Zebra 3310"
	imei    = "490154203237518"
	another = "bob"
)

// officer is who erases.
func officer() core.Principal { return core.Principal{ID: "olga", Role: core.RoleAdmin} }

// nosy are mechanics that make something of everything that they learn.
func nosy() shows {
	enter := core.Effect{Kind: core.EffectEnter, Name: "prizes", Units: 3}
	return shows{"nosy": {
		core.HookReserve: func(f *core.Facts) ([]core.Effect, error) {
			return []core.Effect{
				enter, {Kind: core.EffectOnce, Name: "signed/" + f.Shopper.ID}, {Kind: core.EffectTag, Name: "who", Value: f.Shopper.ID},
			}, nil
		},
		core.HookQuote: func(f *core.Facts) ([]core.Effect, error) {
			if f.Shopper.Tier == "grouped" {
				return []core.Effect{{Kind: core.EffectGroup, Units: 2, Seconds: 600, Amount: 150_000}}, nil
			}
			model, _ := f.Input["model"].(string)
			if f.Voucher.Code != "" {
				return []core.Effect{{Kind: core.EffectDiscount, Amount: f.Voucher.Value}}, nil
			}
			if model == "" {
				return nil, nil
			}
			if model == "broken" {
				return []core.Effect{{Kind: core.EffectDeny, Name: "broken", Text: core.Text{EN: "No " + f.Shopper.ID}}}, nil
			}
			data, err := json.Marshal(map[string]string{"model": model})
			return []core.Effect{
				{Kind: core.EffectDiscount, Amount: 5_000, Text: core.Text{EN: "Bonus for your " + model}},
				{Kind: core.EffectOblige, Name: "hand_in", Data: string(data)},
				{Kind: core.EffectOnce, Name: fmt.Sprint("phone/", f.Input["imei"])},
				{Kind: core.EffectTag, Name: "model", Value: model},
			}, err
		},
		core.HookPaid: asking(core.Effect{Kind: core.EffectGrant, Name: "pool", Units: 1}),
		core.HookMessage: func(f *core.Facts) ([]core.Effect, error) {
			return []core.Effect{{Kind: core.EffectReply, Text: core.Text{EN: "You said " + f.Message.Text}}}, nil
		},
	}}
}

// everything is a campaign in which a shopper has done everything.
type everything struct {
	*life

	s      *dumped
	orders []*core.Order
}

func withEverything(c *core.Campaign) {
	withPrizes(c)
	c.VoucherPools["pool"] = core.VoucherPool{Count: 100, Value: 500}
	c.Items[0].Stock, c.Items[0].Limit = 100, 20
	c.Phases = core.Phases{Reservation: opening.Add(-time.Hour), Sale: opening.Add(time.Minute), Closed: opening.Add(24 * time.Hour)}
	c.Inputs = map[string]core.Input{"model": {Field: core.Field{Type: "string"}}, "imei": {Field: core.Field{Type: "string"}}}
}

// newEverything lives through it all, until nothing is under way.
func newEverything(t *testing.T, s *dumped) *everything {
	t.Helper()
	x := &everything{life: newLife(t, s, nosy(), withEverything), s: s}
	x.Stop()
	x.Engine = x.serving("node-1")
	for _, id := range []string{erased, another} {
		_, _, err := x.Reserve(t.Context(), "phone", person(id), "")
		must(t, err)
	}
	_, err := x.Visit(t.Context(), x.link(erased), person(another))
	must(t, err)
	_, err = x.Visit(t.Context(), x.link(another), person(erased))
	must(t, err)
	x.clock.advance(2 * time.Minute)
	x.topUp(erased, 1_000_000)
	x.topUp(another, 1_000_000)
	x.write(erased, "it is "+erased+" with the "+zebra)
	x.trades()
	x.gathers()
	x.guesses()
	x.clock.advance(time.Hour) // the draw closes
	x.idle()
	x.keepsCases()
	return x
}

// serving starts a node that can erase.
func (x *everything) serving(id string) *core.Engine {
	x.t.Helper()
	e := core.NewEngine(core.Options{
		Store: x.s, Campaigns: x.s, Ledger: x.s, Journal: x.s, Shoppers: x.s, Compiler: x.shows, NodeID: id, Now: x.clock.now,
		Log: slog.New(slog.DiscardHandler),
	})
	must(x.t, e.Start(x.t.Context()))
	x.t.Cleanup(e.Stop)
	return e
}

// buys places an order of the shopper.
func (x *everything) buys(id, key string, change func(*core.OrderRequest)) *core.Order {
	x.t.Helper()
	request := buy(id, key)
	change(&request)
	o, _, err := x.Place(x.t.Context(), request)
	must(x.t, err)
	if id == erased {
		x.orders = append(x.orders, o)
	}
	return o
}

// trades buys with what was submitted: one that is refunded, and one that is cancelled.
func (x *everything) trades() {
	x.t.Helper()
	o := x.buys(erased, "key of "+erased, func(r *core.OrderRequest) {
		r.Input = core.Object{"model": zebra, "imei": imei}
		r.Shopper.Tags, r.Shopper.Region = []string{"vip of " + erased}, "Hangzhou"
	})
	x.pay(o, "pay of "+erased)
	x.idle()
	_, err := x.moves(o, core.ConditionReceived)
	must(x.t, err)
	_, err = x.moves(o, core.ConditionWaived)
	must(x.t, err)
	_, err = x.ships(o)
	must(x.t, err)
	_, err = x.Deliver(x.t.Context(), clerk(o))
	must(x.t, err)
	codes := x.vouchers(erased)
	if len(codes) == 0 {
		x.t.Fatal("no voucher was granted")
	}
	x.buys(another, "with a voucher", func(r *core.OrderRequest) { r.Voucher = codes[0].Code })
	o = x.buys(erased, "second key of "+erased, func(*core.OrderRequest) {})
	_, err = x.Cancel(x.t.Context(), core.OrderAction{Order: o.ID, Shopper: erased, Key: "cancel of " + erased})
	must(x.t, err)
	o = x.buys(erased, "third key", func(*core.OrderRequest) {})
	x.pay(o, "pay three")
	x.idle()
	x.refund(o)
	x.idle()
}

// gathers leads a group that is completed and delivered.
func (x *everything) gathers() {
	x.t.Helper()
	grouped := func(group string) func(*core.OrderRequest) {
		return func(r *core.OrderRequest) { r.Shopper.Tier, r.Group = "grouped", group }
	}
	leading := x.buys(erased, "group key", grouped(""))
	joined := x.buys(another, "join", grouped(groupID(x.t, leading)))
	for _, o := range []*core.Order{leading, joined} {
		x.pay(o, "pay "+o.ID)
	}
	x.idle()
	_, err := x.ships(leading)
	must(x.t, err)
	_, err = x.Deliver(x.t.Context(), clerk(leading))
	must(x.t, err)
}

// guesses is refused with what was submitted, and tries a wrong code.
func (x *everything) guesses() {
	x.t.Helper()
	request := buy(erased, "guess")
	request.Voucher = "phone.00000000000000000000000000"
	_, _, err := x.Place(x.t.Context(), request)
	wantCode(x.t, err, core.CodeVoucherInvalid)
	request.Voucher, request.Input = "", core.Object{"model": "broken", "imei": imei}
	_, _, err = x.Place(x.t.Context(), request)
	wantCode(x.t, err, core.CodeDenied)
}

// keepsCases writes a report with a case of each shopper, as a shadow of before left it.
func (x *everything) keepsCases() {
	x.t.Helper()
	facts := func(id string) string {
		return `{"shopper":{"id":"` + id + `"},"input":{"model":"` + zebra + ` of ` + id + `"}}`
	}
	must(x.t, x.s.SaveReports(x.t.Context(), []core.Report{{
		Campaign: "phone", Brand: "xiaomi", Subject: "shadow/1", Node: "node-0",
		Content: []byte(`{"decisions":2,"cases":{"price":[{"key":"a ` + erased + `","facts":` + facts(erased) +
			`},{"key":"b","facts":` + strings.ReplaceAll(facts(another), zebra, "Lion") + `}]}}`),
	}}))
}

// empties pays out what is in the shopper's wallet.
func (x *everything) empties() {
	x.t.Helper()
	_, err := x.PayOut(x.t.Context(), core.PayoutRequest{
		Brand: "xiaomi", Shopper: erased, Reference: "bank 7", Key: "p", Reason: "asked for by letter 7", Actor: officer(),
	})
	must(x.t, err)
}

// books are what an erasure leaves as it is: counters, and the sums of all money.
func (x *everything) books() map[string]int64 {
	x.t.Helper()
	state, err := x.s.Load(x.t.Context(), core.Query{Campaign: "phone", Brand: "xiaomi", Counters: true})
	must(x.t, err)
	sums := map[string]int64{"epoch": state.Epoch}
	for key, c := range state.Counters {
		sums["limit of "+key], sums["left of "+key] = c.Limit, c.Remaining
	}
	v := &summing{sums: sums}
	must(x.t, x.s.Book(x.t.Context(), x.def.Key(), v))
	must(x.t, x.s.LedgerBook(x.t.Context(), v))
	return sums
}

type summing struct {
	core.BookVisitor

	sums map[string]int64
}

func (v *summing) VisitCounter(string, core.Counter, int64, int64) {}
func (v *summing) VisitClaim(c core.Claim)                         { v.sums["claims "+string(c.Kind)]++ }
func (v *summing) VisitReservation(r core.Reservation)             { v.sums["positions"] += r.Position }
func (v *summing) VisitArrival(core.Arrival)                       {}
func (v *summing) VisitDocument(*core.Document)                    {}
func (v *summing) VisitRollout(core.RolloutEntry)                  { v.sums["rollouts"]++ }
func (v *summing) VisitOrder(o *core.Order) {
	v.sums["orders "+string(o.State)]++
	v.sums["total"] += o.Total
	for _, due := range o.Dues {
		v.sums["due "+due.State] += due.Amount
	}
	for _, line := range o.Lines {
		v.sums["line "+line.SKU] += line.Amount
	}
}

func (v *summing) VisitAccount(account core.Account, balance int64) {
	kind, _, _ := strings.Cut(account.Name, "/")
	v.sums["balances "+kind] += balance
}

func (v *summing) VisitTransfer(t core.Transfer) {
	v.sums["transfers "+string(t.Kind)] += t.Amount
	v.sums["transfers"]++
}

func (x *everything) erase() (*core.Erased, error) {
	return x.EraseShopper(x.t.Context(), core.EraseRequest{
		Brand: "xiaomi", Shopper: erased, Actor: officer(), Reason: "asked for by letter 7",
	})
}

func TestAShopperWhoDidEverythingIsExportedAndErasedAndTheBooksStay(t *testing.T) {
	eachDumped(t, func(t *testing.T, s *dumped) {
		x := newEverything(t, s)
		before := s.dump()
		_, err := x.erase()
		wantCode(t, err, core.CodeWrongState) // the wallet has money
		if s.dump() != before {
			t.Error("a refused erasure has changed something")
		}
		x.empties()
		x.exportsAll()
		before, books := s.dump(), x.books()
		export, err := x.DrawExport(t.Context(), "phone", "prizes")
		must(t, err)
		shuffledExport := *export
		done, err := x.erase()
		must(t, err)
		if !slices.Equal(done.Campaigns, []string{"phone"}) || done.Kept["orders"] != int64(len(x.orders)) || done.Deleted["message"] == 0 {
			t.Errorf("it says that it did %+v", done)
		}
		after := s.dump()
		for _, text := range []string{erased, zebra, imei, "Hangzhou", "SF123"} {
			if len(linesWith(before, text)) == 0 && text != "SF123" {
				t.Errorf("%q was nowhere before, so that nothing is shown", text)
			}
		}
		for _, text := range []string{erased, zebra, imei, "Hangzhou"} {
			for _, line := range linesWith(after, text) {
				t.Errorf("%q is still in: %s", text, line)
			}
		}
		if lion := linesWith(after, "Lion"); len(lion) != 1 {
			t.Errorf("the other shopper's case is in %v", lion)
		}
		if now := x.books(); !maps.Equal(now, books) {
			t.Errorf("the books were %v, and are %v", books, now)
		}
		x.staysProven(&shuffledExport, done)
	})
}

// exportsAll holds the export against the tables: it names every row that names the shopper.
func (x *everything) exportsAll() {
	x.t.Helper()
	data, err := x.ShopperData(x.t.Context(), "xiaomi", erased, officer())
	must(x.t, err)
	text, err := json.Marshal(data)
	must(x.t, err)
	for _, o := range x.orders {
		if !strings.Contains(string(text), o.ID) {
			x.t.Errorf("the order %s is not exported", o.ID)
		}
	}
	c := data.Campaigns[0]
	kinds := map[core.DocumentKind]int{}
	for _, d := range c.Documents {
		kinds[d.Kind]++
	}
	for _, kind := range []core.DocumentKind{"voucher", "share", "entry", "tags", "message", "signup", "lockout"} {
		if stored := len(slices.DeleteFunc(x.documents(kind), func(d *core.Document) bool { return d.Shopper != erased })); kinds[kind] != stored || stored == 0 {
			x.t.Errorf("%d of %d documents of the kind %s are exported", kinds[kind], stored, kind)
		}
	}
	if c.Reservation == nil || len(c.Groups) != 1 || len(c.Wins) != 1 || len(c.Refusals) != 2 || len(c.Reports) != 1 ||
		len(c.Orders) != len(x.orders) || len(c.Claims) == 0 || data.Wallet == nil || len(data.Wallet.Transfers) < 6 {
		x.t.Errorf("the export is %s", text)
	}
}

// staysProven checks everything that can be proven of what stayed.
func (x *everything) staysProven(before *core.DrawExport, done *core.Erased) {
	x.t.Helper()
	x.audit()
	fresh := x.serving("node-2")
	export, err := fresh.DrawExport(x.t.Context(), "phone", "prizes")
	must(x.t, err)
	if found := export.Verify(); len(found) > 0 || export.Digest != before.Digest || !slices.Equal(export.Winners, before.Winners) {
		x.t.Errorf("drawn again: %v", found)
	}
	verifier := &core.LogVerifier{Store: x.s, Found: func(f core.LogFinding) { x.t.Errorf("the staff log: %+v", f) }}
	_, err = verifier.Verify(x.t.Context())
	must(x.t, err)
	if rows := linesWith(x.s.dump(), "shopper.erase"); len(rows) < 2 || !strings.Contains(rows[0], core.ShopperHash("xiaomi", erased)) {
		x.t.Errorf("the staff log has %v", rows)
	}
	for _, o := range x.orders {
		stayed := x.order(&core.Order{ID: o.ID, Shopper: done.Tombstone})
		if stayed.Total != o.Total || stayed.Shopper != done.Tombstone {
			x.t.Errorf("the order was %+v, and is %+v", o, stayed)
		}
		explained, err := fresh.Explain(x.t.Context(), o.ID, officer())
		must(x.t, err)
		if explained.Reproduced || len(explained.Differences) != 1 || !strings.Contains(explained.Differences[0], "erased") {
			x.t.Errorf("it is explained by %v", explained.Differences)
		}
		_, err = fresh.Recording(x.t.Context(), o.ID, officer())
		wantCode(x.t, err, core.CodeWrongState)
	}
	_, err = x.erase()
	wantCode(x.t, err, core.CodeNotFound)
	_, err = x.ShopperData(x.t.Context(), "xiaomi", erased, officer())
	wantCode(x.t, err, core.CodeNotFound)
	_, created, err := x.Reserve(x.t.Context(), "phone", person(erased), "")
	if core.CodeOf(err) != core.CodeNotInPhase && !created {
		x.t.Errorf("a shopper who comes back is known: %v", err)
	}
}

// torn is a store on which the erasure of one campaign fails, as if the node died before it.
type torn struct {
	storetest.Store

	campaign string // "" for none
}

func (s *torn) Erase(ctx context.Context, e *core.Erasure) error {
	if e.Campaign == s.campaign {
		return core.ErrUnavailable
	}
	return s.Store.Erase(ctx, e)
}

func TestAnErasureThatWasInterruptedGoesOnUnderTheSameTombstone(t *testing.T) {
	eachDumped(t, func(t *testing.T, s *dumped) {
		d := newDrop(t, s, nil, func(c *core.Campaign) { c.Phases.Sale = opening.Add(time.Minute) })
		_, err := d.apply(d.with(func(c *core.Campaign) { c.ID = "watch" }))
		must(t, err)
		broken := &torn{s.Store, "watch"}
		e := core.NewEngine(core.Options{
			Store: s, Campaigns: s, Ledger: s, Journal: s, Shoppers: broken, Compiler: mechanics{}, Now: d.clock.now,
			Log: slog.New(slog.DiscardHandler),
		})
		must(t, e.Start(t.Context()))
		t.Cleanup(e.Stop)
		for _, campaign := range []string{"phone", "watch"} {
			_, _, err := e.Reserve(t.Context(), campaign, person(erased), "")
			must(t, err)
		}
		request := core.EraseRequest{Shopper: erased, Actor: officer(), Reason: "asked for"}
		_, err = e.EraseShopper(t.Context(), request)
		wantCode(t, err, core.CodeUnavailable)
		first := linesWith(linesOf(s.dump(), "reservations"), core.TombstonePrefix)
		broken.campaign = ""
		done, err := e.EraseShopper(t.Context(), request)
		must(t, err)
		if len(first) != 1 || !strings.Contains(first[0], done.Tombstone) || !slices.Equal(done.Campaigns, []string{"watch"}) {
			t.Errorf("it went on with %+v after %v", done, first)
		}
		if left := append(linesWith(s.dump(), erased), linesWith(s.dump(), "open/")...); len(left) > 0 {
			t.Errorf("still there: %v", left)
		}
		_, created, err := e.Reserve(t.Context(), "watch", person(erased), "")
		must(t, err)
		again, err := e.EraseShopper(t.Context(), request)
		must(t, err)
		if !created || again.Tombstone == done.Tombstone {
			t.Errorf("who came back is known: created %t, %+v", created, again)
		}
		d.audit()
	})
}

// linesOf are the lines of one table of a dump.
func linesOf(dump, table string) string {
	return strings.Join(slices.Collect(func(yield func(string) bool) {
		for line := range strings.Lines(dump) {
			if strings.HasPrefix(line, table+"\t") && !yield(line) {
				return
			}
		}
	}), "")
}

func TestAShuffleStaysTheSameWhenSomebodyInItIsErased(t *testing.T) {
	eachDumped(t, func(t *testing.T, s *dumped) {
		d := newRoom(t, s, nil)
		for _, id := range []string{erased, "bob", "cid"} {
			d.join(d.Engine, id)
		}
		d.toOpening()
		before := d.standing(d.Engine, "bob")
		node := func() *core.Engine {
			e := core.NewEngine(core.Options{
				Store: s, Campaigns: s, Ledger: s, Shoppers: s, Compiler: mechanics{}, Now: d.clock.now, Log: slog.New(slog.DiscardHandler),
			})
			must(t, e.Start(t.Context()))
			t.Cleanup(e.Stop)
			return e
		}
		_, err := node().EraseShopper(t.Context(), core.EraseRequest{Brand: "xiaomi", Shopper: erased, Actor: officer(), Reason: "asked for"})
		must(t, err)
		fresh := node()
		if after := d.standing(fresh, "bob"); after.Place != before.Place {
			t.Errorf("bob stood at %d, and stands at %d", before.Place, after.Place)
		}
		shuffle, err := fresh.Shuffle(t.Context(), "phone")
		must(t, err)
		if found := shuffle.Verify(); len(found) > 0 {
			t.Errorf("shuffled again: %v", found)
		}
		if left := linesWith(s.dump(), erased); len(left) > 0 {
			t.Errorf("still there: %v", left)
		}
		d.audit()
	})
}

func TestOnlyStaffOfTheBrandEraseAndNobodyLearnsWhoIsThere(t *testing.T) {
	eachDumped(t, func(t *testing.T, s *dumped) {
		x := &everything{life: newLife(t, s, nosy(), withEverything), s: s}
		e := x.serving("node-1")
		_, _, err := e.Reserve(t.Context(), "phone", person(erased), "")
		must(t, err)
		before := s.dump()
		for _, tt := range []struct {
			name    string
			request core.EraseRequest
			want    core.Code
		}{
			{"of another brand", core.EraseRequest{Brand: "meizu", Actor: core.Principal{Role: core.RoleBrand, Brand: "meizu"}}, core.CodeNotFound},
			{"for another brand", core.EraseRequest{Brand: "xiaomi", Actor: core.Principal{Role: core.RoleBrand, Brand: "meizu"}}, core.CodeNotFound},
			{"for all brands", core.EraseRequest{Actor: core.Principal{Role: core.RoleBrand, Brand: "xiaomi"}}, core.CodeNotFound},
			{"a shopper", core.EraseRequest{Brand: "xiaomi", Actor: person(erased)}, core.CodeNotFound},
			{"who names the shopper in the reason", core.EraseRequest{Brand: "xiaomi", Actor: officer(), Reason: "for " + erased}, core.CodeInvalid},
		} {
			tt.request.Shopper = erased
			if tt.request.Reason == "" {
				tt.request.Reason = "asked for"
			}
			_, err := e.EraseShopper(t.Context(), tt.request)
			if core.CodeOf(err) != tt.want {
				t.Errorf("%s: %v, want %s", tt.name, err, tt.want)
			}
			if tt.want == core.CodeNotFound {
				_, err = e.ShopperData(t.Context(), tt.request.Brand, erased, tt.request.Actor)
				wantCode(t, err, tt.want)
			}
		}
		if s.dump() != before {
			t.Error("somebody changed something")
		}
	})
}
