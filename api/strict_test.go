package api

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
	"time"

	"pgregory.net/rapid"

	"hotdrop/core"
)

func TestDocumentsThatEncodingJSONWouldForgive(t *testing.T) {
	type target struct {
		Name  string `json:"name"`
		Count int    `json:"count,omitempty"`
	}
	cases := []struct {
		name, document string
		ok             bool
	}{
		{"exact names", `{"name":"a","count":1}`, true},
		{"names in another case", `{"Name":"a"}`, false},
		{"a name twice", `{"name":"a","name":"a"}`, false},
		{"a name twice by an escape", `{"name":"a","n\u0061me":"a"}`, false},
		{"a name twice further in", `{"list":[{"a":1},{"a":1,"a":2}]}`, false},
		{"the same name at two places", `{"list":[{"a":1},{"a":1}],"a":{"a":1}}`, true},
		{"broken UTF-8", "{\"name\":\"\xc3\"}", false},
		{"two documents", `{} {}`, false},
		{"an empty document", ``, false},
	}
	for _, one := range cases {
		var v any
		var s target
		err := unmarshalStrict([]byte(one.document), &v)
		if err == nil && !strings.Contains(one.document, "list") {
			err = unmarshalStrict([]byte(one.document), &s)
		}
		if (err == nil) != one.ok {
			t.Errorf("%s: %v", one.name, err)
		}
	}
}

func TestMediaTypesThatAreTaken(t *testing.T) {
	in := intake{types: []string{yamlType, jsonType}}
	for contentType, want := range map[string]bool{
		yamlType: true, jsonType: true, "application/JSON; charset=UTF-8": true, "application/yaml;charset=utf-8": true,
		"": false, "text/yaml": false, "application/json; charset=gbk": false, "application/json, text/plain": false, ";": false,
	} {
		if got := in.takes(contentType); got != want {
			t.Errorf("%q: %v", contentType, got)
		}
	}
}

func TestBodiesAreReadUpToTheirLimitHoweverTheyArrive(t *testing.T) {
	for _, size := range []int{0, 1, 511, 512, 513, 1000} {
		text := strings.Repeat("x", size)
		for name, reader := range map[string]io.Reader{
			"at once": strings.NewReader(text), "byte by byte": iotest.OneByteReader(strings.NewReader(text)),
			"with its end": iotest.DataErrReader(strings.NewReader(text)),
		} {
			got, err := readAtMost(reader, 999, nil)
			if err != nil || len(got) < min(size, 1000) || string(got) != text[:len(got)] {
				t.Errorf("%d bytes %s: %d, %v", size, name, len(got), err)
			}
		}
	}
	if _, err := readAtMost(iotest.ErrReader(io.ErrUnexpectedEOF), 9, nil); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("a broken body: %v", err)
	}
	if got, err := readAtMost(nil, 9, nil); err != nil || len(got) != 0 {
		t.Errorf("no body: %q, %v", got, err)
	}
}

// lateBody is a body that does not arrive before its deadline.
type lateBody struct{ requestContext }

func (lateBody) Header(string) string  { return jsonType }
func (lateBody) BodyReader() io.Reader { return iotest.ErrReader(os.ErrDeadlineExceeded) }

func TestABodyThatDoesNotArriveIsATimeout(t *testing.T) {
	_, problem := intake{types: []string{jsonType}, limit: maxBody}.read(lateBody{}, nil)
	if problem == nil || problem.Code != CodeTimeout {
		t.Errorf("got %v", problem)
	}
}

func TestABodyThatIsCutOffIsMalformed(t *testing.T) {
	engine, s, c := newScripted(t, false)
	address := strings.TrimPrefix(c.url, "http://")
	connection, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer connection.Close()
	_, err = fmt.Fprintf(connection, "POST /v1/campaigns/phone/orders HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\n"+
		"Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{\"sku\r\nnonsense\r\n", c.as(s, alice).token)
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.ReadResponse(bufio.NewReader(connection), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	answer{response.StatusCode, response.Header, string(body)}.problem(t, CodeMalformed)
	if engine.asked.calls != 0 {
		t.Error("the engine was asked")
	}
}

// mirror is an engine that answers an order with what it was asked, and may be asked by many at once.
type mirror struct{ Engine }

func (mirror) Place(_ context.Context, r core.OrderRequest) (*core.Order, bool, error) {
	return &core.Order{Lines: []core.Line{{SKU: r.SKU, Units: r.Quantity}}}, false, nil
}

// Buffers are shared through a pool: no request may see another's bytes, on any of the ways.
func TestHammeredRequestsKeepTheirOwnBytes(t *testing.T) {
	s, c := newServer(t, Options{Engine: mirror{}})
	shopper := c.as(s, alice)
	var wg sync.WaitGroup
	for worker := range 8 {
		wg.Go(func() {
			for i := range 100 {
				sku := fmt.Sprintf("sku-%d-%d", worker, i)
				body := fmt.Sprintf(`{"sku":%q,"quantity":%d}`, sku, i%101)
				if i%3 == 0 {
					body = strings.Replace(body, "sku-", `\u0073ku-`, 1) // huma's way
				}
				checkOwnBytes(t, s, shopper.token, body, sku, i%101)
			}
		})
	}
	wg.Wait()
}

func checkOwnBytes(t *testing.T, s *Server, token, body, sku string, quantity int) {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/v1/campaigns/phone/orders", strings.NewReader(body))
	r.Header.Set("Authorization", "Bearer "+token)
	r.Header.Set("Content-Type", jsonType)
	w := httptest.NewRecorder()
	s.Handler().ServeHTTP(w, r)
	var got Order
	if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil {
		t.Errorf("%s: %v in %s", body, err, w.Body)
		return
	}
	if quantity == 0 {
		if w.Code != http.StatusUnprocessableEntity {
			t.Errorf("%s: %d", body, w.Code)
		}
		return
	}
	if w.Code != http.StatusCreated || got.Lines[0].SKU != sku || got.Lines[0].Units != int64(quantity) {
		t.Errorf("%s: %d %s", body, w.Code, w.Body)
	}
}

func TestCampaignsArePagedWithoutGapsOrRepeats(t *testing.T) {
	var all []*core.CampaignView
	for _, id := range []string{"a", "b", "c", "d", "e"} {
		all = append(all, &core.CampaignView{Record: &core.CampaignRecord{Definition: &core.Campaign{ID: id}}})
	}
	rapid.Check(t, func(t *rapid.T) {
		limit := rapid.IntRange(1, 7).Draw(t, "limit")
		var seen []string
		for cursor, more := "", true; more; more = cursor != "" {
			page := pageAfter(all, cursor, limit)
			for _, v := range page.Data {
				seen = append(seen, v.Record.Definition.ID)
			}
			cursor = page.Next
		}
		if strings.Join(seen, "") != "abcde" {
			t.Fatalf("limit %d: %v", limit, seen)
		}
	})
	if page := pageAfter(all, "bb", 1); page.Data[0].Record.Definition.ID != "c" {
		t.Error("a cursor whose campaign is gone")
	}
	if page := pageAfter(nil, "x", 1); len(page.Data) != 0 || page.Next != "" {
		t.Errorf("no campaigns: %v", page)
	}
}

func TestAnyOrderIsRenderedAsEncodingJSONWould(t *testing.T) {
	text := rapid.Custom(func(t *rapid.T) core.Text {
		return core.Text{EN: rapid.String().Draw(t, "en"), ZH: rapid.String().Draw(t, "zh")}
	})
	line := rapid.Custom(func(t *rapid.T) core.Line {
		return core.Line{
			SKU: rapid.String().Draw(t, "sku"), Units: rapid.Int64().Draw(t, "units"), Amount: rapid.Int64().Draw(t, "amount"),
			Discount: rapid.Int64().Draw(t, "discount"), Labels: rapid.SliceOfN(text, 0, 3).Draw(t, "labels"),
		}
	})
	rapid.Check(t, func(rt *rapid.T) {
		o := &core.Order{
			ID: rapid.String().Draw(rt, "id"), Currency: rapid.String().Draw(rt, "currency"), Total: rapid.Int64().Draw(rt, "total"),
			Lines: rapid.SliceOfN(line, 0, 3).Draw(rt, "lines"), PlacedAt: rapid.Int64Range(0, 1<<42).Draw(rt, "placed_at"),
		}
		want, err := json.Marshal(orderView(o))
		if err != nil {
			rt.Fatal(err)
		}
		sameJSON(t, appendOrder(nil, o), want)
	})
}

func TestAnyPrincipalComesBackFromItsToken(t *testing.T) {
	keys := NewDemoKeys()
	v := newVerifier(keys.TokenSecret)
	rapid.Check(t, func(rt *rapid.T) {
		p := core.Principal{
			ID: rapid.StringMatching(`[!-~]{1,128}`).Draw(rt, "id"), Role: core.RoleShopper, Tier: rapid.String().Draw(rt, "tier"),
			Tags: rapid.SliceOf(rapid.String()).Draw(rt, "tags"), Region: rapid.String().Draw(rt, "region"),
			RegisteredAt: rapid.Int64().Draw(rt, "registered_at"),
		}
		token, err := keys.Sign(p, time.Minute)
		if err != nil {
			rt.Fatal(err)
		}
		got, err := v.verify(token, time.Now())
		if err != nil {
			rt.Fatal(err)
		}
		samePrincipal(t, got, p)
	})
}

func TestWhatTheScannerLeavesToEncodingJSON(t *testing.T) {
	for document, read := range map[string]bool{
		`{}`: true, `{"a":1}`: true, `{ "a" : "x" , "b" : true , "c" : false , "d" : { } }`: true, `{"a":-7}`: true, `{"a":0}`: true,
		`{"a":999999999999999999}`: true, `{"a":9999999999999999999}`: false, `{"a":1.0}`: false, `{"a":1E2}`: false, `{"a":-}`: false,
		`{"a":-0}`: false, `{"a":00}`: false, `{"a":null}`: false, `{"a":[]}`: false, `{"a":tru}`: false, `{"a":truex}`: false,
		`{"a":"\n"}`: false, "{\"a\":\"\t\"}": false, `{"a":"`: false, `{"a"`: false, `{"a":1`: false, `{"a":1,}`: false, `{,}`: false,
		`{"a":1}}`: false, `{"a":1,"a":1}`: false, `{"a":{"b":{"c":{"d":1}}}}`: false, ``: false, `{a:1}`: false, "{\"a\":\"\xff\"}": false,
		manyFields(maxNames): true, manyFields(maxNames + 1): false,
	} {
		s := newScanner([]byte(document))
		s.values(2)
		if got := s.end(); got != read {
			t.Errorf("%s: %v", document, got)
		}
	}
}
