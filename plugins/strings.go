package plugins

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/tetratelabs/wazero/api"

	"hotdrop/core"
	"hotdrop/plugins/abi"
)

// raise ends the guest's call with a failure: the runtime recovers the panic and returns it as the call's error.
func raise(code, format string, args ...any) {
	panic(&core.MechanicError{Code: code, Message: fmt.Sprintf(format, args...)})
}

// view returns the guest's own bytes, valid until the guest runs on. Outside the memory is a bad string.
func (g *guest) view(ptr uint64, length uint32) []byte {
	at := api.DecodeU32(ptr)
	if length == 0 {
		return nil
	}
	if g.memory == nil {
		raise(abi.CodeBadString, "the guest has no memory")
	}
	view, ok := g.memory.Read(at, length)
	if !ok {
		raise(abi.CodeBadString, "%d bytes at %d are outside the memory", length, at)
	}
	return view
}

// bytes returns a view of a string that the guest hands over. A length beyond the cap, negative ones included, is a bad
// string.
func (g *guest) bytes(ptr, length uint64, most uint32) []byte {
	n := api.DecodeU32(length)
	if n > most {
		raise(abi.CodeBadString, "%d bytes where %d are allowed", n, most)
	}
	return g.view(ptr, n)
}

// utf8 returns a view of a string of UTF-8 that the guest hands over.
func (g *guest) utf8(ptr, length uint64, most uint32) []byte {
	view := g.bytes(ptr, length, most)
	if !utf8.Valid(view) {
		raise(abi.CodeBadString, "%q is not UTF-8", view)
	}
	return view
}

// text returns a copy of a string that the guest hands over.
func (g *guest) text(ptr, length uint64, most uint32) string {
	return g.strings.of(g.utf8(ptr, length, most))
}

func (g *guest) name(ptr, length uint64) string { return g.text(ptr, length, abi.MaxName) }

// both returns a label or text: English, or English and Chinese around the first unit separator.
func (g *guest) both(ptr, length uint64, most uint32) core.Text {
	text := g.text(ptr, length, most)
	if at := strings.IndexByte(text, abi.LanguageSeparator[0]); at >= 0 {
		return core.Text{EN: text[:at], ZH: text[at+1:]}
	}
	return core.Text{EN: text}
}

// intern keeps short strings that a guest hands over again and again (labels, names of quotas), so that a decision
// does not allocate them anew. It is bounded: what comes after it is full is copied each time. Guests cannot tell.
type intern struct{ known map[string]string }

// The bounds of an intern.
const (
	internEntries = 64
	internLength  = 64
)

func (in *intern) of(b []byte) string {
	if s, ok := in.known[string(b)]; ok {
		return s
	}
	s := string(b)
	if len(s) > internLength || len(in.known) >= internEntries {
		return s
	}
	if in.known == nil {
		in.known = make(map[string]string, internEntries)
	}
	in.known[s] = s
	return s
}
