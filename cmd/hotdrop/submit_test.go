package main

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"

	"hotdrop/api"
	"hotdrop/core"
	"hotdrop/plugins"
)

// answering is a server that gives one answer after another, and the last one for ever.
func answering(t *testing.T, answers ...string) *httptest.Server {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body) // what is sent is another test's business
		answer := answers[0]
		if len(answers) > 1 {
			answers = answers[1:]
		}
		status, body, _ := strings.Cut(answer, " ")
		w.WriteHeader(map[string]int{"200": 200, "202": 202, "404": 404, "413": 413, "503": 503}[status])
		_, _ = io.WriteString(w, body)
	}))
	t.Cleanup(server.Close)
	return server
}

// submitted submits a sound module to the server.
func submitted(ctx context.Context, t *testing.T, server *httptest.Server, wait bool) (stdout, talk string, err error) {
	t.Helper()
	file := writeFile(t, t.TempDir(), "mine.packed.wasm", string(packedTradeIn(t, "")))
	s := &submission{client: client{server: server.URL, key: "k"}, wait: wait, format: outputText}
	var out, err2 bytes.Buffer
	err = s.submit(ctx, file, &out, &err2)
	return out.String(), err2.String(), err
}

func TestSubmittingWaitsForTheVerdict(t *testing.T) {
	const refused = `{"digest":"sha256:1","brand":"b","state":"refused","report":{"reasons":[{"code":"trap","place":"vectors[0]","message":"unreachable","hint":"look"}]}}`
	for name, test := range map[string]struct {
		answers []string
		talk    string // the states it tells
		stdout  string
		fails   bool
	}{
		"vetted at once": {
			[]string{`200 {"digest":"sha256:1","state":"vetted","report":{"warnings":[{"code":"fact_unused","message":"never read"}]}}`},
			"vetted", "vetted  sha256:1\n  warning: fact_unused: never read\n", false,
		},
		"uploaded, vetting, refused": {
			[]string{
				`202 {"digest":"sha256:1","state":"uploaded"}`, `200 {"digest":"sha256:1","state":"vetting"}`,
				`200 {"digest":"sha256:1","state":"vetting"}`, "200 " + refused,
			},
			"uploaded\nvetting\nrefused", "refused  sha256:1\n  trap: vectors[0]: unreachable (look)\n", true,
		},
		"a server that is away for a moment": {
			[]string{
				`202 {"digest":"sha256:1","state":"uploaded"}`, `503 {"code":"unavailable","detail":"away"}`, "503 a proxy's words",
				`200 {"digest":"sha256:1","state":"approved","report":{}}`,
			},
			"uploaded\nunavailable: away\nwaiting for it; the upload is kept, also if you end the wait with Ctrl-C\napproved",
			"approved  sha256:1\n", false,
		},
		"approved, and vetted again for a new version": {
			[]string{`200 {"digest":"sha256:1","state":"approved"}`, `200 {"digest":"sha256:1","state":"approved","report":{}}`},
			"approved", "approved  sha256:1\n", false,
		},
		"rejected before it was vetted": {
			[]string{`200 {"digest":"sha256:1","state":"rejected","reason":"spam"}`}, "rejected", "rejected  sha256:1\n  spam\n", true,
		},
		"refused without a report": {
			[]string{`200 {"digest":"sha256:1","state":"refused","reason":"it could not be vetted"}`},
			"refused", "refused  sha256:1\n  it could not be vetted\n", true,
		},
		"a report of another shape": {
			[]string{`200 {"digest":"sha256:1","state":"refused","report":{"reasons":"many"}}`}, "refused", "refused  sha256:1\n", true,
		},
	} {
		t.Run(name, func(t *testing.T) {
			stdout, talk, err := submitted(t.Context(), t, answering(t, test.answers...), true)
			if stdout != test.stdout || (err != nil) != test.fails {
				t.Errorf("%v, stdout\n%s", err, stdout)
			}
			if _, states, _ := strings.Cut(talk, ", not signed\n"); !strings.HasPrefix(states, test.talk+"\n") {
				t.Errorf("it told\n%s", talk)
			}
		})
	}
}

func TestSubmittingEndsWhereThereWillBeNoVerdict(t *testing.T) {
	const uploaded = `202 {"digest":"sha256:1","state":"uploaded"}`
	for name, test := range map[string]struct {
		answers []string
		want    string
	}{
		"the upload is refused":               {[]string{`413 {"code":"too_large","detail":"the body is longer"}`}, "the body is longer"},
		"the plugin is gone":                  {[]string{uploaded, `404 {"code":"not_found","detail":"no such plugin"}`}, "no such plugin"},
		"the answer to the upload is no JSON": {[]string{"202 hello"}, "the server's answer"},
		"a later answer is no JSON":           {[]string{uploaded, "200 hello"}, "the server's answer"},
	} {
		t.Run(name, func(t *testing.T) {
			if _, _, err := submitted(t.Context(), t, answering(t, test.answers...), true); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("%v", err)
			}
		})
	}
	t.Run("the author loses patience", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Method == http.MethodGet {
				cancel()
			}
			_, _ = io.WriteString(w, `{"digest":"sha256:1","state":"vetting"}`)
		}))
		defer server.Close()
		if _, _, err := submitted(ctx, t, server, true); err == nil {
			t.Error("it ended well")
		}
	})
	t.Run("nobody waits", func(t *testing.T) {
		if stdout, _, err := submitted(t.Context(), t, answering(t, uploaded), false); err != nil || stdout != "uploaded  sha256:1\n" {
			t.Errorf("%v\n%s", err, stdout)
		}
	})
}

func TestSubmittingEndsWithWhatIsTypedNext(t *testing.T) {
	for name, test := range map[string]struct{ answer, talk string }{
		"uploaded": {
			`"state":"uploaded"`, "next: hotdrop review show sha256:1 --brand b\n",
		},
		"vetted": {
			`"state":"vetted","uploaded_by":"ann","author":"bob","approvals_needed":2,"report":{}`,
			"it needs 2 more people of the platform; not ann, who uploaded it, nor bob, its author\n" +
				"next: hotdrop review approve sha256:1 --brand b --reason WHY\n",
		},
		"sent by one who had approved it": {
			`"state":"vetted","uploaded_by":"ann","senders":[{"by":"ann","deed":"upload"},{"by":"pia","deed":"upload"}],"approvals":[{"by":"paul"}],` +
				`"approvals_needed":2,"report":{},"notice":"your approval of it counts no more"`,
			"your approval of it counts no more\n" +
				"it needs 1 more person of the platform; not ann, who uploaded it, nor pia, who uploaded it too, nor paul, who has approved it\n" +
				"next: hotdrop review approve sha256:1 --brand b --reason WHY\n",
		},
		"signed by a key that was revoked": {
			`"state":"vetted","approvals_needed":2,"report":{},"signature":{"key":"sk_1","state":"revoked"}`,
			"it needs a signature that counts\nnext: its brand signs it by a key that counts: hotdrop mechanic sign FILE --key KEYFILE, then " +
				"hotdrop mechanic submit FILE --signature FILE.sig\n",
		},
		"approved": {`"state":"approved","report":{}`, "next: name it in a campaign's ruleset, plugin: sha256:1\n"},
	} {
		server := answering(t, `202 {"digest":"sha256:1","brand":"b",`+test.answer+`}`)
		if _, talk, err := submitted(t.Context(), t, server, false); err != nil || !strings.HasSuffix(talk, "not signed\n"+test.talk) {
			t.Errorf("%s: %v, told\n%s", name, err, talk)
		}
	}
}

func TestWhatIsAskedForReachesTheServer(t *testing.T) {
	module := packedTradeIn(t, "")
	var got *http.Request
	var body []byte
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet { // whether the brand sells anything
			_, _ = io.WriteString(w, `{"data":[{"id":"trade-in","brand":"meizu"}]}`)
			return
		}
		got = r
		body, _ = io.ReadAll(r.Body)
		_, _ = io.WriteString(w, `{"digest":"`+plugins.Digest(module)+`","brand":"meizu","state":"vetted","report":{}}`)
	}))
	defer server.Close()
	file := writeFile(t, t.TempDir(), "mine.packed.wasm", string(module))
	r := do(t, "mechanic", "submit", file, "--server", server.URL, "--key", "secret", "--brand", "meizu", "--again", "-o", "json")
	if r.code != exitOK || !bytes.Equal(body, module) {
		t.Errorf("exit %d, %d bytes arrived\n%s", r.code, len(body), r.stderr)
	}
	if got.URL.String() != "/v1/plugins?again=true&brand=meizu" || got.Header.Get("Content-Type") != "application/wasm" ||
		got.Header.Get("Authorization") != "Bearer secret" {
		t.Errorf("asked %s with %v", got.URL, got.Header)
	}
	if !strings.Contains(r.stdout, `"state": "vetted"`) || !strings.Contains(r.stderr, "it needs an approval") {
		t.Errorf("%s%s", r.stdout, r.stderr)
	}
}

func TestAFailureThatMayPassIsOneOfTheServer(t *testing.T) {
	for name, test := range map[string]struct {
		err  error
		want bool
	}{
		"an overloaded server":  {&api.Problem{Status: http.StatusServiceUnavailable, Code: core.CodeOverloaded}, true},
		"a refusal":             {&api.Problem{Status: http.StatusForbidden, Code: api.CodeForbidden}, false},
		"an unreadable answer":  {io.ErrUnexpectedEOF, false},
		"an author who gave up": {context.Canceled, false},
	} {
		if got := passes(test.err); got != test.want {
			t.Errorf("%s: %t", name, got)
		}
	}
}

func TestSubmittingForABrandThatSellsNothingIsWarnedOf(t *testing.T) {
	file := writeFile(t, t.TempDir(), "mine.packed.wasm", string(packedTradeIn(t, "")))
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		if r.URL.Path == "/v1/campaigns" {
			_, _ = io.WriteString(w, `{"data":[{"id":"trade-in","brand":"meizu"}]}`)
			return
		}
		_, _ = io.WriteString(w, `{"digest":"sha256:1","brand":"b","state":"uploaded"}`)
	}))
	t.Cleanup(server.Close)
	for brand, warned := range map[string]bool{"nosuch": true, "meizu": false} {
		r := do(t, "mechanic", "submit", file, "--brand", brand, "--wait=false", "--server", server.URL, "--key", "k")
		if r.code != exitOK || strings.Contains(r.stderr, "warning: no campaign is of the brand "+brand+" yet") != warned {
			t.Errorf("%s: exit %d\n%s", brand, r.code, r.stderr)
		}
	}
}

func TestWhatIsNoPackedModuleIsNamedWithWhereOneIsPacked(t *testing.T) {
	folder := t.TempDir()
	writeFile(t, folder, "README.md", "words")
	for path, next := range map[string]string{
		folder:                             "next: hotdrop mechanic pack " + folder + "\n",
		filepath.Join(folder, "README.md"): "next: hotdrop mechanic pack FOLDER, which writes FOLDER/NAME.packed.wasm\n",
	} {
		r := do(t, "mechanic", "submit", path, "--server", "http://127.0.0.1:1", "--key", "k")
		if r.code != exitFailed || !strings.HasSuffix(r.stderr, next) {
			t.Errorf("%s: exit %d\n%s", path, r.code, r.stderr)
		}
	}
}
