package console

import (
	"bytes"
	"cmp"
	"context"
	"embed"
	"fmt"
	"html/template"
	"log/slog"
	"net/http"
	"time"

	"hotdrop/core"
)

// Sessions makes and ends sessions; [core.StaffKeys] does.
type Sessions interface {
	Create(ctx context.Context, req core.NewStaffKey) (*core.StaffKey, string, error)
	Revoke(ctx context.Context, req core.StaffKeyRevocation) (*core.StaffKey, error)
}

// Options is what a [Console] is made of.
type Options struct {
	Settings *Settings // nil: nobody signs in
	Sessions Sessions  // required where there are settings
	// Who returns who the request's session belongs to, with the session as credential, or nil. It fails while nobody can tell.
	Who     func(*http.Request) (*core.Principal, error)
	Address func(*http.Request) string // where the request came from
	Demo    bool                       // say where the keys of the demo are
	Log     *slog.Logger               // nil: [slog.Default]
	Now     func() time.Time           // nil: [time.Now]
}

// Console is the pages on which staff sign in and out.
type Console struct {
	Options

	cookies  Cookies
	provider *provider // nil: nobody signs in
	page     *template.Template
	style    []byte
	origins  Origins
}

//go:embed pages
var pages embed.FS

// New makes a console of settings that were checked.
func New(o Options) (*Console, error) {
	o.Log = cmp.Or(o.Log, slog.Default())
	if o.Now == nil {
		o.Now = time.Now
	}
	page, err := template.ParseFS(pages, "pages/console.html")
	if err != nil {
		return nil, fmt.Errorf("the console's page: %w", err)
	}
	style, err := pages.ReadFile("pages/console.css")
	if err != nil {
		return nil, fmt.Errorf("the console's style: %w", err)
	}
	c := &Console{Options: o, cookies: CookiesOf(o.Settings), page: page, style: style, origins: OriginsOf(o.Settings)}
	if o.Settings != nil {
		c.provider = newProvider(o.Settings, o.Now)
	}
	return c, nil
}

// Handler serves everything at and below [Path]. Headers that every page has are the caller's.
func (c *Console) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+Path, c.home)
	mux.HandleFunc("GET "+stylePath, c.sendStyle)
	mux.HandleFunc("POST "+logoutPath, c.logout)
	if c.provider != nil {
		mux.HandleFunc("GET "+loginPath, c.login)
		mux.HandleFunc("GET "+callbackPath, c.callback)
	} else {
		mux.HandleFunc("GET "+loginPath, c.noLogin)
		mux.HandleFunc("GET "+callbackPath, c.noLogin)
	}
	return mux
}

// view is what the page shows.
type view struct {
	Lang    string
	Say     words
	Who     *core.Principal // nil: nobody is signed in
	Ends    string          // when the session ends, RFC 3339
	SignsIn bool            // one can sign in
	Demo    bool
	Problem string // what went wrong; "" for nothing
}

func (c *Console) home(w http.ResponseWriter, r *http.Request) {
	who, err := c.Who(r)
	if err != nil {
		c.refuse(w, r, http.StatusServiceUnavailable, func(say *words) string { return say.unfinished })
		return
	}
	c.show(w, r, http.StatusOK, view{Who: who})
}

// noLogin says that nobody signs in here, and what to do instead.
func (c *Console) noLogin(w http.ResponseWriter, r *http.Request) {
	c.show(w, r, http.StatusNotFound, view{})
}

// refuse shows what went wrong, and the way to sign in.
func (c *Console) refuse(w http.ResponseWriter, r *http.Request, status int, sentence func(*words) string) {
	say, _ := spoken(r.Header.Get("Accept-Language"))
	c.show(w, r, status, view{Problem: sentence(&say)})
}

func (c *Console) show(w http.ResponseWriter, r *http.Request, status int, v view) {
	say, tag := spoken(r.Header.Get("Accept-Language"))
	v.Lang, v.Say, v.SignsIn, v.Demo = tag.String(), say, c.provider != nil, c.Demo
	if v.Who != nil {
		v.Ends = time.UnixMilli(v.Who.ExpiresAt).UTC().Format(time.RFC3339)
	}
	var page bytes.Buffer
	if err := c.page.Execute(&page, v); err != nil { // the template and the view are ours
		c.Log.ErrorContext(r.Context(), "the console's page could not be rendered", "error", err)
		http.Error(w, http.StatusText(http.StatusInternalServerError), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Vary", "Accept-Language, Cookie")
	w.WriteHeader(status)
	_, _ = w.Write(page.Bytes()) // an error means that the client left
}

func (c *Console) sendStyle(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/css; charset=utf-8")
	_, _ = w.Write(c.style) // an error means that the client left
}
