package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"hotdrop/api"
	"hotdrop/core"
)

// reviewServer answers what the commands of review ask about plugins, and keeps what they send.
type reviewServer struct {
	*httptest.Server

	plugins []json.RawMessage
	answer  string   // to a decision: status and body; "" for the first plugin
	asked   []string // method and URL
	body    string   // what was sent last
	ifMatch string   // the revision that it was sent for
	tag     string   // of what is read: an ETag
	bound   bool     // whether the campaign trade-in binds the first plugin
	closed  bool     // whether rollouts are not to be seen
}

func newReviewServer(t *testing.T, plugins ...json.RawMessage) *reviewServer {
	t.Helper()
	s := &reviewServer{plugins: plugins}
	s.Server = httptest.NewServer(http.HandlerFunc(s.serve))
	t.Cleanup(s.Close)
	return s
}

// digestOfPlugin is the digest in a plugin's JSON.
func digestOfPlugin(plugin json.RawMessage) string {
	var p api.Plugin
	_ = json.Unmarshal(plugin, &p)
	return p.Digest
}

func (s *reviewServer) serve(w http.ResponseWriter, r *http.Request) {
	s.asked = append(s.asked, r.Method+" "+r.URL.String())
	if r.Method == http.MethodPost {
		text, _ := io.ReadAll(r.Body)
		s.body, s.ifMatch = string(text), r.Header.Get("If-Match")
	}
	switch path := r.URL.Path; {
	case path == "/v1/plugins":
		s.list(w, r)
	case path == "/v1/campaigns":
		_, _ = io.WriteString(w, `{"data":[{"id":"phone","brand":"xiaomi"},{"id":"trade-in","brand":"meizu"}]}`)
	case path == "/v1/campaigns/trade-in/rollout" && !s.closed:
		_, _ = io.WriteString(w, `{"campaign":"trade-in","state":{"live":7,"canary":{"ruleset":8}}}`)
	case strings.HasPrefix(path, "/v1/campaigns/trade-in/rulesets/") && !s.bound:
		_, _ = io.WriteString(w, `{"bindings":[{"mechanic":"trade-in"}]}`)
	case strings.HasPrefix(path, "/v1/campaigns/trade-in/rulesets/"):
		_, _ = fmt.Fprintf(w, `{"bindings":[{"mechanic":"seckill"},{"plugin":%q,"on_failure":"skip"}]}`, digestOfPlugin(s.plugins[0]))
	case r.Method == http.MethodPost && s.answer != "":
		status, body, _ := strings.Cut(s.answer, " ")
		w.WriteHeader(map[string]int{"403": 403, "409": 409}[status])
		_, _ = io.WriteString(w, body)
	case strings.HasPrefix(path, "/v1/plugins/"):
		if s.tag != "" {
			w.Header().Set("ETag", s.tag)
		}
		_, _ = w.Write(s.plugins[0])
	default:
		w.WriteHeader(http.StatusForbidden)
		_, _ = io.WriteString(w, `{"code":"forbidden","detail":"the role platform may not do this"}`)
	}
}

// list answers a page of one plugin after another.
func (s *reviewServer) list(w http.ResponseWriter, r *http.Request) {
	at := 0
	_, _ = fmt.Sscan(r.URL.Query().Get("cursor"), &at)
	page := struct {
		Data []json.RawMessage `json:"data"`
		Next string            `json:"next,omitempty"`
	}{Data: []json.RawMessage{}}
	if at < len(s.plugins) {
		page.Data = s.plugins[at : at+1]
	}
	if at+1 < len(s.plugins) {
		page.Next = fmt.Sprint(at + 1)
	}
	_ = json.NewEncoder(w).Encode(page)
}

// does runs a command of review in this process.
func (s *reviewServer) does(t *testing.T, args ...string) result {
	t.Helper()
	return do(t, append(append([]string{"review"}, args...), "--server", s.URL, "--key", "k")...)
}

// stored reads a plugin as a server answers it.
func stored(t *testing.T, name string) json.RawMessage {
	t.Helper()
	return json.RawMessage(readText(t, filepath.Join("testdata", "review", name+".json")))
}

// TestWhatApproversRead holds what `review show` says of plugins in every state against golden files.
func TestWhatApproversRead(t *testing.T) {
	local := time.Local
	time.Local = time.FixedZone("", 8*60*60) // whose times are not what is shown
	t.Cleanup(func() { time.Local = local })
	for _, name := range []string{"half_approved", "approved", "revoked", "uploaded", "refused"} {
		t.Run(name, func(t *testing.T) {
			s := newReviewServer(t, stored(t, name))
			s.bound, s.closed = name == "approved" || name == "revoked", name == "refused"
			r := s.does(t, "show", digestOfPlugin(s.plugins[0]))
			got := r.stdout + "--- stderr\n" + r.stderr + fmt.Sprintf("--- exit %d\n", r.code)
			path := filepath.Join("testdata", "review", name+".golden")
			if *updateGolden {
				if err := os.WriteFile(path, []byte(got), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			if want := readText(t, path); got != want {
				t.Errorf("%s differs; run the test with -update and look at the difference; got\n%s", path, got)
			}
			if regexp.MustCompile(`[\x00-\x09\x0b-\x1f\x7f]`).MatchString(got) {
				t.Errorf("what strangers wrote steers the terminal: %q", got)
			}
			for line := range strings.Lines(got) {
				if strings.HasSuffix(line, " \n") {
					t.Errorf("%q ends with a space", line)
				}
			}
		})
	}
}

func TestWhatIsShownIsAnObjectToo(t *testing.T) {
	s := newReviewServer(t, stored(t, "approved"))
	s.bound = true
	r := s.does(t, "show", digestOfPlugin(s.plugins[0]), "-o", "json")
	var shown shownPlugin
	if err := json.Unmarshal([]byte(r.stdout), &shown); err != nil || r.code != exitOK {
		t.Fatalf("exit %d, %v\n%s", r.code, err, r.stderr)
	}
	if len(shown.Approvals) != 2 || shown.Report == nil || fmt.Sprint(shown.BoundBy) != "[{trade-in 7 live skip} {trade-in 8 canary skip}]" {
		t.Errorf("%+v", shown)
	}
}

// listed is a plugin of which only the digest matters.
func listed(digits string) json.RawMessage {
	digest := "sha256:" + digits + strings.Repeat("0", 64-len(digits))
	return json.RawMessage(fmt.Sprintf(`{"digest":%q,"brand":"meizu","state":"vetted","approvals":[],"approvals_needed":2}`, digest))
}

func TestADigestIsNamedByItsBeginning(t *testing.T) {
	s := newReviewServer(t, listed("aaaaaaaa1111"), listed("bbbbbbbb"), listed("aaaaaaaa2222"))
	for name, test := range map[string]struct {
		digest string
		code   int
		want   string // asked of the server, or said
	}{
		"eight digits":           {"bbbbbbbb", exitOK, "/v1/plugins/" + digestOfPlugin(listed("bbbbbbbb"))},
		"with the algorithm":     {"sha256:bbbbbbbb", exitOK, "/v1/plugins/" + digestOfPlugin(listed("bbbbbbbb"))},
		"in capitals":            {"BBBBBBBB", exitOK, "/v1/plugins/" + digestOfPlugin(listed("bbbbbbbb"))},
		"enough of two":          {"aaaaaaaa2", exitOK, "/v1/plugins/" + digestOfPlugin(listed("aaaaaaaa2222"))},
		"all of it":              {strings.Repeat("c", 64), exitOK, "/v1/plugins/sha256:" + strings.Repeat("c", 64)},
		"not enough of two":      {"aaaaaaaa", exitFailed, "2 plugins have a digest that begins with sha256:aaaaaaaa; give more of it:\n  sha256:aaaaaaaa1111"},
		"seven digits":           {"bbbbbbb", exitUsage, "at least 8 hex digits"},
		"no digits":              {"trade-in", exitUsage, "is no digest"},
		"a path":                 {"sha256:bbbbbbbb/../../keys", exitUsage, "is no digest"},
		"more than a digest has": {strings.Repeat("c", 65), exitUsage, "is no digest"},
		"nobody's":               {"dddddddd", exitFailed, "no plugin whose digest begins with sha256:dddddddd\nnext: hotdrop review list"},
	} {
		t.Run(name, func(t *testing.T) {
			s.asked = nil
			r := s.does(t, "show", test.digest)
			if r.code != test.code || !strings.Contains(r.stderr+strings.Join(s.asked, "\n"), test.want) {
				t.Errorf("exit %d, asked %v\n%s", r.code, s.asked, r.stderr)
			}
		})
	}
}

func FuzzBeginningsOfDigests(f *testing.F) {
	for _, seed := range []string{"sha256:0123abcd", "0123ABCD", "sha256:", "sha512:01234567", strings.Repeat("f", 65)} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		prefix, ok := digestPrefix(text)
		if ok && !regexp.MustCompile(`^sha256:[0-9a-f]{8,64}$`).MatchString(prefix) {
			t.Errorf("%q is taken for %q", text, prefix)
		}
	})
}

func TestPluginsAreListedPageByPage(t *testing.T) {
	s := newReviewServer(t, stored(t, "half_approved"), stored(t, "revoked"), listed("981366e8e3820"))
	r := s.does(t, "list", "--state", "vetted", "--brand", "meizu")
	lines := strings.Split(strings.TrimSpace(r.stdout), "\n")
	if r.code != exitOK || len(lines) != 3 || len(s.asked) != 3 {
		t.Fatalf("exit %d, asked %v\n%s%s", r.code, s.asked, r.stdout, r.stderr)
	}
	if s.asked[1] != "GET /v1/plugins?brand=meizu&cursor=1&limit=100&state=vetted" {
		t.Errorf("asked %v", s.asked)
	}
	if !strings.HasPrefix(lines[0], "vetted   sha256:981366e8e3825b0a  meizu  trade-in  1 of 2 approvals  uploaded 2014-03-26T02:00:00Z by ann") || !strings.HasPrefix(lines[1], "revoked  ") {
		t.Errorf("got\n%s", r.stdout)
	}
	if r = s.does(t, "list", "-o", "json"); strings.Count(r.stdout, `"digest": "sha256:`) < 3 {
		t.Errorf("got\n%s", r.stdout)
	}
	if r = s.does(t, "list", "--state", "good"); r.code != exitUsage || !strings.Contains(r.stderr, "vetted") {
		t.Errorf("exit %d\n%s", r.code, r.stderr)
	}
	if r = newReviewServer(t).does(t, "list"); r.code != exitOK || r.stdout != "" || r.stderr != "no plugins were submitted\n" {
		t.Errorf("exit %d\n%s%s", r.code, r.stdout, r.stderr)
	}
	if r = newReviewServer(t).does(t, "list", "-o", "json"); r.stdout != "[]\n" {
		t.Errorf("got %s", r.stdout)
	}
}

func TestApprovalsThatEndWithinADayAreMarked(t *testing.T) {
	plugin := api.Plugin{}
	if err := json.Unmarshal(stored(t, "approved"), &plugin); err != nil {
		t.Fatal(err)
	}
	ends := time.Date(2014, time.June, 24, 3, 0, 0, 0, time.UTC)
	const renew = "next: hotdrop review approve sha256:981366e8e382 --brand meizu --expires 90d --reason WHY\n"
	for name, test := range map[string]struct {
		now    time.Time
		state  core.PluginState
		marked bool
	}{
		"a day and a second before": {ends.Add(-soon - time.Second), core.PluginApproved, false},
		"a day before":              {ends.Add(-soon), core.PluginApproved, true},
		"a minute before":           {ends.Add(-time.Minute), core.PluginApproved, true},
		"not approved yet":          {ends.Add(-time.Minute), core.PluginVetted, false},
	} {
		var out, talk strings.Builder
		p := plugin
		p.State = test.state
		err := (&reviews{format: outputText}).printList(&out, &talk, "", []api.Plugin{p}, test.now)
		marked := strings.Contains(out.String(), "  2 of 2 approvals, end at 2014-06-24T03:00:00Z  uploaded")
		if err != nil || marked != test.marked || strings.HasSuffix(talk.String(), renew) != test.marked {
			t.Errorf("%s: %v\n%s%s", name, err, out.String(), talk.String())
		}
		if next := nextOfReview(&p, "", test.now); ("next: "+next+"\n" == renew) != test.marked {
			t.Errorf("%s: shown with %q", name, next)
		}
	}
}

func TestWhatIsDecidedReachesTheServer(t *testing.T) {
	digest := digestOfPlugin(stored(t, "half_approved"))
	for name, test := range map[string]struct {
		args, path, body string
	}{
		"an approval":                  {"approve D --reason r", "approvals", `{"reason":"r"}`},
		"for some campaigns":           {"approve D --reason r --campaign a,b --campaign c", "approvals", `{"reason":"r","campaigns":["a","b","c"]}`},
		"for all campaigns":            {"approve D --reason r --all-campaigns", "approvals", `{"reason":"r","campaigns":[]}`},
		"until an instant":             {"approve D --reason r --expires 2014-04-08T12:00:00+08:00", "approvals", `{"reason":"r","expires_at":"2014-04-08T12:00:00+08:00"}`},
		"a rejection":                  {"reject D --reason r", "rejections", `{"reason":"r"}`},
		"a revocation":                 {"revoke D --reason r", "revocations", `{"reason":"r"}`},
		"of one of several brands' it": {"revoke D --reason r --brand meizu", "revocations", `{"reason":"r"}`},
	} {
		t.Run(name, func(t *testing.T) {
			s := newReviewServer(t, stored(t, "half_approved"))
			r := s.does(t, strings.Fields(strings.Replace(test.args, "D", digest[:15], 1))...)
			if want := "POST /v1/plugins/" + digest + "/" + test.path + "?brand=meizu"; r.code != exitOK || s.asked[len(s.asked)-1] != want || s.body != test.body {
				t.Errorf("exit %d, asked %v with %s\n%s", r.code, s.asked, s.body, r.stderr)
			}
			if !strings.HasPrefix(r.stdout, "vetted  "+digest+"\n  approvals    1 of 2\n") || !strings.Contains(r.stderr, "next: hotdrop review approve sha256:981366e8e382 --brand meizu --reason WHY\n") {
				t.Errorf("got\n%s%s", r.stdout, r.stderr)
			}
			if r = s.does(t, append(strings.Fields(strings.Replace(test.args, "D", digest, 1)), "-o", "json")...); !json.Valid([]byte(r.stdout)) {
				t.Errorf("got\n%s", r.stdout)
			}
		})
	}
}

func TestADecisionIsAboutThePluginAsItWasRead(t *testing.T) {
	for name, test := range map[string][2]string{
		"an approval":                   {"approve D --reason r", `"7"`},
		"a rejection":                   {"reject D --reason r", `"7"`},
		"a revocation":                  {"revoke D --reason r", `"7"`},
		"an approval of what was shown": {"approve D --reason r --if-match 5", `"5"`},
	} {
		s := newReviewServer(t, stored(t, "half_approved"))
		s.tag = `"7"`
		r := s.does(t, strings.Fields(strings.Replace(test[0], "D", digestOfPlugin(s.plugins[0]), 1))...)
		if r.code != exitOK || s.ifMatch != test[1] {
			t.Errorf("%s: exit %d, sent for %s\n%s", name, r.code, s.ifMatch, r.stderr)
		}
	}
	s := newReviewServer(t, stored(t, "half_approved"))
	s.tag = `"7"`
	if r := s.does(t, "show", digestOfPlugin(s.plugins[0])); !strings.Contains(r.stderr, "next: hotdrop review approve sha256:981366e8e382 --brand meizu --if-match 7 --reason WHY\n") {
		t.Errorf("shown: %s", r.stderr)
	}
}

func TestWhatTheServerAddsToADecisionIsTold(t *testing.T) {
	for name, want := range map[string][2]string{
		"approved": {"approved  sha256:", "next: the brand names it in a campaign's ruleset, plugin: sha256:"},
		"revoked":  {"revoked  sha256:", "next: where it is bound, on_failure decides"},
	} {
		s := newReviewServer(t, stored(t, name))
		r := s.does(t, "approve", digestOfPlugin(s.plugins[0]), "--reason", "r")
		if !strings.HasPrefix(r.stdout, want[0]) || !strings.Contains(r.stderr, want[1]) {
			t.Errorf("%s: %s%s", name, r.stdout, r.stderr)
		}
	}
	var p map[string]any
	if err := json.Unmarshal(stored(t, "half_approved"), &p); err != nil {
		t.Fatal(err)
	}
	p["notice"] = "the approval of 1 person is void"
	text, err := json.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	s := newReviewServer(t, text)
	if r := s.does(t, "approve", digestOfPlugin(text), "--reason", "r"); !strings.Contains(r.stdout, "\n  the approval of 1 person is void\n") {
		t.Errorf("got\n%s", r.stdout)
	}
	s.answer = `403 {"code":"approval_required","detail":"you have uploaded it"}`
	r := s.does(t, "approve", digestOfPlugin(text), "--reason", "r")
	if r.code != exitFailed || !strings.Contains(r.stderr, "you have uploaded it\nnext: hotdrop review show sha256:981366e8e382\n") {
		t.Errorf("exit %d\n%s", r.code, r.stderr)
	}
}

func TestADecisionThatIsAskedForWronglyIsNotSent(t *testing.T) {
	s := newReviewServer(t, stored(t, "half_approved"))
	for args, want := range map[string]string{
		"approve D":                                         "--reason is missing",
		"reject D":                                          "--reason is missing",
		"revoke D":                                          "--reason is missing",
		"approve D --reason r --expires soon":               "neither a time from now",
		"approve D --reason r --expires -1d":                "neither a time from now",
		"approve D --reason r --expires 0s":                 "neither a time from now",
		"approve D --reason r --expires 99999d":             "neither a time from now",
		"approve D --reason r --campaign a --all-campaigns": "exclude each other",
		"revoke D --reason r --if-match latest":             "is not a revision",
		"approve":                                           "accepts 1 arg",
		"revoke D E":                                        "accepts 1 arg",
		"revoke --reason r":                                 "accepts 1 arg",
	} {
		r := s.does(t, strings.Fields(strings.Replace(args, "D", digestOfPlugin(s.plugins[0]), 1))...)
		if r.code != exitUsage || !strings.Contains(r.stderr, want) {
			t.Errorf("%s: exit %d\n%s", args, r.code, r.stderr)
		}
	}
	if len(s.asked) != 0 {
		t.Errorf("the server was asked %v", s.asked)
	}
}

func TestTimesFromNow(t *testing.T) {
	now := time.Date(2014, 3, 26, 3, 0, 0, 5, time.UTC)
	for text, want := range map[string]string{
		"90d": "2014-06-24T03:00:00Z", "36h": "2014-03-27T15:00:00Z", "1h30m": "2014-03-26T04:30:00Z", "2014-04-08T12:00:00+08:00": "2014-04-08T12:00:00+08:00",
	} {
		if at, err := instantOf(text, now); err != nil || at.Format(time.RFC3339) != want {
			t.Errorf("%s: %v, %v", text, at, err)
		}
	}
}

func TestWhoIsMissing(t *testing.T) {
	vetted := api.Plugin{State: core.PluginVetted, UploadedBy: "ann", ApprovalsNeeded: 2}
	for name, test := range map[string]struct {
		change func(p *api.Plugin)
		want   string
	}{
		"nobody has approved it": {func(*api.Plugin) {}, "2 more people of the platform; not ann, who uploaded it"},
		"its author uploaded it": {func(p *api.Plugin) { p.Author = "ann" }, "2 more people of the platform; not ann, who uploaded it"},
		"one has approved it": {func(p *api.Plugin) { p.Approvals = []api.PluginApproval{{By: "pia"}} },
			"1 more person of the platform; not ann, who uploaded it, nor pia, who has approved it"},
		"others have sent it too": {func(p *api.Plugin) {
			p.Senders = []api.PluginSender{{By: "ann", Deed: core.DeedUpload}, {By: "bob", Deed: core.DeedUpload}, {By: "Cid", Deed: core.DeedSign}}
			p.Signature, p.Author = &api.PluginSignedBy{State: core.SignatureValid, Registrar: "dan"}, "cid"
		}, "2 more people of the platform; not ann, who uploaded it, nor bob, who uploaded it too, nor Cid, who signed it, nor dan, who registered its key"},
		"its approval has expired": {func(p *api.Plugin) { p.ApprovalsNeeded = 0 }, "an approval on its terms of now"},
		"it is not vetted":         {func(p *api.Plugin) { p.State = core.PluginVetting }, "the verdict of vetting"},
		"it is approved":           {func(p *api.Plugin) { p.State = core.PluginApproved }, ""},
		"its signature is none": {func(p *api.Plugin) {
			p.Report, p.Signature = 1, &api.PluginSignedBy{State: core.SignatureRevoked}
		}, "a signature that counts"},
	} {
		p := vetted
		test.change(&p)
		if got := missingText(&p); got != test.want {
			t.Errorf("%s: %q", name, got)
		}
	}
}
