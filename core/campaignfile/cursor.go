package campaignfile

import (
	"strings"
	"unicode/utf16"

	"go.yaml.in/yaml/v3"
)

// within returns the place of the character at offset runes into the value of the scalar n, by reading the scalar's
// source again. It follows quotes, escapes and folded lines; the value itself says where lines were kept.
func (f *File) within(n *yaml.Node, offset int) place {
	c := &cursor{file: f}
	if n.Style&(yaml.LiteralStyle|yaml.FoldedStyle) != 0 {
		c.block(n, offset)
		return c.place()
	}
	c.enter(n.Line, n.Column-1)
	quote := rune(0)
	if n.Style&(yaml.SingleQuotedStyle|yaml.DoubleQuotedStyle) != 0 {
		quote = c.next()
	}
	for offset > 0 && !c.end() {
		offset -= c.flow(quote)
	}
	return c.place()
}

// cursor reads the source of a scalar. line counts from 1, column from 0.
type cursor struct {
	file         *File
	runes        []rune
	line, column int
	solid        int // the white space before this column is not the end of a line
}

func (c *cursor) place() place { return place{c.line, c.column + 1} }

func (c *cursor) enter(line, column int) {
	c.runes = []rune(c.file.line(line))
	c.line, c.column, c.solid = line, min(max(column, 0), len(c.runes)), 0
}

func (c *cursor) endOfLine() bool { return c.column >= len(c.runes) }

func (c *cursor) end() bool { return c.endOfLine() && c.line >= len(c.file.lines) }

// next returns the character under the cursor and goes on; at the end of a line it returns '\n' and goes to the next.
func (c *cursor) next() rune {
	if c.endOfLine() {
		if !c.end() {
			c.enter(c.line+1, 0)
		}
		return '\n'
	}
	c.column++
	return c.runes[c.column-1]
}

// flow passes over the source of the next character of a plain or quoted scalar, or of the next fold, and returns how
// many characters of the value that was.
func (c *cursor) flow(quote rune) int {
	if breaks := c.fold(); breaks > 0 {
		return max(1, breaks-1)
	}
	switch r := c.next(); {
	case r == '\'' && quote == '\'':
		c.next()
	case r == '\\' && quote == '"':
		return c.escape()
	}
	return 1
}

// fold passes over white space that contains line breaks and returns their number; it stays where it is if there are
// none. One break stands for a space, n breaks for n-1 line breaks.
func (c *cursor) fold() int {
	if c.column < c.solid {
		return 0
	}
	ahead, breaks := *c, 0
	for !ahead.end() {
		mark := ahead
		if r := ahead.next(); r == '\n' {
			breaks++
		} else if r != ' ' && r != '\t' {
			ahead = mark
			break
		}
	}
	if breaks > 0 {
		*c = ahead
	} else {
		c.solid = ahead.column
	}
	return breaks
}

// escape passes over what follows a backslash and returns how many characters it stands for.
func (c *cursor) escape() int {
	r := c.next()
	if r == '\n' {
		c.blanks()
		return 0
	}
	digits := map[rune]int{'x': 2, 'u': 4, 'U': 8}[r]
	code := c.hex(digits)
	if ahead := *c; utf16.IsSurrogate(code) && ahead.next() == '\\' && ahead.next() == 'u' {
		ahead.hex(digits)
		*c = ahead
	}
	return 1
}

func (c *cursor) hex(digits int) rune {
	code := rune(0)
	for range digits {
		digit := c.next() | ' ' // in lower case; digits have that bit already
		if digit >= 'a' {
			digit -= 'a' - 10 - '0'
		}
		code = code<<4 | (digit - '0')
	}
	return code
}

func (c *cursor) blanks() {
	for !c.endOfLine() && (c.runes[c.column] == ' ' || c.runes[c.column] == '\t') {
		c.column++
	}
}

// block goes to offset runes into a literal or folded block, which starts in the line below its indicator.
func (c *cursor) block(n *yaml.Node, offset int) {
	value := []rune(n.Value)
	indent := c.file.indentation(n)
	c.enter(n.Line+1, indent)
	for i := 0; i < min(offset, len(value)) && !c.end(); {
		if !c.endOfLine() {
			c.column++
			i++
			continue
		}
		i += c.breaks(value[i:], indent, n.Style&yaml.FoldedStyle != 0)
	}
}

// breaks passes over the end of a line, or over all blank lines of a fold, and returns how many characters of the value
// that was.
func (c *cursor) breaks(value []rune, indent int, folded bool) int {
	c.enter(c.line+1, indent)
	if !folded || value[0] != '\n' {
		return 1
	}
	kept := 0
	for kept < len(value) && value[kept] == '\n' {
		kept++
	}
	for c.endOfLine() && !c.end() {
		c.enter(c.line+1, indent)
	}
	return kept
}

// indentation returns how far the lines of a block scalar are indented: the difference between its first line that is
// not blank as it was written and as it was read.
func (f *File) indentation(n *yaml.Node) int {
	value := strings.TrimLeft(n.Value, "\n")
	for number := n.Line + 1; number <= len(f.lines); number++ {
		if line := f.line(number); strings.TrimSpace(line) != "" {
			return max(leadingSpaces(line)-leadingSpaces(value), 0)
		}
	}
	return 0
}

func leadingSpaces(s string) int { return len(s) - len(strings.TrimLeft(s, " ")) }
