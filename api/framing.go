package api

import (
	"bytes"
	"net/http"
	"strconv"
	"strings"
)

// framing finds out where requests begin on a connection of HTTP/1.1, by all that is read from it. It knows no more of HTTP
// than that takes. Once anything comes that it is not sure of, or that another reader might take for something else, it is lost
// and stays so: it says nothing any more.
type framing struct {
	head []byte // of the request whose end is still to come
	rest int64  // bytes of its body that are still to come
	lost bool
}

// endOfHead ends a request's head, endOfLine each of its lines.
const (
	endOfHead = "\r\n\r\n"
	endOfLine = "\r\n"
)

// next takes note of what was read. It returns the head of a request that it is, whole and alone, and that asks for nothing
// unusual of the connection; or nil.
func (f *framing) next(b []byte) (head []byte) {
	switch {
	case f.lost || len(b) == 0:
		return nil
	case f.rest > 0:
		f.rest -= int64(len(b))
		f.lost = f.rest < 0
		return nil
	case f.head != nil || !bytes.Contains(b, []byte(endOfHead)):
		f.piece(b)
		return nil
	}
	end := bytes.Index(b, []byte(endOfHead)) + len(endOfHead)
	if usual := f.begin(b[:end], len(b)-end); usual && f.rest == 0 {
		return b[:end]
	}
	return nil
}

// piece takes note of a part of a head, or of its end and what follows.
func (f *framing) piece(b []byte) {
	if len(f.head)+len(b) > maxHeader {
		f.head, f.lost = nil, true
		return
	}
	f.head = append(f.head, b...)
	if end := bytes.Index(f.head, []byte(endOfHead)); end >= 0 {
		end += len(endOfHead)
		f.begin(f.head[:end], len(f.head)-end)
		f.head = nil
	}
}

// begin takes note of a head, and of how many bytes came after it. It reports whether the request asks for nothing unusual.
func (f *framing) begin(head []byte, after int) (usual bool) {
	length, usual, sure := readHead(head)
	f.rest = length - int64(after)
	f.lost = !sure || f.rest < 0
	return usual && !f.lost
}

// readHead reads the head of a request: how long its body is, whether nothing in it says what becomes of the connection, and
// whether all readers of HTTP would agree on that.
func readHead(head []byte) (length int64, usual, sure bool) {
	hosts := 0
	length, usual = -1, true
	line, fields, _ := bytes.Cut(head, []byte(endOfLine))
	sure = plainValue(line)
	for len(fields) > len(endOfLine) && sure {
		line, fields, _ = bytes.Cut(fields, []byte(endOfLine))
		name, value, named := bytes.Cut(line, []byte(":"))
		sure = named && plainName(name) && plainValue(value)
		switch {
		case bytes.EqualFold(name, []byte("Host")):
			hosts++
			sure = sure && plainHost(value)
		case bytes.EqualFold(name, []byte("Content-Length")):
			n, err := strconv.ParseUint(string(bytes.Trim(value, " \t")), 10, 31)
			sure = sure && err == nil && length < 0
			length = int64(n)
		case bytes.EqualFold(name, []byte("Transfer-Encoding")), bytes.EqualFold(name, []byte("Upgrade")):
			sure = false
		case bytes.EqualFold(name, []byte("Connection")), bytes.EqualFold(name, []byte("Expect")):
			usual = false
		}
	}
	return max(0, length), usual, sure && hosts == 1
}

// plainValue reports whether there is no control character in it but tabs: net/http closes the connection on them, and others
// take some for the end of a line.
func plainValue(value []byte) bool {
	for _, c := range value {
		if c < ' ' && c != '\t' || c == 0x7f {
			return false
		}
	}
	return true
}

// plainHost reports whether it is a host, and perhaps a port, as nearly everybody writes them.
func plainHost(value []byte) bool {
	return consistsOf(bytes.Trim(value, " \t"), plainLetters+".:[]_")
}

// plainName reports whether it is a name of a header field that no reader takes for another: letters, digits and hyphens.
func plainName(name []byte) bool {
	return len(name) > 0 && consistsOf(name, plainLetters)
}

// plainLetters are letters, digits and the hyphen.
const plainLetters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-"

// rushIn is what the request with this head is about, if it is one of those that come in a rush; asksElse for all others, and
// for what is asked for in an unusual way.
func rushIn(head []byte) ask {
	line, _, _ := bytes.Cut(head, []byte(endOfLine))
	path, posted := bytes.CutPrefix(line, []byte("POST "))
	path, known := bytes.CutSuffix(path, []byte(" HTTP/1.1"))
	if !posted || !known || !plainPath(path) {
		return asksElse
	}
	if about, _ := askOfPath(http.MethodPost, string(path)); about != asksOwnOrder {
		return about
	}
	return asksElse
}

// plainPath reports whether the path is one that no reader takes for another: nothing in it is escaped, and no query follows.
func plainPath(path []byte) bool {
	return consistsOf(path, "abcdefghijklmnopqrstuvwxyz0123456789-_/")
}

// consistsOf reports whether every byte of s is one of the bytes.
func consistsOf(s []byte, allowed string) bool {
	for _, c := range s {
		if strings.IndexByte(allowed, c) < 0 {
			return false
		}
	}
	return true
}
