package event

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"hotdrop/api"
)

// shelf answers as the plugins' routes do, by what the module says: "refuse", "accept", or "unable" to take it. A verdict
// comes with the second question.
type shelf struct {
	mu    sync.Mutex
	asked map[string]int
	order []string
}

func (s *shelf) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	module := r.URL.Path[len("/v1/plugins"):]
	if r.Method == http.MethodPost {
		body, _ := io.ReadAll(r.Body)
		module = "/" + string(body)
		s.order = append(s.order, module)
	}
	verb, _, _ := strings.Cut(strings.TrimPrefix(module, "/"), "-")
	state := map[string]string{"refuse": "refused", "accept": "vetted"}[verb]
	s.asked[module]++
	switch {
	case verb == "unable":
		w.WriteHeader(http.StatusRequestEntityTooLarge)
		return
	case r.Method == http.MethodPost:
		state = "uploaded"
		w.WriteHeader(http.StatusAccepted)
	case s.asked[module] < 3:
		state = "vetting"
	}
	_ = json.NewEncoder(w).Encode(map[string]string{"digest": module[1:], "state": state}) // the client is still there
}

func TestWhatIsUploadedIsCountedByItsVerdict(t *testing.T) {
	t.Parallel()
	s := &shelf{asked: map[string]int{}}
	server := httptest.NewServer(s)
	defer server.Close()
	var modules [][]byte
	for i, verb := range []string{"refuse", "accept", "unable", "refuse", "unable", "accept", "refuse"} {
		modules = append(modules, fmt.Appendf(nil, "%s-%d", verb, i))
	}
	u, err := newUploader(api.NewDemoKeys(), time.Minute, server.URL, modules)
	if err != nil {
		t.Fatal(err)
	}
	go u.run(t.Context())
	u.due <- struct{}{} // the others come when the workload has ended
	got, err := u.finish(t.Context())
	if err != nil || got.Stored != 5 || got.Refused != 3 || got.Accepted != 2 || got.Failed != 2 || got.Seconds <= 0 {
		t.Errorf("%+v, %v", got, err)
	}
	if u.failure == nil || !strings.Contains(u.failure.Error(), "status 413") {
		t.Errorf("the first failure is %v", u.failure)
	}
	if len(s.order) != len(modules) || s.order[6] != "/refuse-6" {
		t.Errorf("uploaded %v", s.order)
	}
}

func TestARunThatEndsDoesNotWaitForVerdicts(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(&shelf{asked: map[string]int{"/refuse-0": -1_000_000_000}})
	defer server.Close()
	u, err := newUploader(api.NewDemoKeys(), time.Minute, server.URL, [][]byte{[]byte("refuse-0")})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	go u.run(ctx)
	u.due <- struct{}{}
	time.AfterFunc(time.Millisecond, cancel)
	if _, err := u.finish(ctx); err == nil {
		t.Error("a run that was stopped ended well")
	}
}

// countingWorker is a worker that counts its requests.
type countingWorker struct{ requests int }

func (c *countingWorker) request(b []byte, _ int) []byte {
	c.requests++
	return b
}

func (*countingWorker) answered(int, Response) verdict { return done }

func TestUploadsAreSpreadEvenlyOverTheRush(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ requests, uploads int }{{100, 10}, {103, 10}, {7, 7}, {3, 9}} {
		inner, due := &countingWorker{}, make(chan struct{}, test.uploads)
		p := &pacer{inner, max(1, test.requests/test.uploads), due}
		var at []int
		for i := range test.requests {
			p.request(nil, i)
			for len(due) > 0 {
				<-due
				at = append(at, i)
			}
		}
		if inner.requests != test.requests || len(at) < min(test.requests, test.uploads) || at[0] != 0 {
			t.Errorf("%d requests, %d uploads at %v", inner.requests, test.uploads, at)
		}
		for i := 1; i < len(at); i++ {
			if at[i]-at[i-1] != at[1]-at[0] {
				t.Errorf("uneven: %v", at)
			}
		}
	}
}

func TestUploadsNeedModulesAndABound(t *testing.T) {
	t.Parallel()
	for _, config := range []Config{{Uploads: 1}, {Uploads: -1, Tools: Tools{Modules: junk}}, {Uploads: maxUploads + 1, Tools: Tools{Modules: junk}}} {
		if _, err := config.filled(); err == nil {
			t.Errorf("%+v can be run", config)
		}
	}
}
