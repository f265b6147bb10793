package api

import (
	"bytes"
	"strings"
	"unicode/utf8"

	"hotdrop/core"
)

// maxNames is how many different names an object may have for the scanner; objects with more are left to encoding/json.
const maxNames = 24

// scanner reads the common form of a JSON document, strictly and without reflection: strings without escapes, integers
// of up to 18 digits, no null, no name twice. It never reads a document differently from encoding/json; what it cannot
// read it leaves to it. The first thing it does not understand fails it for good.
type scanner struct {
	data   []byte
	pos    int
	failed bool
}

func newScanner(data []byte) scanner { return scanner{data: data, failed: !utf8.Valid(data)} }

// end reports whether the whole document was read and nothing but space is left.
func (s *scanner) end() bool {
	s.space()
	return !s.failed && s.pos == len(s.data)
}

func (s *scanner) space() {
	for s.pos < len(s.data) {
		switch s.data[s.pos] {
		case ' ', '\t', '\n', '\r':
			s.pos++
		default:
			return
		}
	}
}

// next skips space and returns the byte there, 0 at the end.
func (s *scanner) next() byte {
	s.space()
	if s.failed || s.pos == len(s.data) {
		return 0
	}
	return s.data[s.pos]
}

// take skips space and one byte, which has to be c.
func (s *scanner) take(c byte) {
	if s.next() != c {
		s.failed = true
		return
	}
	s.pos++
}

// accept takes c if it is next.
func (s *scanner) accept(c byte) bool {
	if s.next() != c {
		return false
	}
	s.pos++
	return true
}

// object reads an object; field reads the value of one name and returns false for a name it does not know.
func (s *scanner) object(field func(name []byte) bool) {
	s.take('{')
	if s.accept('}') {
		return
	}
	var seen [maxNames][]byte
	for n := 0; !s.failed; n++ {
		name := s.text()
		s.take(':')
		if s.failed || n == maxNames || contains(seen[:n], name) || !field(name) {
			break
		}
		seen[n] = name
		if s.accept('}') {
			return
		}
		s.take(',')
	}
	s.failed = true
}

func contains(names [][]byte, name []byte) bool {
	for _, one := range names {
		if bytes.Equal(one, name) {
			return true
		}
	}
	return false
}

// text reads a string without escapes and returns its bytes, which are the document's.
func (s *scanner) text() []byte {
	s.take('"')
	start := s.pos
	for s.pos < len(s.data) {
		c := s.data[s.pos]
		if c == '"' {
			s.pos++
			return s.data[start : s.pos-1]
		}
		if c < ' ' || c == '\\' {
			break
		}
		s.pos++
	}
	s.failed = true
	return nil
}

func (s *scanner) string() string { return string(s.text()) }

// strings reads a list of strings, or one string as a list of one.
func (s *scanner) strings() []string {
	if s.next() == '"' {
		return []string{s.string()}
	}
	s.take('[')
	list := []string{}
	if s.accept(']') {
		return list
	}
	for !s.failed {
		list = append(list, s.string())
		if s.accept(']') {
			return list
		}
		s.take(',')
	}
	return nil
}

// integer reads an integer without exponent or fraction.
func (s *scanner) integer() int64 {
	negative := s.accept('-')
	start := s.pos
	var n int64
	for s.pos < len(s.data) && '0' <= s.data[s.pos] && s.data[s.pos] <= '9' {
		n = n*10 + int64(s.data[s.pos]-'0')
		if s.pos++; s.pos-start > 18 {
			break
		}
	}
	digits := s.data[start:s.pos]
	if len(digits) == 0 || len(digits) > 18 || (digits[0] == '0' && (len(digits) > 1 || negative)) || s.fraction() {
		s.failed = true
		return 0
	}
	if negative {
		return -n
	}
	return n
}

// fraction reports whether a number goes on after its integer part.
func (s *scanner) fraction() bool {
	return s.pos < len(s.data) && strings.IndexByte(".eE", s.data[s.pos]) >= 0
}

// value reads a string, integer, boolean or an object of them; depth is how many objects may still nest.
func (s *scanner) value(depth int) any {
	switch c := s.next(); c {
	case '"':
		return s.string()
	case '{':
		if depth > 0 {
			return s.values(depth - 1)
		}
		s.failed = true
		return nil
	case 't', 'f':
		return s.boolean(c == 't')
	default:
		return s.integer()
	}
}

// values reads an object of values.
func (s *scanner) values(depth int) core.Object {
	object := core.Object{}
	s.object(func(name []byte) bool {
		object[string(name)] = s.value(depth)
		return true
	})
	return object
}

func (s *scanner) boolean(value bool) bool {
	word := []byte("false")
	if value {
		word = []byte("true")
	}
	if !bytes.HasPrefix(s.data[s.pos:], word) {
		s.failed = true
		return false
	}
	s.pos += len(word)
	return value
}
