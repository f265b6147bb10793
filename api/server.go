package api

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"reflect"
	"runtime/debug"
	"sync"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"hotdrop/api/console"
	"hotdrop/api/identity"
	"hotdrop/core"
)

// Options is what a [Server] is made of. What does not say what nil means is required.
type Options struct {
	Engine    Engine
	Rulesets  Rulesets
	Readiness Readiness
	Plugins   Plugins
	Rules     Rules
	StaffLog  StaffLog             // nil: nobody can read it here
	LogHeads  func() ExportedHeads // what became of the export of its heads; nil: there is none
	Keys      *Keys
	StaffKeys StaffKeys // nil: the staff keys of Keys are all there are
	Proxies   Proxies   // whose word on where a request came from is taken
	Limits    Limits    // the zero value limits nothing
	// OrderLatency bounds the p99 of accepted orders: what comes beyond that is refused at the door; 0 is no bound.
	OrderLatency time.Duration
	Demo         bool         // tokens for everybody, top-ups, phases at will: on loopback only
	Log          *slog.Logger // nil: [slog.Default]
	Version      string       // of the binary, for the OpenAPI document; "" is "dev"

	withoutHotPaths bool         // for the test that compares the two ways through
	clock           func() int64 // nanoseconds, for tests of limits; nil is a real one
}

// Server is the public HTTP API.
type Server struct {
	engine    Engine
	rulesets  Rulesets
	readiness Readiness
	plugins   Plugins
	rules     Rules
	staffLog  StaffLog
	logHeads  func() ExportedHeads
	keys      *Keys
	issuers   *identity.Issuers
	proxies   Proxies
	limits    *limiter
	door      *staffDoor
	denied    *deniedStaff
	admission *admission // nil without a bound
	seeds     seedHashes
	permitted map[string]Permission // by operation
	demo      bool
	log       *slog.Logger
	api       huma.API
	routes    *router
	handler   http.Handler
	hot       bool
	streams   streamPlaces
	draining  chan struct{} // closed when streams are to end
	endOnce   sync.Once
}

// New makes a server. It fails with an error when the keys cannot be used.
func New(o Options) (*Server, error) {
	auth, err := newAuthenticator(o.Keys, o.Demo, cmp.Or(o.Log, slog.Default()))
	if err != nil {
		return nil, fmt.Errorf("api keys: %w", err)
	}
	auth.proxies = o.Proxies
	s := &Server{
		engine: o.Engine, rulesets: o.Rulesets, readiness: o.Readiness, plugins: o.Plugins, rules: o.Rules,
		staffLog: o.StaffLog, logHeads: o.LogHeads, permitted: permissions(), keys: o.Keys, issuers: auth.issuers,
		proxies: o.Proxies, demo: o.Demo, log: cmp.Or(o.Log, slog.Default()), hot: !o.withoutHotPaths,
		door: auth.staff.with(&o), denied: newDeniedStaff(cmp.Or(o.Log, slog.Default())), draining: make(chan struct{}),
	}
	s.routes, s.api = newRouter(s.config(cmp.Or(o.Version, "dev"), auth.cookies.SessionName()), s.fail)
	s.api.UseMiddleware(s.checkPermission)
	s.registerShop()
	s.registerWallet()
	s.registerCampaigns()
	s.registerStaff()
	s.registerRollouts()
	s.registerPlugins()
	s.registerSharing()
	s.registerBelongings()
	s.registerDraws()
	s.registerQueue()
	s.registerDesk()
	s.registerShoppers()
	s.registerResolve()
	s.registerPrivacy()
	s.registerExplain()
	s.registerDecisions()
	s.registerComparisons()
	s.registerRules()
	s.registerLive()
	s.registerStaffKeys()
	s.registerStaffLog()
	if s.demo {
		s.registerDemo()
	}
	document, err := describe(s.api.OpenAPI())
	if err != nil {
		return nil, err
	}
	problems, err := problemPages()
	if err != nil {
		return nil, err
	}
	staffPages, err := s.consolePages(auth)
	if err != nil {
		return nil, err
	}
	servePages(s.routes, document, problems)
	s.routes.pages(console.Path, staffPages)
	clock := o.clock
	if clock == nil {
		clock = since(time.Now())
	}
	s.limits = newLimiter(o.Limits, &s.proxies, s.log, clock)
	if o.Engine != nil {
		s.limits.sells = o.Engine.Sells
	}
	s.admission = newAdmission(o.OrderLatency, clock)
	s.handler = s.limits.addresses(s.admission.admit(auth.guard(isPublic, s.limits.principals(s.routes))))
	return s, nil
}

// Handler returns the public API, its document and its pages.
func (s *Server) Handler() http.Handler { return s.handler }

// Run keeps the keys of the brands' identity providers fresh until ctx ends. Without it they are read when a token needs them.
func (s *Server) Run(ctx context.Context) {
	var running sync.WaitGroup
	if s.admission != nil {
		running.Go(func() {
			if err := s.admission.lag.measure(ctx); err != nil {
				s.log.WarnContext(ctx, "how long requests wait for their handlers is not measured", "error", err)
			}
		})
	}
	s.issuers.Run(ctx)
	running.Wait()
}

// HTTPServer returns a server for Handler with limits on what a client may send and how long it may take. In demo mode it
// answers to the names of this machine alone. Addresses and listeners are the caller's. When it is shut down, streams end.
func (s *Server) HTTPServer() *http.Server {
	handler := s.handler
	if s.demo {
		handler = onlyLoopback(handler)
	}
	server := &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       readTimeout,
		IdleTimeout:       idleTimeout,
		ConnState:         onDoorstep,
		MaxHeaderBytes:    maxHeader,
		ErrorLog:          slog.NewLogLogger(s.log.Handler(), slog.LevelWarn),
	}
	server.RegisterOnShutdown(s.endStreams)
	return server
}

// endStreams ends what would go on for as long as the client listens.
func (s *Server) endStreams() { s.endOnce.Do(func() { close(s.draining) }) }

// isPublic names what needs no credentials under /v1. The demo routes are among them: outside demo mode they do not
// exist, for anybody; inside it, minting tokens is how credentials begin.
func isPublic(r *http.Request) bool {
	return (r.Method == http.MethodGet && r.URL.Path == documentPath) || r.URL.Path == tokensPath
}

func (s *Server) config(version, session string) huma.Config {
	config := huma.DefaultConfig("hotdrop", version)
	config.Info.Description = "Flash sales whose promotion mechanics are data. Amounts are integers in minor units; " +
		"times are RFC 3339."
	config.OpenAPIPath, config.DocsPath, config.SchemasPath = "", "", ""
	config.CreateHooks = nil
	config.Formats = map[string]huma.Format{jsonType: jsonFormat(), "json": jsonFormat()}
	config.RejectUnknownQueryParameters = true
	config.Transformers = []huma.Transformer{s.transform}
	config.Components.Schemas = huma.NewMapRegistry("#/components/schemas/", schemaName)
	winners, _ := reflect.TypeFor[core.DrawExport]().FieldByName("Winners")
	config.Components.Schemas.RegisterTypeAlias(winners.Type.Elem(), reflect.TypeFor[string]()) // it writes itself as text
	config.Components.SecuritySchemes = map[string]*huma.SecurityScheme{
		"bearer": {Type: "http", Scheme: "bearer", Description: "a shopper's token (JWT) or a staff API key"},
		"session": {
			Type: "apiKey", In: "cookie", Name: session,
			Description: "the session of staff who signed in at /console; what changes something has to come from this service's " +
				"own pages (Sec-Fetch-Site or Origin)",
		},
		"signature": {
			Type: "apiKey", In: "header", Name: headerSignature,
			Description: "`v1,` and the base64 of HMAC-SHA256 over `<webhook-id>.<webhook-timestamp>.<body>`, made with the " +
				"secret of the source, as Standard Webhooks has it; the timestamp is at most five minutes from now",
		},
	}
	return config
}

// schemaName tells the two types called Problem apart, and those of an exported draw from ours.
func schemaName(t reflect.Type, hint string) string {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t.PkgPath() == reflect.TypeFor[core.DrawExport]().PkgPath() {
		return "Exported" + huma.DefaultSchemaNamer(t, hint)
	}
	if t == reflect.TypeFor[core.Problem]() {
		return "FileProblem"
	}
	return huma.DefaultSchemaNamer(t, hint)
}

// transform gives the errors that huma makes itself the form of all others.
func (s *Server) transform(ctx huma.Context, _ string, v any) (any, error) {
	model, ok := v.(*huma.ErrorModel)
	if !ok {
		return v, nil
	}
	p := problemOfModel(model)
	if p.Code == core.CodeInternal {
		s.logInternal(ctx.Context(), p, model)
	}
	return p, nil
}

// problem returns what the client reads of an error, and logs what the client must not.
func (s *Server) problem(ctx context.Context, err error) *Problem {
	if ctx.Err() != nil && errors.Is(err, context.Canceled) {
		return newProblem(core.CodeUnavailable, "the client left") // nobody reads this
	}
	p := problemOf(err)
	if p.Code == core.CodeInternal {
		s.logInternal(ctx, p, err)
	}
	return p
}

func (s *Server) logInternal(ctx context.Context, p *Problem, err error) {
	p.Instance = "urn:hotdrop:request:" + rand.Text()
	s.log.ErrorContext(ctx, "internal error", "request", p.Instance, "error", err.Error())
}

// fail answers what no operation answered.
func (s *Server) fail(w http.ResponseWriter, r *http.Request, err error) {
	s.problem(r.Context(), err).write(w)
}

// panicError is a recovered panic with its stack, as an error for the log. It goes on panicking where net/http asks for
// that.
func panicError(v any) error {
	if err, ok := v.(error); ok && errors.Is(err, http.ErrAbortHandler) {
		panic(v)
	}
	return fmt.Errorf("panic: %v\n%s", v, debug.Stack())
}
