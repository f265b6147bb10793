package core

import (
	"encoding/binary"
	"fmt"
	"runtime"
	"testing"
	"time"

	"pgregory.net/rapid"

	"hotdrop/core/drawing"
)

// TestTheScheduleLetsNobodyInAheadOfTheRate draws rooms: with several rates, and shoppers who come when they like.
func TestTheScheduleLetsNobodyInAheadOfTheRate(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rates := []Rate{{At: 1000, PerMinute: rapid.Int64Range(1, MaxPerMinute).Draw(t, "rate")}}
		for range rapid.IntRange(0, 3).Draw(t, "changes") {
			last := rates[len(rates)-1]
			rates = append(rates, Rate{
				At: last.At + rapid.Int64Range(1, 120_000).Draw(t, "after"), PerMinute: rapid.Int64Range(1, MaxPerMinute).Draw(t, "rate"),
			})
		}
		arrived := rapid.SliceOfN(rapid.Int64Range(0, 300_000), 1, 60).Draw(t, "arrived")
		s, again := newSchedule(rates, 0), newSchedule(rates, len(arrived))
		fastest := int64(1 << 62)
		for _, r := range rates {
			fastest = min(fastest, r.interval())
		}
		for i, at := range arrived {
			s.add(at)
			again.add(at)
			if s.at[i] != again.at[i] {
				t.Fatalf("place %d is let in at %d and at %d", i+1, s.at[i], again.at[i])
			}
			if earliest := max(at, 1000) * int64(time.Millisecond); s.at[i] < earliest {
				t.Fatalf("place %d came at %d and is let in at %d", i+1, earliest, s.at[i])
			}
			if i > 0 && s.at[i] < s.at[i-1]+fastest {
				t.Fatalf("place %d is let in %d ns after the one before it; the highest rate lets in one every %d", i+1, s.at[i]-s.at[i-1], fastest)
			}
		}
		for i, at := range s.at {
			if n := s.admitted(time.Unix(0, at)); n < int64(i)+1 {
				t.Fatalf("when place %d is let in, %d are", i+1, n)
			}
			if n := s.admitted(time.Unix(0, at-1)); n > int64(i) {
				t.Fatalf("before place %d is let in, %d are", i+1, n)
			}
		}
	})
}

// TestAnotherRateLeavesEarlierMomentsAsTheyWere is why nodes that read a change at different times agree.
func TestAnotherRateLeavesEarlierMomentsAsTheyWere(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		before := []Rate{{At: 0, PerMinute: rapid.Int64Range(1, 100_000).Draw(t, "before")}}
		change := Rate{At: rapid.Int64Range(1, 60_000).Draw(t, "at"), PerMinute: rapid.Int64Range(1, 100_000).Draw(t, "after")}
		one, two := newSchedule(before, 0), newSchedule(append(before[:1:1], change), 0)
		for range 500 {
			one.add(0)
			two.add(0)
		}
		for i := range one.at {
			if one.at[i] <= change.at() && one.at[i] != two.at[i] {
				t.Fatalf("place %d was to be let in at %d, before the change at %d, and is at %d", i+1, one.at[i], change.at(), two.at[i])
			}
		}
	})
}

func TestWhoWaitsIsAskedToComeBackWhenSomethingWillHaveChanged(t *testing.T) {
	now := time.UnixMilli(1_000_000)
	rapid.Check(t, func(t *rapid.T) {
		var id drawing.ID
		binary.BigEndian.PutUint16(id[14:], rapid.Uint16().Draw(t, "shopper"))
		wait := time.Duration(rapid.Int64Range(0, 7200).Draw(t, "wait")) * time.Second
		after := pollAfter(id, now.Add(wait).UnixMilli(), now)
		if after > max(2*pollLate, wait+pollSoon) || after < min(wait, pollLate) {
			t.Fatalf("somebody who waits %v is to ask again after %v", wait, after)
		}
	})
}

func FuzzAQueueTokenIsValidOnlyAsItWasMade(f *testing.F) {
	room := &storedRoom{secret: make([]byte, 32)}
	made := queueTicket{place: 7, expires: 1000}
	token := room.token("phone", "ann", made)
	for _, seed := range []string{token, "", "q1.7.1000.", "q1.7.1000", "....", token + "=", "q1.7.1000." + token} {
		f.Add(seed, "phone", "ann")
	}
	f.Add(token, "phone", "bob")
	f.Add(token, "phon", "e\nann")
	f.Fuzz(func(t *testing.T, text, campaign, shopper string) {
		got, ok := room.ticketOf(text, campaign, shopper)
		if same := text == token && campaign == "phone" && shopper == "ann"; ok != same || ok && got != made {
			t.Errorf("%q of %q in %q is %v, %+v", text, shopper, campaign, ok, got)
		}
	})
}

// BenchmarkOpening ranks 1,300,000 who came early and gives each a moment, as a node does at the opening.
func BenchmarkOpening(b *testing.B) {
	const early = 1_300_000
	room := &storedRoom{Room: Room{OpenedAt: 1000, Early: early, Rates: []Rate{{At: 1000, PerMinute: 10_000}}}, seed: make([]byte, 32)}
	identify := drawing.ArrivalNamer(room.seed, "phone")
	var page []*Arrival
	var ids []drawing.ID
	for i := range int64(early) {
		page = append(page, &Arrival{Shopper: fmt.Sprintf("shopper-%d", i), Number: i + 1})
		ids = append(ids, identify(page[i].Shopper))
	}
	var before, after runtime.MemStats
	for b.Loop() {
		b.StopTimer()
		runtime.GC()
		runtime.ReadMemStats(&before)
		w := &waiting{joined: map[drawing.ID]int64{}}
		w.take(page, ids)
		runtime.GC()
		runtime.ReadMemStats(&after)
		b.ReportMetric(float64(int64(after.HeapAlloc)-int64(before.HeapAlloc))/(1<<20), "MB-joining")
		b.StartTimer()
		w.rank(room)
		b.StopTimer()
		runtime.GC()
		runtime.ReadMemStats(&after)
		b.ReportMetric(float64(int64(after.HeapAlloc)-int64(before.HeapAlloc))/(1<<20), "MB-kept")
		runtime.KeepAlive(w)
		b.StartTimer()
	}
}

// BenchmarkPoll asks for the places of 1,300,000 who wait.
func BenchmarkPoll(b *testing.B) {
	const early = 1_300_000
	room := &storedRoom{
		Room: Room{OpenedAt: 1000, Early: early, Rates: []Rate{{At: 1000, PerMinute: 10}}}, seed: make([]byte, 32),
		document: &Document{State: RoomOpen},
	}
	def := &Campaign{ID: "phone", WaitingRoom: WaitingRoom{PerMinute: 10}}
	w := &waiting{joined: map[drawing.ID]int64{}}
	identify := drawing.ArrivalNamer(room.seed, "phone")
	for i := range int64(early) {
		w.take([]*Arrival{{Number: i + 1}}, []drawing.ID{identify(fmt.Sprintf("shopper-%d", i))})
	}
	w.rank(room)
	now := time.UnixMilli(1000)
	n := 0
	for b.Loop() {
		n = (n + 1) % early
		id := drawing.ArrivalNamer(room.seed, "phone")(fmt.Sprintf("shopper-%d", n))
		s, ok := w.find(id, now)
		if !ok || s.in(room, def, id, now).Place == 0 {
			b.Fatal("somebody has no place")
		}
	}
}
