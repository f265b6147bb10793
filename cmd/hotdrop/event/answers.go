package event

import (
	"bytes"
	"encoding/json"
	"strconv"
)

// The codes that the generator acts on, as the API spells them.
const (
	codeInFlight   = "in_flight"
	codeSoldOut    = "sold_out"
	codeOverloaded = "overloaded"
	codeUnreadable = "unreadable" // the generator's own: an answer 200 or 201 without an order
)

// orderID is an order's own part of its id, behind the campaign and a dot.
type orderID [26]byte

// placement is an order that was acknowledged.
type placement struct {
	shopper uint32
	id      orderID
	total   int64 // minor units
}

// orderMark is what stands before an order's own part wherever its id stands in JSON.
func orderMark(campaign string) []byte { return []byte(`"` + campaign + `.`) }

// orderIn finds the id of the order that an answer 200 or 201 holds.
func orderIn(r Response, mark []byte) (id orderID, ok bool) {
	if r.Status != 200 && r.Status != 201 {
		return orderID{}, false
	}
	_, rest, ok := bytes.Cut(r.Body, mark)
	if !ok || len(rest) <= len(id) || rest[len(id)] != '"' {
		return orderID{}, false
	}
	return orderID(rest[:len(id)]), true
}

// tally counts refusals by their code. Counting a code again allocates nothing.
type tally map[string]*refusals

// refusals is how often one code was met.
type refusals struct {
	code string
	n    int64
}

// refuse counts the refusal that the answer is, and returns its code.
func (t tally) refuse(r Response) string {
	code := problemCode(r)
	counted, ok := t[string(code)]
	if !ok {
		counted = &refusals{code: string(code)}
		t[counted.code] = counted
	}
	counted.n++
	return counted.code
}

// addTo adds the counts to those of other connections.
func (t tally) addTo(sum map[string]int64) {
	for code, counted := range t {
		sum[code] += counted.n
	}
}

// problemCode returns the code of a problem document, "unreadable" for a success and "http_<status>" for anything else.
func problemCode(r Response) []byte {
	if r.Status < 300 {
		return []byte(codeUnreadable)
	}
	if _, rest, ok := bytes.Cut(r.Body, []byte(`"code":"`)); ok {
		if code, _, ok := bytes.Cut(rest, []byte(`"`)); ok && len(code) > 0 {
			return code
		}
	}
	var problem struct {
		Code string `json:"code"`
	}
	if json.Unmarshal(r.Body, &problem) == nil && problem.Code != "" {
		return []byte(problem.Code)
	}
	return strconv.AppendInt([]byte("http_"), int64(r.Status), 10)
}
