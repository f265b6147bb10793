package api

import (
	"cmp"
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"hotdrop/core"
	"hotdrop/core/drawing"
)

// waitingPlace is somebody's place who still waits.
func waitingPlace() *core.QueuePlace {
	return &core.QueuePlace{
		State: core.QueueWaiting, Place: 12, Ahead: 0, OpensAt: 1356062400000, AdmittedAt: 1356062460000, ExpiresAt: 1356062760000,
		PollAfter: 1500 * time.Millisecond,
	}
}

func (e *scripted) Join(_ context.Context, campaign string, shopper core.Principal) (*core.QueuePlace, bool, error) {
	e.asked.text, e.asked.who = campaign, shopper
	return cmp.Or(e.queue, waitingPlace()), !e.replayed, e.call()
}

func (e *scripted) QueuePlace(_ context.Context, campaign string, shopper core.Principal) (*core.QueuePlace, error) {
	e.asked.text, e.asked.who = campaign, shopper
	return cmp.Or(e.queue, waitingPlace()), e.call()
}

func (e *scripted) WaitingRoom(context.Context, string) (*core.WaitingRoomView, error) {
	return &core.WaitingRoomView{
		JoinAt: 1356058800000, OpensAt: 1356062400000, PerMinute: 10_000, Ticket: 5 * time.Minute, SeedHash: "ab", Waiting: 3,
	}, e.err
}

func (e *scripted) Shuffle(context.Context, string) (*drawing.Shuffle, error) {
	return &drawing.Shuffle{Campaign: "phone", SeedHash: "ab", Seed: "cd", OpenedAt: 1356062400000, Arrivals: []drawing.ID{{1}}}, e.call()
}

func TestAPlaceInTheWaitingRoomIsAnsweredWithWhenToAskAgain(t *testing.T) {
	engine, s, c := newScripted(t, false)
	shopper := c.as(s, alice)
	const want = `{"campaign":"phone","state":"waiting","position":12,"ahead":0,"opens_at":"2012-12-21T04:00:00Z",` +
		`"admitted_at":"2012-12-21T04:01:00Z","token_expires_at":"2012-12-21T04:06:00Z","poll_after":2}`
	for _, tt := range []struct {
		method   string
		replayed bool
		status   int
	}{
		{http.MethodPost, false, http.StatusCreated}, {http.MethodPost, true, http.StatusOK}, {http.MethodGet, true, http.StatusOK},
	} {
		engine.replayed = tt.replayed
		a := shopper.do(tt.method, "/v1/campaigns/phone/queue", "").wants(t, tt.status)
		if strings.TrimSpace(a.body) != want || a.header.Get("Retry-After") != "2" {
			t.Errorf("%s: %s, Retry-After %q", tt.method, a.body, a.header.Get("Retry-After"))
		}
		if engine.asked.text != "phone" || engine.asked.who.ID != "alice" {
			t.Errorf("asked %q for %q", engine.asked.text, engine.asked.who.ID)
		}
	}
}

func TestWhoIsLetInGetsTheTokenAndIsNotAskedToComeBack(t *testing.T) {
	engine, s, c := newScripted(t, false)
	engine.queue = &core.QueuePlace{State: core.QueueAdmitted, Place: 1, AdmittedAt: 1, ExpiresAt: 2, Token: "q1.1.2.x"}
	a := c.as(s, alice).do(http.MethodGet, "/v1/campaigns/phone/queue", "").wants(t, http.StatusOK)
	if !strings.Contains(a.body, `"token":"q1.1.2.x"`) || a.header.Get("Retry-After") != "" {
		t.Errorf("%s, Retry-After %q", a.body, a.header.Get("Retry-After"))
	}
}

func TestTheTokenOfAnOrderReachesTheEngineBothWays(t *testing.T) {
	tw := newTwins(t)
	for _, token := range []string{"", "q1.1.2.x"} {
		tw.script(nil, false)
		tw.compare(t, "/v1/campaigns/phone/orders", `{"sku":"mi2","quantity":1}`, orderHeader("Queue-Token", token))
		if got := tw.hotEngine.asked.request.QueueToken; got != token {
			t.Errorf("the engine was asked with the token %q, not %q", got, token)
		}
	}
}

func TestEverybodySeesTheSeedsHashBeforeAnybodyCanJoin(t *testing.T) {
	engine, s, c := newScripted(t, false)
	a := c.as(s, alice).do(http.MethodGet, "/v1/campaigns/phone", "").wants(t, http.StatusOK)
	if strings.Contains(a.body, "waiting_room") {
		t.Errorf("a campaign without a waiting room has one: %s", a.body)
	}
	engine.waits = true
	a = c.as(s, alice).do(http.MethodGet, "/v1/campaigns/phone", "").wants(t, http.StatusOK)
	const want = `"waiting_room":{"join_at":"2012-12-21T03:00:00Z","opens_at":"2012-12-21T04:00:00Z","per_minute":10000,` +
		`"ticket_seconds":300,"seed_hash":"ab","waiting":3}`
	if !strings.Contains(a.body, want) {
		t.Errorf("%s\nlacks %s", a.body, want)
	}
}
