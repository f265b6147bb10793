package main

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"sync/atomic"
	"time"

	"hotdrop/core"
)

// The limits of a connection to the admin port; the API has its own. Profiles take up to half a minute to write.
const (
	adminHeaderTimeout = 5 * time.Second
	adminReadTimeout   = 15 * time.Second
	adminIdleTimeout   = 2 * time.Minute
	adminHeaderBytes   = 16 << 10
	// drainTimeout is how long requests under way may take once the process was asked to stop.
	drainTimeout = 10 * time.Second
)

// errDraining is what readiness answers once the process was asked to stop.
var errDraining = errors.New("draining")

// readiness is the engine's, until the process drains.
type readiness struct {
	engine   *core.Engine
	draining atomic.Bool
}

// Ready reports whether this process should get requests.
func (r *readiness) Ready(ctx context.Context) error {
	if r.draining.Load() {
		return errDraining
	}
	return r.engine.Ready(ctx)
}

func newAdminServer(handler http.Handler, log *slog.Logger) *http.Server {
	return &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: adminHeaderTimeout,
		ReadTimeout:       adminReadTimeout,
		IdleTimeout:       adminIdleTimeout,
		MaxHeaderBytes:    adminHeaderBytes,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelWarn),
	}
}

// serveInBackground serves until the server is shut down; a failure goes to failed.
func serveInBackground(server *http.Server, listener net.Listener, failed chan<- error) {
	go func() {
		if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			failed <- err
		}
	}()
}

// drain stops accepting, lets requests under way finish, and cuts off those that take too long.
func drain(ctx context.Context, server *http.Server) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), drainTimeout)
	defer cancel()
	err := server.Shutdown(ctx)
	if errors.Is(err, context.DeadlineExceeded) {
		return errors.Join(errors.New("requests under way were cut off"), server.Close())
	}
	return err
}
