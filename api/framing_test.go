package api

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

const rawOrder = "POST /v1/campaigns/phone/orders HTTP/1.1\r\nHost: drops.example\r\nContent-Length: 27\r\n\r\n" + oneCase

func TestFramingKnowsRequestsThatComeWholeAndAlone(t *testing.T) {
	for _, test := range []struct {
		name  string
		reads []string
		want  []ask // of each read; asksElse for one that says nothing
	}{
		{"an order, and another", []string{rawOrder, rawOrder}, []ask{asksOrder, asksOrder}},
		{"a sign-up without a body", []string{"POST /v1/campaigns/phone/reservations HTTP/1.1\r\nHost: a\r\n\r\n"}, []ask{asksReservation}},
		{"a price", []string{strings.Replace(rawOrder, "/orders", "/quotes", 1)}, []ask{asksQuote}},
		{"a look, then an order", []string{"GET /v1/campaigns/phone HTTP/1.1\r\nHost: a\r\n\r\n", rawOrder}, []ask{asksElse, asksOrder}},
		{"two at once, and nothing is known from then on", []string{rawOrder + rawOrder, rawOrder}, []ask{asksElse, asksElse}},
		{"a body that comes later", []string{rawOrder[:len(rawOrder)-9], rawOrder[len(rawOrder)-9:], rawOrder}, []ask{asksElse, asksElse, asksOrder}},
		{"a head in pieces", []string{rawOrder[:10], rawOrder[10:50], rawOrder[50:], rawOrder}, []ask{asksElse, asksElse, asksElse, asksOrder}},
		{"more body than was said", []string{rawOrder + "x", rawOrder}, []ask{asksElse, asksElse}},
		{"a body that ends in the next request", []string{rawOrder[:len(rawOrder)-9], rawOrder}, []ask{asksElse, asksElse}},
		{"a payment is never refused", []string{"POST /v1/orders/phone.1/pay HTTP/1.1\r\nHost: a\r\n\r\n"}, []ask{asksElse}},
		{"an endless head", []string{"POST /v1/campaigns/phone/orders HTTP/1.1\r\n", strings.Repeat("a", maxHeader), "\r\n\r\n", rawOrder}, make([]ask, 4)},
		{"a connection that is to be closed", []string{withField("Connection: close"), rawOrder}, []ask{asksElse, asksOrder}},
		{"who waits to be told to go on", []string{withField("Expect: 100-continue"), rawOrder}, []ask{asksElse, asksOrder}},
		{"another protocol", []string{withField("Upgrade: h2c"), rawOrder}, []ask{asksElse, asksElse}},
		{"chunks", []string{withField("Transfer-Encoding: chunked"), rawOrder}, []ask{asksElse, asksElse}},
		{"two lengths", []string{withField("Content-length: 27"), rawOrder}, []ask{asksElse, asksElse}},
		{"a length with a sign", []string{strings.Replace(rawOrder, ": 27", ": +27", 1), rawOrder}, []ask{asksElse, asksElse}},
		{"a space before the colon", []string{withField("X : 1"), rawOrder}, []ask{asksElse, asksElse}},
		{"a folded line", []string{withField("X: 1\r\n Content-Length: 3"), rawOrder}, []ask{asksElse, asksElse}},
		{"a line that ends without a return", []string{withField("X: 1\nContent-Length: 3"), rawOrder}, []ask{asksElse, asksElse}},
		{"a control character", []string{withField("X: 1\x00"), rawOrder}, []ask{asksElse, asksElse}},
		{"no host", []string{strings.Replace(rawOrder, "Host", "X", 1), rawOrder}, []ask{asksElse, asksElse}},
		{"an escaped path", []string{strings.Replace(rawOrder, "phone", "ph%6fne", 1)}, []ask{asksElse}},
		{"a query", []string{strings.Replace(rawOrder, "orders ", "orders?a=b ", 1)}, []ask{asksElse}},
		{"an older protocol", []string{strings.Replace(rawOrder, "HTTP/1.1", "HTTP/1.0", 1)}, []ask{asksElse}},
	} {
		t.Run(test.name, func(t *testing.T) {
			var f framing
			for i, read := range test.reads {
				got := asksElse
				if head := f.next([]byte(read)); head != nil {
					got = rushIn(head)
				}
				if got != test.want[i] {
					t.Errorf("read %d, %.40q: %s, want %s", i, read, got, test.want[i])
				}
			}
		})
	}
}

// withField is the order with one more header field.
func withField(field string) string {
	return strings.Replace(rawOrder, "Host: drops.example", "Host: drops.example\r\n"+field, 1)
}

// However requests are cut into reads, and whatever their bodies look like: what framing takes for a request is one.
func TestFramingNeverTakesAPartOfARequestForOne(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var stream []byte
		begins := map[int]int{0: 0} // where a request begins, and where it ends
		for range rapid.IntRange(1, 6).Draw(t, "requests") {
			body := rapid.SampledFrom([]string{"", "{}", rawOrder, rawOrder + rawOrder, "\r\n\r\n" + rawOrder}).Draw(t, "body")
			pad := rapid.IntRange(0, 40).Draw(t, "pad")
			from := len(stream)
			stream = fmt.Appendf(stream, "POST /v1/campaigns/phone/orders HTTP/1.1\r\nHost: a\r\nX-Pad: %s\r\nContent-Length: %d\r\n\r\n%s", strings.Repeat("p", pad), len(body), body)
			begins[from] = len(stream)
		}
		var f framing
		for at := 0; at < len(stream); {
			n := rapid.IntRange(1, len(stream)-at).Draw(t, "read")
			if end, begun := begins[at]; begun && rapid.Bool().Draw(t, "whole") {
				n = end - at
			}
			end, begun := begins[at]
			if head := f.next(stream[at : at+n]); head != nil && (!begun || end != at+n) {
				t.Fatalf("%q is taken for a request", stream[at:at+n])
			}
			at += n
		}
	})
}

// What is refused on the doorstep is what net/http would have handed to the door: the same request, to its last byte.
func FuzzTheDoorstepReadsWhatNetHTTPReads(f *testing.F) {
	f.Add([]byte(rawOrder))
	f.Add([]byte(rawOrder + rawOrder))
	f.Add([]byte(withField("Content-Length : 3")))
	f.Add([]byte(withField("Transfer-Encoding: identity")))
	f.Add([]byte("POST /v1/campaigns/phone/reservations HTTP/1.1\r\nHost: a\r\n\r\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		var read framing
		head := read.next(b)
		if head == nil || rushIn(head) == asksElse {
			return
		}
		rest := bufio.NewReader(bytes.NewReader(b))
		r, err := http.ReadRequest(rest)
		if err != nil {
			t.Fatalf("net/http does not read it: %v", err)
		}
		defer func() { _ = r.Body.Close() }()
		if about, _ := askOf(r); about != rushIn(head) || r.Close || len(r.TransferEncoding) > 0 || r.ProtoMinor != 1 {
			t.Fatalf("net/http reads %+v", r)
		}
		if _, err := io.Copy(io.Discard, r.Body); err != nil {
			t.Fatalf("its body: %v", err)
		}
		if _, err := rest.ReadByte(); !errors.Is(err, io.EOF) {
			t.Fatalf("net/http reads a part of it only")
		}
	})
}

func BenchmarkDoorstep(b *testing.B) {
	request := []byte(strings.Replace(rawOrder, "Host", "Authorization: Bearer "+strings.Repeat("e", 400)+"\r\nIdempotency-Key: 0123456789\r\nContent-Type: application/json\r\nHost", 1))
	var f framing
	b.ReportAllocs()
	for b.Loop() {
		if rushIn(f.next(request)) != asksOrder {
			b.Fatal("it is no order")
		}
	}
}
