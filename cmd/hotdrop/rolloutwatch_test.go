package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"hotdrop/api"
	"hotdrop/core"
)

// statusServer answers with a state, and with a stream that has one point.
func statusServer(t *testing.T, state string) string {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/live") {
			w.Header().Set("Content-Type", "text/event-stream")
			_, _ = io.WriteString(w, "retry: 1000\n\nid: 7\nevent: point\ndata: "+
				`{"guards":[{"name":"error_rate","value":12,"limit":500,"tripped":false},{"name":"fuel_p99","value":900,"limit":800,"tripped":true}]}`+"\n\n")
			return
		}
		_, _ = io.WriteString(w, state)
	}))
	t.Cleanup(s.Close)
	return s.URL
}

// TestAStatusIsReadInTheTerminal holds what staff read against golden files.
func TestAStatusIsReadInTheTerminal(t *testing.T) {
	t.Setenv("TZ", "UTC")
	files, err := filepath.Glob("testdata/rollout/*.json")
	if err != nil || len(files) != 3 {
		t.Fatalf("%v: %d states", err, len(files))
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			url := statusServer(t, readText(t, file))
			got := requireRun(t, t.TempDir(), "rollout", "status", "phone", "--server", url, "--key", "k")
			path := strings.TrimSuffix(file, ".json") + ".txt"
			if *updateGolden {
				if err := os.WriteFile(path, []byte(got), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			if want := readText(t, path); got != want {
				t.Errorf("got\n%s\nwant\n%s", got, want)
			}
			object := requireRun(t, t.TempDir(), "rollout", "status", "phone", "--server", url, "--key", "k", "-o", "json")
			for _, want := range []string{`"state": {`, `"nodes": [`, `"guards": [`, `"error_rate"`} {
				if !strings.Contains(object, want) {
					t.Errorf("%s is not in\n%s", want, object)
				}
			}
		})
	}
}

// samplePoint has everything that a point can have.
func samplePoint() *core.LivePoint {
	return &core.LivePoint{
		Campaign: "phone", Second: 1356062400, Reservations: 3, Orders: 120, Paid: 80, PaidTotal: 15992000,
		Refusals: map[core.Code]int64{core.CodeSoldOut: 10, core.CodeDenied: 2}, Denied: map[string]int64{"no_black\n": 2}, P50: 3100, P99: 12340,
		Arms: []core.LiveArm{
			{Ruleset: 7, Decided: 110, Failed: 3, Orders: 105, Total: 20989500}, {Ruleset: 8, Canary: true, Decided: 6, Orders: 1, Total: 199900, Discount: 100},
			{Decided: 4, Orders: 4, Total: 800000},
		},
		Bindings: []core.LiveBinding{
			{Ruleset: 7, Mechanic: "trade-in", Asked: 110, Failed: 3, Fuel: 812, FuelP99: 1024, Nanos: 1900},
			{Ruleset: 8, Binding: 1, Mechanic: "sec\x1b[2Jkill", Asked: 0, Open: 6},
		},
		Stock: map[string]int64{"mi2": 41, "case": 100}, DiscountSpent: 12000, DiscountBudget: 50000, Revision: 12,
		Rollout: &core.Rollout{
			Number: 8, Live: 7, Canary: &core.Canary{Ruleset: 8, Percent: 5}, Action: core.ActionCanary, At: 1356062400123, By: "ann", Reason: "five\nfirst",
			Breakers: core.Breakers{{Ruleset: 8, Binding: 1, Until: 1356062400000, Trips: 1, Failure: "out_of_fuel"}},
			Pending:  &core.Pending{Change: core.Change{Mode: core.ModeLive, Ruleset: 9}, At: 1356062400000},
		},
		Nodes: []core.LiveNode{
			{ID: "a", Ruleset: 7, Rollout: 8, Revision: 12, Ready: true}, {ID: "b", Ruleset: 6, Rollout: 7, Revision: 11},
		},
		Guards: []core.GuardState{{Name: "error_rate", Value: 250, Limit: 500}, {Name: "fuel_p99", Value: 1024, Limit: 1000, Tripped: true}},
	}
}

func TestAPointIsALineOrAScreen(t *testing.T) {
	for file, got := range map[string]string{
		"point.line.txt": pointLine(samplePoint()), "point.screen.txt": pointScreen(samplePoint()),
		"nothing.line.txt": pointLine(&core.LivePoint{Campaign: "phone"}), "nothing.screen.txt": pointScreen(&core.LivePoint{Campaign: "phone"}),
	} {
		got = strings.ReplaceAll(got, moment(time.Unix(1356062400, 0)), "2012-12-21 04:00:00")
		got = strings.ReplaceAll(got, time.Unix(1356062400, 0).Format(time.TimeOnly), "04:00:00")
		got = strings.ReplaceAll(got, time.Unix(0, 0).Format(time.TimeOnly), "00:00:00")
		path := filepath.Join("testdata", "rollout", file)
		if *updateGolden {
			if err := os.WriteFile(path, []byte(got), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if want := readText(t, path); got != want {
			t.Errorf("%s: got\n%s\nwant\n%s", file, got, want)
		}
		if strings.Contains(file, "line") && strings.Count(got, "\n") != 1 {
			t.Errorf("%s is more than a line", file)
		}
	}
}

func TestAScreenIsDrawnOverTheOneBefore(t *testing.T) {
	var out bytes.Buffer
	data := []byte(`{"campaign":"phone","second":1}`)
	if err := drawPoint(&out, data, func(p *core.LivePoint) string { return p.Campaign + "\nx\n" }, true); err != nil {
		t.Fatal(err)
	}
	if got := out.String(); got != "\x1b[Hphone\x1b[K\nx\x1b[K\n\x1b[J" {
		t.Errorf("drawn %q", got)
	}
	out.Reset()
	data = []byte(`{"campaign":"phone","second":1,"corrected":true}`)
	if err := drawPoint(&out, data, pointScreen, true); err != nil || out.Len() > 0 {
		t.Errorf("a correction is drawn over a later second: %q, %v", out.String(), err)
	}
	if err := drawPoint(&out, data, pointLine, false); err != nil || !strings.HasSuffix(out.String(), "· corrected\n") {
		t.Errorf("a correction is the line %q, %v", out.String(), err)
	}
	if err := drawPoint(&out, []byte("{"), pointLine, false); err == nil {
		t.Error("what is no point was drawn")
	}
}

func TestEventsAreReadAsTheStandardWritesThem(t *testing.T) {
	for name, c := range map[string]struct{ text, want, last string }{
		"fields and comments":          {": hello\n\nretry: 5\n\nid: 1\nevent: point\ndata: a\n\n: alive\n\nid:2\ndata:b\n\n", "a|b|", "2"},
		"an event without an id":       {"id: 1\ndata: a\n\ndata: b\n\n", "a|b|", "1"},
		"data on two lines":            {"id: 1\ndata: a\ndata: b\n\n", "ab|", "1"},
		"an event that was cut off":    {"id: 1\ndata: a\n\nid: 2\ndata: b\n", "a|", "1"},
		"an id keeps until it changes": {"id: 1\ndata: a\n\ndata: b\n\n", "a|b|", "1"},
		"carriage returns":             {"id: 1\r\ndata: a\r\n\r\n", "a|", "1"},
		"nothing":                      {"", "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			var got strings.Builder
			s := &eventStream{}
			err := s.events(bufio.NewScanner(strings.NewReader(c.text)), func(data []byte) error {
				_, err := got.WriteString(string(data) + "|")
				return err
			})
			if got.String() != c.want || s.last != c.last || err == nil {
				t.Errorf("read %q up to %q, %v", got.String(), s.last, err)
			}
		})
	}
}

func FuzzAStreamOfEventsIsReadToItsEnd(f *testing.F) {
	f.Add("id: 1\ndata: a\n\n")
	f.Fuzz(func(t *testing.T, text string) {
		lines := bufio.NewScanner(strings.NewReader(text))
		if err := (&eventStream{}).events(lines, func([]byte) error { return nil }); err == nil {
			t.Error("a stream that ended has not")
		}
	})
}

// brokenServer sends a point and breaks off, again and again; it notes from where on it was asked.
type brokenServer struct {
	mu    sync.Mutex
	asked []string
}

func (b *brokenServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	b.mu.Lock()
	b.asked = append(b.asked, r.Header.Get("Last-Event-ID"))
	n := len(b.asked)
	b.mu.Unlock()
	if n == 2 {
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	w.Header().Set("Content-Type", "text/event-stream")
	_, _ = fmt.Fprintf(w, "id: %d\nevent: point\ndata: {\"second\":%d}\n\nid: %d\ndata: {\"sec", n, n, n+1)
}

// linesOut ends the command once it has printed so many lines.
type linesOut struct {
	bytes.Buffer

	left int
	end  func()
}

func (l *linesOut) Write(p []byte) (int, error) {
	if l.left--; l.left == 0 {
		l.end()
	}
	return l.Buffer.Write(p)
}

func TestAWatchThatBreaksGoesOnBehindTheLastPoint(t *testing.T) {
	broken := &brokenServer{}
	s := httptest.NewServer(broken)
	defer s.Close()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	out, talk := &linesOut{left: 3, end: cancel}, &bytes.Buffer{}
	status := &rolloutStatus{client: client{server: s.URL, key: "k"}, format: outputJSON}
	if err := status.follow(ctx, "phone", out, talk); err != nil {
		t.Fatal(err)
	}
	if out.String() != "{\"second\":1}\n{\"second\":3}\n{\"second\":4}\n" {
		t.Errorf("printed %q", out.String())
	}
	if got := strings.Join(broken.asked, ","); got != ",1,1,3" {
		t.Errorf("asked from %q on", got)
	}
	if n := strings.Count(talk.String(), "trying again\n"); n != 3 {
		t.Errorf("said %q", talk.String())
	}
}

func TestAWatchThatIsRefusedOrNeverBeganFails(t *testing.T) {
	for status, code := range map[int]core.Code{http.StatusNotFound: core.CodeNotFound, http.StatusForbidden: api.CodeForbidden} {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(status)
			_, _ = fmt.Fprintf(w, `{"code":%q,"detail":"no"}`, code)
		}))
		watch := &rolloutStatus{client: client{server: s.URL, key: "k"}, format: outputText}
		if err := watch.follow(t.Context(), "phone", io.Discard, io.Discard); err == nil || !strings.Contains(err.Error(), string(code)) {
			t.Errorf("%d: %v", status, err)
		}
		s.Close()
		if err := watch.follow(t.Context(), "phone", io.Discard, io.Discard); err == nil || !strings.Contains(err.Error(), "no server answers") {
			t.Errorf("a server that is not there: %v", err)
		}
	}
}
