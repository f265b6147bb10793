package api

import (
	"crypto/sha256"
	"encoding/binary"
	"net/netip"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// wrongKey is the digest of the n-th wrong key.
func wrongKey(n int) [sha256.Size]byte { return sha256.Sum256(binary.AppendVarint(nil, int64(n))) }

// addressNumber is the n-th address, of IPv4.
func addressNumber(n int) netip.Addr {
	return netip.AddrFrom4([4]byte(binary.BigEndian.AppendUint32(nil, uint32(n))))
}

func TestWaitsDoubleUpToTheLongestAndEndWithAQuietMinute(t *testing.T) {
	f, now, from := newFailedKeys(), time.Now(), addressNumber(1)
	for n := range wrongKeysAllowed - 1 {
		f.failed(from, wrongKey(n), now)
	}
	if w := f.wait(from, now); w != 0 {
		t.Errorf("a wait of %s after as many as are allowed", w)
	}
	var waits []time.Duration
	for n := range 8 {
		f.failed(from, wrongKey(100+n), now)
		waits = append(waits, f.wait(from, now))
		now = now.Add(waits[n])
		if left := f.wait(from, now); left != 0 {
			t.Errorf("%s are left of a wait that is over", left)
		}
	}
	for n, want := range []float64{1, 2, 4, 8, 16, 30, 30, 30} {
		if waits[n].Seconds() != want {
			t.Errorf("the waits are %v", waits)
		}
	}
	now = now.Add(wrongKeysWindow)
	f.failed(from, wrongKey(300), now)
	if w := f.wait(from, now); w != 0 {
		t.Errorf("after a quiet minute one wrong key costs %s", w)
	}
}

func TestTheSameWrongKeyAgainIsNoOtherTry(t *testing.T) {
	f, now, from := newFailedKeys(), time.Now(), addressNumber(1)
	logged := 0
	for range 1000 {
		if f.failed(from, wrongKey(1), now) {
			logged++
		}
		now = now.Add(time.Second)
	}
	if w := f.wait(from, now); w != 0 || logged != 1 {
		t.Errorf("a program with a key that has run out brings a wait of %s and %d lines of log", w, logged)
	}
}

func TestACustomersAddressesOfIPv6CountAsOne(t *testing.T) {
	f, now := newFailedKeys(), time.Now()
	prefix := netip.MustParsePrefix("2001:db8:0:1::/64")
	address := prefix.Addr()
	for n := range wrongKeysAllowed {
		address = address.Next()
		f.failed(address, wrongKey(n), now)
	}
	if f.wait(address.Next(), now) == 0 {
		t.Error("the next address of the same customer does not wait")
	}
	if f.wait(netip.MustParseAddr("2001:db8:0:2::1"), now) != 0 {
		t.Error("the next customer waits")
	}
}

func TestWhatIsRememberedOfAddressesIsBounded(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f, now := newFailedKeys(), time.Now()
		step := time.Duration(rapid.Int64Range(0, int64(time.Second)).Draw(t, "step"))
		for n := range addressesKept + 500 {
			f.failed(addressNumber(n), wrongKey(n), now)
			now = now.Add(step)
		}
		if len(f.wrong) > addressesKept {
			t.Fatalf("%d addresses with wrong keys are remembered", len(f.wrong))
		}
	})
}
