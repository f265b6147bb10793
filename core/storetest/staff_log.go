package storetest

import (
	"cmp"
	"fmt"
	"slices"
	"testing"

	"hotdrop/core"
)

// wholeLog reads the staff log from its first row on, in pages, and checks that it is a chain up to its head.
func wholeLog(t *testing.T, store core.StaffLogStore) []core.LoggedEntry {
	t.Helper()
	end, deployment, err := store.StaffLogHead(t.Context())
	must(t, err)
	if deployment == "" {
		t.Error("the deployment has no id")
	}
	var all []core.LoggedEntry
	var head core.LogHead
	for head.Seq < end.Seq {
		page, err := store.StaffLogRows(t.Context(), core.LogFilter{After: head.Seq, Limit: 100})
		must(t, err)
		if len(page) == 0 {
			t.Fatalf("the log ends at %d, its head is %d", head.Seq, end.Seq)
		}
		for i := range page {
			same(t, "hash of the row before", page[i].Previous, head.Hash)
			head = head.Next(&page[i].StaffEntry)
			same(t, "row", core.LogHead{Seq: page[i].Seq, Hash: page[i].Hash}, head)
		}
		all = append(all, page...)
	}
	return all
}

// numbers are the numbers of the rows that the filter picks.
func numbers(t *testing.T, store core.StaffLogStore, f core.LogFilter) []int64 {
	t.Helper()
	rows, err := store.StaffLogRows(t.Context(), f)
	must(t, err)
	var list []int64
	for i := range rows {
		list = append(list, rows[i].Seq)
	}
	return list
}

// note is an entry about nothing else, by a brand of its own.
func note(brand string, n int) *core.StaffEntry {
	return &core.StaffEntry{
		At: opening + int64(n), Actor: fmt.Sprint("staff-", n%2), Role: "auditor", Credential: "key-1", Address: "2001:db8::1",
		Brand: brand, Campaign: fmt.Sprint(brand, "-", n%2), Action: fmt.Sprint("log.", n%3), Reason: "末日, because",
		After: []byte(`{"n":1}`),
	}
}

func testStaffLog(t *testing.T, store Store) {
	t.Run("an entry is read as it was appended, and ends the log", func(t *testing.T) {
		before, deployment, err := store.StaffLogHead(t.Context())
		must(t, err)
		entry := note(unique("acme"), 1)
		must(t, store.AppendStaffEntry(t.Context(), entry))
		after, same_, err := store.StaffLogHead(t.Context())
		must(t, err)
		same(t, "head", after, before.Next(entry))
		same(t, "deployment", same_, deployment)
		rows, err := store.StaffLogRows(t.Context(), core.LogFilter{Brand: entry.Brand, Limit: 9})
		must(t, err)
		same(t, "rows", rows, []core.LoggedEntry{{StaffEntry: *entry, Seq: after.Seq, Hash: after.Hash, Previous: before.Hash}})
	})

	t.Run("no document and an empty one are two things", func(t *testing.T) {
		entry := note(unique("acme"), 1)
		entry.Before, entry.After = nil, []byte{}
		must(t, store.AppendStaffEntry(t.Context(), entry))
		rows, err := store.StaffLogRows(t.Context(), core.LogFilter{Brand: entry.Brand, Limit: 1})
		must(t, err)
		same(t, "before", rows[0].Before == nil, true)
		same(t, "after", rows[0].After != nil && len(rows[0].After) == 0, true)
	})

	t.Run("a filter picks by every field, from either end, page by page", func(t *testing.T) {
		b := unique("acme")
		for n := range 6 {
			must(t, store.AppendStaffEntry(t.Context(), note(b, n)))
			must(t, store.AppendStaffEntry(t.Context(), note(b+"-other", n)))
		}
		all := numbers(t, store, core.LogFilter{Brand: b, Limit: 100})
		same(t, "rows of the brand", len(all), 6)
		at := func(places ...int) (list []int64) {
			for _, i := range places {
				list = append(list, all[i])
			}
			return list
		}
		for name, one := range map[string]struct {
			filter core.LogFilter
			want   []int64
		}{
			"actor":        {core.LogFilter{Actor: "staff-1"}, at(1, 3, 5)},
			"campaign":     {core.LogFilter{Campaign: b + "-0"}, at(0, 2, 4)},
			"action":       {core.LogFilter{Action: "log.2"}, at(2, 5)},
			"since":        {core.LogFilter{Since: opening + 4}, at(4, 5)},
			"first page":   {core.LogFilter{Limit: 2}, at(0, 1)},
			"next page":    {core.LogFilter{After: all[1], Limit: 2}, at(2, 3)},
			"latest":       {core.LogFilter{Latest: true, Limit: 2}, at(5, 4)},
			"and earlier":  {core.LogFilter{Latest: true, Before: all[4], Limit: 2}, at(3, 2)},
			"between":      {core.LogFilter{After: all[0], Before: all[3]}, at(1, 2)},
			"nobody's row": {core.LogFilter{Actor: "nobody"}, nil},
		} {
			one.filter.Brand = b
			one.filter.Limit = cmp.Or(one.filter.Limit, 100)
			same(t, name, numbers(t, store, one.filter), one.want)
		}
	})

	t.Run("every change appends its row, and one that is refused none", func(t *testing.T) {
		s := openSale(t, store, map[string]int64{stock: 3})
		order := s.order("ann")
		s.apply(s.plan(order))
		moved := &core.Plan{
			Campaign: s.campaign, Brand: brand, Moves: []core.Move{{Order: order}},
			Counters: []core.Delta{{Counter: stock, Units: 0}}, Entry: s.did("order.ship"),
		}
		s.apply(moved)
		s.refused(moved)
		s.limits[core.CounterOrders] = core.Unbounded
		s.next()
		added := s.added(2)
		must(t, s.AddRuleset(t.Context(), added))
		wantConflict(t, s.AddRuleset(t.Context(), added))
		locked := s.plan(s.order("bob"))
		locked.Entry, locked.Epoch = s.did("order.locked"), 0
		_, err := s.ApplyLocked(t.Context(), core.Query{Campaign: s.campaign, Brand: s.brand}, func(*core.State) (*core.Plan, error) { return locked, nil })
		must(t, err)
		rows, err := store.StaffLogRows(t.Context(), core.LogFilter{Campaign: s.campaign, Limit: 9})
		must(t, err)
		var actions []string
		for i := range rows {
			actions = append(actions, rows[i].Action)
		}
		same(t, "actions", actions, []string{"campaign.apply", "order.ship", "campaign.apply", added.Entry.Action, "order.locked"})
		wholeLog(t, store)
	})

	t.Run("a scan shows every row once, in order", func(t *testing.T) {
		all := wholeLog(t, store)
		var scanned []core.LoggedEntry
		var head core.LogHead
		must(t, store.ScanStaffLog(t.Context(), func(row *core.StoredEntry) error {
			e := core.LoggedEntry{StaffEntry: row.StaffEntry, Seq: row.Seq, Hash: row.Hash, Previous: head.Hash}
			head = core.LogHead{Seq: row.Seq, Hash: row.Hash}
			scanned = append(scanned, e)
			return nil
		}))
		same(t, "rows", scanned, all)
	})
}

// did is an entry about the sale.
func (s *sale) did(action string) *core.StaffEntry {
	return &core.StaffEntry{
		At: opening, Actor: "staff-1", Role: "operator", Brand: brand, Campaign: s.campaign, Action: action, Reason: "a test",
	}
}

// testStaffLogConcurrency has everything that appends do so at once, in two campaigns whose counters others take from.
func testStaffLogConcurrency(t *testing.T, store Store) {
	sales := []*sale{
		openSale(t, store, map[string]int64{stock: 1000}), openSale(t, store, map[string]int64{stock: 1000}),
	}
	const rounds = 12
	inParallel(8, func(worker int) {
		s := sales[worker%2]
		for n := range rounds {
			s.logs(worker, n)
		}
	})
	all := wholeLog(t, store)
	for _, s := range sales {
		mine := slices.DeleteFunc(slices.Clone(all), func(e core.LoggedEntry) bool { return e.Campaign != s.campaign })
		count := map[string]int{}
		for i := range mine {
			count[mine[i].Action]++
		}
		same(t, "rows by action", count, map[string]int{
			"campaign.apply": int(s.record.Revision), "order.ship": rounds, "note": rounds,
		})
		s.book().check(t)
	}
}

// logs is one step of it: by worker, a change of the campaign, a staff action that takes and gives in one plan with others'
// orders, orders alone, and an entry by itself.
func (s *sale) logs(worker, n int) {
	switch worker / 2 {
	case 0:
		s.next()
	case 1:
		order := s.order(shopperName(1000 + n))
		plan := s.planUnder(0, order)
		plan.Entry = s.did("order.ship")
		for !s.tries(plan) {
			s.t.Log("again") // the campaign's change was first
		}
	case 2:
		s.tries(s.planUnder(0, s.order(shopperName(n))))
	default:
		must(s.t, s.AppendStaffEntry(s.t.Context(), s.did("note")))
	}
}

// checkSealed checks that the row from before the log was a chain is its first, as it was, and that changes after the
// migration follow it.
func checkSealed(t *testing.T, store Store) {
	t.Helper()
	rows := wholeLog(t, store)
	old := core.StaffEntry{
		At: 7, Actor: "staff-1", Role: "operator", Brand: "acme", Campaign: "steady", Action: "campaign.apply", Reason: "more of it",
		After: []byte(`{}`),
	}
	same(t, "row of the earlier release", rows[0].StaffEntry, old)
	if len(rows) < 2 {
		t.Error("what was changed since is not in the log")
	}
}
