package identity

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// remoteEvery and fileEvery are how often keys are read anew, and so how long a key that was taken out of them still counts.
	remoteEvery = 5 * time.Minute
	fileEvery   = 2 * time.Second
	// refreshGap is the least time between two attempts to read a provider's keys, however many tokens name keys that
	// nobody knows.
	refreshGap = 10 * time.Second
	// maxAge is how long the last keys are good while the provider is away.
	maxAge = 24 * time.Hour
)

// generation is a provider's keys as they were last read.
type generation struct {
	set  *keySet
	text []byte    // that it was parsed from
	at   time.Time // when it was read
}

// keyring holds the keys of one provider. It reads them on an interval (see [Issuers.Run]) and when a token names one that it
// does not know; while they cannot be read, the last ones stay.
type keyring struct {
	name   string // of the issuer, for the log
	source source
	every  time.Duration
	gap    time.Duration
	now    func() time.Time
	log    *slog.Logger

	current atomic.Pointer[generation] // nil until the first were read

	mu    sync.Mutex
	tried time.Time     // when the last attempt began
	under chan struct{} // closed when the attempt under way has ended; nil while there is none
}

// keys returns the present keys, nil if there are none, or none that are young enough.
func (r *keyring) keys() *keySet {
	g := r.current.Load()
	if g == nil || r.now().Sub(g.at) > maxAge {
		return nil
	}
	return g.set
}

// knowing returns the keys for a token that names the one of that id. If they lack it, they are read anew, which no token waits
// for: anybody can name keys that do not exist, and a provider that is slow would have them fill the server. Only while there
// are no keys at all, which is nobody's to bring about, tokens wait. Nil if there are none even so.
func (r *keyring) knowing(ctx context.Context, id string) *keySet {
	if set := r.keys(); set != nil {
		if id != "" && len(set.byID[id]) == 0 {
			r.attempt(ctx)
		}
		return set
	}
	r.refresh(ctx)
	return r.keys()
}

// refresh reads the keys anew and waits for it, or for the attempt that is under way; if the last one is not long ago, it
// does nothing. An attempt is nobody's alone: it goes on when who began it has left.
func (r *keyring) refresh(ctx context.Context) {
	under := r.attempt(ctx)
	if under == nil {
		return
	}
	select {
	case <-under:
	case <-ctx.Done():
	}
}

// attempt returns what is closed when the attempt under way ends, and begins one if it is time; nil if it is not.
func (r *keyring) attempt(ctx context.Context) <-chan struct{} {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := r.now()
	if r.under != nil || (!r.tried.IsZero() && now.Sub(r.tried) < r.gap) {
		return r.under
	}
	done := make(chan struct{})
	r.tried, r.under = now, done
	go func() {
		defer close(done)
		reading, cancel := context.WithTimeout(context.WithoutCancel(ctx), fetchTimeout)
		defer cancel()
		if err := r.read(reading); err != nil {
			r.log.WarnContext(reading, "keys of an identity provider could not be read; the last ones stay", "issuer", r.name, "error", err)
		}
		r.mu.Lock()
		defer r.mu.Unlock()
		r.under = nil
	}()
	return done
}

// read replaces the keys by those of the source. Keys that are as they were stay the same ones, so that what was verified
// by them stays remembered.
func (r *keyring) read(ctx context.Context) error {
	text, err := r.source.read(ctx)
	if err != nil {
		return err
	}
	last := r.current.Load()
	if last != nil && bytes.Equal(last.text, text) {
		r.current.Store(&generation{set: last.set, text: text, at: r.now()})
		return nil
	}
	set, err := parseKeySet(text)
	if err != nil {
		return fmt.Errorf("key set: %w", err)
	}
	r.current.Store(&generation{set: set, text: text, at: r.now()})
	r.log.InfoContext(ctx, "keys of an identity provider read", "issuer", r.name, "keys", len(set.all))
	return nil
}

// run reads the keys at once and then on the interval, until ctx ends.
func (r *keyring) run(ctx context.Context) {
	ticker := time.NewTicker(r.every)
	defer ticker.Stop()
	for {
		r.refresh(ctx)
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return
		}
	}
}
