package jobs_test

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"hotdrop/core/jobs"
)

// sweeps counts the sweeps that a runner starts.
type sweeps struct {
	mu      sync.Mutex
	expired map[string]int
	worked  map[string]int
	settled int
	failing bool
}

func (s *sweeps) CampaignIDs() []string { return []string{"a", "b"} }

func (s *sweeps) Expire(_ context.Context, campaign string) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.expired[campaign]++
	if s.failing {
		return 0, errors.New("the store is away")
	}
	return 1, nil
}

func (s *sweeps) Work(_ context.Context, campaign string) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.worked[campaign]++
	if s.failing {
		return 0, errors.New("the store is away")
	}
	return 1, nil
}

func (s *sweeps) SettlePayments(context.Context) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.settled++
	if s.failing {
		return 0, errors.New("the store is away")
	}
	return 1, nil
}

func TestEveryCampaignIsSweptAtItsTurn(t *testing.T) {
	for _, failing := range []bool{false, true} { // a failing sweep does not end the sweeping
		synctest.Test(t, func(t *testing.T) {
			s := &sweeps{expired: map[string]int{}, worked: map[string]int{}, failing: failing}
			ctx, stop := context.WithTimeout(t.Context(), 10*time.Second-time.Millisecond)
			defer stop()
			jobs.New(s, slog.New(slog.DiscardHandler)).Run(ctx)
			if s.expired["a"] != 20 || s.expired["b"] != 20 || s.settled != 2 ||
				s.worked["a"] != 20 || s.worked["b"] != 20 {
				t.Errorf("failing %v: expired %v, worked %v, settled %d", failing, s.expired, s.worked, s.settled)
			}
		})
	}
}

func TestRunReturnsOnlyAfterTheSweepUnderWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		gate := make(chan struct{})
		s := &blocking{sweeps: sweeps{expired: map[string]int{}, worked: map[string]int{}}, gate: gate}
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() {
			jobs.New(s, slog.New(slog.DiscardHandler)).Run(ctx)
			close(done)
		}()
		synctest.Wait()
		stop()
		synctest.Wait()
		select {
		case <-done:
			t.Error("Run returned while a sweep was under way")
		default:
		}
		close(gate)
		<-done
	})
}

// blocking holds every expiry until its gate opens.
type blocking struct {
	sweeps

	gate <-chan struct{}
}

func (b *blocking) Expire(ctx context.Context, campaign string) (int, error) {
	<-b.gate
	return b.sweeps.Expire(ctx, campaign)
}

// hanging is an engine in which one campaign's work hangs until ctx ends.
type hanging struct{ sweeps }

func (h *hanging) Work(ctx context.Context, campaign string) (int, error) {
	if campaign != "a" {
		return h.sweeps.Work(ctx, campaign)
	}
	h.mu.Lock()
	h.worked[campaign]++
	h.mu.Unlock()
	<-ctx.Done()
	return 0, ctx.Err()
}

func TestACampaignInWhichSomethingHangsHoldsUpNoOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := &hanging{sweeps{expired: map[string]int{}, worked: map[string]int{}}}
		ctx, stop := context.WithTimeout(t.Context(), 10*time.Second-time.Millisecond)
		defer stop()
		jobs.New(h, slog.New(slog.DiscardHandler)).Run(ctx)
		if h.worked["a"] != 1 || h.worked["b"] != 20 || h.expired["a"] != 20 {
			t.Errorf("worked %v, expired %v", h.worked, h.expired)
		}
	})
}

func TestWhatIsOldIsForgottenOnceAMinute(t *testing.T) {
	for _, failure := range []error{nil, errors.New("the store is away")} { // a sweep that fails does not end the sweeping
		synctest.Test(t, func(t *testing.T) {
			s := &sweeps{expired: map[string]int{}, worked: map[string]int{}}
			ctx, stop := context.WithTimeout(t.Context(), 10*time.Minute-time.Millisecond)
			defer stop()
			forgot := 0
			jobs.New(s, slog.New(slog.DiscardHandler)).Forgetting(func(context.Context) error {
				forgot++
				return failure
			}).Run(ctx)
			if forgot != 10 {
				t.Errorf("failing with %v, it was forgotten %d times", failure, forgot)
			}
		})
	}
}
