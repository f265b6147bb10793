package api

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/labstack/echo/v4"

	"hotdrop/core"
)

// sink is a response writer that keeps nothing, so that a benchmark measures the server alone.
type sink struct {
	header http.Header
	status int
}

func (s *sink) Header() http.Header         { return s.header }
func (s *sink) WriteHeader(status int)      { s.status = status }
func (s *sink) Write(b []byte) (int, error) { return len(b), nil }

// serveMany calls the handler as net/http would, with a body and a fresh writer each time.
func serveMany(b *testing.B, handler http.Handler, path, body, token string, want int) {
	b.Helper()
	request := httptest.NewRequestWithContext(b.Context(), http.MethodPost, path, nil)
	request.Header.Set("Content-Type", jsonType)
	request.Header.Set("Idempotency-Key", "key-1")
	request.Header.Set("Authorization", "Bearer "+token)
	w := &sink{header: http.Header{}}
	b.ReportAllocs()
	for b.Loop() {
		clear(w.header)
		request.Body = http.NoBody
		if body != "" {
			request.Body = io.NopCloser(strings.NewReader(body))
		}
		handler.ServeHTTP(w, request)
	}
	if w.status != want {
		b.Fatalf("status %d, want %d", w.status, want)
	}
}

// echoFloor is what there is to win nothing against: echo binds the same body and answers as many bytes.
func echoFloor() http.Handler {
	e := echo.New()
	reply := orderView(sampleOrder())
	e.POST("/v1/campaigns/:campaign/orders", func(c echo.Context) error {
		var in struct {
			SKU         string `json:"sku"`
			Quantity    int64  `json:"quantity"`
			ExpectTotal int64  `json:"expect_total"`
		}
		if err := c.Bind(&in); err != nil {
			return err
		}
		return c.JSON(http.StatusCreated, reply)
	})
	return e
}

const benchOrder = `{"sku":"mi2","quantity":1,"expect_total":199900}`

func BenchmarkOrder(b *testing.B) {
	const path = "/v1/campaigns/phone/orders"
	soldOut := &scripted{err: core.Errorf(core.CodeSoldOut, "mi2 is sold out")}
	keys := NewDemoKeys()
	token, err := keys.Sign(alice, time.Hour)
	if err != nil {
		b.Fatal(err)
	}
	handler := func(engine *scripted, plain bool) http.Handler {
		s, err := New(Options{Engine: engine, Rulesets: engine, Readiness: engine, Keys: keys, withoutHotPaths: plain})
		if err != nil {
			b.Fatal(err)
		}
		return s.Handler()
	}
	b.Run("way=floor", func(b *testing.B) { serveMany(b, echoFloor(), path, benchOrder, token, http.StatusCreated) })
	b.Run("way=hot", func(b *testing.B) {
		serveMany(b, handler(&scripted{}, false), path, benchOrder, token, http.StatusCreated)
	})
	b.Run("way=huma", func(b *testing.B) {
		serveMany(b, handler(&scripted{}, true), path, benchOrder, token, http.StatusCreated)
	})
	b.Run("way=hot/sold_out", func(b *testing.B) {
		serveMany(b, handler(soldOut, false), path, benchOrder, token, http.StatusConflict)
	})
	b.Run("way=huma/sold_out", func(b *testing.B) { serveMany(b, handler(soldOut, true), path, benchOrder, token, http.StatusConflict) })
	b.Run("way=hot/reservation", func(b *testing.B) {
		serveMany(b, handler(&scripted{}, false), "/v1/campaigns/phone/reservations", "", token, http.StatusCreated)
	})
	b.Run("way=hot/pay", func(b *testing.B) {
		serveMany(b, handler(&scripted{}, false), "/v1/orders/"+sampleOrderID+"/pay", "", token, http.StatusOK)
	})
}

func BenchmarkToken(b *testing.B) {
	keys := NewDemoKeys()
	v := newVerifier(keys.TokenSecret)
	token, err := keys.Sign(alice, time.Hour)
	if err != nil {
		b.Fatal(err)
	}
	b.Run("way=quick", func(b *testing.B) {
		b.ReportAllocs()
		now := time.Now()
		for b.Loop() {
			if _, ok := v.quick(token, now); !ok {
				b.Fatal("not quick")
			}
		}
	})
	b.Run("way=golang-jwt", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := v.parse(token); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkOrderBody(b *testing.B) {
	body := []byte(`{"sku":"mx3","quantity":1,"input":{"trade_in":{"brand":"Xiaomi","model":"2S","condition":"good"}}}`)
	b.Run("way=scanner", func(b *testing.B) {
		for b.Loop() {
			var o OrderRequest
			if !scanOrder(body, &o) {
				b.Fatal("refused")
			}
		}
	})
	b.Run("way=encoding-json", func(b *testing.B) {
		for b.Loop() {
			var o OrderRequest
			if err := huma.DefaultJSONFormat.Unmarshal(body, &o); err != nil {
				b.Fatal(err)
			}
		}
	})
}
