package storetest

import (
	"testing"

	"hotdrop/core"
)

func testPluginBytes(t *testing.T, store Store) {
	t.Run("a brand takes the modules it keeps, its uploads under way and its reports", func(t *testing.T) {
		s := newShelf(t, store)
		newShelf(t, store).create("another brand's", opening)
		same(t, "at first", s.usage(), core.PluginUsage{})
		p := s.create("abc", opening)
		same(t, "a module", s.usage(), core.PluginUsage{Modules: 3})
		s.put("u", opening, []byte("12345"), []byte("67"))
		same(t, "and an upload", s.usage(), core.PluginUsage{Modules: 10})
		p = s.save(p, &core.PluginReport{Version: "1", Document: []byte(`{"说":1}`)})
		s.save(p, &core.PluginReport{Version: "2", Document: []byte(`{}`)})
		same(t, "and reports", s.usage(), core.PluginUsage{Modules: 10, Reports: 11})
		must(t, s.DropUpload(t.Context(), s.brand, "u"))
		same(t, "without the upload", s.usage(), core.PluginUsage{Modules: 3, Reports: 11})
	})

	t.Run("a plugin without bytes keeps its state and its report", func(t *testing.T) {
		s := newShelf(t, store)
		p := s.create("abc", opening)
		kept := s.create("other", opening)
		change := &core.PluginChange{Plugin: p, Drop: p.Upload, Report: &core.PluginReport{Version: "1", Document: []byte(`{}`), At: 1}}
		p.State, p.Upload = core.PluginRefused, ""
		must(t, s.SavePlugin(t.Context(), change))
		want := *p
		want.Revision, want.Report = 2, change.Report
		same(t, "plugin", s.one("abc"), &want)
		same(t, "part", s.part("abc", 0), []byte(nil))
		same(t, "usage", s.usage(), core.PluginUsage{Modules: kept.Size, Reports: 2})
		same(t, "another's part", s.part("other", 0), []byte("other"))
	})

	t.Run("a plugin takes the bytes of a later upload", func(t *testing.T) {
		s := newShelf(t, store)
		p := s.create("abc", opening)
		before := p.Upload
		s.put("later", opening, []byte("ab"), []byte("c"))
		p.Upload = "later"
		must(t, s.SavePlugin(t.Context(), &core.PluginChange{Plugin: p, Drop: before, Adopt: true}))
		same(t, "parts", [][]byte{s.part("abc", 0), s.part("abc", 1)}, [][]byte{[]byte("ab"), []byte("c")})
		must(t, s.DropUpload(t.Context(), s.brand, "later")) // it is none any more
		same(t, "part", s.part("abc", 0), []byte("ab"))
		same(t, "usage", s.usage(), core.PluginUsage{Modules: 3})
	})

	t.Run("an upload that was swept is taken by nobody, and nothing is dropped for it", func(t *testing.T) {
		s := newShelf(t, store)
		p := s.create("abc", opening)
		changed := *p
		changed.Upload = "swept"
		wantConflict(t, s.SavePlugin(t.Context(), &core.PluginChange{Plugin: &changed, Drop: p.Upload, Adopt: true}))
		same(t, "plugin", s.one("abc"), p)
		same(t, "part", s.part("abc", 0), []byte("abc"))
	})
}
