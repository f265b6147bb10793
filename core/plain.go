package core

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxFailure is how many bytes of a failure's text are kept.
const maxFailure = 200

// plainFailure is the text of a failure as it is kept and shown. A mechanic may say anything: what no store takes, such as a
// NUL, or what is no text at all must not keep the failure itself from being noted.
func plainFailure(text string) string {
	if len(text) > maxFailure {
		text = text[:maxFailure+utf8.UTFMax] // what is behind it cannot matter, however long it is
	}
	text = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r // U+FFFD for what is no UTF-8
	}, text)
	if len(text) <= maxFailure {
		return text
	}
	end := maxFailure
	for !utf8.RuneStart(text[end]) {
		end--
	}
	return text[:end]
}

// checkReason refuses a reason that is missing, or that is no plain text.
func checkReason(reason string) error {
	if reason == "" {
		return Errorf(CodeInvalid, "say why: the reason is kept with the change")
	}
	return checkPlain("reason", reason)
}

// checkOptionalReason refuses a reason that is no plain text.
func checkOptionalReason(reason string) error {
	if reason == "" {
		return nil
	}
	return checkPlain("reason", reason)
}
