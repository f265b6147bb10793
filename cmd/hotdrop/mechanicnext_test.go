package main

import (
	"errors"
	"os/exec"
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
