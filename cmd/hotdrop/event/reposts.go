package event

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"time"

	"hotdrop/core"
)

// What is reposted. Of the sale only the sum is known: 3,000,000 reposts of the reservation post.
const (
	socialSource    = "weibo"
	repostDraw      = "reposts"
	linksPerMille   = 10   // of the reservers, who make a link
	batchSize       = 1000 // events of a request: as many as it may have
	reporters       = 8    // connections that the source has
	againPerMille   = 20   // of the events, that the source sends twice
	accountPerMille = 10   // of the events, by an account that had reposted the link before
	resentEvery     = 20   // of the requests one is sent twice
)

// lottery is the draw among those who reposted, while it takes entries.
type lottery struct {
	*show

	codes   []string // of the links, by owner
	want    []int64  // how often each link is reposted
	cap     int64    // most entries of a shopper
	events  []socialEvent
	total   int64 // of all entries
	exact   bool  // every request of the source was answered at once, so that its answers add up
	outcome *counter
	winners int64
}

// socialEvent is one event as the API takes it.
type socialEvent struct {
	ID    string `json:"id"`
	Kind  string `json:"kind"`
	Share string `json:"share"`
	By    string `json:"by"`
}

// drawView is the draw as the API shows it.
type drawView struct {
	State    string   `json:"state"`
	SeedHash string   `json:"seed_hash"`
	Weight   int64    `json:"weight"`
	Entries  int64    `json:"entries"`
	Places   int64    `json:"places"`
	Winners  []string `json:"winners"`
	Digest   string   `json:"digest"`
}

// repost has some reservers make links, which others come through and which the social platform reports reposts of. It
// comes before the rush, so that nothing of it is in what the rush is measured by.
func (r *runner) repost(ctx context.Context) (*lottery, error) {
	owners := min(max(1, share(r.config.Reservations, linksPerMille)), len(r.replay.tokens))
	file, err := campaignFile(Phone)
	if err != nil {
		return nil, err
	}
	sale, err := parseSale(file)
	if err != nil {
		return nil, err
	}
	l := &lottery{
		show: &show{
			runner: r, terms: r.replay.terms, sale: sale, tokens: r.replay.tokens, tale: &r.result.tale,
			random: rand.New(rand.NewPCG(r.config.Seed, 4)), //nolint:gosec // a load plan is no secret
		},
		codes: make([]string, owners), want: make([]int64, owners), outcome: newCounter(),
	}
	l.cap = mostEntries(sale)
	for _, act := range []func(context.Context) error{l.link, l.report, l.visit, l.count} {
		if err := act(ctx); err != nil {
			return nil, err
		}
	}
	return l, nil
}

// mostEntries is how many entries a shopper may have, as the campaign file says.
func mostEntries(sale *core.Campaign) int64 {
	for _, binding := range sale.Ruleset {
		if most, ok := binding.Config["max_entries"].(int64); ok {
			return most
		}
	}
	return 0
}

// owners are those who have a link.
func (l *lottery) owners() []int {
	list := make([]int, len(l.codes))
	for i := range list {
		list[i] = i
	}
	return list
}

// link has the owners make their links.
func (l *lottery) link(ctx context.Context) error {
	return l.each(ctx, "links", l.owners(), func(ctx context.Context, p *shopper) error {
		var made link
		err := p.must(ctx, post(p.token, p.here("/shares"), "", nil), &made)
		l.codes[p.n] = made.Code
		return err
	})
}

// plan makes the events: some links are reposted far more than others. Behind every event that counts there may be one
// that does not.
func (l *lottery) plan() {
	for i := range l.config.Reposts {
		popular := l.random.Float64()
		owner := int(popular * popular * popular * float64(len(l.codes)))
		l.want[owner]++
		id := fmt.Sprintf("%s-%08d", l.replay.run, i)
		event := socialEvent{ID: id, Kind: "repost", Share: l.codes[owner], By: "u-" + id}
		l.events = append(l.events, event)
		switch roll := l.random.IntN(1000); {
		case roll < againPerMille:
			l.events = append(l.events, event)
		case roll < againPerMille+accountPerMille:
			event.ID += "-again"
			l.events = append(l.events, event)
		}
	}
}

// report has the source report everything, in batches. Some batches are sent twice; one is not signed by the source, and
// nothing of it counts.
func (l *lottery) report(ctx context.Context) error {
	l.plan()
	batches := slices.Collect(slices.Chunk(l.events, batchSize))
	sources := l.crew.clients[:min(reporters, len(l.crew.clients))]
	began, before := time.Now(), l.result.Retried
	err := l.on(ctx, sources, "reposts", len(batches), func(ctx context.Context, on *caller, i int) error {
		return l.send(ctx, on, batches[i], i%resentEvery == 0)
	})
	if err != nil {
		return err
	}
	took := time.Since(began).Seconds()
	l.tale.tell("links", int64(len(l.codes)))
	sent := int64(len(l.events))
	for i := 0; i < len(batches); i += resentEvery {
		sent += int64(len(batches[i]))
	}
	// Of a request that failed some events may have counted. They are repeats when it is tried again.
	counted := l.outcome.of("counted")
	l.exact = l.result.Retried == before
	l.tale.expectAtMost("reposts_answered", counted, int64(l.config.Reposts), l.exact)
	l.tale.expect("reposts_repeated", l.outcome.of("repeated"), sent-counted)
	l.tale.took("reposts_seconds", took)
	l.tale.tell("reposts_per_second", int64(float64(len(l.events))/took))
	return l.on(ctx, sources[:1], "forgery", 1, func(ctx context.Context, on *caller, _ int) error {
		return l.forge(ctx, on, batches[0])
	})
}

// signed is a request of the source.
func (l *lottery) signed(id string, events []socialEvent) (Request, error) {
	path := "/v1/social/" + socialSource + "/events"
	request := post("", path, "", map[string]any{"events": events})
	var err error
	request.Header, err = l.signer.SignEvents(socialSource, id, time.Now(), request.Body)
	return request, err
}

// send reports a batch, twice if that is asked for, and counts what became of its events.
func (l *lottery) send(ctx context.Context, on *caller, batch []socialEvent, twice bool) error {
	request, err := l.signed(batch[0].ID, batch)
	for n := 0; err == nil && (n == 0 || n == 1 && twice); n++ {
		var answer struct {
			Results []struct {
				Result  string `json:"result"`
				Code    string `json:"code"`
				Entries int64  `json:"entries"`
			} `json:"results"`
		}
		if err = on.must(ctx, request, &answer); err != nil {
			break
		}
		sums := map[string]int64{}
		for _, result := range answer.Results {
			sums[result.Result]++
			sums["entries"] += result.Entries
			if result.Code != "" {
				sums[result.Code]++
			}
		}
		for name, n := range sums {
			l.outcome.add(name, n)
		}
	}
	return err
}

// forge sends a batch whose body is not the one that was signed.
func (l *lottery) forge(ctx context.Context, on *caller, batch []socialEvent) error {
	request, err := l.signed("forged", batch[:1])
	if err != nil {
		return err
	}
	forged := batch[0]
	forged.ID, forged.By = "forged", "forger"
	request.Body, _ = json.Marshal(map[string]any{"events": []socialEvent{forged}}) // plain data always encodes
	answer, _, err := on.client.Do(ctx, request)
	refused := int64(0)
	if answer.Status == http.StatusUnauthorized {
		refused = 1
	}
	l.tale.expect("forgeries_refused", refused, 1)
	return err
}

// visit has two others come through every link, and its owner, who counts nothing.
func (l *lottery) visit(ctx context.Context) error {
	const friends = 2
	people := len(l.tokens)
	others := min(friends, people-1)
	err := l.each(ctx, "visits", l.owners(), func(ctx context.Context, p *shopper) error {
		for i := range others + 1 { // the first is the owner
			code, err := p.call(ctx, post(l.tokens[(p.n+i)%people], "/v1/shares/"+l.codes[p.n]+"/visits", "", nil), nil)
			if err != nil {
				return err
			}
			l.outcome.add("visit "+code, 1)
		}
		return nil
	})
	l.tale.expect("visits", l.outcome.of("visit "), int64(others*len(l.codes)))
	l.tale.expect("own_visits_refused", l.outcome.of("visit "+string(core.CodeOwnLink)), int64(len(l.codes)))
	return err
}

// count reads what every link has counted, and what has entered the draw.
func (l *lottery) count(ctx context.Context) error {
	sums, most := newCounter(), int64(0)
	err := l.each(ctx, "links' counts", l.owners(), func(ctx context.Context, p *shopper) error {
		var made link
		err := p.must(ctx, post(p.token, p.here("/shares"), "", nil), &made)
		if made.Reposts != l.want[p.n] || made.Code != l.codes[p.n] {
			sums.add("wrong", 1)
		}
		sums.add("reposts", made.Reposts)
		return err
	})
	for _, n := range l.want {
		l.total += min(n, l.cap)
		most = max(most, n)
	}
	l.tale.expect("reposts", sums.of("reposts"), int64(l.config.Reposts))
	l.tale.expect("links_miscounted", sums.of("wrong"), 0)
	l.tale.tell("most_reposts_of_a_link", most)
	l.tale.expectAtMost("draw_entries", l.outcome.of("entries"), l.total, l.exact)
	return err
}
