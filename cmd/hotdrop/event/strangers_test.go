package event

import (
	"os"
	"os/exec"
	"runtime"
	"testing"
)

func TestStrangersAreWhoUseTheProcessorsOfTheServersBesideThem(t *testing.T) {
	t.Parallel()
	const stat = "cpu  9 9 9 9 9 9 9 9 0 0\ncpu0 100 10 40 500 7 5 3 2 0 0\ncpu1 1 1 1 1 1 1 1 1 0 0\ncpu10 900 0 0 0 0 0 0 0 0 0\nintr 5 0\n"
	if got, want := coresIn(stat, []int{0, 1}), (occupancy{all: 675, busy: 156}); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
	if got := ticksIn("42 (a) b) (c) R 1 2 3 4 5 6 7 8 9 10 70 30 0 0 20"); got != 100 {
		t.Errorf("%d ticks, want 100", got)
	}
	before := occupancy{all: 1000, busy: 500, own: 400}
	for want, now := range map[float64]occupancy{
		0.25: {all: 1200, busy: 650, own: 500}, 0: {all: 1200, busy: 590, own: 500}, // ticks are rounded
	} {
		if got := now.strangers(before); got != want {
			t.Errorf("%+v: %g, want %g", now, got, want)
		}
	}
	if got := before.strangers(before); got != 0 {
		t.Errorf("in no time strangers used %g", got)
	}
}

func TestTheKernelTellsWhoUsesTheProcessors(t *testing.T) {
	t.Parallel()
	self, err := os.FindProcess(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	now := occupancyNow(ownCores(), []*child{{cmd: &exec.Cmd{Process: self}}})
	if (runtime.GOOS == "linux") != (now.all >= now.busy && now.busy > 0) {
		t.Errorf("on %s it is %+v", runtime.GOOS, now)
	}
}
