package main

import (
	"bytes"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"hotdrop/api"
	"hotdrop/core"
	"hotdrop/plugins"
	"hotdrop/plugins/vet"
)

// granted is a policy that grants the defaults, but something else to one plugin.
func granted(digest string, change func(*plugins.Limits)) grants {
	limits := plugins.DefaultLimits()
	change(&limits)
	return grants{policy: &plugins.Policy{Defaults: plugins.DefaultLimits(), Plugins: map[string]plugins.Limits{digest: limits}}}
}

func TestAPluginWhoseGrantChangesIsVettedAgainUnderTheNewOne(t *testing.T) {
	l := newLoader(t, time.Hour, grants{})
	digest, other := l.approved(packedTradeIn(t, "")), l.approved(packedTradeIn(t, "# other\n"))
	for _, step := range []struct {
		name   string
		change func(*plugins.Limits)
		state  core.PluginState
	}{
		{"more fuel", func(l *plugins.Limits) { l.Fuel *= 2 }, core.PluginApproved},
		{"less memory", func(l *plugins.Limits) { l.MemoryBytes -= 64 << 10 }, core.PluginApproved},
		{"too little fuel", func(l *plugins.Limits) { l.Fuel = 10 }, core.PluginRefused},
	} {
		g := granted(digest, step.change)
		next := l.granting(time.Hour, g)
		if _, err := next.bind(digest); core.CodeOf(err) != core.CodeUnavailable {
			t.Errorf("%s, before it is vetted again: %v", step.name, err)
		}
		mechanic, err := next.bind(other)
		if err != nil {
			t.Errorf("%s, another plugin: %v", step.name, err)
		}
		runtime.KeepAlive(mechanic)
		if worked, err := next.registry.VetNext(t.Context()); !worked || err != nil {
			t.Fatalf("%s: %t, %v", step.name, worked, err)
		}
		if worked, err := next.registry.VetNext(t.Context()); worked || err != nil {
			t.Errorf("%s: the other plugin was vetted too, %v", step.name, err)
		}
		p, err := next.registry.Plugin(t.Context(), core.Principal{Brand: "meizu"}, "", digest)
		if err != nil || p.State != step.state {
			t.Fatalf("%s: %+v, %v", step.name, p, err)
		}
		if _, err := next.bind(digest); err == nil {
			t.Errorf("%s: bound on the approval of other limits", step.name)
		}
		if step.state == core.PluginApproved {
			next.approvedAnew(digest)
		}
		mechanic, err = next.bind(digest)
		if (err == nil) != (step.state == core.PluginApproved) {
			t.Errorf("%s: %v", step.name, err)
		}
		if step.state == core.PluginApproved && next.loaded.entries[loadKey{digest, g.limits(digest, 0)}] == nil {
			t.Errorf("%s: it has other limits", step.name)
		}
		runtime.KeepAlive(mechanic)
	}
}

// approvedAnew ends the approvals of the plugin, which was granted something else since, and gives it new ones.
func (l *loader) approvedAnew(digest string) {
	l.t.Helper()
	if n, err := l.registry.Lapse(l.t.Context()); err != nil || n != 1 {
		l.t.Errorf("%d lapsed, %v", n, err)
	}
	if err := l.approve(digest); err != nil {
		l.t.Error(err)
	}
}

func TestTheVersionTellsWhatIsGranted(t *testing.T) {
	seen := map[string]string{}
	for name, g := range map[string]grants{
		"nothing said": {}, "demo": {generous: true},
		"a policy": {policy: &plugins.Policy{Defaults: plugins.Limits{Fuel: 1}}},
	} {
		version := g.version()
		if !strings.HasPrefix(version, vet.Version()) || seen[version] != "" {
			t.Errorf("%s and %q have %q", name, seen[version], version)
		}
		seen[version] = name
	}
	same := grants{policy: plugins.DefaultPolicy()}
	if same.version() != (grants{}).version() {
		t.Error("a policy that says the default makes everything be vetted again")
	}
	own := granted("sha256:x", func(*plugins.Limits) {})
	if own.own()["sha256:x"] != own.version() || len(same.own()) != 0 || (grants{}).own() != nil {
		t.Error("a grant of what all have is another version")
	}
}

// vetOnce asks a vetter whose child is the command line about a module.
func vetOnce(t *testing.T, child []string) (*core.Verdict, error) {
	t.Helper()
	module := packedTradeIn(t, "")
	v := &moduleVetter{child: child}
	return v.Vet(t.Context(), &core.Plugin{Digest: plugins.Digest(module), Size: int64(len(module))}, module)
}

func TestAChildOfAnotherVersionNeverGetsReady(t *testing.T) {
	_, err := vetOnce(t, []string{os.Args[0], vetChildName, "another version"})
	if err == nil || !strings.Contains(err.Error(), "never got ready") || !strings.Contains(err.Error(), "was replaced") {
		t.Errorf("%v", err)
	}
	child, err := vetChild()
	if err != nil {
		t.Fatal(err)
	}
	if verdict, err := vetOnce(t, child); err != nil || !verdict.Accepted {
		t.Errorf("%+v, %v", verdict, err)
	}
}

// removedFlag makes a test remove the binary it runs in.
const removedFlag = "HOTDROP_TEST_REMOVE_SELF"

func TestAServerWhoseFileIsReplacedStartsItselfAsTheChild(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.SkipNow() // elsewhere the version that the child is told keeps it from getting ready
	}
	if os.Getenv(removedFlag) == "" {
		self := filepath.Join(t.TempDir(), "copy")
		if err := copyFile(self, os.Args[0]); err != nil {
			t.Fatal(err)
		}
		cmd := exec.CommandContext(t.Context(), self, "-test.run=^"+t.Name()+"$")
		cmd.Env = append(os.Environ(), removedFlag+"=1")
		if out, err := cmd.CombinedOutput(); err != nil || strings.Contains(string(out), "no tests to run") {
			t.Errorf("%v\n%s", err, out)
		}
		return
	}
	child, err := vetChild()
	if err == nil {
		err = os.Remove(os.Args[0])
	}
	if err == nil {
		err = os.WriteFile(os.Args[0], []byte("#!/bin/sh\nexit 3\n"), 0o700)
	}
	if err != nil {
		t.Fatal(err)
	}
	if verdict, err := vetOnce(t, child); err != nil || !verdict.Accepted {
		t.Errorf("%+v, %v", verdict, err)
	}
}

func copyFile(to, from string) error {
	content, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	return os.WriteFile(to, content, 0o700)
}

// bounds is a transport that notes how long every request may take.
type bounds struct {
	list *[]time.Duration
}

func (b bounds) RoundTrip(r *http.Request) (*http.Response, error) {
	deadline, _ := r.Context().Deadline()
	*b.list = append(*b.list, time.Until(deadline).Round(time.Minute))
	recorder := httptest.NewRecorder()
	_, _ = recorder.WriteString(`{"digest":"sha256:1","state":"approved"}`)
	return recorder.Result(), nil
}

func TestAnUploadMayTakeLongerThanTheServerGivesItsBody(t *testing.T) {
	var list []time.Duration
	before := http.DefaultClient.Transport
	http.DefaultClient.Transport = bounds{&list}
	defer func() { http.DefaultClient.Transport = before }()
	file := writeFile(t, t.TempDir(), "mine.packed.wasm", string(packedTradeIn(t, "")))
	s := &submission{client: client{server: "https://server", key: "k"}, format: outputText}
	if err := s.submit(t.Context(), file, io.Discard, io.Discard); err != nil {
		t.Fatal(err)
	}
	if len(list) != 1 || list[0] != 6*time.Minute {
		t.Errorf("the requests may take %v", list)
	}
}

// A key that is derived of nothing is one that everybody can derive.
func TestWithoutATokenSecretCompiledCodeIsSealedUnderWhatElseTheKeysFileKeeps(t *testing.T) {
	seal := func(forget bool) []byte {
		keys := api.NewDemoKeys()
		if forget {
			keys.TokenSecret = nil
		}
		s := &serveSettings{databaseSettings: databaseSettings{data: t.TempDir()}}
		return s.pluginOptions(t.Context(), keys, slog.New(slog.DiscardHandler)).CacheKey
	}
	for _, forget := range []bool{false, true} {
		if one, other := seal(forget), seal(forget); len(one) == 0 || bytes.Equal(one, other) {
			t.Errorf("without a token secret %v: two keys files seal under %x and %x", forget, one, other)
		}
	}
}
