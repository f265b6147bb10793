package core

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// sampling is what a node knows of what all nodes counted of a campaign in the last minute. Its zero value knows nothing.
type sampling struct {
	asked  atomic.Int64 // when somebody last asked for the window, Unix milliseconds
	window atomic.Pointer[Window]

	mu       sync.Mutex
	own      map[int64]*ownSecond             // what this node counted, by second
	others   map[int64]map[string]*readSample // what the others wrote down, by second and node
	merged   map[int64]*WindowSecond          // both together; never changed once it is there
	total    SampleContent                    // what this node has counted since it runs
	readAt   time.Time                        // when the others' were last read
	watchers int
	through  int64         // the last second that is complete; 0 before the first is
	live     *liveState    // what points say beside what was counted
	news     chan struct{} // closed when there is a later through
}

// ownSecond is what this node counted in a second.
type ownSecond struct {
	content SampleContent
	changes int // rises with each
	saved   int // how many of them are written down
}

// readSample is what another node wrote down of a second.
type readSample struct {
	text    []byte
	content SampleContent
}

// recent returns what all nodes counted of the campaign in the last minute. Asking for it is what keeps it up to date, every
// 250 ms: it knows nothing when nobody has asked for it lately.
func (c *campaign) recent() *Window {
	now := c.engine.now()
	c.sampling.asked.Store(now.UnixMilli())
	w := c.sampling.window.Load()
	if w == nil || now.UnixMilli()-w.At > windowAsked.Milliseconds() {
		return &Window{At: now.UnixMilli()}
	}
	return w
}

// wanted reports whether somebody watches the campaign, or asked for what was counted lately.
func (s *sampling) wanted(now time.Time) bool {
	return now.UnixMilli()-s.asked.Load() <= windowAsked.Milliseconds() || s.watched()
}

func (s *sampling) watched() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.watchers > 0
}

// collect takes what the meter has counted, and forgets what is older than a minute.
func (s *sampling) collect(c *campaign, now time.Time) {
	taken := c.meter.take()
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range taken {
		s.count(&taken[i])
	}
	if len(taken) > 0 {
		last := slices.MaxFunc(taken, func(a, b secondCount) int { return int(a.second - b.second) })
		s.own[last.second].content.Left = c.leftNow()
	}
	s.forget(now.Unix() - windowSeconds)
}

// count adds what was counted of a second to it.
func (s *sampling) count(taken *secondCount) {
	own := s.own[taken.second]
	if own == nil {
		if s.own == nil {
			s.own = map[int64]*ownSecond{}
		}
		own = &ownSecond{}
		s.own[taken.second] = own
	}
	own.content.Merge(taken.content)
	own.changes++
	s.total.Merge(taken.content.byRuleset())
	delete(s.merged, taken.second)
}

// forget drops what is known of the seconds before. What could not be written down yet is kept for longer.
func (s *sampling) forget(before int64) {
	maps.DeleteFunc(s.own, func(second int64, own *ownSecond) bool {
		return second < before && (own.saved == own.changes || second < before-liveReach)
	})
	maps.DeleteFunc(s.others, func(second int64, _ map[string]*readSample) bool { return second < before })
	maps.DeleteFunc(s.merged, func(second int64, _ *WindowSecond) bool { return second < before })
}

// leftNow is what was last seen to be left of what runs out.
func (c *campaign) leftNow() map[string]Sighted {
	left := map[string]Sighted{}
	c.view.mu.RLock()
	defer c.view.mu.RUnlock()
	for key, seen := range c.view.counters {
		if key == CounterBudget || key == CounterReservations || key == CounterOrders || strings.HasPrefix(key, StockCounter("")) {
			left[key] = Sighted{Limit: seen.limit, Remaining: seen.left, At: seen.until.UnixMilli()}
		}
	}
	return left
}

// unwritten returns the rows of the seconds before until that say less than is known.
func (s *sampling) unwritten(c *campaign, until int64) []Sample {
	s.mu.Lock()
	defer s.mu.Unlock()
	var rows []Sample
	for second, own := range s.own {
		if own.saved < own.changes && second < until {
			rows = append(rows, Sample{
				Campaign: c.id, Brand: c.brand, Second: second, Node: c.engine.presence.id(),
				Content: own.content.text(),
			})
		}
	}
	return rows
}

// text encodes the content.
func (s *SampleContent) text() []byte {
	text, _ := json.Marshal(s) // plain data always encodes
	return text
}

// written notes that a row was written down. Nothing was counted meanwhile: only the sampler does that.
func (s *sampling) written(row *Sample) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if own := s.own[row.Second]; own != nil {
		own.saved = own.changes
	}
}

// missing is the second from which on there may be something that was not read yet.
func (s *sampling) missing(now time.Time) int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return max(s.readAt.Add(-sampleLate).Unix(), now.Unix()-windowSeconds)
}

// fresh reports whether nothing has been read yet.
func (s *sampling) fresh() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.readAt.IsZero()
}

// read takes in what other nodes wrote down. A row that is none is an error, and the others are taken in all the same.
func (s *sampling) read(samples []Sample, own string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	var failed error
	for i := range samples {
		if samples[i].Node == own {
			continue // what this node knows itself is never older
		}
		if err := s.readOne(&samples[i]); err != nil {
			failed = fmt.Errorf("sample of second %d of node %s: %w", samples[i].Second, samples[i].Node, err)
		}
	}
	return failed
}

func (s *sampling) readOne(sample *Sample) error {
	nodes := s.others[sample.Second]
	if nodes == nil {
		if s.others == nil {
			s.others = map[int64]map[string]*readSample{}
		}
		nodes = map[string]*readSample{}
		s.others[sample.Second] = nodes
	}
	if known := nodes[sample.Node]; known != nil && bytes.Equal(known.text, sample.Content) {
		return nil
	}
	next := &readSample{text: sample.Content}
	if err := json.Unmarshal(sample.Content, &next.content); err != nil {
		return err //nolint:wrapcheck // the caller says of what
	}
	nodes[sample.Node] = next
	delete(s.merged, sample.Second)
	return nil
}

// publish makes what is known the window.
func (s *sampling) publish(now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.readAt = now
	s.window.Store(&Window{At: now.UnixMilli(), Seconds: s.seconds(now.Unix() - windowSeconds)})
}

// complete is the last second that is complete.
func complete(now time.Time) int64 { return now.Add(-time.Second - sampleSettled).Unix() }

// behind reports whether somebody waits for seconds that are complete by now.
func (s *sampling) behind(now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.watchers > 0 && complete(now) > s.through
}

// proceed tells those who wait that more seconds are complete.
func (s *sampling) proceed(now time.Time, live *liveState) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.watchers == 0 {
		return
	}
	s.through, s.live = complete(now), live
	close(s.news)
	s.news = make(chan struct{})
}

// watch has the campaign watched until release is called.
func (s *sampling) watch() (release func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.watchers++; s.watchers == 1 {
		s.news = make(chan struct{})
	}
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.watchers--; s.watchers == 0 {
			s.through, s.live = 0, nil // whoever comes next waits until everything was read again
		}
	}
}

// progress returns the last second that is complete, 0 if that is not known yet, and what is closed when there are more.
func (s *sampling) progress() (through int64, live *liveState, news <-chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.through, s.live, s.news
}

// at returns what all nodes counted in a second of the last minute.
func (s *sampling) at(second int64) *WindowSecond {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.second(second)
}

// seconds returns the seconds from the first on in which something happened, in their order.
func (s *sampling) seconds(first int64) []*WindowSecond {
	known := map[int64]struct{}{}
	for second := range s.own {
		known[second] = struct{}{}
	}
	for second := range s.others {
		known[second] = struct{}{}
	}
	seconds := make([]*WindowSecond, 0, len(known))
	for _, second := range slices.Sorted(maps.Keys(known)) {
		if second >= first {
			seconds = append(seconds, s.second(second))
		}
	}
	return seconds
}

// second adds up what all nodes counted in the second.
func (s *sampling) second(second int64) *WindowSecond {
	if merged := s.merged[second]; merged != nil {
		return merged
	}
	merged := &WindowSecond{Second: second}
	if own := s.own[second]; own != nil {
		merged.Merge(&own.content)
	}
	for _, other := range s.others[second] {
		merged.Merge(&other.content)
	}
	if s.merged == nil {
		s.merged = map[int64]*WindowSecond{}
	}
	s.merged[second] = merged
	return merged
}
