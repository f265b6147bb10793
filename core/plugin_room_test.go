package core_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"

	"hotdrop/core"
)

// other is staff of another brand than the author's.
var other = core.Principal{ID: "other", Role: core.RoleBrand, Brand: "xiaomi"}

func TestOneBrandsSlowUploadsLeaveRoomForOthers(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		r := newRegistry(t, s)
		var writers []*io.PipeWriter
		var uploading sync.WaitGroup
		begin := func(actor core.Principal) {
			reader, writer := io.Pipe()
			writers = append(writers, writer)
			uploading.Go(func() {
				_, _, err := r.Upload(t.Context(), core.PluginUpload{Actor: actor, Body: reader})
				if core.CodeOf(err) != core.CodeInvalid {
					t.Errorf("an upload that broke off: %v", err)
				}
			})
			_, err := writer.Write([]byte("x")) // returns when the upload has its slot and reads
			must(t, err)
		}
		for _, person := range []string{"ann", "bob", "ann", "ann"} {
			begin(ofBrand(person))
		}
		_, _, err := r.Upload(t.Context(), core.PluginUpload{Actor: author, Body: strings.NewReader("fit")})
		wantCode(t, err, core.CodeOverloaded)
		const full = "4 uploads of the brand meizu are under way on this node, as many as one brand may have: 3 by ann, 1 by bob; send this one again"
		if !strings.Contains(err.Error(), full) {
			t.Errorf("told %q", err)
		}
		_, _, err = r.Upload(t.Context(), core.PluginUpload{Actor: other, Body: strings.NewReader("fit")})
		must(t, err)
		for i := range 12 {
			begin(core.Principal{ID: "one more", Role: core.RoleBrand, Brand: fmt.Sprint("brand-", i)})
		}
		_, _, err = r.Upload(t.Context(), core.PluginUpload{Actor: other, Body: strings.NewReader("fit")})
		wantCode(t, err, core.CodeOverloaded) // the node has its own bound
		for _, writer := range writers {
			_ = writer.CloseWithError(io.ErrUnexpectedEOF) // never fails
		}
		uploading.Wait()
		r.upload("fit") // every slot is free again
	})
}

func TestWhatABrandKeepsIsBounded(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		r := newRegistry(t, s).with(func(o *core.PluginOptions) { o.BrandBytes = 50 })
		first := "fit" + strings.Repeat("1", 27)
		r.upload(first)
		_, _, err := r.Upload(t.Context(), core.PluginUpload{Actor: author, Body: strings.NewReader("fit" + strings.Repeat("2", 18))})
		wantCode(t, err, core.CodeStorageFull)
		want := "with this module of 21 bytes the plugins of the brand meizu and their reports would take 51 bytes; they may take 50"
		if !strings.Contains(err.Error(), want) {
			t.Errorf("it says %v", err)
		}
		swept, err := r.store.SweepUploads(t.Context(), 1<<60)
		if err != nil || swept != 0 {
			t.Errorf("the refused upload left something: %d, %v", swept, err)
		}
		r.upload(first) // is there already
		_, _, err = r.Upload(t.Context(), core.PluginUpload{Actor: other, Body: strings.NewReader("fit" + strings.Repeat("2", 18))})
		must(t, err)
		r.upload("fit" + strings.Repeat("2", 17)) // is just as much as there is room for
		_, _, err = r.Upload(t.Context(), core.PluginUpload{Actor: author, Body: strings.NewReader("3")})
		wantCode(t, err, core.CodeStorageFull)
		must(t, r.decide(core.PluginReject, first))
		r.upload("3")
	})
}

func TestUploadsThatArriveTogetherShareTheRoom(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		const size, room = 10, 25
		r := newRegistry(t, s)
		nodes := []*registry{r, r, r}
		for i := range nodes {
			nodes[i] = r.with(func(o *core.PluginOptions) { o.BrandBytes = room })
		}
		var uploading sync.WaitGroup
		for i, node := range nodes {
			for k := range 3 {
				uploading.Go(func() {
					module := fmt.Sprintf("fit %d %d%s", i, k, strings.Repeat("x", size-7))
					_, _, err := node.Upload(t.Context(), core.PluginUpload{Actor: author, Body: strings.NewReader(module)})
					if err != nil && core.CodeOf(err) != core.CodeStorageFull {
						t.Errorf("upload: %v", err)
					}
				})
			}
		}
		uploading.Wait()
		used, err := r.store.PluginUsage(t.Context(), "meizu")
		must(t, err)
		if used.Modules > room {
			t.Errorf("the brand keeps %d bytes of %d", used.Modules, room)
		}
	})
}

func TestTheBytesOfWhatWasNeverApprovedGoWhenItIsUnwanted(t *testing.T) {
	for name, end := range map[string]func(t *testing.T, r *registry) core.PluginState{
		"refused by vetting": func(_ *testing.T, r *registry) core.PluginState {
			r.vets.strict = true
			r.vet()
			r.vets.strict = false
			return core.PluginRefused
		},
		"rejected before vetting": func(t *testing.T, r *registry) core.PluginState {
			must(t, r.decide(core.PluginReject, "fit"))
			return core.PluginRejected
		},
		"rejected after vetting": func(t *testing.T, r *registry) core.PluginState {
			r.vet()
			must(t, r.decide(core.PluginReject, "fit"))
			return core.PluginRejected
		},
		"given up": func(t *testing.T, r *registry) core.PluginState {
			p := r.is("fit", core.PluginUploaded)
			p.Lease.Attempts = 5
			must(t, r.store.SavePlugin(t.Context(), &core.PluginChange{Plugin: p}))
			r.vet()
			return core.PluginRefused
		},
	} {
		t.Run(name, func(t *testing.T) {
			eachStore(t, func(t *testing.T, s store) {
				r := newRegistry(t, s)
				r.upload("fit")
				p := r.is("fit", end(t, r))
				used, err := r.store.PluginUsage(t.Context(), "meizu")
				must(t, err)
				_, unread := r.Wasm(t.Context(), p)
				wantCode(t, unread, core.CodeWrongState)
				if used.Modules != 0 || p.Size != 3 {
					t.Errorf("%d bytes are kept of %+v", used.Modules, p)
				}
			})
		})
	}
}

func TestTheBytesOfWhatWasApprovedStay(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		r := newRegistry(t, s)
		r.approved("fit 1")
		r.approved("fit 2")
		must(t, r.decide(core.PluginRevoke, "fit 1"))
		next := r.node("2")
		next.vets.strict = true
		next.vet()
		must(t, r.decide(core.PluginReject, "fit 2"))
		for module, state := range map[string]core.PluginState{"fit 1": core.PluginRevoked, "fit 2": core.PluginRejected} {
			wasm, err := r.Wasm(t.Context(), r.is(module, state))
			if err != nil || string(wasm) != module {
				t.Errorf("%q, %v", wasm, err)
			}
		}
	})
}

func TestARefusedPluginIsVettedAgainFromTheBytesThatWereSentAgain(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		r := newRegistry(t, s)
		r.vets.strict = true
		r.upload("fit")
		r.vet()
		r.upload("fit") // without being asked for: it stands, and the bytes go again
		if swept, err := r.store.SweepUploads(t.Context(), 1<<60); err != nil || swept != 0 {
			t.Errorf("%d uploads were left, %v", swept, err)
		}
		r.vets.strict = false
		again := core.PluginUpload{Actor: author, Body: strings.NewReader("fit"), Again: true}
		_, _, err := r.with(func(o *core.PluginOptions) { o.BrandBytes = 1 }).Upload(t.Context(), again)
		wantCode(t, err, core.CodeStorageFull)
		r.is("fit", core.PluginRefused)
		again.Body = strings.NewReader("fit")
		_, _, err = r.Upload(t.Context(), again)
		must(t, err)
		if r.vet() != 1 {
			t.Error("not vetted")
		}
		must(t, r.decide(core.PluginApprove, "fit"))
		p, err := r.Loadable(t.Context(), "meizu", "phone", digestOf("fit"))
		must(t, err)
		wasm, err := r.Wasm(t.Context(), p)
		if err != nil || string(wasm) != "fit" {
			t.Errorf("%q, %v", wasm, err)
		}
	})
}

// entries is a store that keeps what is written into the staff log about plugins.
type entries struct {
	core.PluginStore

	list *[]core.StaffEntry
}

func (e entries) SavePlugin(ctx context.Context, change *core.PluginChange) error {
	err := e.PluginStore.SavePlugin(ctx, change)
	if err == nil && change.Entry != nil {
		*e.list = append(*e.list, *change.Entry)
	}
	return err
}

func TestAnApprovalThatNewRulesUndoIsInTheStaffLog(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		r := newRegistry(t, s)
		r.approved("fit")
		r.upload("fit, and never approved")
		r.vet()
		var list []core.StaffEntry
		r.store = entries{r.store, &list}
		next := r.node("2")
		next.vets.strict = true
		vetted := next.vet()
		list = slices.DeleteFunc(list, func(e core.StaffEntry) bool { return !strings.Contains(string(e.Before), `"state":"approved"`) })
		if vetted != 2 || len(list) != 1 {
			t.Fatalf("logged %+v", list)
		}
		entry := list[0]
		if entry.Actor != "system" || entry.Action != "plugin.refuse" || entry.Brand != "meizu" || entry.At != opening.UnixMilli() ||
			!strings.Contains(string(entry.Before), `"state":"approved"`) || !strings.Contains(string(entry.After), `"state":"refused"`) {
			t.Errorf("logged %+v: %s, %s", entry, entry.Before, entry.After)
		}
		if p := r.is("fit", core.PluginRefused); p.Reason != entry.Reason || p.Reason == "because" {
			t.Errorf("the reason is %q", p.Reason)
		}
	})
}

func TestRulesOfItsOwnConcernOnePluginOnly(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		r := newRegistry(t, s)
		r.approved("fit one")
		r.approved("fit two")
		granted := r.with(func(o *core.PluginOptions) { o.Own = map[string]string{digestOf("fit one"): "1, granted more"} })
		_, err := granted.Loadable(t.Context(), "meizu", "phone", digestOf("fit one"))
		wantCode(t, err, core.CodeUnavailable)
		_, err = granted.Loadable(t.Context(), "meizu", "phone", digestOf("fit two"))
		must(t, err)
		if granted.vet() != 1 || granted.vets.begun[0] != "fit one" || r.vet() != 0 {
			t.Errorf("vetted %q again", granted.vets.begun)
		}
		for _, node := range []*registry{r, granted} {
			for _, module := range []string{"fit one", "fit two"} {
				_, err := node.Loadable(t.Context(), "meizu", "phone", digestOf(module))
				must(t, err)
			}
		}
		if p := granted.is("fit one", core.PluginApproved); p.Report.Version != "1, granted more" {
			t.Errorf("the report is of version %q", p.Report.Version)
		}
	})
}

func TestNoModuleIsRefusedBecauseNoVerdictCouldBeFound(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		r := newRegistry(t, s)
		r.upload("fit")
		r.vets.fail = errors.New("the vetting child never got ready")
		for attempt := range 50 {
			if worked, err := r.VetNext(t.Context()); !worked || err == nil {
				t.Fatalf("attempt %d: %t, %v", attempt+1, worked, err)
			}
			if worked, _ := r.VetNext(t.Context()); worked {
				t.Fatal("tried again without a pause")
			}
			r.is("fit", core.PluginUploaded)
			r.clock.advance(retryPause)
		}
		r.vets.fail = nil
		if r.vet() != 1 {
			t.Error("not vetted in the end")
		}
		r.is("fit", core.PluginVetted)
	})
}

func TestAPluginWhoseBytesAreDamagedIsGivenUp(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		r := newRegistry(t, s)
		p := r.upload("fit")
		must(t, r.store.PutPluginPart(t.Context(), core.PluginPart{Brand: "meizu", Upload: "wrong", Bytes: []byte("???")}))
		drop := p.Upload
		p.Upload = "wrong"
		must(t, r.store.SavePlugin(t.Context(), &core.PluginChange{Plugin: p, Drop: drop, Adopt: true}))
		for attempt := range 5 {
			if worked, err := r.VetNext(t.Context()); !worked || core.CodeOf(err) != core.CodeInternal {
				t.Fatalf("attempt %d: %t, %v", attempt+1, worked, err)
			}
			r.clock.advance(retryPause)
		}
		if r.vet() != 0 || len(r.vets.begun) != 0 {
			t.Error("it was tried a sixth time")
		}
		if p := r.is("fit", core.PluginRefused); p.Report != nil || p.Reason == "" {
			t.Errorf("given up as %+v", p)
		}
		rows, err := logOf(t, s).StaffLogRows(t.Context(), core.LogFilter{Action: "plugin.refuse", Limit: 9})
		if err != nil || len(rows) != 1 || rows[0].Actor != "system" {
			t.Errorf("the staff log has %+v, %v", rows, err)
		}
		r.upload("fit") // there is no report: the same bytes are reason enough
		if r.vet() != 1 {
			t.Error("not vetted from new bytes")
		}
		r.is("fit", core.PluginVetted)
	})
}

func TestTheBrandThatWaitsLongestIsNext(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		r := newRegistry(t, s)
		for i := range 6 {
			r.upload(fmt.Sprint("fit ", i))
		}
		r.clock.advance(retryPause)
		_, _, err := r.Upload(t.Context(), core.PluginUpload{Actor: other, Body: strings.NewReader("fit, other")})
		must(t, err)
		for range 2 {
			worked, err := r.VetNext(t.Context())
			if !worked || err != nil {
				t.Fatalf("%t, %v", worked, err)
			}
		}
		if r.vets.begun[1] != "fit, other" {
			t.Errorf("vetted in the order %q", r.vets.begun)
		}
	})
}
