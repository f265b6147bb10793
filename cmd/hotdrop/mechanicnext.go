package main

import (
	"errors"
	"fmt"
	"io"
	"net/url"
	"strings"
	"unicode"

	"github.com/spf13/cobra"
)

// nextError is an error with the command that its reader should try next.
type nextError struct {
	error

	next string
}

// Error implements error.
func (e *nextError) Error() string { return e.error.Error() + "\nnext: " + e.next }

// Unwrap returns the error itself.
func (e *nextError) Unwrap() error { return e.error }

// withNext names the command to try next in an error that does not name one. Other errors, and nil, stay as they are, as does
// that no server answers: every command would find that, and the error says what helps.
func withNext(err error, next string) error {
	_, named := errors.AsType[*nextError](err)
	_, unreachable := errors.AsType[*url.Error](err)
	if err == nil || named || unreachable || errors.Is(err, errFailed) {
		return err
	}
	return &nextError{err, next}
}

// sayNext names, on stderr, the command to try next.
func sayNext(talk io.Writer, words ...string) {
	_, _ = fmt.Fprintln(talk, "next: "+commandLine(words...))
}

// commandLine is a command of the group as one types it into a shell.
func commandLine(words ...string) string {
	line := []string{"hotdrop mechanic"}
	for _, word := range words {
		if word != "" {
			line = append(line, quoted(word))
		}
	}
	return strings.Join(line, " ")
}

// quoted is a word as a shell reads it.
func quoted(word string) string {
	plain := func(c rune) bool {
		return unicode.IsLetter(c) || unicode.IsDigit(c) || strings.ContainsRune("-_./=:,@%+", c)
	}
	if !strings.ContainsFunc(word, func(c rune) bool { return !plain(c) }) {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}

// atMostOne refuses more than one argument, and none where one is required.
func atMostOne(required bool) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		help := cmd.CommandPath() + " --help"
		switch {
		case len(args) > 1:
			return &nextError{fmt.Errorf("%s takes one path, not %d", cmd.Name(), len(args)), help}
		case required && len(args) == 0:
			_, wanted, _ := strings.Cut(cmd.Use, " ")
			return &nextError{fmt.Errorf("%s is missing: %s %s", wanted, cmd.CommandPath(), wanted), help}
		}
		return nil
	}
}

// argument is the only argument, or "".
func argument(args []string) string {
	if len(args) == 0 {
		return ""
	}
	return args[0]
}
