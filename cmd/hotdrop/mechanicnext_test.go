package main

import (
	"bytes"
	"errors"
	"os/exec"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestTheNextCommandIsNamedOnce(t *testing.T) {
	plain := errors.New("broken")
	first := withNext(plain, "a")
	if got := withNext(first, "b").Error(); got != "broken\nnext: a" {
		t.Error(got)
	}
	if withNext(nil, "a") != nil || !errors.Is(withNext(errFailed, "a"), errFailed) || withNext(errFailed, "a").Error() != errFailed.Error() {
		t.Error("an error that needs no next command got one")
	}
	if !errors.Is(first, plain) || exitCode(withNext(usageError{plain}, "a"), true) != exitUsage {
		t.Error("the error behind the next command is lost")
	}
}

// TestACommandLineIsWhatAShellReads asks the shell.
func TestACommandLineIsWhatAShellReads(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		word := rapid.StringMatching(`[ -~折\n]{1,12}`).Draw(rt, "word")
		read, err := exec.CommandContext(t.Context(), "sh", "-c", `printf %s `+quoted(word)).Output()
		if err != nil || string(read) != word {
			rt.Fatalf("the shell reads %q as %q (%v)", quoted(word), read, err)
		}
	})
	if got := commandLine("run", "my plugin", "", "--vector", "it's"); got != `hotdrop mechanic run 'my plugin' --vector 'it'\''s'` {
		t.Error(got)
	}
}

// TestTheNextCommandComesAfterTheResult where both streams go to one place, as in a terminal or a CI log.
func TestTheNextCommandComesAfterTheResult(t *testing.T) {
	for _, args := range []string{"check toy", "test toy", "run toy", "bench toy --decisions 5", "inspect toy/toy.wasm"} {
		t.Run(args, func(t *testing.T) {
			files(t, with(toy(), "toy/toy.wasm", module(nil, "", []byte{opUnreachable})))
			var both bytes.Buffer
			doMain(t.Context(), append([]string{"mechanic"}, strings.Fields(args)...), strings.NewReader(""), &both, &both)
			lines := strings.Split(strings.TrimSpace(both.String()), "\n")
			if last := lines[len(lines)-1]; len(lines) < 2 || !strings.HasPrefix(last, "next: ") || strings.Count(both.String(), "next: ") != 1 {
				t.Errorf("the last line is %q\n%s", last, both.String())
			}
		})
	}
}
