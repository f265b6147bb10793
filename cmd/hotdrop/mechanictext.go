package main

import (
	"fmt"
	"io"
	"os"
	"strings"
)

// paint colours words on a terminal, and leaves them as they are elsewhere.
type paint bool

// paintOn paints where people look at the output and have not asked for plain text (https://no-color.org).
func paintOn(out io.Writer) paint {
	file, ok := out.(*os.File)
	if !ok || os.Getenv("NO_COLOR") != "" || os.Getenv("TERM") == "dumb" {
		return false
	}
	info, err := file.Stat()
	return paint(err == nil && info.Mode()&os.ModeCharDevice != 0)
}

func (p paint) green(s string) string { return p.with("32", s) }

func (p paint) red(s string) string { return p.with("31", s) }

func (p paint) dim(s string) string { return p.with("2", s) }

func (p paint) with(code, s string) string {
	if !p {
		return s
	}
	return "\x1b[" + code + "m" + s + "\x1b[0m"
}

// count is a number with its noun, in the plural unless it is one.
func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// thousands groups the digits of a number: 1,000,000.
func thousands(n int64) string {
	digits := fmt.Sprint(n)
	sign := ""
	if n < 0 {
		sign, digits = "-", digits[1:]
	}
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return sign + digits
}

// width is how many columns a terminal gives a text.
func width(s string) int {
	columns := 0
	for _, r := range s {
		columns++
		if wide(r) {
			columns++
		}
	}
	return columns
}

// padded fills a text up with spaces to a number of columns; one that is longer is cut.
func padded(s string, columns int) string {
	if width(s) > columns {
		runes := []rune(s)
		for len(runes) > 0 && width(string(runes)) > columns-1 {
			runes = runes[:len(runes)-1]
		}
		s = string(runes) + "…"
	}
	return s + strings.Repeat(" ", max(columns-width(s), 0))
}

// plural is the form of a noun that goes with the number.
func plural(noun string, n int) string {
	if n == 1 {
		return noun
	}
	return noun + "s"
}

// listOf names all that there is.
func listOf[T ~string](all []T) string {
	if len(all) == 0 {
		return "nothing"
	}
	names := make([]string, len(all))
	for i, one := range all {
		names[i] = string(one)
	}
	return strings.Join(names, ", ")
}

// percent is a part of a whole, to a tenth.
func percent(part, whole int64) string {
	return fmt.Sprintf("%.1f %%", 100*float64(part)/float64(whole))
}

// share is a part of a limit: 6,212 of 1,000,000 bytes (0.6 %).
func share(part, limit int64, unit string) string {
	return fmt.Sprintf("%s of %s%s (%s)", thousands(part), thousands(limit), unit, percent(part, limit))
}

// duration is nanoseconds in the unit that suits them.
func duration(ns int64) string {
	switch {
	case ns < 1_000:
		return fmt.Sprintf("%d ns", ns)
	case ns < 1_000_000:
		return fmt.Sprintf("%.1f µs", float64(ns)/1e3)
	default:
		return fmt.Sprintf("%.1f ms", float64(ns)/1e6)
	}
}

// printable takes out of a text what would move a terminal's cursor.
func printable(s string) string {
	return strings.Map(func(c rune) rune {
		if c < ' ' || c == 0x7f || c >= 0x80 && c < 0xa0 {
			return '\ufffd'
		}
		return c
	}, s)
}
