package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"hotdrop/core"
	"hotdrop/core/storetest"
	"hotdrop/plugins"
)

func TestARevokedPluginSwitchesOnlyItsOwnMechanicOff(t *testing.T) {
	t.Run("on SQLite", func(t *testing.T) { revokeWhileSelling(t, newAuthor(t)) })
	t.Run("on Postgres", func(t *testing.T) { revokeWhileSelling(t, newAuthor(t, "--database-url", storetest.PostgresURL(t))) })
}

// shop sends a shopper's requests to the author's server.
type shop struct{ *author }

func (s *shop) ask(want int, shopper, method, path, body string) answer {
	s.t.Helper()
	key := ""
	if method == http.MethodPost {
		key = "k-" + shopper
	}
	got := request(s.t, want, method, s.server.url+path, tokenOf(s.t, s.server.url, shopper), key, body)
	for _, word := range []string{"/v1/plugins", "platform", "approve", "revoked"} {
		if strings.Contains(got.text, word) {
			s.t.Errorf("%s is told what is for staff: %s", shopper, got.text)
		}
	}
	return got
}

// order places an order in a campaign that wants this status.
func (s *shop) order(want int, shopper, campaign string) answer {
	s.t.Helper()
	return s.ask(want, shopper, http.MethodPost, "/v1/campaigns/"+campaign+"/orders", tradeInOrder)
}

func revokeWhileSelling(t *testing.T, a *author) {
	t.Helper()
	const list, reduced = float64(179900), float64(179900 - 50000)
	s := &shop{a}
	module := packedTradeIn(t, "")
	digest := plugins.Digest(module)
	if r := a.submit(module); r.code != exitOK {
		t.Fatalf("exit %d\n%s%s", r.code, r.stdout, r.stderr)
	}
	a.decide(http.StatusOK, digest, "approvals")
	for id, policy := range map[string]string{"denies": "deny", "skips": "skip"} {
		file := tradeInCampaign(id, "meizu", digest) + "    on_failure: " + policy + "\n"
		requireRun(t, a.folder, "campaign", "apply", "--reason", "a test", writeFile(t, a.folder, id+".yaml", file), "--server", a.server.url)
	}
	placed := s.order(http.StatusCreated, "ann", "denies")
	if placed.body["total"] != reduced {
		t.Fatalf("the plugin decided %s", placed.text)
	}
	path := "/v1/orders/" + placed.str("id")

	a.decide(http.StatusOK, digest, "revocations")
	afterwards := func(shopper string) {
		t.Helper()
		s.ask(http.StatusOK, shopper, http.MethodGet, "/v1/campaigns/denies", "")
		if got := s.order(http.StatusServiceUnavailable, shopper, "denies"); got.code() != string(core.CodeMechanicFailed) {
			t.Errorf("refused as %s", got.text)
		}
		if got := s.order(http.StatusCreated, shopper, "skips"); got.body["total"] != list {
			t.Errorf("the revoked plugin decided %s", got.text)
		}
	}
	afterwards("bob")
	a.refusesToBind("denies", "meizu", digest, "the plugin is revoked, not approved")

	if code := a.server.signal(t, syscall.SIGINT); code != exitOK {
		t.Fatalf("exit %d\n%s", code, a.server.log())
	}
	a.server = serve(t, a.folder, append(whereOf(a.server), "--demo")...)
	afterwards("cid")
	s.ask(http.StatusOK, "ann", http.MethodGet, path, "")
	s.ask(http.StatusCreated, "ann", http.MethodPost, "/v1/wallet/topups", `{"currency":"CNY","amount":200000}`)
	if got := s.ask(http.StatusOK, "ann", http.MethodPost, path+"/pay", ""); got.str("state") != string(core.OrderPaid) {
		t.Errorf("paid as %s", got.text)
	}
	if log := a.server.log(); strings.Contains(log, "cannot be served") || strings.Count(log, "runs without one of its plugins") != 2 {
		t.Errorf("the log is\n%s", log)
	}
}

func TestTheCompilerTellsWhatKeepsAPluginOutFromAStoreThatIsAway(t *testing.T) {
	l := newLoader(t, time.Hour, grants{})
	digest := l.approved(packedTradeIn(t, "")) // and not loaded yet
	wantKept := func(when string, err error, hooks []core.Hook, code core.Code) {
		t.Helper()
		why, ok := errors.AsType[*core.NotLoadable](err)
		if !ok || core.CodeOf(err) != code || !slices.Equal(why.Hooks, hooks) {
			t.Errorf("%s: %v %+v", when, err, why)
		}
	}
	quote := []core.Hook{core.HookQuote}
	_, err := l.bind(plugins.Digest([]byte("another")))
	wantKept("that nobody uploaded", err, nil, core.CodeInvalid)
	l.uploaded = &shaken{l.registry, core.Errorf(core.CodeInternal, "the stored plugin is damaged")}
	_, err = l.bind(digest)
	wantKept("that is damaged", err, quote, core.CodeInternal)
	for name, away := range map[string]error{
		"the store is away": &core.Error{Code: core.CodeUnavailable, Err: core.ErrUnavailable},
		"nobody waits":      fmt.Errorf("reading: %w", context.Canceled),
		"it took too long":  fmt.Errorf("reading: %w", context.DeadlineExceeded),
	} {
		l.uploaded = &shaken{l.registry, away}
		_, err = l.bind(digest)
		if _, kept := errors.AsType[*core.NotLoadable](err); kept || err == nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	l.uploaded = l.registry
	_, err = l.Compile(t.Context(), core.Binding{Plugin: digest, Brand: "meizu", Config: core.Object{"color": "red"}})
	wantKept("with a config that it refuses", err, quote, core.CodeInvalid)
	_, err = l.registry.Decide(t.Context(), core.PluginDecision{
		Actor: core.Principal{ID: "platform", Role: core.RolePlatform}, Digest: digest, Action: core.PluginRevoke, Reason: "test",
	})
	if err != nil {
		t.Fatal(err)
	}
	_, err = l.bind(digest)
	wantKept("that is revoked", err, quote, core.CodeInvalid)
}

// shaken is a registry whose plugins cannot be read.
type shaken struct {
	*core.PluginRegistry

	err error
}

func (s *shaken) Wasm(context.Context, *core.Plugin) ([]byte, error) { return nil, s.err }

// TestADemoStartsAgainWithoutAPluginThatWasRevoked binds a plugin in a campaign of the demo, which shifts its windows at
// every start.
func TestADemoStartsAgainWithoutAPluginThatWasRevoked(t *testing.T) {
	a := newAuthor(t)
	module := packedTradeIn(t, "")
	digest := plugins.Digest(module)
	if r := a.submit(module); r.code != exitOK {
		t.Fatalf("exit %d\n%s%s", r.code, r.stdout, r.stderr)
	}
	a.decide(http.StatusOK, digest, "approvals")
	export := requireRun(t, a.folder, "campaign", "export", "trade-in", "--server", a.server.url)
	bound := strings.Replace(export, "plugin: trade-in", "plugin: "+digest, 1)
	requireRun(t, a.folder, "campaign", "apply", "--reason", "a test", writeFile(t, a.folder, "mine.yaml", bound), "--server", a.server.url)
	a.decide(http.StatusOK, digest, "revocations")
	if code := a.server.signal(t, syscall.SIGINT); code != exitOK {
		t.Fatalf("exit %d\n%s", code, a.server.log())
	}
	a.server = serve(t, a.folder, "--demo")
	if again := requireRun(t, a.folder, "campaign", "export", "trade-in", "--server", a.server.url); !strings.Contains(again, digest) {
		t.Errorf("the campaign in force is\n%s", again)
	}
}
