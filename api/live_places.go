package api

import (
	"fmt"
	"sync"
	"time"

	"hotdrop/core"
)

const (
	// streamsOfPerson and streamsOfNode are how many streams a person, and all people together, may have open on this node. Each
	// one costs a connection and a point a second for as long as it lasts.
	streamsOfPerson = 8
	streamsOfNode   = 512
	// streamsFull is when it makes sense to ask again where they are taken.
	streamsFull = 5 * time.Second
)

// streamPlaces counts the streams that are open.
type streamPlaces struct {
	mu   sync.Mutex
	of   map[watcher]int // those who have one
	open int
}

// watcher is a person. Two brands may have given the same name to different people.
type watcher struct{ person, brand string }

// take takes a place for one stream, which release gives back; or it says why there is none.
func (s *streamPlaces) take(p *core.Principal) (release func(), problem *Problem) {
	who := watcher{p.ID, p.Brand}
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.of[who] >= streamsOfPerson:
		problem = newProblem(CodeRateLimited, fmt.Sprintf(
			"you watch %d streams on this node, with all of your keys together, and may not watch more: close one", streamsOfPerson))
	case s.open >= streamsOfNode:
		problem = newProblem(core.CodeOverloaded, fmt.Sprintf(
			"all %d streams of this node are taken: ask another node, or later", streamsOfNode))
	}
	if problem != nil {
		problem.retryAfter = streamsFull
		return nil, problem
	}
	if s.of == nil {
		s.of = map[watcher]int{}
	}
	s.of[who]++
	s.open++
	return func() { s.giveBack(who) }, nil
}

func (s *streamPlaces) giveBack(who watcher) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.open--
	if s.of[who]--; s.of[who] == 0 {
		delete(s.of, who)
	}
}
