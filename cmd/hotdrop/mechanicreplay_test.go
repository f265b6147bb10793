package main

import (
	"encoding/json"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"hotdrop/api"
	"hotdrop/core"
	"hotdrop/plugins"
)

// TestShippedRulesAndPluginsAreReplayedByACompilerThatShipsNone replays what a campaign of both kinds decided.
func TestShippedRulesAndPluginsAreReplayedByACompilerThatShipsNone(t *testing.T) {
	e := newExplained(t)
	order, _, err := e.Place(t.Context(), core.OrderRequest{
		Campaign: "phone", Shopper: core.Principal{ID: "ann", Role: core.RoleShopper}, SKU: "mi2", Quantity: 1,
		Input: core.Object{"trade_in": core.Object{"brand": "Xiaomi"}}, Key: "k",
	})
	if err != nil {
		t.Fatal(err)
	}
	r, err := e.Recording(t.Context(), order.ID, core.Principal{ID: "op", Role: core.RoleOperator})
	if err != nil {
		t.Fatal(err)
	}
	c := newRecordedCompiler(slog.New(slog.DiscardHandler))
	t.Cleanup(func() { _ = c.close(t.Context()) })
	x, err := core.Replay(t.Context(), r, c)
	if err != nil {
		t.Fatal(err)
	}
	if !x.Reproduced || x.Total != order.Total || x.Bindings[2].Fuel == 0 || len(x.Bindings) != 4 {
		t.Errorf("%+v", x)
	}
	for i := range r.Artefacts {
		middle := len(r.Artefacts[i].Bytes) / 2
		r.Artefacts[i].Bytes[middle]++
		if x, err := core.Replay(t.Context(), r, c); err != nil || x.Reproduced {
			t.Errorf("a byte of %s %s was changed: %v, reproduced", r.Artefacts[i].Kind, r.Artefacts[i].Digest, err)
		}
		r.Artefacts[i].Bytes[middle]--
	}
}

// TestAnOrderIsReplayedWithoutItsServer has an uploaded plugin decide, revokes it, ends its ruleset and then the server, and
// replays the saved recording where there is nothing else.
func TestAnOrderIsReplayedWithoutItsServer(t *testing.T) {
	a := newAuthor(t)
	s := &shop{a}
	module := packedTradeIn(t, "")
	digest := plugins.Digest(module)
	if r := a.submit(module); r.code != exitOK {
		t.Fatalf("exit %d\n%s%s", r.code, r.stdout, r.stderr)
	}
	a.decide(http.StatusOK, digest, "approvals")
	file := tradeInCampaign("trade", "meizu", digest) + "    on_failure: skip\n"
	requireRun(t, a.folder, "campaign", "apply", "--reason", "a test", writeFile(t, a.folder, "trade.yaml", file), "--server", a.server.url)
	order := s.order(http.StatusCreated, "ann", "trade").str("id")
	a.decide(http.StatusOK, digest, "revocations")
	unasked := s.order(http.StatusCreated, "bob", "trade").str("id")

	for _, id := range []string{order, unasked} {
		if r := run(t, a.folder, "mechanic", "replay", id, "--server", a.server.url, "--save", id+".json"); r.code != exitOK {
			t.Errorf("exit %d\n%s%s", r.code, r.stdout, r.stderr)
		}
	}
	if r := run(t, a.folder, "mechanic", "replay", order, "--server", a.server.url, "--key", "wrong"); r.code != exitFailed {
		t.Errorf("without a key: exit %d", r.code)
	}
	if code := a.server.signal(t, syscall.SIGINT); code != exitOK {
		t.Fatalf("exit %d\n%s", code, a.server.log())
	}
	elsewhere := t.TempDir()
	text, err := os.ReadFile(filepath.Join(a.folder, order+".json"))
	if err != nil {
		t.Fatal(err)
	}
	path := writeFile(t, elsewhere, "order.json", string(text))
	var replayed api.Explanation
	if err := json.Unmarshal([]byte(requireRun(t, elsewhere, "mechanic", "replay", path, "-o", "json")), &replayed); err != nil {
		t.Fatal(err)
	}
	if b := replayed.Bindings[0]; !replayed.Reproduced || replayed.Order != order || b.Digest != digest || b.Fuel == 0 || replayed.Total != 129900 {
		t.Errorf("%+v", replayed)
	}
	if out := requireRun(t, elsewhere, "mechanic", "replay", path); !strings.Contains(out, "decided again, it is the same") {
		t.Errorf("it says\n%s", out)
	}
	forged := writeFile(t, elsewhere, "forged.json", strings.Replace(string(text), `"total":129900`, `"total":100`, 1))
	if r := run(t, elsewhere, "mechanic", "replay", forged); r.code != exitFailed || !strings.Contains(r.stdout, "total of the order: pinned 100, now 129900") {
		t.Errorf("exit %d\n%s%s", r.code, r.stdout, r.stderr)
	}
	if r := run(t, elsewhere, "mechanic", "replay", "nothing.json"); r.code != exitFailed || !strings.Contains(r.stderr, "no order's id either") {
		t.Errorf("exit %d\n%s%s", r.code, r.stdout, r.stderr)
	}
}

func TestARecordedPluginThatIsNotWhatItSaysIsRefused(t *testing.T) {
	c := newRecordedCompiler(slog.New(slog.DiscardHandler))
	t.Cleanup(func() { _ = c.close(t.Context()) })
	module := packedTradeIn(t, "")
	greedy := plugins.DefaultLimits()
	greedy.Fuel = 1 << 60
	for name, test := range map[string]struct {
		digest  string
		content any
		why     string
	}{
		"bytes of another digest":        {plugins.Digest(nil), recordedPlugin{plugins.DefaultLimits(), module}, "has the module"},
		"limits that nobody would grant": {plugins.Digest(module), recordedPlugin{greedy, module}, "the limits of the artefact"},
		"a module that is none":          {plugins.Digest([]byte("x")), recordedPlugin{plugins.DefaultLimits(), []byte("x")}, "the manifest"},
		"no plugin at all":               {plugins.Digest(module), []int{1}, "cannot unmarshal"},
	} {
		t.Run(name, func(t *testing.T) {
			text, err := json.Marshal(test.content)
			if err != nil {
				t.Fatal(err)
			}
			_, err = c.CompileArtefact(t.Context(), core.Binding{Plugin: test.digest}, &core.Artefact{Digest: test.digest, Kind: artefactUploaded, Bytes: text})
			if err == nil || !strings.Contains(err.Error(), test.why) {
				t.Errorf("%v, want %q", err, test.why)
			}
		})
	}
	sound, _ := json.Marshal(recordedPlugin{plugins.DefaultLimits(), module})
	m, err := c.CompileArtefact(t.Context(), core.Binding{}, &core.Artefact{Digest: plugins.Digest(module), Kind: artefactUploaded, Bytes: sound})
	if err != nil || m.Manifest().Name != "trade-in" {
		t.Errorf("%v", err)
	}
}

func TestWhatIsKeptForTooShortATimeIsRefused(t *testing.T) {
	for _, flag := range []string{"--keep-refusals", "--keep-samples"} {
		if r := run(t, t.TempDir(), "serve", "--demo", flag, "1s"); r.code != exitUsage || !strings.Contains(r.stderr, "at least 2m0s") {
			t.Errorf("%s: exit %d\n%s", flag, r.code, r.stderr)
		}
	}
}

// TestARefusalIsReadWithWhatWasDecided has a server refuse an order, and reads why from the log, which is on disk.
func TestARefusalIsReadWithWhatWasDecided(t *testing.T) {
	a := newAuthor(t)
	s := &shop{a}
	file, _, _ := strings.Cut(tradeInCampaign("refuses", "meizu", ""), "  - plugin:")
	file += "  - rule: {rule: choosy, hook: quote, then: [{deny: {reason: not_today, text: Come back tomorrow}}]}\n"
	requireRun(t, a.folder, "campaign", "apply", "--reason", "a test", writeFile(t, a.folder, "refuses.yaml", file), "--server", a.server.url)
	s.order(http.StatusForbidden, "ann", "refuses")
	if code := a.server.signal(t, syscall.SIGINT); code != exitOK {
		t.Fatalf("exit %d\n%s", code, a.server.log())
	}
	a.server = serve(t, a.folder, append(whereOf(a.server), "--demo")...)
	keys := demoKeys(t, filepath.Join(a.folder, "data"))
	for brand, want := range map[string]int{"meizu": http.StatusOK, "xiaomi": http.StatusNotFound} {
		got := request(t, want, http.MethodGet, a.server.url+"/v1/campaigns/refuses/decisions?kind=refusals&code=denied", brandKey(t, keys, brand), "", "")
		if want == http.StatusOK && (!strings.Contains(got.text, `"reason":"not_today"`) || !strings.Contains(got.text, `"mechanic":"choosy"`)) {
			t.Errorf("%s", got.text)
		}
	}
}
