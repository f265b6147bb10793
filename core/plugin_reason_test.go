package core_test

import (
	"crypto/ed25519"
	"strings"
	"testing"

	"hotdrop/core"
)

func TestAnUploadIsKeptWithItsReasonOrWithWhatItWas(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		r := newRegistry(t, s)
		written, ok := s.(core.StaffLogStore)
		if !ok {
			t.Fatalf("%T has no staff log", s)
		}
		other := core.Principal{ID: "other", Role: core.RoleBrand, Brand: author.Brand}
		for i, c := range []struct {
			who         core.Principal
			given, kept string
		}{
			{author, "", "sent for the first time"},
			{other, "", "the same bytes were sent again"},
			{core.Principal{ID: "third", Role: core.RoleBrand, Brand: author.Brand}, "a better build", "a better build"},
		} {
			_, _, err := r.Upload(t.Context(), core.PluginUpload{Actor: c.who, Body: strings.NewReader("fit"), Reason: c.given})
			must(t, err)
			var log []core.StoredEntry
			must(t, written.ScanStaffLog(t.Context(), func(row *core.StoredEntry) error { log = append(log, *row); return nil }))
			if len(log) != i+1 || log[i].Action != "plugin.upload" || log[i].Actor != c.who.ID || log[i].Reason != c.kept {
				t.Errorf("the staff log is %+v", log)
			}
		}
		_, _, err := r.Upload(t.Context(), core.PluginUpload{Actor: author, Body: strings.NewReader("fit"), Reason: "two\nlines"})
		wantCode(t, err, core.CodeInvalid)
	})
}

func TestASigningKeyIsKeptWithWhatItWas(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		written, ok := s.(core.StaffLogStore)
		if !ok {
			t.Fatalf("%T has no staff log", s)
		}
		public, _, err := ed25519.GenerateKey(nil)
		must(t, err)
		_, _, err = newRegistry(t, s).AddSigningKey(t.Context(), core.NewSigningKey{Actor: author, Name: "build", Public: public})
		must(t, err)
		must(t, written.ScanStaffLog(t.Context(), func(row *core.StoredEntry) error {
			if row.Action != "signing_key.create" || row.Reason != "the key was registered" {
				t.Errorf("the staff log has %+v", row)
			}
			return nil
		}))
	})
}
