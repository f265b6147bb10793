package event

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"hotdrop/api"
	"hotdrop/cmd/hotdrop/campaigns"
	"hotdrop/core"
)

// runner is one replay under way.
type runner struct {
	config Config
	signer *api.Keys
	urls   []string // of the servers; plugins are uploaded to the first
	nodes  []*child // the servers that the run started
	staff  *staff
	crew   *crew
	replay *replay
	sizes  sizes
	sale   *core.Campaign  // as it was applied
	gives  map[int64]int64 // what an order costs under each ruleset that was swapped, minor units
	plugin string          // the digest of the plugin that swapped rulesets bind; "" for the campaign's own
	result *Result
}

// Run replays the sale and returns what it measured and counted. The error is about the run itself; whether the books
// balance is the result's [Result.Err]. A configuration that cannot be run is a [UsageError].
func Run(ctx context.Context, config Config) (result *Result, err error) {
	config, err = config.filled()
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	servers, err := startFleet(ctx, cancel, config)
	if err != nil {
		return nil, err
	}
	result, err = replaySale(ctx, config, servers)
	if err := errors.Join(err, servers.stop()); err != nil {
		return nil, err
	}
	result.PeakMemory = servers.peak()
	return result, nil
}

// replaySale plays the sale against servers that run, and has their books audited.
func replaySale(ctx context.Context, config Config, servers *fleet) (result *Result, err error) {
	r, err := newRunner(config, servers)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, r.crew.close(), r.staff.close()) }()
	if err := r.counted(ctx, figuresOf(config.Name).play); err != nil {
		return nil, err
	}
	r.result.Audit, err = servers.audit(ctx, config)
	return r.result, err
}

// playPhone is the doomsday sale: reservations, reposts, the rush, payment, and the lottery among those who reposted.
func playPhone(ctx context.Context, r *runner) error {
	if err := r.open(ctx); err != nil {
		return err
	}
	if err := r.reserve(ctx); err != nil {
		return err
	}
	lottery, err := r.repost(ctx)
	if err != nil {
		return err
	}
	if err := r.staff.enter(ctx, r.replay.campaign, core.PhaseSale); err != nil {
		return err
	}
	orders, err := r.rush(ctx)
	if err != nil {
		return err
	}
	if err := r.settle(ctx, orders); err != nil {
		return err
	}
	if err := r.checkLog(ctx, orders); err != nil {
		return err
	}
	if err := lottery.draw(ctx); err != nil {
		return err
	}
	if err := r.calm(ctx); err != nil {
		return err
	}
	return r.overload(ctx)
}

// newRunner connects to the servers and names the campaign.
func newRunner(config Config, servers *fleet) (*runner, error) {
	signer, err := api.LoadKeys(servers.keys)
	if err != nil {
		return nil, err
	}
	officers, err := newStaff(signer, config.Patience, servers.urls)
	if err != nil {
		return nil, err
	}
	connections, err := newCrew(config.Connections, config.Patience, servers.urls...)
	if err != nil {
		return nil, err
	}
	run := strconv.FormatInt(time.Now().UnixMilli(), 36)
	return &runner{
		config: config, signer: signer, urls: servers.urls, nodes: servers.children, staff: officers, crew: connections,
		replay: &replay{run: run, campaign: config.Name + "-" + run},
		result: &Result{
			Event: config.Name, Store: servers.store, Campaign: config.Name + "-" + run,
			Nodes: len(servers.urls), Connections: config.Connections,
			Shoppers: int64(config.Shoppers), Units: int64(config.Units),
			Swaps: swapsOf(config),
		},
	}, nil
}

// swapsOf is where the figures of the swaps go; nil for a run without.
func swapsOf(config Config) *Swaps {
	if config.Swaps == 0 {
		return nil
	}
	return &Swaps{}
}

// open probes the servers, makes the rush's tokens and opens the campaign for reservations.
func (r *runner) open(ctx context.Context) error {
	file, err := campaignFile(r.config.Name)
	if err != nil {
		return err
	}
	if r.sizes, err = r.probe(ctx, file); err != nil {
		return fmt.Errorf("probe: %w", err)
	}
	if r.replay, r.sale, err = r.prepare(ctx, file, r.replay.campaign, r.config.Units); err != nil {
		return err
	}
	if r.config.SwapPlugin {
		if r.plugin, err = r.admitPlugin(ctx); err != nil {
			return err
		}
	}
	r.replay.tokens, err = signTokens(r.signer, numbers(r.config.Shoppers))
	return err
}

// campaignFile returns the sale's campaign file as the binary carries it.
func campaignFile(name string) ([]byte, error) {
	files, err := campaigns.Files()
	if err != nil {
		return nil, err
	}
	for _, file := range files {
		if file.ID == name {
			return file.Data, nil
		}
	}
	return nil, fmt.Errorf("there is no campaign file %s", name)
}

// prepare applies the sale's campaign under the id and returns its replay, and the campaign as it was applied.
func (r *runner) prepare(ctx context.Context, file []byte, id string, units int) (*replay, *core.Campaign, error) {
	sale, err := parseSale(file)
	if err != nil {
		return nil, nil, err
	}
	applied := replayed(sale, id, units, time.Now())
	if err := r.staff.apply(ctx, applied, core.PhaseReservation); err != nil {
		return nil, nil, err
	}
	replay, err := newReplay(r.replay.run, id, termsOf(sale))
	return replay, applied, err
}
