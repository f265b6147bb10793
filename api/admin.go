package api

import (
	"net/http"
	"net/http/pprof"

	"hotdrop/core"
)

// AdminHandler serves the admin port: /livez, /readyz, /metrics and the profiles under /debug/pprof/, but for the command line,
// which may have the password of a database in it. It asks for no credentials,
// so it must not be reachable from outside.
func (s *Server) AdminHandler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /livez", alive)
	mux.HandleFunc("GET /readyz", s.ready)
	mux.HandleFunc("GET /metrics", s.metrics)
	mux.HandleFunc("GET /debug/pprof/", pprof.Index)
	mux.HandleFunc("GET /debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("GET /debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("GET /debug/pprof/trace", pprof.Trace)
	return mux
}

// alive answers as long as the process serves at all.
func alive(w http.ResponseWriter, _ *http.Request) {
	content(jsonType, []byte(`{"status":"alive"}`+"\n")).ServeHTTP(w, nil)
}

// ready answers 503 while requests should go elsewhere: the store is away, or the process drains.
func (s *Server) ready(w http.ResponseWriter, r *http.Request) {
	if err := s.readiness.Ready(r.Context()); err != nil {
		s.log.WarnContext(r.Context(), "not ready", "error", err.Error())
		newProblem(core.CodeUnavailable, "not ready").write(w)
		return
	}
	content(jsonType, []byte(`{"status":"ready"}`+"\n")).ServeHTTP(w, r)
}
