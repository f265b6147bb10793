package api

import (
	"context"
	"crypto/sha256"
	"html/template"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	example "github.com/zitadel/oidc/v3/example/server/storage"
	"github.com/zitadel/oidc/v3/pkg/oidc"
	"github.com/zitadel/oidc/v3/pkg/op"

	"hotdrop/api/console"
	"hotdrop/core"
	"hotdrop/core/sqlite"
)

// people are the users of the identity provider of these tests, by name; everybody's password is the name.
type people map[string]*example.User

func (p people) GetUserByID(id string) *example.User         { return p[id] }
func (p people) GetUserByUsername(name string) *example.User { return p[name] }
func (people) ExampleClientID() string                       { return "service" }

// directory is the provider's storage with the groups of its people.
type directory struct {
	*example.Storage

	groups map[string][]string
}

func (d directory) SetUserinfoFromToken(ctx context.Context, info *oidc.UserInfo, tokenID, subject, origin string) error {
	info.AppendClaims("groups", d.groups[subject])
	return d.Storage.SetUserinfoFromToken(ctx, info, tokenID, subject, origin)
}

// loginForm is the provider's own page, as simple as one can be.
var loginForm = template.Must(template.New("login").Parse(
	`<form method="POST" action="/login"><input type="hidden" name="id" value="{{.}}"><input name="name"><input name="password"></form>`))

// newProvider starts an OpenID Connect provider that knows one client, whose people come back to the address.
func newProvider(t *testing.T, redirectURL string) *httptest.Server {
	t.Helper()
	users, groups := people{}, map[string][]string{}
	add := func(name string, verified bool, in ...string) {
		users[name] = &example.User{ID: name, Username: name, Password: name, Email: name + "@Example.com", EmailVerified: verified}
		groups[name] = in
	}
	add("olga", true, "operators", "everybody")
	add("bruno", true, "operators", "xiaomi-staff", "meizu-staff")
	add("nils", true, "everybody")
	add("ulf", false, "operators")
	add("root", true, "admins")
	client := example.WebClient("hotdrop", "client-secret", redirectURL)
	storage := directory{example.NewStorageWithClients(users, map[string]*example.Client{"hotdrop": client}), groups}
	mux := http.NewServeMux()
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	provider, err := op.NewProvider(&op.Config{
		CryptoKey: sha256.Sum256([]byte("key")), CodeMethodS256: true, SupportedUILocales: nil,
	}, storage, op.StaticIssuer(server.URL), op.WithAllowInsecure(), op.WithLogger(slog.New(slog.DiscardHandler)))
	if err != nil {
		t.Fatal(err)
	}
	back := op.AuthCallbackURL(provider)
	mux.Handle("/", provider)
	mux.HandleFunc("GET /login/username", func(w http.ResponseWriter, r *http.Request) {
		_ = loginForm.Execute(w, r.FormValue("authRequestID"))
	})
	mux.HandleFunc("POST /login", op.NewIssuerInterceptor(provider.IssuerFromRequest).HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := storage.CheckUsernamePassword(r.FormValue("name"), r.FormValue("password"), r.FormValue("id")); err != nil {
			http.Error(w, err.Error(), http.StatusUnauthorized)
			return
		}
		http.Redirect(w, r, back(r.Context(), r.FormValue("id")), http.StatusFound)
	}))
	return server
}

// office is a deployment whose staff sign in at a provider.
type office struct {
	t        *testing.T
	server   *Server
	web      *httptest.Server
	provider *httptest.Server
	keys     *core.StaffKeys
	ahead    atomic.Int64 // by how much the clock of the staff keys goes before, nanoseconds
	settings *console.Settings
}

func newOffice(t *testing.T, encrypted bool) *office {
	t.Helper()
	o := &office{t: t}
	begin := httptest.NewServer
	if encrypted {
		begin = httptest.NewTLSServer
	}
	o.web = begin(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { o.server.Handler().ServeHTTP(w, r) }))
	t.Cleanup(o.web.Close)
	o.provider = newProvider(t, o.web.URL+"/console/callback")
	store, err := sqlite.Open(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	if err := store.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	o.keys = core.NewStaffKeys(core.StaffKeysOptions{
		Store: store, Now: func() time.Time { return time.Now().Add(time.Duration(o.ahead.Load())) }, Log: slog.New(slog.DiscardHandler),
	})
	if err := o.keys.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	o.settings = &console.Settings{
		Issuer: o.provider.URL, ClientID: "hotdrop", ClientSecret: "client-secret", RedirectURL: o.web.URL + "/console/callback",
		Roles: []console.RoleRule{
			{Claim: "groups", Value: "admins", Role: core.RoleAdmin},
			{Claim: "groups", Value: "operators", Role: core.RoleOperator},
			{Claim: "groups", Value: "xiaomi-staff", Role: core.RoleBrand, Brand: "xiaomi"},
			{Claim: "groups", Value: "meizu-staff", Role: core.RoleBrand, Brand: "meizu"},
		},
	}
	keys := NewDemoKeys("xiaomi")
	keys.Console = o.settings
	engine := &scripted{}
	o.server, err = New(Options{
		Engine: engine, Rulesets: engine, Readiness: engine, Plugins: engine, Rules: inlineRules{}, Keys: keys, StaffKeys: o.keys,
		Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	return o
}

// browser is somebody's browser: it keeps cookies, says where requests come from, and shows each redirect.
type browser struct {
	t      *testing.T
	client *http.Client
	office *office
}

func (o *office) newBrowser() *browser {
	o.t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		o.t.Fatal(err)
	}
	client := *o.web.Client() // trusts the test's certificate
	client.Jar = jar
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	o.t.Cleanup(client.CloseIdleConnections)
	return &browser{o.t, &client, o}
}

// get follows a link; headers come in pairs.
func (b *browser) get(address string, headers ...string) answer {
	b.t.Helper()
	return b.send(http.MethodGet, address, "", headers...)
}

func (b *browser) send(method, address, body string, headers ...string) answer {
	b.t.Helper()
	if strings.HasPrefix(address, "/") {
		address = b.office.web.URL + address
	}
	request, err := http.NewRequestWithContext(b.t.Context(), method, address, strings.NewReader(body))
	if err != nil {
		b.t.Fatal(err)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
	}
	return b.do(request)
}

func (b *browser) do(request *http.Request) answer {
	b.t.Helper()
	response, err := b.client.Do(request)
	if err != nil {
		b.t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	return answer{response.StatusCode, response.Header, string(text)}
}

// mine sends what the console's own page sends.
func (b *browser) mine(method, path, body string, headers ...string) answer {
	b.t.Helper()
	return b.send(method, path, body, append([]string{"Origin", b.office.web.URL, "Sec-Fetch-Site", "same-origin"}, headers...)...)
}

// begin begins a login and returns where the browser is sent.
func (b *browser) begin(query string) string {
	b.t.Helper()
	return b.get("/console/login"+query, "Sec-Fetch-Site", "none").wants(b.t, http.StatusSeeOther).header.Get("Location")
}

var formID = regexp.MustCompile(`name="id" value="([^"]*)"`)

// signIn goes through the provider's pages and returns the address that it sends the browser back to.
func (b *browser) signIn(there, name string) string {
	b.t.Helper()
	for range 10 {
		a := b.get(there)
		if id := formID.FindStringSubmatch(a.body); a.status == http.StatusOK && id != nil {
			form := url.Values{"id": {id[1]}, "name": {name}, "password": {name}}.Encode()
			a = b.send(http.MethodPost, b.office.provider.URL+"/login", form, "Content-Type", "application/x-www-form-urlencoded")
		}
		location := a.header.Get("Location")
		if location == "" {
			b.t.Fatalf("the provider answers %d %s", a.status, a.body)
		}
		base, err := url.Parse(b.office.provider.URL)
		if err != nil {
			b.t.Fatal(err)
		}
		next, err := base.Parse(location)
		if err != nil {
			b.t.Fatal(err)
		}
		if there = next.String(); strings.HasPrefix(there, b.office.web.URL) {
			return there
		}
	}
	b.t.Fatal("the provider sends the browser around in circles")
	return ""
}

// login goes all the way; name is a user of the provider.
func (b *browser) login(name, query string) answer {
	b.t.Helper()
	return b.get(b.signIn(b.begin(query), name))
}

// loggedIn is a browser in which the user has signed in.
func (o *office) loggedIn(name, query string) *browser {
	o.t.Helper()
	b := o.newBrowser()
	if a := b.login(name, query).wants(o.t, http.StatusSeeOther); a.header.Get("Location") != "/console" {
		o.t.Fatalf("the callback leads to %q", a.header.Get("Location"))
	}
	return b
}

// me is what /v1/me says.
func (b *browser) me() map[string]any {
	b.t.Helper()
	return b.get("/v1/me").wants(b.t, http.StatusOK).value(b.t)
}

// changed returns the address with other parameters; "" removes one.
func changed(t *testing.T, address string, parameters ...string) string {
	t.Helper()
	parsed, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	query := parsed.Query()
	for i := 0; i+1 < len(parameters); i += 2 {
		query.Set(parameters[i], parameters[i+1])
		if parameters[i+1] == "" {
			query.Del(parameters[i])
		}
	}
	parsed.RawQuery = query.Encode()
	return parsed.String()
}
