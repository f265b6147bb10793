package core_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"hotdrop/core"
)

// reads is a staff log with rows of two brands and of none, and a clock.
type reads struct {
	*core.StaffLog

	t     *testing.T
	store core.StaffLogStore
	now   time.Time
}

// logOf is the staff log of a store that keeps one.
func logOf(t *testing.T, s store) core.StaffLogStore {
	t.Helper()
	log, ok := s.(core.StaffLogStore)
	if !ok {
		t.Fatalf("%T keeps no staff log", s)
	}
	return log
}

func newReads(t *testing.T, s store) *reads {
	t.Helper()
	r := &reads{t: t, store: logOf(t, s), now: opening}
	for i, brand := range []string{"xiaomi", "meizu", ""} {
		for _, role := range []core.Role{core.RoleBrand, core.RoleOperator} {
			must(t, r.store.AppendStaffEntry(t.Context(), &core.StaffEntry{
				At: opening.UnixMilli() + int64(i), Actor: "ann", Role: string(role), Credential: "k", Address: "192.0.2.1", Brand: brand,
				Action: "campaign.apply",
			}))
		}
	}
	r.StaffLog = core.NewStaffLog(r.store, logKey(t, 1), func() time.Time { return r.now })
	return r
}

// read returns "action brand credential" of each row that the reader is shown.
func (r *reads) read(reader core.Principal, f core.LogFilter) []string {
	r.t.Helper()
	f.Limit = 100
	rows, err := r.Read(r.t.Context(), reader, f)
	must(r.t, err)
	var list []string
	for i := range rows {
		list = append(list, strings.TrimSpace(fmt.Sprint(rows[i].Action, " ", rows[i].Brand, " ", rows[i].Credential, rows[i].Address)))
	}
	return list
}

// readings is how many rows say that somebody read.
func (r *reads) readings() int {
	r.t.Helper()
	rows, err := r.store.StaffLogRows(r.t.Context(), core.LogFilter{Action: core.ActionLogRead, Limit: 100})
	must(r.t, err)
	return len(rows)
}

var auditor = core.Principal{ID: "eve", Role: core.RoleAuditor, Credential: "k9", Address: "192.0.2.9"}

func TestABrandReadsWhatConcernsItAndNotWhereOthersAre(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		r := newReads(t, s)
		brand := core.Principal{ID: "bob", Role: core.RoleBrand, Brand: "meizu", Credential: "kb", Address: "192.0.2.5"}
		got := r.read(brand, core.LogFilter{})
		want := []string{"campaign.apply meizu k192.0.2.1", "campaign.apply meizu", "log.read meizu kb192.0.2.5"}
		if strings.Join(got, "|") != strings.Join(want, "|") {
			t.Errorf("got %q", got)
		}
		if _, err := r.Read(t.Context(), brand, core.LogFilter{Brand: "xiaomi", Limit: 1}); core.CodeOf(err) != core.CodeNotFound {
			t.Errorf("another brand's rows: %v", err)
		}
		if _, err := r.Read(t.Context(), core.Principal{ID: "ann", Role: core.RoleShopper}, core.LogFilter{Limit: 1}); core.CodeOf(err) != core.CodeNotFound {
			t.Errorf("a shopper: %v", err)
		}
		if got := r.read(auditor, core.LogFilter{}); len(got) != 8 || got[7] != "log.read  k9192.0.2.9" {
			t.Errorf("an auditor reads %q", got)
		}
	})
}

func TestAnAdministratorOfOneBrandSeesWhereTheirOwnRowsCameFrom(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		r := newReads(t, s)
		admin := core.Principal{ID: "mei", Role: core.RoleAdmin, Brand: "meizu", Credential: "km", Address: "192.0.2.7"}
		got := r.read(admin, core.LogFilter{})
		want := []string{"campaign.apply meizu k192.0.2.1", "campaign.apply meizu", "log.read meizu km192.0.2.7"}
		if strings.Join(got, "|") != strings.Join(want, "|") {
			t.Errorf("got %q", got)
		}
		rows, err := r.store.StaffLogRows(t.Context(), core.LogFilter{Action: core.ActionLogRead, Limit: 1})
		must(t, err)
		if why := rows[0].Reason; why != "asked for all rows of the brand meizu" {
			t.Errorf("it was read because %q", why)
		}
	})
}

func TestReadingIsARowForAReadingAndNotForAPage(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		r := newReads(t, s)
		for range 3 {
			r.read(auditor, core.LogFilter{Brand: "meizu"})
			r.read(auditor, core.LogFilter{Brand: "meizu", After: 3})
			r.read(auditor, core.LogFilter{Brand: "meizu", Before: 3, Latest: true})
		}
		step := func(what string, want int) {
			t.Helper()
			if got := r.readings(); got != want {
				t.Errorf("%s: %d rows of readings, want %d", what, got, want)
			}
		}
		step("pages", 1)
		r.read(auditor, core.LogFilter{Brand: "xiaomi"})
		step("another filter", 2)
		elsewhere := auditor
		elsewhere.Address = "192.0.2.10"
		r.read(elsewhere, core.LogFilter{Brand: "meizu"})
		step("from another address", 3)
		r.now = r.now.Add(10 * time.Minute)
		r.read(auditor, core.LogFilter{Brand: "meizu"})
		step("later", 4)
	})
}

// unwritable is a log that nothing can be appended to.
type unwritable struct{ core.StaffLogStore }

func (unwritable) AppendStaffEntry(context.Context, *core.StaffEntry) error { return core.ErrFull }

func TestWhoCannotBeWrittenDownReadsNothing(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		r := newReads(t, s)
		log := core.NewStaffLog(unwritable{r.store}, nil, nil)
		rows, err := log.Read(t.Context(), auditor, core.LogFilter{Limit: 9})
		if rows != nil || !errors.Is(err, core.ErrFull) {
			t.Errorf("got %v, %v", rows, err)
		}
		if head, err := log.Head(t.Context()); err != nil || head.Signature != "" || head.Seq != 6 || log.PublicKey() != "" {
			t.Errorf("without a key the head is %+v, %v", head, err)
		}
		head, err := r.Head(t.Context())
		must(t, err)
		if head.Seq != 6 || head.At != opening.UTC().Format(time.RFC3339) || head.Key != logKey(t, 1).Public().ID() {
			t.Errorf("the head is %+v", head)
		}
	})
}

// TestTheLogOfAnOrderHasNothingToEraseWithItsShopper has staff handle an order whose conditions and parcel say more.
func TestTheLogOfAnOrderHasNothingToEraseWithItsShopper(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		l := newLife(t, s, obliging(), nil)
		o := l.place("ann-of-somewhere")
		l.pays(o)
		_, err := l.moves(o, core.ConditionReceived)
		must(t, err)
		_, err = l.ships(o)
		must(t, err)
		rows, err := logOf(t, s).StaffLogRows(t.Context(), core.LogFilter{Limit: 100})
		must(t, err)
		found := 0
		for i := range rows {
			text := string(rows[i].Before) + string(rows[i].After)
			found += strings.Count(text, `"order":"`)
			for _, private := range []string{"ann-of-somewhere", `"data"`, "SF123"} {
				if strings.Contains(text, private) {
					t.Errorf("row %d has %s: %s", rows[i].Seq, private, text)
				}
			}
		}
		if found != 4 {
			t.Errorf("%d documents of orders", found)
		}
	})
}
