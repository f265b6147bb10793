package event

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
)

func TestServersAndGeneratorShareNoProcessor(t *testing.T) {
	t.Parallel()
	for cores, want := range map[int]string{0: "[] []", 1: "[] []", 2: "[0] [1]", 5: "[0 1] [2 3 4]"} {
		s := split(numbersUpTo(cores))
		if got := fmt.Sprint(s.servers, s.generator); got != want {
			t.Errorf("%d processors are split into %s, want %s", cores, got, want)
		}
	}
	for _, config := range []Config{{}, {Overload: 3, URL: "http://127.0.0.1:1"}} {
		if s := config.coreSplit(); s.servers != nil || s.generator != nil {
			t.Errorf("%+v splits %+v", config, s)
		}
	}
}

func numbersUpTo(n int) []int {
	list := make([]int, n)
	for i := range list {
		list[i] = i
	}
	return list
}

func TestAChildHasTheProcessorsThatItWasGiven(t *testing.T) {
	t.Parallel()
	cores := ownCores()
	if (runtime.GOOS == "linux") != (len(cores) > 0) {
		t.Fatalf("on %s this process has the processors %v", runtime.GOOS, cores)
	}
	if len(cores) == 0 {
		return
	}
	last := cores[len(cores)-1:]
	status := ""
	err := onCores(last, func() {
		out, failed := exec.CommandContext(t.Context(), "cat", "/proc/self/status").Output()
		if failed != nil {
			t.Error(failed)
		}
		status = string(out)
	})
	if err != nil || !strings.Contains(status, fmt.Sprintf("Cpus_allowed_list:\t%d\n", last[0])) {
		t.Errorf("%v: %s", err, status)
	}
	if err := onCores(nil, func() { t.Error("it was done without a processor") }); !errors.Is(err, errUnpinned) {
		t.Errorf("without a processor: %v", err)
	}
}

func TestWhereProcessorsCannotBeChosenAChildStartsAnyway(t *testing.T) {
	t.Parallel()
	started, want := 0, &child{}
	c, err := coreSplit{}.start(func() (*child, error) {
		started++
		return want, nil
	})
	if c != want || err != nil || started != 1 {
		t.Errorf("%p, %v, started %d times", c, err, started)
	}
	failed := errors.New("no such binary")
	if _, err := split(ownCores()).start(func() (*child, error) { return nil, failed }); !errors.Is(err, failed) {
		t.Errorf("a child that does not start is %v", err)
	}
}

// It is not parallel: it changes what the whole process may use.
func TestAProcessKeepsToItsProcessorsUntilItIsFree(t *testing.T) {
	before := ownCores()
	kept := split(before).generator
	free, err := keepTo(kept)
	if err != nil {
		t.Fatal(err)
	}
	if len(kept) > 0 {
		for _, thread := range threads(t) {
			if !strings.Contains(thread, fmt.Sprintf("Cpus_allowed_list:\t%d", kept[0])) {
				t.Errorf("a thread has others than %v: %s", kept, thread)
			}
		}
		if n := runtime.GOMAXPROCS(0); n != len(kept) {
			t.Errorf("the runtime counts %d processors, want %d", n, len(kept))
		}
	}
	if err := free(); err != nil || !slices.Equal(ownCores(), before) {
		t.Errorf("%v, and before %v (%v)", ownCores(), before, err)
	}
}

// threads returns the status of each thread of this process.
func threads(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob("/proc/self/task/*/status")
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, file := range files {
		if status, err := os.ReadFile(file); err == nil { // a thread may have ended meanwhile
			all = append(all, string(status))
		}
	}
	return all
}
