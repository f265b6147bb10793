package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"

	"hotdrop/api"
	"hotdrop/cmd/hotdrop/event"
	"hotdrop/core"
	"hotdrop/core/drawing"
	"hotdrop/core/storetest"
)

// roomFile is a campaign of a far future with a waiting room that lets everybody in at once. Demo mode moves it to now.
const roomFile = `campaign: room
brand: meizu
currency: CNY
title: Room
phases: {teaser: 2080-01-01T00:00:00Z, sale: 2080-01-03T00:00:00Z, closed: 2090-01-01T00:00:00Z}
waiting_room: {per_minute: 1000000, ticket: 1h, opens: 2080-01-01T00:00:00Z}
items:
  - {sku: mx3, title: MX3, price: 179900, stock: 1000, limit: 5, hold: 24h}
guardrails: {min_price: 1, max_discount: 0, discount_budget: 0}
ruleset: []
`

const roomPath = "/v1/campaigns/room"

// How many join before the opening, and how many while it opens and a server is killed.
const (
	roomEarly   = 60
	roomBetween = 60
)

// room is a waiting room on servers that share a database.
type room struct {
	*rush

	t       *testing.T
	folder  string
	where   []string
	servers []*server
}

func newRoom(t *testing.T, servers int, where ...string) *room {
	t.Helper()
	folder := t.TempDir()
	r := &room{rush: &rush{orders: map[string]string{}, refusals: map[string]int{}}, t: t, folder: folder, where: where}
	for range servers {
		s := serve(t, folder, append(where, "--demo")...)
		r.servers, r.urls = append(r.servers, s), append(r.urls, s.url)
	}
	r.keys = demoKeys(t, folder+"/data")
	requireRun(t, folder, "campaign", "apply", "--reason", "a test", writeFile(t, folder, "room.yaml", roomFile), "--server", r.urls[0], "--key", r.operator())
	return r
}

func (r *room) operator() string { return keyOf(r.keys, core.RoleOperator) }

// node returns a client of one of the servers, which goes on when that is killed and comes back.
func (r *room) node(i int) *event.Client {
	r.t.Helper()
	client, err := event.NewClient(r.urls[i%len(r.urls)])
	if err != nil {
		r.t.Fatal(err)
	}
	client.Patience = patience
	return client
}

// get reads what a server says, as whoever the token names.
func (r *room) get(client *event.Client, path, token string, into any) int {
	r.t.Helper()
	response, _, err := client.Do(r.t.Context(), event.Request{Method: http.MethodGet, Path: path, Token: token})
	if err == nil && response.Status == http.StatusOK {
		err = json.Unmarshal(response.Body, into)
	}
	if err != nil {
		r.t.Fatalf("%s: %v", path, err)
	}
	return response.Status
}

// jump begins a phase now, and returns when every server knows.
func (r *room) jump(phase core.Phase) {
	r.t.Helper()
	request(r.t, http.StatusOK, http.MethodPost, r.urls[0]+"/v1/demo/campaigns/room/phase", r.operator(), "", `{"phase":"`+string(phase)+`"}`)
	for i := range r.urls {
		client := r.node(i)
		for begun := time.Now(); ; {
			var view api.Campaign
			r.get(client, roomPath, r.operator(), &view)
			if view.Phase == phase {
				break
			}
			if time.Since(begun) > patience {
				r.t.Fatalf("server %d is still in the phase %s", i, view.Phase)
			}
		}
		_ = client.Close()
	}
}

// join lets shoppers join by the servers in turn, each twice, and returns when all have been answered. It says when each was.
func (r *room) join(prefix string, n int, answered chan<- struct{}) {
	var joining sync.WaitGroup
	for i := range n {
		client, shopper := r.node(i), fmt.Sprint(prefix, i)
		joining.Go(func() {
			defer client.Close()
			for range 2 { // the second time it is the same place
				if v, err := r.ask(r.t, client, shopper, roomPath+"/queue", ""); err != nil || v.Code != "" {
					r.t.Errorf("%s: %+v, %v", shopper, v, err)
				}
				answered <- struct{}{}
			}
		})
	}
	joining.Wait()
}

// openAndKill opens the room while people join, kills the last server in the middle of it, and starts it again.
func (r *room) openAndKill() {
	r.t.Helper()
	last := len(r.servers) - 1
	address, err := url.Parse(r.urls[last])
	if err != nil {
		r.t.Fatal(err)
	}
	answered := make(chan struct{}, 2*roomBetween)
	var opening sync.WaitGroup
	opening.Go(func() { r.join("between-", roomBetween, answered) })
	<-answered
	opening.Go(func() { // the answer, and all of it, may be lost
		_, _ = call(r.t.Context(), http.MethodPost, r.urls[0]+"/v1/demo/campaigns/room/phase", r.operator(), "", `{"phase":"sale"}`)
	})
	for range roomBetween / 4 {
		<-answered
	}
	if code := r.servers[last].signal(r.t, syscall.SIGKILL); code != -1 {
		r.t.Errorf("the server was not killed: exit %d", code)
	}
	again, err := tryServe(r.t, r.folder, append([]string{
		"--demo", "--listen", address.Host, "--admin-listen", "127.0.0.1:0",
	}, r.where...)...)
	if err != nil {
		r.t.Fatalf("restart: %v\n%s", err, again.log())
	}
	opening.Wait()
	r.t.Logf("%d requests were sent again", r.retries)
	r.jump(core.PhaseSale) // once more, if it was lost; an open room stays as it is
}

// places reads everybody's place from each server, and returns the places if the servers agree.
func (r *room) places(shoppers []string) map[string]api.QueuePlace {
	r.t.Helper()
	places := map[string]api.QueuePlace{}
	taken := map[int64]string{}
	for i := range r.urls {
		client := r.node(i)
		for _, shopper := range shoppers {
			var place api.QueuePlace
			if status := r.get(client, roomPath+"/queue", r.token(shopper), &place); status != http.StatusOK || place.State != "admitted" {
				r.t.Fatalf("%s: %d, %+v", shopper, status, place)
			}
			known, seen := places[shopper]
			if seen && (known.Position != place.Position || known.Token != place.Token || !known.AdmittedAt.Equal(*place.AdmittedAt)) {
				r.t.Errorf("%s has the place %+v, and %+v on server %d", shopper, known, place, i)
			}
			if other := taken[place.Position]; other != "" && other != shopper {
				r.t.Errorf("%s and %s have the place %d", shopper, other, place.Position)
			}
			places[shopper], taken[place.Position] = place, shopper
		}
		_ = client.Close()
	}
	return places
}

// order asks for a phone with a queue token, and returns the problem's code.
func (r *room) order(client *event.Client, shopper, key, token string) string {
	r.t.Helper()
	header := http.Header{}
	if token != "" {
		header.Set("Queue-Token", token)
	}
	response, _, err := client.Do(r.t.Context(), event.Request{
		Method: http.MethodPost, Path: roomPath + "/orders", Key: key, Token: r.token(shopper), Body: []byte(orderBody), Header: header,
	})
	var v verdict
	if err == nil {
		err = json.Unmarshal(response.Body, &v)
	}
	if err != nil {
		r.t.Fatalf("%s: %v", shopper, err)
	}
	return v.Code
}

// spend has everybody order, by other servers than they joined by, at the same time with every key, and only once.
func (r *room) spend(shoppers []string, places map[string]api.QueuePlace) {
	r.t.Helper()
	for i, shopper := range shoppers {
		other := places[shoppers[(i+1)%len(shoppers)]].Token
		client := r.node(i)
		if code := r.order(client, shopper, "none", ""); code != string(core.CodeQueueTokenRequired) {
			r.t.Errorf("%s without a token: %q", shopper, code)
		}
		if code := r.order(client, shopper, "another's", other); code != string(core.CodeQueueTokenInvalid) {
			r.t.Errorf("%s with another's token: %q", shopper, code)
		}
		_ = client.Close()
		codes := make([]string, 3)
		var ordering sync.WaitGroup
		for n := range codes {
			client := r.node(i + n)
			ordering.Go(func() {
				codes[n] = r.order(client, shopper, "key-"+strconv.Itoa(n), places[shopper].Token)
				_ = client.Close()
			})
		}
		ordering.Wait()
		slices.Sort(codes)
		if invalid := string(core.CodeQueueTokenInvalid); !slices.Equal(codes, []string{"", invalid, invalid}) {
			r.t.Errorf("%s orders three times with one token: %q", shopper, codes)
		}
	}
}

// verify exports the shuffle from every server, and shuffles again.
func (r *room) verify(seedHash string, places map[string]api.QueuePlace) {
	r.t.Helper()
	file := ""
	for i, at := range r.urls {
		exported := requireRun(r.t, r.folder, "queue", "export", "room", "--server", at, "--key", r.operator())
		if file != "" && exported != file {
			r.t.Errorf("server %d exports another shuffle", i)
		}
		file = exported
	}
	shuffle, err := drawing.ParseShuffle(bytes.NewReader([]byte(file)))
	if err != nil {
		r.t.Fatal(err)
	}
	early := len(shuffle.Arrivals)
	if early < roomEarly || early > roomEarly+roomBetween {
		r.t.Errorf("%d were shuffled", early)
	}
	r.t.Logf("%d of %d were shuffled", early, len(places))
	for shopper, place := range places {
		_, drawn := shuffle.Find(shopper)
		if drawn != 0 && int64(drawn) != place.Position || drawn == 0 && place.Position <= int64(early) {
			r.t.Errorf("%s was told the place %d, and was shuffled to %d of %d", shopper, place.Position, drawn, early)
		}
	}
	args := []string{
		"queue", "verify", writeFile(r.t, r.folder, "shuffle.json", file), "--seed-hash", seedHash, "--digest", shuffle.Digest,
		"--shopper", "early-0", "-o", "json",
	}
	var report shuffleReport
	if err := json.Unmarshal([]byte(requireRun(r.t, r.folder, args...)), &report); err != nil {
		r.t.Fatal(err)
	}
	if !report.Agrees || len(report.Unchecked) != 0 || int64(report.Place) != places["early-0"].Position {
		r.t.Errorf("%+v, and the place was %d", report, places["early-0"].Position)
	}
}

func TestAWaitingRoomOpensOnceWhateverIsKilledAtItsOpening(t *testing.T) {
	t.Run("one server on SQLite", func(t *testing.T) { openRoom(t, newRoom(t, 1, "--data", "data")) })
	t.Run("two servers on Postgres", func(t *testing.T) { openRoom(t, newRoom(t, 2, "--database-url", storetest.PostgresURL(t))) })
}

func openRoom(t *testing.T, r *room) {
	t.Helper()
	client := r.node(0)
	defer client.Close()
	if v, err := r.ask(t, client, "early-0", roomPath+"/queue", ""); err != nil || v.Code != string(core.CodeNotInPhase) {
		t.Fatalf("sixty years too early: %+v, %v", v, err)
	}
	r.jump(core.PhaseTeaser) // moves the room, which takes people from then on
	r.join("early-", roomEarly, make(chan struct{}, 2*roomEarly))
	var view api.Campaign
	r.get(client, roomPath, r.operator(), &view)
	var before api.QueuePlace
	r.get(client, roomPath+"/queue", r.token("early-0"), &before)
	if view.Waiting == nil || view.Waiting.SeedHash == "" || view.Waiting.Seed != "" || before.Position != 0 ||
		before.State != "waiting" || time.Until(*before.OpensAt) > 48*time.Hour {
		t.Fatalf("before the opening: %+v, %+v", view.Waiting, before)
	}
	r.openAndKill()
	var shoppers []string
	for i := range roomEarly {
		shoppers = append(shoppers, fmt.Sprint("early-", i))
	}
	for i := range roomBetween {
		shoppers = append(shoppers, fmt.Sprint("between-", i))
	}
	places := r.places(shoppers)
	r.verify(view.Waiting.SeedHash, places)
	r.spend(shoppers, places)
	requireCleanAudit(t, r.folder, len(shoppers), r.where...)
}
