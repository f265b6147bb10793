package core_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"hotdrop/core"
)

// TestTheHashOfARowIsWhatItsDocumentationSays computes it the long way.
func TestTheHashOfARowIsWhatItsDocumentationSays(t *testing.T) {
	hash := func(text string) string { return fmt.Sprintf("%x", sha256.Sum256([]byte(text))) }
	entry := &core.StaffEntry{
		At: 1356062400000, Actor: "ann", Role: "operator", Credential: "k1", Address: "192.0.2.1", Brand: "xiaomi", Campaign: "phone",
		Action: "campaign.apply", Reason: "末日", After: []byte(`{"a":1}`),
	}
	previous := hash("anything")
	want := hash("20:hotdrop staff log v1,64:" + previous + ",1:8,13:1356062400000,3:ann,8:operator,2:k1,9:192.0.2.1,6:xiaomi,5:phone," +
		"14:campaign.apply,6:末日,0:,64:" + hash(`{"a":1}`) + ",")
	if got := (core.LogHead{Seq: 7, Hash: previous}).Next(entry); got != (core.LogHead{Seq: 8, Hash: want}) {
		t.Errorf("got %+v, want %s", got, want)
	}
	first := core.LogHead{}.Next(&core.StaffEntry{})
	if want := hash("20:hotdrop staff log v1,0:,1:1,1:0,0:,0:,0:,0:,0:,0:,0:,0:,0:,0:,"); first.Hash != want {
		t.Errorf("the first row has the hash %s, want %s", first.Hash, want)
	}
}

func TestNoTwoRowsHaveOneHash(t *testing.T) {
	text := rapid.SampledFrom([]string{"", "a", "aa", "1:a", ",", "0:,", "1"})
	entry := rapid.Custom(func(t *rapid.T) core.StaffEntry {
		e := core.StaffEntry{
			At: rapid.Int64Range(-1, 1).Draw(t, "at"), Actor: text.Draw(t, "actor"), Role: text.Draw(t, "role"),
			Credential: text.Draw(t, "credential"), Address: text.Draw(t, "address"), Brand: text.Draw(t, "brand"),
			Campaign: text.Draw(t, "campaign"), Action: text.Draw(t, "action"), Reason: text.Draw(t, "reason"),
			Before: []byte(text.Draw(t, "before")), After: []byte(text.Draw(t, "after")),
		}
		if rapid.Bool().Draw(t, "nothing before") {
			e.Before = nil
		}
		return e
	})
	rapid.Check(t, func(t *rapid.T) {
		a, b := entry.Draw(t, "a"), entry.Draw(t, "b")
		head := core.LogHead{Seq: rapid.Int64Range(0, 1).Draw(t, "seq"), Hash: text.Draw(t, "previous")}
		one, other := fmt.Sprintf("%#v", a), fmt.Sprintf("%#v", b)
		if (head.Next(&a) == head.Next(&b)) != (one == other) {
			t.Fatalf("%s and %s", one, other)
		}
		if moved := (core.LogHead{Seq: head.Seq + 1, Hash: head.Hash}); moved.Next(&a).Hash == head.Next(&a).Hash {
			t.Fatal("the number does not count")
		}
	})
}

func logKey(t testing.TB, seed byte) *core.LogKey {
	t.Helper()
	key, err := core.NewLogKey(bytes.Repeat([]byte{seed}, 32))
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func TestASignedHeadIsReadBack(t *testing.T) {
	key := logKey(t, 1)
	public, err := core.ParseLogPublicKey(key.Public().String())
	if err != nil {
		t.Fatal(err)
	}
	signed := key.Sign("d", core.LogHead{Seq: 3, Hash: strings.Repeat("a", 64)}, time.UnixMilli(1356062400000))
	if signed.At != "2012-12-21T04:00:00Z" || signed.Key != public.ID() {
		t.Errorf("signed %+v", signed)
	}
	line, err := json.Marshal(signed)
	if err != nil {
		t.Fatal(err)
	}
	got, err := core.ParseHead(line, logKey(t, 2).Public(), public)
	if err != nil || *got != *signed {
		t.Errorf("got %+v, %v", got, err)
	}
}

func TestWhatIsNoHeadOfThisKeyIsRefused(t *testing.T) {
	signed := logKey(t, 1).Sign("d", core.LogHead{Seq: 3, Hash: strings.Repeat("a", 64)}, time.UnixMilli(1))
	for name, one := range map[string]struct {
		change func(h *core.SignedHead)
		want   error
	}{
		"another number":     {func(h *core.SignedHead) { h.Seq++ }, core.ErrHeadForged},
		"another hash":       {func(h *core.SignedHead) { h.Hash = strings.Repeat("b", 64) }, core.ErrHeadForged},
		"another instant":    {func(h *core.SignedHead) { h.At = "2012-12-21T04:00:00Z" }, core.ErrHeadForged},
		"another deployment": {func(h *core.SignedHead) { h.Deployment = "e" }, core.ErrHeadForged},
		"a bad signature":    {func(h *core.SignedHead) { h.Signature = "?" }, core.ErrHeadForged},
		"no signature":       {func(h *core.SignedHead) { h.Signature = "" }, core.ErrHeadUnsigned},
		"no key":             {func(h *core.SignedHead) { h.Key = "" }, core.ErrHeadUnsigned},
		"another key's name": {func(h *core.SignedHead) { h.Key = logKey(t, 2).Public().ID() }, core.ErrHeadOtherKey},
		"another key": {func(h *core.SignedHead) {
			*h = *logKey(t, 2).Sign("d", core.LogHead{Seq: 3, Hash: h.Hash}, time.UnixMilli(1))
		}, core.ErrHeadOtherKey},
		"no row":      {func(h *core.SignedHead) { h.Seq = 0 }, core.ErrHeadUnreadable},
		"half a hash": {func(h *core.SignedHead) { h.Hash = "ab" }, core.ErrHeadUnreadable},
	} {
		t.Run(name, func(t *testing.T) {
			changed := *signed
			one.change(&changed)
			line, err := json.Marshal(changed)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := core.ParseHead(line, logKey(t, 1).Public()); !errors.Is(err, one.want) {
				t.Errorf("got %v, want %v", err, one.want)
			}
		})
	}
	for _, text := range []string{"", "{}", "{", "[]", `{"seq":"1"}`} {
		if _, err := core.ParseHead([]byte(text), logKey(t, 1).Public()); !errors.Is(err, core.ErrHeadUnreadable) {
			t.Errorf("%q: got %v", text, err)
		}
	}
}

func TestWhatIsNoLogKeyIsRefused(t *testing.T) {
	if _, err := core.NewLogKey(make([]byte, 31)); err == nil {
		t.Error("a key of 31 bytes")
	}
	for _, text := range []string{"", "?", "AAAA", hex.EncodeToString(make([]byte, 32))} {
		if _, err := core.ParseLogPublicKey(text); err == nil {
			t.Errorf("a public key %q", text)
		}
	}
}

func FuzzParseHead(f *testing.F) {
	key, err := core.NewLogKey(make([]byte, 32))
	if err != nil {
		f.Fatal(err)
	}
	line, err := json.Marshal(key.Sign("d", core.LogHead{Seq: 1, Hash: strings.Repeat("0", 64)}, time.UnixMilli(0)))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(line)
	f.Add([]byte(`{"seq":1}`))
	f.Fuzz(func(t *testing.T, line []byte) {
		head, err := core.ParseHead(line, key.Public())
		if (head == nil) == (err == nil) {
			t.Errorf("%q is %v and %v", line, head, err)
		}
	})
}
