package main

import (
	"testing"

	"github.com/KimMachineGun/automemlimit/memlimit"
)

func TestTheCollectorsBoundIsBelowTheMemoryThatThereIs(t *testing.T) {
	const mebi = 1 << 20
	for _, test := range []struct {
		name         string
		memory, want uint64 // mebibytes
	}{
		{"a tiny container", 64, 32},
		{"a small one", 512, 256},
		{"one of a gibibyte", 1 << 10, 256},
		{"a machine", 16 << 10, 4 << 10},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got, err := heapIn(memlimit.Limit(test.memory * mebi))(); err != nil || got != test.want*mebi {
				t.Errorf("of %d MiB it has %d bytes (%v), want %d MiB", test.memory, got, err, test.want)
			}
		})
	}
	nobodyKnows := func() (uint64, error) { return 0, memlimit.ErrNoLimit }
	if got, err := heapIn(nobodyKnows)(); err != nil || got != leastHeap {
		t.Errorf("where nobody knows how much there is it has %d bytes (%v)", got, err)
	}
}
