package event

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"hotdrop/api"
	"hotdrop/core"
)

func TestTheFloorAnswersEveryHotRouteWithTheSizeAskedFor(t *testing.T) {
	t.Parallel()
	for _, size := range []int{200, 201, 5000} {
		handler, err := floorHandler(size)
		if err != nil {
			t.Fatal(err)
		}
		for path, body := range map[string]string{
			"/v1/campaigns/phone/reservations": "",
			"/v1/campaigns/phone/orders":       `{"sku":"mi2","quantity":1}`,
			"/v1/orders/phone.1/pay":           "",
		} {
			request := httptest.NewRequestWithContext(t.Context(), http.MethodPost, path, strings.NewReader(body))
			request.Header.Set("Content-Type", "application/json")
			recorder := httptest.NewRecorder()
			handler.ServeHTTP(recorder, request)
			if recorder.Code != http.StatusOK || recorder.Body.Len() != size {
				t.Errorf("%s: status %d, %d bytes, want %d", path, recorder.Code, recorder.Body.Len(), size)
			}
		}
	}
}

func TestTheFloorDecodesTheBody(t *testing.T) {
	t.Parallel()
	handler, err := floorHandler(200)
	if err != nil {
		t.Fatal(err)
	}
	body := strings.NewReader(`{"quantity":"one"}`)
	request := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/v1/campaigns/phone/orders", body)
	request.Header.Set("Content-Type", "application/json")
	recorder := httptest.NewRecorder()
	handler.ServeHTTP(recorder, request)
	if recorder.Code != http.StatusBadRequest {
		t.Errorf("a quantity that is no number: status %d", recorder.Code)
	}
}

func TestAnAnswerIsNeverShorterThanItsFields(t *testing.T) {
	t.Parallel()
	answer, err := newFloorAnswer(1)
	if err != nil || answer.Rest != "" {
		t.Errorf("%+v, %v", answer, err)
	}
}

// The floor's processes are this test binary: see beFloor.

func TestTheFloorIsMeasuredInAProcessOfItsOwn(t *testing.T) {
	t.Setenv(asFloor, "1")
	r := &runner{config: Config{Binary: os.Args[0], Connections: 4, Patience: time.Minute}, replay: testReplay(t)}
	team := &gang[*buyer]{make: func(c *Client) *buyer {
		return &buyer{replay: r.replay, client: c, plan: planRush(3, 1), tally: tally{}}
	}}
	rate, err := r.floor(t.Context(), 3, 400, team.spare)
	if err != nil || rate <= 0 {
		t.Errorf("%v requests per second, %v", rate, err)
	}
	if len(team.workers) != 0 {
		t.Error("the floor's workers are counted")
	}
	if rate, err := r.floor(t.Context(), 0, 400, team.spare); rate != 0 || err != nil {
		t.Errorf("without requests: %v, %v", rate, err)
	}
}

func TestAChildEndsCleanlyWithAnInterrupt(t *testing.T) {
	t.Setenv(asFloor, "1")
	c, err := startChild(t.Context(), os.Args[0], "", "event", "floor", "--body", "300")
	if err != nil {
		t.Fatal(err)
	}
	client := clientOf(t, c.url)
	answered, _, err := client.Do(t.Context(), Request{Method: "POST", Path: "/v1/orders/x/pay"})
	if err != nil || len(answered.Body) != 300 {
		t.Errorf("%d bytes, %v", len(answered.Body), err)
	}
	if err := c.stop(); err != nil {
		t.Error(err)
	}
	if c.peak < 1<<20 {
		t.Errorf("its peak was %d bytes", c.peak)
	}
	if err := c.stop(); err != nil {
		t.Errorf("stopped again: %v", err)
	}
}

func TestAChildThatDoesNotServeIsAnError(t *testing.T) {
	t.Setenv(asFloor, "1")
	log := t.TempDir() + "/log"
	_, err := startChild(t.Context(), os.Args[0], log, "event", "floor", "--no-such-flag")
	for _, why := range []string{"instead of its address", "no-such-flag"} {
		if err == nil || !strings.Contains(err.Error(), why) {
			t.Errorf("%v does not say %s", err, why)
		}
	}
	if _, err := startChild(t.Context(), t.TempDir()+"/missing", "", "serve"); err == nil {
		t.Error("a binary that is missing was started")
	}
}

func TestAServerThatEndsInTheMiddleEndsTheRun(t *testing.T) {
	t.Setenv(asFloor, "1")
	c, err := startChild(t.Context(), os.Args[0], "", "event", "floor")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	if err := c.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	watch(t.Context(), cancel, c)
	if err := context.Cause(ctx); err == nil || !strings.Contains(err.Error(), "ended in the middle") {
		t.Errorf("the run's cause is %v", err)
	}
	if err := c.stop(); err == nil {
		t.Error("a child that was killed ended cleanly")
	}
}

func TestMemoryIsReadFromAProcessStatus(t *testing.T) {
	t.Parallel()
	for status, want := range map[string]int64{
		"Name:\thotdrop\nVmPeak:\t 1242 kB\nVmHWM:\t  2048 kB\nVmRSS:\t 1024 kB\n": 2 << 20,
		"VmRSS:\t 1024 kB\n": 0,
		"VmHWM:\tlots\n":     0,
		"":                   0,
	} {
		if got := peakIn(status); got != want {
			t.Errorf("%q: %d, want %d", status, got, want)
		}
	}
}

func TestTokensOfShoppersHaveOneLengthAndNameThem(t *testing.T) {
	t.Parallel()
	keys := api.NewDemoKeys()
	shoppers := []uint32{0, 9, 10, 1_299_999, probeShopper}
	tokens, err := signTokens(keys, shoppers)
	if err != nil {
		t.Fatal(err)
	}
	for i, token := range tokens {
		if len(token) != len(tokens[0]) {
			t.Errorf("token %d has %d characters, the first %d", i, len(token), len(tokens[0]))
		}
		if id := shopperID(shoppers[i]); len(id) != len("s00000000") {
			t.Errorf("the id of shopper %d is %s", shoppers[i], id)
		}
	}
	if got := shopperID(1_299_999); got != "s01299999" {
		t.Errorf("the id is %s", got)
	}
	if _, err := signTokens(refusingSigner{}, shoppers); !errors.Is(err, errRefused) {
		t.Errorf("%v, want %v", err, errRefused)
	}
}

var errRefused = errors.New("refused")

// refusingSigner signs nothing.
type refusingSigner struct{}

func (refusingSigner) Sign(core.Principal, time.Duration) (string, error) { return "", errRefused }

func TestAConfigurationThatCannotRunIsAUsageError(t *testing.T) {
	t.Parallel()
	for name, config := range map[string]Config{
		"an unknown sale":             {Name: "moon"},
		"negative shoppers":           {Shoppers: -1},
		"negative reposts":            {Reposts: -1},
		"reservations of the car":     {Name: Car, Reservations: 10},
		"reposts of the car":          {Name: Car, Reposts: 10},
		"uploads during a group-buy":  {Name: Group, Uploads: 1, Tools: Tools{Modules: junk}},
		"too many connections":        {Connections: maxConnections + 1},
		"two nodes on SQLite":         {Nodes: 2},
		"a URL of elsewhere":          {URL: "http://drop.example", KeysFile: "k"},
		"a URL without keys":          {URL: "http://127.0.0.1:8080"},
		"a URL and a database":        {URL: "http://127.0.0.1:8080", KeysFile: "k", Store: "postgres://"},
		"keys for a server of ours":   {KeysFile: "k"},
		"a folder for foreign server": {URL: "http://127.0.0.1:8080", KeysFile: "k", Keep: "x"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var usage *UsageError
			if _, err := Run(t.Context(), config); !errors.As(err, &usage) || usage.Error() == "" {
				t.Errorf("%v, want a usage error", err)
			}
		})
	}
}

func TestTheMissionsFiguresAreTheDefaults(t *testing.T) {
	t.Parallel()
	for _, want := range []Config{
		{Name: Phone, Shoppers: 240_000, Reservations: 1_300_000, Reposts: 300_000, Units: 50_000},
		{Name: TradeIn, Shoppers: 20_000, Units: 2_099},
		{Name: Car, Shoppers: 5_000, Units: 666},
		{Name: Group, Shoppers: 20_000, Units: 20_000},
	} {
		t.Run(want.Name, func(t *testing.T) {
			t.Parallel()
			got, err := Config{Name: want.Name}.filled()
			if err != nil {
				t.Fatal(err)
			}
			if got.Shoppers != want.Shoppers || got.Reservations != want.Reservations || got.Reposts != want.Reposts || got.Units != want.Units {
				t.Errorf("the figures are %+v", got)
			}
			if got.Connections != 256 || got.Nodes != 1 || got.Out != io.Discard || got.Binary == "" {
				t.Errorf("the rest is %+v", got)
			}
		})
	}
	if config, err := (Config{}).filled(); err != nil || config.Name != Phone {
		t.Errorf("without a name it is %q, %v", config.Name, err)
	}
}

func TestThereAreAsManyRepostsToAReservationAsThereWere(t *testing.T) {
	t.Parallel()
	for reservations, want := range map[int]int{1_300_000: 300_000, 26_000: 6_000, 13: 3, 1: 1} {
		config, err := Config{Reservations: reservations}.filled()
		if err != nil || config.Reposts != want {
			t.Errorf("%d reposts for %d reservations, want %d: %v", config.Reposts, reservations, want, err)
		}
	}
	if config, err := (Config{Reservations: 13, Reposts: 70}).filled(); err != nil || config.Reposts != 70 {
		t.Errorf("%d reposts, want those that were asked for: %v", config.Reposts, err)
	}
}

func TestTheCommandRefusesWhatItCannotRun(t *testing.T) {
	t.Parallel()
	for name, args := range map[string][]string{
		"no sale":            {"run"},
		"an unknown sale":    {"run", "moon"},
		"an unknown output":  {"run", "phone", "-o", "xml"},
		"a folder in use":    {"run", "phone", "--keep", "."},
		"keys without a URL": {"run", "phone", "--keys", "x"},
		"keys that are gone": {"run", "phone", "--url", "http://127.0.0.1:1", "--keys", t.TempDir() + "/x"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cmd := Command(Tools{Modules: junk})
			var talk bytes.Buffer
			cmd.SetOut(&talk)
			cmd.SetErr(&talk)
			cmd.SetArgs(args)
			if err := cmd.ExecuteContext(t.Context()); err == nil {
				t.Errorf("it ran: %s", talk.String())
			}
		})
	}
}
