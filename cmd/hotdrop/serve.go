package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"path/filepath"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"hotdrop/api"
	"hotdrop/core"
	"hotdrop/core/jobs"
)

// serveSettings are the flags of serve.
type serveSettings struct {
	databaseSettings
	demo          bool
	public, admin address
	keys          string
	proxies       api.Proxies
	certificates  certificateFiles
	limits        api.Limits
	orderLatency  time.Duration
	plugins       pluginSettings
	keep          core.Retention
	heads         headSettings
	logLevel      slog.Level
}

func serveCommand() *cobra.Command {
	s := &serveSettings{logLevel: slog.LevelInfo}
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Serve the API; with --demo, with campaigns to play with",
		Long: "Serve the API. --demo needs nothing else: it listens on loopback only, makes its keys, and applies the\n" +
			"campaigns phone and group (on sale), trade-in (reservation) and car (teaser), their windows around now. At\n" +
			"each start, one of them that is no longer in its phase is moved so that the phase begins anew; stock, orders\n" +
			"and the campaigns of others stay as they are. Every flag can also be set as HOTDROP_<NAME> or in the file of\n" +
			"--config.\n\n" +
			"The first interrupt drains: requests under way are answered. The second ends the process at once.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			s.loosenLimits(cmd)
			s.public.flag, s.admin.flag = "listen", "admin-listen"
			s.public.explicit = cmd.Flags().Changed("listen")
			s.admin.explicit = cmd.Flags().Changed("admin-listen")
			if err := s.check(cmd.Context()); err != nil {
				return err
			}
			log := slog.New(slog.NewTextHandler(cmd.ErrOrStderr(), &slog.HandlerOptions{Level: s.logLevel}))
			return s.serve(cmd.Context(), cmd.OutOrStdout(), log)
		},
	}
	s.register(cmd)
	cmd.Flags().BoolVar(&s.demo, "demo", false, "serve campaigns to play with, on loopback only")
	cmd.Flags().StringVar(&s.public.hostPort, "listen", "127.0.0.1:8080", "address of the API")
	cmd.Flags().StringVar(&s.admin.hostPort, "admin-listen", "127.0.0.1:8081", "address of /livez, /readyz and /metrics; keep it inside")
	cmd.Flags().StringVar(&s.keys, "keys", "", "file of keys (see hotdrop keys new); --demo makes one in --data")
	s.registerLimits(cmd)
	s.certificates.register(cmd)
	s.plugins.register(cmd)
	cmd.Flags().DurationVar(&s.keep.Refusals, "keep-refusals", 30*24*time.Hour, "how long refused requests stay in the log; orders stay")
	cmd.Flags().DurationVar(&s.keep.Samples, "keep-samples", 15*time.Minute, "how long what nodes measured stays, by which live data resumes")
	s.heads.register(cmd)
	cmd.Flags().TextVar(&s.logLevel, "log-level", slog.LevelInfo, "debug, info, warn or error")
	cmd.Flags().Int64Var(&s.maxPages, "max-pages", 0, "bound the embedded store to this many pages of 4 KiB")
	_ = cmd.Flags().MarkHidden("max-pages") // the flag exists
	return cmd
}

// leastKept is how long samples and refusals stay at least: twice what guards look at.
const leastKept = 2 * time.Minute

// check refuses settings that cannot work together.
func (s *serveSettings) check(ctx context.Context) error {
	if s.keep.Refusals < leastKept || s.keep.Samples < leastKept {
		return usageError{fmt.Errorf("--keep-refusals and --keep-samples are at least %s: guards look back that far", leastKept)}
	}
	if err := errors.Join(s.plugins.check(), s.certificates.check(), s.heads.check()); err != nil {
		return err
	}
	if !s.demo && s.keys == "" {
		return usageError{errors.New("serve needs --keys FILE (make one with `hotdrop keys new`), or --demo")}
	}
	if !s.demo {
		return nil
	}
	return errors.Join(s.public.requireLoopback(ctx), s.admin.requireLoopback(ctx))
}

// serve runs until ctx ends. What is opened is closed in the opposite order, also when a later step fails.
func (s *serveSettings) serve(ctx context.Context, out io.Writer, log *slog.Logger) (err error) {
	tuneRuntime(log)
	plain, err := s.public.listen(ctx, s.demo)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, closeListener(plain)) }()
	public, err := s.certificates.secured(plain, log)
	if err != nil {
		return err
	}
	admin, err := s.admin.listen(ctx, s.demo)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, closeListener(admin)) }()
	if err := s.checkKeys(); err != nil {
		return err
	}
	db, err := s.openMigrated(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	db.warnExposed(log)
	keys, err := s.readKeys()
	if err != nil {
		return err
	}
	registry, compiler, err := s.newPlugins(ctx, db, keys, log)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, compiler.close(ctx)) }()

	issued := core.NewStaffKeys(core.StaffKeysOptions{Store: db.staffKeys, Listed: keys.People(), Log: log})
	node := &node{settings: s, db: db, log: log, registry: registry, keys: keys, issued: issued, engine: core.NewEngine(core.Options{
		Store: db.orders, Campaigns: db.campaigns, Ledger: db.ledger, Nodes: db.nodes, Journal: db.journal, Shoppers: db.shoppers,
		Compiler: compiler, Plugins: registry,
		Version: versionText(), Log: log,
	})}
	if err := node.start(ctx); err != nil {
		return err
	}
	defer node.engine.Stop()
	return node.run(ctx, public, admin, out)
}

// closeListener closes a listener that its server may have closed already.
func closeListener(listener net.Listener) error {
	if err := listener.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
		return fmt.Errorf("closing %s: %w", listener.Addr(), err)
	}
	return nil
}

// node is one serving process.
type node struct {
	settings *serveSettings
	db       *database
	engine   *core.Engine
	registry *core.PluginRegistry
	issued   *core.StaffKeys // those that administrators make
	keys     *api.Keys
	log      *slog.Logger
}

// start loads the campaigns; demo mode has its own.
func (n *node) start(ctx context.Context) error {
	if err := n.issued.Start(ctx); err != nil {
		return fmt.Errorf("staff keys: %w", err)
	}
	if !n.settings.demo {
		return n.engine.Start(ctx)
	}
	campaigns, err := demoCampaigns()
	if err != nil {
		return err
	}
	if err := n.engine.Start(ctx); err != nil {
		return err
	}
	if err := applyDemo(ctx, n.engine, campaigns); err != nil {
		n.engine.Stop()
		return err
	}
	return nil
}

// checkKeys fails on a keys file that readKeys could not read, before there is a database. One that demo mode will make may be
// missing.
func (s *serveSettings) checkKeys() error {
	_, err := api.LoadKeys(s.keysPath())
	if s.demo && errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// readKeys reads the keys file; demo mode makes one where it is missing.
func (s *serveSettings) readKeys() (*api.Keys, error) {
	if !s.demo {
		return api.LoadKeys(s.keys)
	}
	campaigns, err := demoCampaigns()
	if err != nil {
		return nil, err
	}
	own := s.keys == "" // a file that somebody names is theirs to change
	return loadOrMakeKeys(s.keysPath(), brandsOf(campaigns), own)
}

// publicURL is the API's address as a URL.
func (s *serveSettings) publicURL(listener net.Listener) string {
	if s.certificates.given() {
		return urlOf("https", listener)
	}
	return urlOf("http", listener)
}

// keysPath is where the keys are; demo mode has a place of its own for them.
func (s *serveSettings) keysPath() string {
	if s.keys != "" {
		return s.keys
	}
	return filepath.Join(s.data, demoKeysFile)
}

// run serves until ctx ends, then drains: readiness fails first, requests under way are answered, then the sweeps stop.
func (n *node) run(ctx context.Context, publicOn, adminOn net.Listener, out io.Writer) error {
	ready := &readiness{engine: n.engine}
	signing, err := n.keys.Log()
	if err != nil {
		return err
	}
	staffLog := core.NewStaffLog(n.db.staffLog, signing, nil)
	export, err := newHeadExport(n.settings.heads, staffLog, n.log)
	if err != nil {
		return err
	}
	service, err := api.New(api.Options{
		Engine: n.engine, Rulesets: n.db.campaigns, Readiness: ready, Plugins: n.registry, Rules: ruleChecker{}, Keys: n.keys,
		StaffKeys: n.issued, StaffLog: staffLog, LogHeads: export.exported(),
		Proxies: n.settings.proxies, Limits: n.settings.limits, OrderLatency: n.settings.orderLatency,
		Demo: n.settings.demo, Log: n.log, Version: versionText(),
	})
	if err != nil {
		return err
	}
	public, admin := service.HTTPServer(), newAdminServer(service.AdminHandler(), n.log)
	failed := make(chan error, 2)
	serveInBackground(public, service.OnDoorstep(publicOn), failed)
	serveInBackground(admin, adminOn, failed)
	sweeping, stopSweeping := context.WithCancel(context.WithoutCancel(ctx))
	var background sync.WaitGroup
	forget := func(ctx context.Context) error { return n.engine.Forget(ctx, n.settings.keep) }
	background.Go(func() { jobs.New(n.engine, n.log).Forgetting(forget).Run(sweeping) })
	background.Go(func() { n.registry.Run(sweeping) })
	background.Go(func() { service.Run(sweeping) })
	background.Go(func() { n.issued.Run(sweeping) })
	background.Go(func() { export.run(sweeping) })

	err = n.printBanner(ctx, out, n.settings.publicURL(publicOn), urlOf("http", adminOn))
	if err == nil {
		select {
		case <-ctx.Done():
			n.log.Info("draining; interrupt again to stop at once")
		case err = <-failed:
		}
	}
	ready.draining.Store(true)
	n.engine.Drain()
	err = errors.Join(err, drain(ctx, public))
	stopSweeping()
	background.Wait()
	return errors.Join(err, drain(ctx, admin))
}
