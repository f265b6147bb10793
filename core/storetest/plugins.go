package storetest

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"hotdrop/core"
)

// shelf is a brand of its own in a store of plugins.
type shelf struct {
	Store
	t     testing.TB
	brand string
}

func newShelf(t testing.TB, store Store) *shelf {
	t.Helper()
	return &shelf{store, t, unique("brand")}
}

// digest makes a digest of a name.
func digest(name string) string {
	sum := sha256.Sum256([]byte(name))
	return "sha256:" + hex.EncodeToString(sum[:])
}

// put stores the parts of an upload that is not finished.
func (s *shelf) put(upload string, at int64, parts ...[]byte) {
	s.t.Helper()
	for i, part := range parts {
		must(s.t, s.PutPluginPart(s.t.Context(), core.PluginPart{
			Brand: s.brand, Upload: upload, Number: int64(i), Bytes: part, At: at,
		}))
	}
}

// plugin is what an upload may become.
func (s *shelf) plugin(upload, name string, at int64) *core.Plugin {
	return &core.Plugin{
		Brand: s.brand, Digest: digest(name), Size: 3, State: core.PluginUploaded, Upload: upload, UploadedAt: at,
		UploadedBy: "staff-1", Revision: 1,
	}
}

// create uploads one part and makes it a plugin.
func (s *shelf) create(name string, at int64) *core.Plugin {
	s.t.Helper()
	p := s.plugin(unique("upload"), name, at)
	s.put(p.Upload, at, []byte(name))
	must(s.t, s.CreatePlugin(s.t.Context(), p, s.entry("plugin.upload")))
	return p
}

func (s *shelf) entry(action string) core.StaffEntry {
	return core.StaffEntry{At: opening, Actor: "staff-1", Role: "brand", Brand: s.brand, Action: action, After: []byte(`{}`)}
}

// rules are those of one version for every plugin.
func rules(version string) core.PluginRules { return core.PluginRules{Version: version} }

// usage is what the brand takes.
func (s *shelf) usage() core.PluginUsage {
	s.t.Helper()
	usage, err := s.PluginUsage(s.t.Context(), s.brand)
	must(s.t, err)
	return usage
}

// found looks the plugins up.
func (s *shelf) found(f core.PluginFilter) []*core.Plugin {
	s.t.Helper()
	if f.Limit == 0 {
		f.Limit = 100
	}
	list, err := s.FindPlugins(s.t.Context(), f)
	must(s.t, err)
	return list
}

// one looks up the plugin of the name with its report of version 1.
func (s *shelf) one(name string) *core.Plugin {
	s.t.Helper()
	list := s.found(core.PluginFilter{Brand: s.brand, Digest: digest(name), Rules: rules("1"), Document: true})
	if len(list) != 1 {
		s.t.Fatalf("there are %d plugins %s", len(list), name)
	}
	return list[0]
}

// save changes the plugin and returns it as it should be then.
func (s *shelf) save(p *core.Plugin, report *core.PluginReport) *core.Plugin {
	s.t.Helper()
	must(s.t, s.SavePlugin(s.t.Context(), &core.PluginChange{Plugin: p, Report: report}))
	saved := *p
	saved.Revision++
	if report != nil {
		saved.Report = report
	}
	return &saved
}

// part reads one part of a plugin.
func (s *shelf) part(name string, number int64) []byte {
	s.t.Helper()
	part, err := s.PluginPart(s.t.Context(), s.brand, digest(name), number)
	must(s.t, err)
	return part
}

func testPlugins(t *testing.T, store Store) {
	t.Run("the latest upload comes first, page by page", func(t *testing.T) {
		s := newShelf(t, store)
		var want []*core.Plugin
		for i := range 7 {
			want = append(want, s.create(fmt.Sprint(i), opening+int64(i/2))) // three pairs of the same time
		}
		slices.SortFunc(want, func(a, b *core.Plugin) int {
			if a.UploadedAt != b.UploadedAt {
				return int(b.UploadedAt - a.UploadedAt)
			}
			return strings.Compare(b.Digest, a.Digest)
		})
		var got []*core.Plugin
		f := core.PluginFilter{Brand: s.brand, Limit: 3}
		for range 3 {
			page := s.found(f)
			got = append(got, page...)
			last := got[len(got)-1]
			f.After = &core.PluginCursor{At: last.UploadedAt, Brand: last.Brand, Digest: last.Digest}
		}
		same(t, "list", got, want)
		same(t, "beyond the end", len(s.found(f)), 0)
	})

	t.Run("what waits for vetting can be asked for alone", func(t *testing.T) {
		s := newShelf(t, store)
		for _, state := range []core.PluginState{
			core.PluginUploaded, core.PluginVetting, core.PluginVetted, core.PluginRefused, core.PluginApproved, core.PluginRejected,
			core.PluginRevoked,
		} {
			p := s.create(string(state), opening)
			p.State = state
			s.save(p, nil)
		}
		var states []string
		for _, p := range s.found(core.PluginFilter{Brand: s.brand, Pending: true}) {
			states = append(states, string(p.State))
		}
		slices.Sort(states)
		same(t, "states", states, []string{"uploaded", "vetting"})
	})

	t.Run("a change is saved whole and raises the revision", func(t *testing.T) {
		s := newShelf(t, store)
		p := s.create("a", opening)
		p.State, p.Name, p.DecidedAt, p.DecidedBy, p.Reason = core.PluginApproved, "trade-in", opening+9, "platform-1", "fit"
		p.Lease = core.PluginLease{Holder: "node/1", Until: opening + 10, Attempts: 2}
		report := &core.PluginReport{Version: "1", Accepted: true, Document: []byte(`{"verdict":"accepted","说":"好"}`), At: opening + 8}
		same(t, "plugin", s.one("a").Report, (*core.PluginReport)(nil))
		same(t, "plugin", s.save(p, report), s.one("a"))
	})

	t.Run("a change from another revision is a conflict and writes nothing", func(t *testing.T) {
		s := newShelf(t, store)
		p := s.create("a", opening)
		current := s.save(p, nil)
		for _, revision := range []int64{1, 3} {
			stale := *current
			stale.Revision, stale.State = revision, core.PluginRevoked
			report := &core.PluginReport{Version: "1", Document: []byte(`{}`)}
			wantConflict(t, s.SavePlugin(t.Context(), &core.PluginChange{Plugin: &stale, Report: report}))
		}
		same(t, "plugin", s.one("a"), current)
		none := s.plugin("u", "none", opening)
		wantConflict(t, s.SavePlugin(t.Context(), &core.PluginChange{Plugin: none}))
	})

	t.Run("there is one report a version, the last, and its document comes only when it is asked for", func(t *testing.T) {
		s := newShelf(t, store)
		p := s.create("a", opening)
		p = s.save(p, &core.PluginReport{Version: "1", Accepted: false, Document: []byte(`{"n":1}`), At: 1})
		p = s.save(p, &core.PluginReport{Version: "2", Accepted: true, Document: []byte(`{"n":2}`), At: 2})
		s.save(p, &core.PluginReport{Version: "1", Accepted: true, Document: []byte(`{"n":3}`), At: 3})
		for _, test := range []struct {
			version  string
			document bool
			want     *core.PluginReport
		}{
			{"1", true, &core.PluginReport{Version: "1", Accepted: true, Document: []byte(`{"n":3}`), At: 3}},
			{"2", true, &core.PluginReport{Version: "2", Accepted: true, Document: []byte(`{"n":2}`), At: 2}},
			{"2", false, &core.PluginReport{Version: "2", Accepted: true, At: 2}},
			{"3", true, nil},
			{"", true, nil},
		} {
			got := s.found(core.PluginFilter{Brand: s.brand, Rules: rules(test.version), Document: test.document})[0].Report
			same(t, "report of version "+test.version, got, test.want)
		}
		own := core.PluginRules{Version: "1", Own: map[string]string{digest("a"): "2", digest("b"): "3"}}
		got := s.found(core.PluginFilter{Brand: s.brand, Rules: own})[0].Report
		same(t, "report by rules of its own", got, &core.PluginReport{Version: "2", Accepted: true, At: 2})
	})
}

func testPluginsDue(t *testing.T, store Store) {
	due := func(s *shelf, now int64, version string) []string {
		s.t.Helper()
		list, err := s.DuePlugins(s.t.Context(), core.PluginsDue{Now: now, Rules: rules(version), Limit: 1000})
		must(s.t, err)
		var names []string
		for _, p := range list {
			if p.Brand == s.brand {
				names = append(names, p.Name)
			}
		}
		return names
	}

	t.Run("what is approved comes first, then the oldest; what is decided against does not come", func(t *testing.T) {
		s := newShelf(t, store)
		for i, state := range []core.PluginState{
			core.PluginVetted, core.PluginRefused, core.PluginVetting, core.PluginRejected, core.PluginApproved, core.PluginRevoked,
			core.PluginUploaded,
		} {
			p := s.create(string(state), opening+int64(i))
			p.State, p.Name = state, string(state)
			s.save(p, nil)
		}
		same(t, "due", due(s, opening, "1"), []string{"approved", "vetted", "vetting", "uploaded"})
	})

	t.Run("brands take turns, however much one of them has waiting", func(t *testing.T) {
		busy, calm := newShelf(t, store), newShelf(t, store)
		for i := range 5 {
			busy.create(fmt.Sprint("b", i), opening+int64(i))
		}
		for i := range 2 {
			calm.create(fmt.Sprint("c", i), opening+100+int64(i))
		}
		var order []string
		for now := opening + 200; len(order) < 7; now++ {
			list, err := store.DuePlugins(t.Context(), core.PluginsDue{Now: now, Rules: rules("1"), Limit: 1000})
			must(t, err)
			next := slices.IndexFunc(list, func(p *core.Plugin) bool { return p.Brand == busy.brand || p.Brand == calm.brand })
			p := list[next]
			shelf := map[string]*shelf{busy.brand: busy, calm.brand: calm}[p.Brand]
			order = append(order, map[string]string{busy.brand: "busy", calm.brand: "calm"}[p.Brand])
			if p.State = core.PluginVetted; len(order) == 1 { // an attempt without a verdict is a turn too
				p.State, p.Lease.Until = core.PluginUploaded, now
				shelf.save(p, nil)
				continue
			}
			p.Lease = core.PluginLease{}
			shelf.save(p, &core.PluginReport{Version: "1", Accepted: true, Document: []byte(`{}`), At: now})
		}
		same(t, "order", order, []string{"busy", "calm", "busy", "calm", "busy", "busy", "busy"})
	})

	t.Run("a lease keeps others away until it has run out", func(t *testing.T) {
		s := newShelf(t, store)
		p := s.create("a", opening)
		p.State, p.Name, p.Lease = core.PluginVetting, "a", core.PluginLease{Holder: "node", Until: opening + 10, Attempts: 1}
		s.save(p, nil)
		same(t, "under the lease", due(s, opening+9, "1"), []string(nil))
		same(t, "after it", due(s, opening+10, "1"), []string{"a"})
	})

	t.Run("a report counts for its version alone", func(t *testing.T) {
		s := newShelf(t, store)
		p := s.create("a", opening)
		p.State, p.Name = core.PluginApproved, "a"
		s.save(p, &core.PluginReport{Version: "1", Accepted: true, Document: []byte(`{}`)})
		same(t, "version 1", due(s, opening, "1"), []string(nil))
		same(t, "version 2", due(s, opening, "2"), []string{"a"})
		for version, want := range map[string]int{"1": 0, "2": 1} {
			own := core.PluginRules{Version: "3", Own: map[string]string{p.Digest: version}}
			list, err := s.DuePlugins(t.Context(), core.PluginsDue{Now: opening, Rules: own, Limit: 1000})
			must(t, err)
			mine := slices.DeleteFunc(list, func(p *core.Plugin) bool { return p.Brand != s.brand })
			same(t, "due by rules of its own, version "+version, len(mine), want)
		}
		p = s.one("a")
		p.State = core.PluginUploaded
		s.save(p, nil)
		same(t, "uploaded again", due(s, opening, "1"), []string{"a"})
	})

	t.Run("of many that want the same plugin one gets it", func(t *testing.T) {
		s := newShelf(t, store)
		p := s.create("a", opening)
		won := make([]bool, 8)
		var claiming sync.WaitGroup
		for i := range won {
			claiming.Go(func() {
				mine := *p
				mine.State, mine.Lease = core.PluginVetting, core.PluginLease{Holder: fmt.Sprint(i), Until: opening + 10, Attempts: 1}
				err := s.SavePlugin(t.Context(), &core.PluginChange{Plugin: &mine})
				if err != nil && !errors.Is(err, core.ErrConflict) {
					t.Errorf("claim: %v", err)
				}
				won[i] = err == nil
			})
		}
		claiming.Wait()
		winner := slices.Index(won, true)
		if winner < 0 || slices.Contains(won[winner+1:], true) {
			t.Fatalf("the winners are %v", won)
		}
		same(t, "holder", s.one("a").Lease.Holder, fmt.Sprint(winner))
	})
}
