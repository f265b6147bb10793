package api

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"hotdrop/core"
)

// twins are two servers that differ in one thing: one has no hot paths, so huma alone decides what it accepts.
type twins struct {
	hot, plain             *Server
	hotEngine, plainEngine *scripted
	token                  string
}

func newTwins(tb testing.TB) *twins {
	tb.Helper()
	tw := &twins{hotEngine: &scripted{}, plainEngine: &scripted{}}
	keys := NewDemoKeys()
	tw.hot, _ = newServer(tb, Options{Engine: tw.hotEngine, Rulesets: tw.hotEngine, Keys: keys})
	tw.plain, _ = newServer(tb, Options{Engine: tw.plainEngine, Rulesets: tw.plainEngine, Keys: keys, withoutHotPaths: true})
	token, err := keys.Sign(alice, time.Hour)
	if err != nil {
		tb.Fatal(err)
	}
	tw.token = token
	return tw
}

func (tw *twins) script(err error, replayed bool) {
	*tw.hotEngine = scripted{err: err, replayed: replayed}
	*tw.plainEngine = scripted{err: err, replayed: replayed}
}

// compare sends the request both ways and requires the same status, headers and body, and the same question to the
// engine.
func (tw *twins) compare(t *testing.T, path, body string, header http.Header) *httptest.ResponseRecorder {
	t.Helper()
	send := func(s *Server) *httptest.ResponseRecorder {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, path, strings.NewReader(body))
		maps.Copy(r.Header, header)
		r.Header.Set("Authorization", "Bearer "+tw.token)
		w := httptest.NewRecorder()
		s.Handler().ServeHTTP(w, r)
		return w
	}
	hot, plain := send(tw.hot), send(tw.plain)
	if hot.Code != plain.Code || !reflect.DeepEqual(hot.Header(), plain.Header()) {
		t.Fatalf("%s %q:\nhot   %d %v %s\nplain %d %v %s", path, body, hot.Code, hot.Header(), hot.Body, plain.Code, plain.Header(), plain.Body)
	}
	sameBody(t, hot.Body.Bytes(), plain.Body.Bytes())
	if !reflect.DeepEqual(tw.hotEngine.asked, tw.plainEngine.asked) {
		t.Fatalf("%s %q asks the engine\nhot   %+v\nplain %+v", path, body, tw.hotEngine, tw.plainEngine)
	}
	return hot
}

// sameBody compares bodies but for the name of an internal error's occurrence.
func sameBody(t *testing.T, hot, plain []byte) {
	t.Helper()
	var a, b map[string]any
	if json.Unmarshal(hot, &a) != nil || json.Unmarshal(plain, &b) != nil {
		t.Fatalf("not objects: %s and %s", hot, plain)
	}
	delete(a, "instance")
	delete(b, "instance")
	sortViolations(a)
	sortViolations(b)
	if !reflect.DeepEqual(a, b) {
		t.Fatalf("hot   %s\nplain %s", hot, plain)
	}
}

// sortViolations puts violations into an order: huma walks a map.
func sortViolations(v map[string]any) {
	if list, ok := v["errors"].([]any); ok {
		slices.SortFunc(list, func(a, b any) int { return strings.Compare(fmt.Sprint(a), fmt.Sprint(b)) })
	}
}

func orderHeader(pairs ...string) http.Header {
	h := http.Header{"Content-Type": {jsonType}, "Idempotency-Key": {"k-1"}}
	for i := 0; i < len(pairs); i += 2 {
		h.Set(pairs[i], pairs[i+1])
		if pairs[i+1] == "" {
			h.Del(pairs[i])
		}
	}
	return h
}

// orderBodies are bodies of orders: those that are accepted, and for each rule of the contract one that breaks it.
func orderBodies() map[string]int {
	long := strings.Repeat("a", 129)
	deep := strings.Repeat(`{"a":`, 200) + "1" + strings.Repeat("}", 200)
	return map[string]int{
		`{"sku":"mi2","quantity":1}`: 201, ` { "quantity" : 100 , "sku" : "A.b_c-9" } ` + "\n": 201,
		`{"sku":"mi2","quantity":1,"expect_total":0}`:                        201,
		`{"sku":"mi2","quantity":1,"expect_total":9007199254740993}`:         201,
		`{"sku":"mi2","quantity":1,"expect_total":9223372036854775807}`:      201,
		`{"sku":"mi2","quantity":1,"voucher":"v.1","group":"g"}`:             201,
		`{"sku":"mi2","quantity":1,"input":{}}`:                              201,
		`{"sku":"mi2","quantity":1,"input":{"a":"折","b":-5,"c":true}}`:       201,
		`{"sku":"mi2","quantity":1,"input":{"t":{"a":"x","b":false,"c":0}}}`: 201,
		`{"sku":"mi2","quantity":1,"input":{"t":{"a":{"b":1}}}}`:             201,
		`{"sku":"mi2","quantity":1,"input":{"a":["x",1]}}`:                   201,
		`{"sku":"mi2","quantity":1,"input":{"a":"\u0041\n"}}`:                201,
		`{"sku":"\u006di2","quantity":1}`:                                    201,
		`{"sku":"mi2","quantity":1,"input":null,"expect_total":null}`:        201,

		``: 400, `null`: 422, `[]`: 422, `{}`: 422, `1`: 422, `{`: 400, `{"sku":"mi2","quantity":1`: 400, `{"sku":"mi2","quantity":1}}`: 400,
		`{"sku":"mi2","quantity":1}{}`: 400, `{"sku":"mi2","quantity":1,}`: 400, `{"sku":"mi2" "quantity":1}`: 400,
		`{'sku':'mi2','quantity':1}`: 400, `{"sku":"mi2","quantity":01}`: 400, `{"sku":"mi2","quantity":+1}`: 400,
		`{"quantity":1}`: 422, `{"sku":"mi2"}`: 422, `{"sku":null,"quantity":1}`: 422, `{"sku":"mi2","quantity":null}`: 422,
		`{"sku":"","quantity":1}`: 422, `{"sku":"a b","quantity":1}`: 422, `{"sku":"` + long + `","quantity":1}`: 422,
		`{"sku":1,"quantity":1}`: 422, `{"sku":["mi2"],"quantity":1}`: 422, `{"sku":"折","quantity":1}`: 422,
		`{"sku":"mi2","quantity":0}`: 422, `{"sku":"mi2","quantity":-1}`: 422, `{"sku":"mi2","quantity":-0}`: 422,
		`{"sku":"mi2","quantity":101}`: 422, `{"sku":"mi2","quantity":1.5}`: 422, `{"sku":"mi2","quantity":1.0}`: 422,
		`{"sku":"mi2","quantity":1e1}`: 422, `{"sku":"mi2","quantity":"1"}`: 422, `{"sku":"mi2","quantity":true}`: 422,
		`{"sku":"mi2","quantity":9223372036854775808}`:                    422,
		`{"sku":"mi2","quantity":1,"expect_total":-1}`:                    422,
		`{"sku":"mi2","quantity":1,"expect_total":9223372036854775808}`:   422,
		`{"sku":"mi2","quantity":1,"expect_total":"1"}`:                   422,
		`{"sku":"mi2","quantity":1,"colour":"red"}`:                       422,
		`{"SKU":"mi2","quantity":1}`:                                      422,
		`{"sku":"mi2","Quantity":1}`:                                      422,
		`{"ſku":"mi2","quantity":1}`:                                      422,
		`{"sku":"mi2","sku":"mi2","quantity":1}`:                          400,
		`{"sku":"mi2","quantity":1,"input":{"a":1,"a":2}}`:                400,
		`{"sku":"mi2","quantity":1,"input":{"t":{"a":1,"\u0061":2}}}`:     400,
		`{"sku":"mi2","quantity":1,"input":[]}`:                           422,
		`{"sku":"mi2","quantity":1,"input":"x"}`:                          422,
		`{"sku":"mi2","quantity":1,"input":{"a":1.5}}`:                    422,
		`{"sku":"mi2","quantity":1,"input":{"a":null}}`:                   422,
		`{"sku":"mi2","quantity":1,"input":{"a":92233720368547758070}}`:   422,
		`{"sku":"mi2","quantity":1,"input":` + deep + `}`:                 201,
		`{"sku":"mi2","quantity":1,"input":` + manyFields(16) + `}`:       201,
		`{"sku":"mi2","quantity":1,"input":` + manyFields(17) + `}`:       422,
		`{"sku":"mi2","quantity":1,"input":{"x":` + manyFields(40) + `}}`: 201,
		`{"sku":"mi2","quantity":1,"voucher":""}`:                         422,
		`{"sku":"mi2","quantity":1,"voucher":"a b"}`:                      422,
		`{"sku":"mi2","quantity":1,"group":"` + long + `"}`:               422,
		"{\"sku\":\"mi2\",\"quantity\":1,\"input\":{\"a\":\"\xff\"}}":     400,
		"{\"sku\":\"mi2\",\"quantity\":1,\"input\":{\"a\":\"\x01\"}}":     400,
		"\ufeff" + `{"sku":"mi2","quantity":1}`:                           400,
	}
}

func manyFields(n int) string {
	fields := make([]string, n)
	for i := range fields {
		fields[i] = fmt.Sprintf(`"f%d":%d`, i, i)
	}
	return "{" + strings.Join(fields, ",") + "}"
}

func TestOrdersAreAcceptedAndRefusedAsTheirContractSays(t *testing.T) {
	tw := newTwins(t)
	for body, want := range orderBodies() {
		tw.script(nil, false)
		w := tw.compare(t, "/v1/campaigns/phone/orders", body, orderHeader())
		if w.Code != want {
			t.Errorf("%s: %d, want %d\n%s", body, w.Code, want, w.Body)
		}
		if accepted := tw.hotEngine.asked.calls > 0; accepted != (want == http.StatusCreated) {
			t.Errorf("%s: the engine was asked: %v", body, accepted)
		}
	}
}

func TestTheCommonOrdersTakeTheHotPath(t *testing.T) {
	for _, body := range []string{
		`{"sku":"mi2","quantity":1}`, `{"sku":"mi2","quantity":1,"expect_total":199900}`,
		`{"sku":"mx3","quantity":1,"input":{"trade_in":{"brand":"小米","model":"2S","condition":"good"}},"voucher":"trade-in.X1"}`,
	} {
		var o OrderRequest
		if !scanOrder([]byte(body), &o) {
			t.Errorf("%s is left to huma", body)
		}
		var want OrderRequest
		if err := json.Unmarshal([]byte(body), &want); err != nil || !reflect.DeepEqual(o, want) {
			t.Errorf("%s: read %+v, want %+v (%v)", body, o, want, err)
		}
	}
}

func TestTheRestOfTheRequestCountsTheSameBothWays(t *testing.T) {
	const order, reserve, pay = "/v1/campaigns/phone/orders", "/v1/campaigns/phone/reservations", "/v1/orders/" + sampleOrderID + "/pay"
	good := `{"sku":"mi2","quantity":1}`
	cases := []struct {
		name, path, body string
		header           http.Header
		want             int
	}{
		{"an order", order, good, orderHeader(), 201},
		{"a charset", order, good, orderHeader("Content-Type", "application/json; charset=utf-8"), 201},
		{"media types ignore case", order, good, orderHeader("Content-Type", "Application/JSON"), 201},
		{"another charset", order, good, orderHeader("Content-Type", "application/json; charset=latin1"), 415},
		{"another media type", order, good, orderHeader("Content-Type", "text/plain"), 415},
		{"a relative of JSON", order, good, orderHeader("Content-Type", "application/merge-patch+json"), 415},
		{"no media type", order, good, orderHeader("Content-Type", ""), 415},
		{"a broken media type", order, good, orderHeader("Content-Type", "application/json; ="), 415},
		{"a representation nobody has", order, good, orderHeader("Accept", "text/html"), 201},
		{"a query", order + "?a=1", good, orderHeader(), 422},
		{"a queue token", order, good, orderHeader("Queue-Token", "q1.1.2.x"), 201},
		{"a queue token with a space", order, good, orderHeader("Queue-Token", "q1 1"), 422},
		{"a queue token that is too long", order, good, orderHeader("Queue-Token", strings.Repeat("q", 257)), 422},
		{"a key with a space", order, good, orderHeader("Idempotency-Key", "a b"), 422},
		{"a key of 128", order, good, orderHeader("Idempotency-Key", strings.Repeat("k", 128)), 201},
		{"a key of 129", order, good, orderHeader("Idempotency-Key", strings.Repeat("k", 129)), 422},
		{"a key beyond ASCII", order, good, orderHeader("Idempotency-Key", "é"), 422},
		{"no key, which is for core to refuse", order, good, orderHeader("Idempotency-Key", ""), 201},
		{"a body of 64 KiB", order, good + strings.Repeat(" ", maxBody-len(good)), orderHeader(), 201},
		{"one byte more", order, good + strings.Repeat(" ", maxBody-len(good)+1), orderHeader(), 413},
		{"a campaign that cannot be", "/v1/campaigns/Phone/orders", good, orderHeader(), 404},
		{"a campaign with a slash", "/v1/campaigns/a%2Fb/orders", good, orderHeader(), 404},
		{"a reservation", reserve, "", http.Header{}, 201},
		{"a reservation with an empty object", reserve, "{}", orderHeader(), 201},
		{"a reservation with another body", reserve, good, orderHeader(), 422},
		{"a reservation through a link", reserve, `{"share":"phone.x"}`, orderHeader(), 201},
		{"a reservation through nothing", reserve, `{"share":""}`, orderHeader(), 422},
		{"a reservation through no text", reserve, `{"share":1}`, orderHeader(), 422},
		{"a reservation with a name in another case", reserve, `{"Share":"phone.x"}`, orderHeader(), 422},
		{"a reservation through two links", reserve, `{"share":"a","share":"b"}`, orderHeader(), 400},
		{"a reservation with null", reserve, `null`, orderHeader(), 422},
		{"a reservation that is cut off", reserve, `{"share":`, orderHeader(), 400},
		{"a reservation of another media type", reserve, `{"share":"phone.x"}`, orderHeader("Content-Type", "text/plain"), 415},
		{"a reservation of no media type", reserve, `{"share":"phone.x"}`, orderHeader("Content-Type", ""), 415},
		{"a bare reservation of another media type", reserve, ``, orderHeader("Content-Type", "text/plain"), 201},
		{"an empty object of another media type", reserve, ` {} `, orderHeader("Content-Type", "text/plain"), 201},
		{"a reservation that is too long", reserve, strings.Repeat(" ", maxBody+1), orderHeader(), 413},
		{"a reservation with a query", reserve + "?x", "", http.Header{}, 422},
		{"a payment", pay, "", orderHeader(), 200},
		{"a payment with a bad key", pay, "", orderHeader("Idempotency-Key", "\x80"), 422},
		{"a payment with a query", pay + "?amount=1", "", orderHeader(), 422},
		{"a payment of an order that cannot be", "/v1/orders/phone.short/pay", "", orderHeader(), 404},
	}
	tw := newTwins(t)
	for _, one := range cases {
		tw.script(nil, false)
		if w := tw.compare(t, one.path, one.body, one.header); w.Code != one.want {
			t.Errorf("%s: %d, want %d\n%s", one.name, w.Code, one.want, w.Body)
		}
	}
}

func TestTheEnginesAnswersLookTheSameBothWays(t *testing.T) {
	tw := newTwins(t)
	paths := []string{"/v1/campaigns/phone/orders", "/v1/campaigns/phone/reservations", "/v1/orders/" + sampleOrderID + "/pay"}
	for _, path := range paths {
		body := ""
		if strings.HasSuffix(path, "orders") {
			body = `{"sku":"mi2","quantity":1}`
		}
		tw.script(nil, true)
		w := tw.compare(t, path, body, orderHeader())
		if replayed := w.Header().Get("Idempotent-Replayed"); strings.HasSuffix(path, "orders") && replayed != "true" {
			t.Errorf("%s: Idempotent-Replayed is %q", path, replayed)
		}
		for _, code := range codes() {
			tw.script(&core.Error{
				Code: code, Message: "m <&> 折", Reason: "r", Text: core.Text{EN: "t"}, Total: 5, RetryAfter: 3 * time.Second,
			}, false)
			tw.compare(t, path, body, orderHeader())
		}
	}
}

func TestAReservationIsCreatedOnce(t *testing.T) {
	tw := newTwins(t)
	tw.script(nil, false)
	if w := tw.compare(t, "/v1/campaigns/phone/reservations", "", nil); w.Code != http.StatusCreated {
		t.Errorf("first: %d", w.Code)
	}
	tw.script(nil, true)
	if w := tw.compare(t, "/v1/campaigns/phone/reservations", "", nil); w.Code != http.StatusOK {
		t.Errorf("again: %d", w.Code)
	}
}

func FuzzOrdersMeanTheSameBothWays(f *testing.F) {
	for body := range orderBodies() {
		f.Add(body, "key", "")
	}
	f.Add(`{"sku":"mi2","quantity":1}`, "a b", "x=1")
	tw := newTwins(f)
	f.Fuzz(func(t *testing.T, body, key, query string) {
		path := "/v1/campaigns/phone/orders"
		if query != "" && visible(query) && !strings.ContainsAny(query, "#%") {
			path += "?" + query
		}
		header := http.Header{"Content-Type": {jsonType}, "Idempotency-Key": {key}}
		tw.script(nil, false)
		tw.compare(t, path, body, header)
	})
}

func FuzzTheScannerReadsWhatEncodingJSONReads(f *testing.F) {
	for body := range orderBodies() {
		f.Add([]byte(body))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		var quick, slow OrderRequest
		if !scanOrder(body, &quick) {
			return
		}
		decoder := json.NewDecoder(bytes.NewReader(body))
		decoder.DisallowUnknownFields()
		if err := decoder.Decode(&slow); err != nil {
			t.Fatalf("encoding/json refuses %q: %v", body, err)
		}
		if !reflect.DeepEqual(quick, slow) {
			t.Fatalf("%q: %+v and %+v", body, quick, slow)
		}
	})
}

func TestRenderedOrdersAndReservationsAreWhatEncodingJSONMakes(t *testing.T) {
	empty := &core.Order{ID: "a.b", State: core.OrderPaid}
	for _, o := range []*core.Order{sampleOrder(), promotedOrder(), empty} {
		want, err := json.Marshal(orderView(o))
		if err != nil {
			t.Fatal(err)
		}
		sameJSON(t, appendOrder(nil, o), want)
	}
	r := core.Reservation{Position: 3, At: 1356062400001}
	want, err := json.Marshal(reservationView("phone", r))
	if err != nil {
		t.Fatal(err)
	}
	sameJSON(t, appendReservation(nil, "phone", r), want)
}
