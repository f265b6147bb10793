package storetest

import (
	"bytes"
	"errors"
	"fmt"
	"sync"
	"testing"

	"hotdrop/core"
)

func testPluginUploads(t *testing.T, store Store) {
	t.Run("a plugin comes back as it was uploaded, part by part", func(t *testing.T) {
		s := newShelf(t, store)
		parts := [][]byte{bytes.Repeat([]byte{0, 0xff}, core.PluginPartBytes/2), []byte("\x00asm"), {7}}
		p := s.plugin(unique("upload"), "a", opening)
		s.put(p.Upload, opening, parts...)
		if list := s.found(core.PluginFilter{Brand: s.brand}); len(list) != 0 {
			t.Errorf("an upload that is not finished is seen: %+v", list[0])
		}
		same(t, "part of what is not finished", s.part("a", 0), []byte(nil))
		must(t, s.CreatePlugin(t.Context(), p, s.entry("plugin.upload")))
		same(t, "plugin", s.one("a"), p)
		for i, want := range append(parts, nil) {
			if got := s.part("a", int64(i)); !bytes.Equal(got, want) {
				t.Errorf("part %d has %d bytes, want %d", i, len(got), len(want))
			}
		}
	})

	t.Run("parts follow one another", func(t *testing.T) {
		s := newShelf(t, store)
		s.put("u", opening, []byte("0"))
		for _, number := range []int64{0, 2} {
			wantConflict(t, s.PutPluginPart(t.Context(), core.PluginPart{Brand: s.brand, Upload: "u", Number: number, Bytes: []byte("x")}))
		}
		wantConflict(t, s.PutPluginPart(t.Context(), core.PluginPart{Brand: s.brand, Upload: "none", Number: 1, Bytes: []byte("x")}))
		must(t, s.PutPluginPart(t.Context(), core.PluginPart{Brand: s.brand, Upload: "u", Number: 1, Bytes: []byte("1")}))
		must(t, s.CreatePlugin(t.Context(), s.plugin("u", "a", opening), s.entry("plugin.upload")))
		same(t, "parts", [][]byte{s.part("a", 0), s.part("a", 1), s.part("a", 2)}, [][]byte{[]byte("0"), []byte("1"), nil})
	})

	t.Run("a digest is a brand's once, and the upload that comes second is left to be dropped", func(t *testing.T) {
		s := newShelf(t, store)
		first := s.create("a", opening)
		again := s.plugin(unique("upload"), "a", opening+1)
		s.put(again.Upload, opening+1, []byte("a"))
		wantConflict(t, s.CreatePlugin(t.Context(), again, s.entry("plugin.upload")))
		same(t, "plugin", s.one("a"), first)
		must(t, s.DropUpload(t.Context(), s.brand, again.Upload))
		must(t, s.DropUpload(t.Context(), s.brand, again.Upload))
		same(t, "bytes", s.part("a", 0), []byte("a"))
	})

	t.Run("two brands have the same digest, each with bytes of its own", func(t *testing.T) {
		s, other := newShelf(t, store), newShelf(t, store)
		name := unique("shared")
		a, b := s.create(name, opening), other.create(name, opening+1)
		same(t, "both", s.found(core.PluginFilter{Digest: digest(name)}), []*core.Plugin{b, a})
		same(t, "one", s.found(core.PluginFilter{Brand: s.brand, Digest: digest(name)}), []*core.Plugin{a})
	})

	t.Run("an upload becomes a plugin once", func(t *testing.T) {
		s := newShelf(t, store)
		p := s.create("a", opening)
		wantConflict(t, s.CreatePlugin(t.Context(), s.plugin(p.Upload, "b", opening), s.entry("plugin.upload")))
		must(t, s.DropUpload(t.Context(), s.brand, p.Upload)) // it is none any more
		same(t, "bytes", s.part("a", 0), []byte("a"))
		same(t, "plugins", len(s.found(core.PluginFilter{Brand: s.brand})), 1)
	})

	t.Run("a dropped upload takes no part and becomes nothing", func(t *testing.T) {
		s := newShelf(t, store)
		s.put("u", opening, []byte("0"))
		must(t, s.DropUpload(t.Context(), s.brand, "u"))
		wantConflict(t, s.PutPluginPart(t.Context(), core.PluginPart{Brand: s.brand, Upload: "u", Number: 1, Bytes: []byte("1")}))
		wantConflict(t, s.CreatePlugin(t.Context(), s.plugin("u", "a", opening), s.entry("plugin.upload")))
	})

	t.Run("a sweep takes the old uploads that are not finished, and nothing else", func(t *testing.T) {
		s := newShelf(t, store)
		s.put("old", 1, []byte("0"), []byte("1"))
		s.put("older", 0, []byte("0"))
		s.put("new", 2, []byte("0"))
		s.create("finished", 0)
		swept, err := s.SweepUploads(t.Context(), 2)
		must(t, err)
		same(t, "swept", swept, 2)
		same(t, "bytes of what was finished", s.part("finished", 0), []byte("finished"))
		must(t, s.CreatePlugin(t.Context(), s.plugin("new", "new", 2), s.entry("plugin.upload")))
		for _, gone := range []string{"old", "older"} {
			wantConflict(t, s.CreatePlugin(t.Context(), s.plugin(gone, gone, 1), s.entry("plugin.upload")))
		}
		swept, err = s.SweepUploads(t.Context(), 2)
		must(t, err)
		same(t, "swept again", swept, 0)
	})

	t.Run("a sweep that meets uploads in their last step leaves every plugin whole", func(t *testing.T) {
		s := newShelf(t, store)
		whileSweeping(t, s, func(i int) {
			p := s.plugin(fmt.Sprintf("u%d", i), fmt.Sprintf("p%d", i), int64(i))
			s.put(p.Upload, 0, []byte("0"))
			for number := int64(1); ; number++ {
				err := s.PutPluginPart(t.Context(), core.PluginPart{Brand: s.brand, Upload: p.Upload, Number: number, Bytes: []byte("x")})
				if number > 2 || err != nil {
					break
				}
			}
			if err := s.CreatePlugin(t.Context(), p, s.entry("plugin.upload")); err != nil && !errors.Is(err, core.ErrConflict) {
				t.Errorf("create: %v", err)
			}
		})
		for _, p := range s.found(core.PluginFilter{Brand: s.brand}) {
			part, err := s.PluginPart(t.Context(), p.Brand, p.Digest, 0)
			must(t, err)
			if string(part) != "0" {
				t.Errorf("the plugin of upload %s has lost its bytes", p.Upload)
			}
		}
	})
}

// whileSweeping calls upload with 40 numbers, on two goroutines, while uploads are swept.
func whileSweeping(t *testing.T, s *shelf, upload func(i int)) {
	t.Helper()
	var uploading, sweeping sync.WaitGroup
	ended := make(chan struct{})
	sweeping.Go(func() {
		for {
			select {
			case <-ended:
				return
			default:
				if _, err := s.SweepUploads(t.Context(), 1); err != nil && !errors.Is(err, core.ErrConflict) {
					t.Errorf("sweep: %v", err)
				}
			}
		}
	})
	for half := range 2 {
		uploading.Go(func() {
			for i := range 20 {
				upload(2*i + half)
			}
		})
	}
	uploading.Wait()
	close(ended)
	sweeping.Wait()
}
