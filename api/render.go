package api

import (
	"encoding/json"
	"net/http"
	"strconv"
	"sync"
	"time"

	"hotdrop/core"
)

// buffer is a response body under construction, or a request body being read.
type buffer struct{ b []byte }

// bufferCap is the largest buffer that is kept for the next request.
const bufferCap = 16 << 10

// buffers holds buffers between requests; a pool is the one state that packages share without it meaning anything.
//
//nolint:gochecknoglobals // a sync.Pool caches memory, not meaning
var buffers = sync.Pool{New: func() any { return &buffer{b: make([]byte, 0, 1024)} }}

func takeBuffer() *buffer {
	b, _ := buffers.Get().(*buffer)
	b.b = b.b[:0]
	return b
}

func (b *buffer) release() {
	if cap(b.b) <= bufferCap {
		buffers.Put(b)
	}
}

// appendOrder appends what encoding/json makes of orderView.
func appendOrder(b []byte, o *core.Order) []byte {
	b = appendString(append(b, `{"id":`...), o.ID)
	b = appendString(append(b, `,"campaign":`...), o.Campaign)
	b = appendString(append(b, `,"state":`...), string(o.State))
	b = appendString(append(b, `,"currency":`...), o.Currency)
	b = strconv.AppendInt(append(b, `,"total":`...), o.Total, 10)
	b = appendOptional(b, `,"voucher":`, claimed(o, core.ClaimVoucher))
	b = appendOptional(b, `,"group":`, claimed(o, core.ClaimGroup))
	b = appendList(append(b, `,"lines":`...), o.Lines, appendLine)
	b = appendDues(append(b, `,"dues":`...), o)
	b = appendList(append(b, `,"conditions":`...), o.Conditions, appendCondition)
	b = appendTime(append(b, `,"placed_at":`...), o.PlacedAt)
	b = appendTime(append(b, `,"hold_until":`...), o.HoldUntil)
	if o.Shipment != nil {
		b = appendShipment(append(b, `,"shipment":`...), o.Shipment)
	}
	return append(b, '}', '\n')
}

func appendShipment(b []byte, s *core.Shipment) []byte {
	b = appendString(append(b, `{"carrier":`...), s.Carrier)
	b = appendString(append(b, `,"tracking":`...), s.Tracking)
	b = appendTime(append(b, `,"shipped_at":`...), s.ShippedAt)
	if s.DeliveredAt > 0 {
		b = appendTime(append(b, `,"delivered_at":`...), s.DeliveredAt)
	}
	return append(b, '}')
}

func appendLine(b []byte, l *core.Line) []byte {
	b = appendString(append(b, `{"sku":`...), l.SKU)
	b = strconv.AppendInt(append(b, `,"units":`...), l.Units, 10)
	b = strconv.AppendInt(append(b, `,"unit_price":`...), l.UnitPrice, 10)
	b = strconv.AppendInt(append(b, `,"discount":`...), l.Discount, 10)
	b = strconv.AppendInt(append(b, `,"amount":`...), l.Amount, 10)
	b = appendList(append(b, `,"labels":`...), l.Labels, appendText)
	return append(b, '}')
}

func appendDues(b []byte, o *core.Order) []byte {
	return appendList(b, o.Dues, func(b []byte, d *core.Due) []byte { return appendDue(b, d, o.DueState(d)) })
}

func appendDue(b []byte, d *core.Due, state string) []byte {
	b = appendString(append(b, `{"kind":`...), d.Kind)
	b = strconv.AppendInt(append(b, `,"amount":`...), d.Amount, 10)
	b = appendTime(append(b, `,"due_at":`...), d.DueAt)
	b = appendString(append(b, `,"state":`...), state)
	return append(b, '}')
}

func appendCondition(b []byte, c *core.Condition) []byte {
	b = appendString(append(b, `{"kind":`...), c.Kind)
	if len(c.Data) > 0 {
		b = append(append(b, `,"data":`...), c.Data...)
	}
	b = appendString(append(b, `,"state":`...), c.State)
	return append(b, '}')
}

func appendText(b []byte, t *core.Text) []byte {
	if t.ZH == "" {
		return appendString(b, t.EN)
	}
	b = append(b, '{')
	if t.EN != "" {
		b = append(appendString(append(b, `"en":`...), t.EN), ',')
	}
	return append(appendString(append(b, `"zh":`...), t.ZH), '}')
}

// appendReservation appends what encoding/json makes of reservationView.
func appendReservation(b []byte, campaign string, r core.Reservation) []byte {
	b = appendString(append(b, `{"campaign":`...), campaign)
	b = strconv.AppendInt(append(b, `,"position":`...), r.Position, 10)
	b = appendTime(append(b, `,"at":`...), r.At)
	return append(b, '}', '\n')
}

// appendJSON appends what encoding/json makes of the problem. Lists are rare and left to it.
func (p *Problem) appendJSON(b []byte) []byte {
	if len(p.Problems) > 0 || len(p.Errors) > 0 {
		whole, err := json.Marshal(p)
		if err == nil {
			return append(append(b, whole...), '\n')
		}
	}
	b = appendString(append(b, `{"type":`...), p.Type)
	b = appendString(append(b, `,"title":`...), p.Title)
	b = strconv.AppendInt(append(b, `,"status":`...), int64(p.Status), 10)
	b = appendOptional(b, `,"detail":`, p.Detail)
	b = appendString(append(b, `,"code":`...), string(p.Code))
	b = appendOptional(b, `,"instance":`, p.Instance)
	b = appendOptional(b, `,"reason":`, p.Reason)
	b = p.appendText(b)
	if p.Total != nil {
		b = strconv.AppendInt(append(b, `,"total":`...), *p.Total, 10)
	}
	return append(b, '}', '\n')
}

// appendText appends the text; that of a code is there already.
func (p *Problem) appendText(b []byte) []byte {
	switch e := known[p.Code]; {
	case p.Text == nil:
		return b
	case e != nil && p.Text == e.text:
		return append(append(b, `,"text":`...), e.json...)
	default:
		return appendText(append(b, `,"text":`...), &p.Text.Text)
	}
}

func appendOptional(b []byte, name, value string) []byte {
	if value == "" {
		return b
	}
	return appendString(append(b, name...), value)
}

func appendList[T any](b []byte, list []T, one func([]byte, *T) []byte) []byte {
	b = append(b, '[')
	for i := range list {
		if i > 0 {
			b = append(b, ',')
		}
		b = one(b, &list[i])
	}
	return append(b, ']')
}

func appendTime(b []byte, millis int64) []byte {
	b = append(b, '"')
	b = timeOf(millis).AppendFormat(b, time.RFC3339Nano)
	return append(b, '"')
}

// appendString appends s as a JSON string; the strings that need no escape, nearly all, are copied.
func appendString(b []byte, s string) []byte {
	if plain(s) {
		b = append(b, '"')
		b = append(b, s...)
		return append(b, '"')
	}
	quoted, err := json.Marshal(s)
	if err != nil { // strings always marshal
		return append(b, '"', '"')
	}
	return append(b, quoted...)
}

// plain reports whether s is printable ASCII without what JSON escapes.
func plain(s string) bool {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c > '~' || c == '"' || c == '\\' {
			return false
		}
	}
	return true
}

// secure sets the headers that every answer carries. Answers under /v1 are somebody's own, so nobody may keep them; all others
// are pages, which load nothing from elsewhere, run nothing that stands in them, stand in no frame and tell no other site
// where somebody came from. What came encrypted once is to be asked for so from then on.
func secure(header http.Header, private, encrypted bool) {
	header["X-Content-Type-Options"] = nosniff
	if encrypted {
		header["Strict-Transport-Security"] = onlyEncrypted
	}
	if private {
		header["Cache-Control"] = noStore
		return
	}
	header["Content-Security-Policy"], header["X-Frame-Options"] = contentPolicy, noFrames
	header["Referrer-Policy"], header["Cross-Origin-Opener-Policy"] = noReferrer, sameOrigin
	header["Cross-Origin-Resource-Policy"], header["Permissions-Policy"] = sameOrigin, noFeatures
}

// Shared by all answers; net/http only reads header values.
//
//nolint:gochecknoglobals // constants, which slices cannot be
var (
	nosniff       = []string{"nosniff"}
	noStore       = []string{"no-store"}
	noFrames      = []string{"DENY"}
	noReferrer    = []string{"no-referrer"}
	sameOrigin    = []string{"same-origin"}
	onlyEncrypted = []string{"max-age=31536000"}
	noFeatures    = []string{"camera=(), geolocation=(), microphone=(), payment=(), usb=()"}
	contentPolicy = []string{
		"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; " +
			"base-uri 'none'; frame-ancestors 'none'",
	}

	problemContent = []string{problemType}
)
