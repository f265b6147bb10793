package core

import (
	"context"
	"maps"
	"slices"
	"time"
)

const (
	// sampleEvery is how often a node writes down what it has counted, and reads what others have. It is reckoned from the
	// beginning of the second, so that a second's last row is written right after its end.
	sampleEvery = 250 * time.Millisecond
	// sampleDelay is how much later it does so: whoever counts at the end of a second is through with it then.
	sampleDelay = 5 * time.Millisecond
	// sampleSettled is how long after its end a second counts as complete: by then every node has written its row, also one
	// that is slow. It is as long as can be with every second told two seconds after it began. The last look of a second
	// waits for it.
	sampleSettled = 875 * time.Millisecond
	// sampleLate is for how long a row that comes later than that is still looked for.
	sampleLate = 10 * time.Second
	// windowSeconds is how many seconds a node keeps in memory.
	windowSeconds = 60
	// windowAsked is for how long what was counted is kept up to date after somebody asked for it.
	windowAsked = 2 * time.Second
	// sampleTime is how long the store may take to write or read samples.
	sampleTime = 2 * time.Second
)

// sampler writes down what this node counts of every campaign, and reads what all nodes have counted of those that somebody
// watches.
type sampler struct {
	engine *Engine
	done   chan struct{} // closed when nothing is sampled any more
	failed bool          // the journal did not answer the last time; known to run only
}

func newSampler(e *Engine) *sampler { return &sampler{engine: e, done: make(chan struct{})} }

// run samples until ctx ends.
func (s *sampler) run(ctx context.Context) {
	defer close(s.done)
	timer := time.NewTimer(untilNextSample(time.Now()))
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
			s.tick(ctx)
			timer.Reset(untilNextSample(time.Now()))
		}
	}
}

// untilNextSample is how long it is to the next look: there is one in each quarter of a second.
func untilNextSample(now time.Time) time.Duration {
	second := now.Truncate(time.Second)
	for _, at := range [...]time.Duration{0, sampleEvery, 2 * sampleEvery, sampleSettled} {
		if next := second.Add(at + sampleDelay); next.After(now) {
			return next.Sub(now)
		}
	}
	return second.Add(time.Second + sampleDelay).Sub(now)
}

// tick samples every campaign once.
func (s *sampler) tick(ctx context.Context) {
	now := s.engine.now()
	running := *s.engine.running.Load()
	s.write(ctx, now, running, s.engine.nodes != nil)
	for _, id := range slices.Sorted(maps.Keys(running)) {
		if c := running[id]; c.sampling.wanted(now) {
			s.report(c.readSamples(ctx, now), "what the other nodes counted could not be read")
		}
	}
}

// flush writes down what was counted since the last time, however little of its second is over.
func (s *sampler) flush(ctx context.Context) {
	s.write(ctx, s.engine.now(), *s.engine.running.Load(), true)
}

// write writes down what was counted. The second that is not over yet is written only if other nodes may want to know.
func (s *sampler) write(ctx context.Context, now time.Time, running map[string]*campaign, unfinished bool) {
	until := now.Unix()
	if unfinished {
		until++
	}
	var samples []Sample
	for _, c := range running {
		c.sampling.collect(c, now)
		samples = append(samples, c.sampling.unwritten(c, until)...)
	}
	if s.engine.journal != nil && len(samples) > 0 {
		writing, cancel := context.WithTimeout(ctx, sampleTime)
		defer cancel()
		err := s.engine.journal.SaveSamples(writing, samples)
		if s.report(err, "what this node counted could not be written"); err != nil {
			return
		}
	}
	for i := range samples {
		running[samples[i].Campaign].sampling.written(&samples[i])
	}
}

// report logs a failure of the journal, once in a row.
func (s *sampler) report(err error, what string) {
	if err != nil && !s.failed {
		s.engine.log.Warn(what+"; it is tried again", "error", err)
	}
	s.failed = err != nil
}

// readSamples reads what all nodes have counted of the campaign since it was last read.
func (c *campaign) readSamples(ctx context.Context, now time.Time) error {
	s, e := &c.sampling, c.engine
	if e.journal != nil && (e.nodes != nil || s.fresh()) {
		reading, cancel := context.WithTimeout(ctx, sampleTime)
		defer cancel()
		samples, err := e.journal.Samples(reading, c.key(), s.missing(now), now.Add(sampleLate).Unix())
		if err != nil {
			return err //nolint:wrapcheck // it is logged only
		}
		if err := s.read(samples, e.presence.id()); err != nil {
			return err
		}
	}
	s.publish(now)
	if !s.behind(now) {
		return nil
	}
	_, before, _ := s.progress()
	live, err := c.liveState(ctx, before)
	if err == nil {
		s.proceed(now, live)
	}
	return err
}
