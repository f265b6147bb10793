package main

import (
	"bytes"
	"context"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"hotdrop/plugins/vet"
	"hotdrop/plugins/vet/corpus"
)

func TestMain(m *testing.M) {
	if slices.Contains(os.Args, asChild) {
		os.Exit(doMain(context.Background(), os.Args, os.Stdin, os.Stdout, os.Stderr))
	}
	goleak.VerifyTestMain(m)
}

func TestALineSaysWhatVettingCost(t *testing.T) {
	var stdout, stderr bytes.Buffer
	args := []string{"table", "count-types", "leak-memory"}
	if status := doMain(t.Context(), args, nil, &stdout, &stderr); status != 0 || stderr.Len() > 0 {
		t.Fatalf("status %d: %s", status, &stderr)
	}
	lines := strings.Split(strings.TrimSuffix(stdout.String(), "\n"), "\n")
	for i, want := range []string{
		`\| count-types \| The type section claims 4 G types\. \| decode \| decode_error \| \d+\.\d \| \d+\.\d \|`,
		`\| leak-memory \| Leaves a number in its memory\. \| run \| harmless \| \d+\.\d \| \d+\.\d \|`,
	} {
		if i >= len(lines) || !regexp.MustCompile("^"+want+"$").MatchString(lines[i]) {
			t.Errorf("got %q, want line %d like %s", lines, i, want)
		}
	}
}

func TestAVerdictThatIsNotTheCorpussIsAnError(t *testing.T) {
	m := corpus.Modules()[0]
	m.Want = vet.CodeVectorFailed
	if _, err := measure(t.Context(), corpus.Vetting(), &m); err == nil || !strings.Contains(err.Error(), "decode_error") {
		t.Errorf("got %v", err)
	}
}

func TestAChildThatGetsNoRequestFails(t *testing.T) {
	var stdout, stderr bytes.Buffer
	if status := doMain(t.Context(), []string{"table", asChild}, strings.NewReader(""), &stdout, &stderr); status != 1 || stderr.Len() == 0 {
		t.Errorf("status %d, %q", status, &stderr)
	}
}

func TestAChildThatDidNotLiveToTellLeavesItsMemoryOpen(t *testing.T) {
	for want, c := range map[string]cost{"1.5 | 2.3": {1.5, 2.3}, "2000.0 |": {2000, 0}} {
		if got := c.String(); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
