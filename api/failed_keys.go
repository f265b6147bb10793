package api

import (
	"crypto/sha256"
	"maps"
	"net/netip"
	"sync"
	"time"
)

const (
	// wrongKeysAllowed is how many different wrong keys an address may show within wrongKeysWindow.
	wrongKeysAllowed = 10
	wrongKeysWindow  = time.Minute
	// The first wait of an address that showed too many, which doubles with each further one, and the longest: many people may
	// share an address.
	firstKeyWait   = time.Second
	longestKeyWait = 30 * time.Second
	// addressesKept is how many addresses that showed wrong keys are remembered.
	addressesKept = 4096
)

// failedKeys makes whoever tries keys wait. It counts by address, and only wrong keys that have the form of a staff key: a
// good key always works, and tokens are another matter, so that whoever shares the address notices nothing. The same wrong
// key shown again, as by a program whose key has run out, is no other try. All of it is bounded, whoever asks from wherever.
type failedKeys struct {
	mu    sync.Mutex
	wrong map[netip.Addr]*wrongKeys
	swept time.Time // when what is over was last forgotten
}

// wrongKeys is what an address has shown lately.
type wrongKeys struct {
	count int
	last  [sha256.Size]byte // the latest
	at    time.Time         // when that was
	wait  time.Duration     // the latest wait
	until time.Time         // no key is looked at before
}

func newFailedKeys() *failedKeys { return &failedKeys{wrong: map[netip.Addr]*wrongKeys{}} }

// network is what counts as one address: of IPv6, which gives each customer 2^64 of them, the first half.
func network(address netip.Addr) netip.Addr {
	if !address.Is6() {
		return address
	}
	prefix, _ := address.Prefix(64) // an address has that many bits
	return prefix.Addr()
}

// wait returns for how long every further wrong key from the address is told to wait.
func (f *failedKeys) wait(from netip.Addr, now time.Time) time.Duration {
	f.mu.Lock()
	defer f.mu.Unlock()
	w := f.wrong[network(from)]
	if w == nil || !now.Before(w.until) {
		return 0
	}
	return w.until.Sub(now)
}

// failed counts a wrong key against the address, and reports whether it is worth a line of the log: the same one again is not.
func (f *failedKeys) failed(from netip.Addr, digest [sha256.Size]byte, now time.Time) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	w := f.wrong[network(from)]
	if w == nil {
		f.makeRoom(now)
		w = &wrongKeys{}
		f.wrong[network(from)] = w
	}
	if w.over(now) {
		*w = wrongKeys{}
	}
	again := w.count > 0 && w.last == digest
	w.last, w.at = digest, now
	if again {
		return false
	}
	if w.count++; w.count >= wrongKeysAllowed {
		w.wait = min(max(firstKeyWait, 2*w.wait), longestKeyWait)
		w.until = now.Add(w.wait)
	}
	return true
}

// over reports whether what the address did is forgotten.
func (w *wrongKeys) over(now time.Time) bool {
	return now.Sub(w.at) >= wrongKeysWindow && !now.Before(w.until)
}

// makeRoom forgets what is over, looking once a second, and somebody if that is not enough.
func (f *failedKeys) makeRoom(now time.Time) {
	if len(f.wrong) < addressesKept {
		return
	}
	if now.Sub(f.swept) >= time.Second {
		f.swept = now
		maps.DeleteFunc(f.wrong, func(_ netip.Addr, w *wrongKeys) bool { return w.over(now) })
	}
	if len(f.wrong) >= addressesKept {
		f.dropAny()
	}
}

// dropAny forgets one address; which one, nobody can choose.
func (f *failedKeys) dropAny() {
	for address := range f.wrong {
		delete(f.wrong, address)
		return
	}
}
