package vet

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
)

func TestTheChildLimitsItself(t *testing.T) {
	a := confined(t, Confinement{MemoryBytes: 256 << 20, CPUSeconds: 7})
	limits := limitsIn(a.Limits)
	for name, want := range map[string]string{"Max cpu time": "7", "Max core file size": "0", "Max open files": "64"} {
		if got := limits[name]; len(got) < 2 || got[0] != want || got[1] != want {
			t.Errorf("%s: %v, want %s, soft and hard", name, got, want)
		}
	}
	for name, most := range map[string]int64{"Max address space": 4 << 30, "Max data size": 512 << 20, "Max file size": 256 << 10} {
		if got := limits[name]; !within(got, 128<<20, most*instrumentation*1024) {
			t.Errorf("%s: %v", name, got)
		}
	}
}

// limitsIn returns soft and hard limit of every resource in the text of /proc/<pid>/limits.
func limitsIn(text string) map[string][]string {
	limits := map[string][]string{}
	for line := range strings.Lines(text) {
		name, rest := line[:min(len(line), 26)], line[min(len(line), 26):]
		limits[strings.TrimSpace(name)] = strings.Fields(rest)
	}
	return limits
}

func TestLimitsThatTheServerWasStartedWithStayWhereTheyAreLower(t *testing.T) {
	command := append([]string{"/bin/sh", "-c", `ulimit -t 5 && ulimit -n 40 && exec "$0" "$@"`}, as(asReporter)...)
	limits := limitsIn(confinedAs(t, command, Confinement{CPUSeconds: 7}).Limits)
	for name, want := range map[string]string{"Max cpu time": "5", "Max open files": "40", "Max core file size": "0"} {
		if got := limits[name]; len(got) < 2 || got[0] != want || got[1] != want {
			t.Errorf("%s: %v, want %s, soft and hard", name, got, want)
		}
	}
}

func TestTheChildWritesNoFilesOnceTheModuleIsLoaded(t *testing.T) {
	if a := confined(t, Confinement{}); !strings.HasSuffix(a.Write, "file too large") {
		t.Errorf("writing a file: %q", a.Write)
	}
	o := endless()
	var limits map[string][]string
	o.watch = func(pid int, s stage, expire func()) {
		if s == stageVectors {
			limits = limitsIn(contents(fmt.Sprintf("/proc/%d/limits", pid)))
			expire()
		}
	}
	vetted(t, o, quoting(), slow().bytes(), someVectors)
	if got := limits["Max file size"]; len(got) < 2 || got[0] != "0" || got[1] != "0" {
		t.Errorf("while it decides it may write files of %v", got)
	}
}

// within reports whether soft and hard limit are the same number of bytes from least to most.
func within(limit []string, least, most int64) bool {
	if len(limit) < 2 || limit[0] != limit[1] {
		return false
	}
	n, err := strconv.ParseInt(limit[0], 10, 64)
	return err == nil && n >= least && n <= most
}

func TestTheChildGivesWayToEverythingElse(t *testing.T) {
	a := confined(t, Confinement{})
	_, rest, _ := strings.Cut(a.Stat, ") ")
	if fields := strings.Fields(rest); len(fields) < 17 || fields[16] != strconv.Itoa(leastPriority) {
		t.Errorf("its niceness is not %d: %s", leastPriority, a.Stat)
	}
	if strings.TrimSpace(a.OOM) != "1000" {
		t.Errorf("its score when memory runs out is %s", a.OOM)
	}
}
