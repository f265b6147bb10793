package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/danielgtaylor/huma/v2"

	"hotdrop/core"
)

// Limits of a request, in bytes.
const (
	maxBody         = 64 << 10
	maxCampaignFile = 256 << 10
	maxHeader       = 16 << 10
)

// requestContext is huma's context under a name that leaves its method Context alone when embedded.
type requestContext huma.Context

// exchange is one request whose body has been read, and its answer. huma reads from it as from its own context.
type exchange struct {
	requestContext

	body []byte
}

// BodyReader returns the body, again and again.
func (x *exchange) BodyReader() io.Reader { return bytes.NewReader(x.body) }

// SetReadDeadline does nothing: the body is here.
func (*exchange) SetReadDeadline(time.Time) error { return nil }

// Header returns a request header. Accept is not looked at: every operation has one representation, as RFC 9110 allows.
func (x *exchange) Header(name string) string {
	if name == "Accept" {
		return ""
	}
	return x.requestContext.Header(name)
}

// answer sends a JSON body.
func (x *exchange) answer(status int, mediaType string, body []byte) {
	x.SetHeader("Content-Type", mediaType)
	x.SetStatus(status)
	_, _ = x.BodyWriter().Write(body) // an error means that the client left
}

// refuse answers with a problem.
func (x *exchange) refuse(p *Problem) {
	buffer := takeBuffer()
	defer buffer.release()
	buffer.b = p.appendJSON(buffer.b)
	for name, values := range p.GetHeaders() {
		x.SetHeader(name, values[0])
	}
	x.answer(p.Status, problemType, buffer.b)
}

// intake says which body an operation takes.
type intake struct {
	types    []string // media types; none means that the operation takes no body
	limit    int      // bytes
	stream   bool     // the handler reads the body itself, while it arrives
	optional bool     // there may be no body; then there need be no media type
}

// read reads the body into buf and returns it, or the problem with it.
func (in intake) read(ctx huma.Context, buf []byte) ([]byte, *Problem) {
	mistyped := len(in.types) > 0 && !in.takes(ctx.Header("Content-Type"))
	if mistyped && !in.optional {
		return buf, in.otherType()
	}
	body, err := readAtMost(ctx.BodyReader(), in.limit, buf)
	switch {
	case err != nil:
		return body, unread(err)
	case len(body) > in.limit:
		return body, newProblem(CodeTooLarge, fmt.Sprintf("the body is longer than %d bytes", in.limit))
	case len(in.types) == 0 && !emptyBody(body):
		return body, newProblem(CodeMalformed, "this operation takes no body")
	case in.optional && emptyBody(body):
		return body[:0], nil
	case mistyped:
		return body, in.otherType()
	}
	return body, nil
}

// otherType is the problem of a body of another media type.
func (in intake) otherType() *Problem {
	return newProblem(CodeUnsupportedMedia, "send Content-Type: "+strings.Join(in.types, " or "))
}

// unread is the problem of a body that could not be read.
func unread(err error) *Problem {
	if p, ok := errors.AsType[*Problem](err); ok {
		return p
	}
	if isTimeout(err) {
		return newProblem(CodeTimeout, "the body did not arrive in time")
	}
	return newProblem(CodeMalformed, "the body could not be read")
}

// takes reports whether the operation takes the media type. Text is UTF-8; a charset that says otherwise is refused.
func (in intake) takes(contentType string) bool {
	if contentType == in.types[0] {
		return true
	}
	mediaType, parameters, err := mime.ParseMediaType(contentType)
	charset, set := parameters["charset"]
	return err == nil && slices.Contains(in.types, mediaType) && (!set || strings.EqualFold(charset, "utf-8"))
}

func isTimeout(err error) bool {
	timeout, ok := errors.AsType[net.Error](err)
	return ok && timeout.Timeout()
}

// emptyBody reports whether a body says nothing: no bytes, or the {} that some clients always send.
func emptyBody(body []byte) bool {
	trimmed := bytes.TrimSpace(body)
	return len(trimmed) == 0 || string(trimmed) == "{}"
}

// readAtMost appends what reader has to buf, up to one byte more than limit.
func readAtMost(reader io.Reader, limit int, buf []byte) ([]byte, error) {
	if reader == nil || reader == http.NoBody {
		return buf, nil
	}
	for len(buf) <= limit {
		if len(buf) == cap(buf) {
			buf = slices.Grow(buf, 512)
		}
		n, err := reader.Read(buf[len(buf):cap(buf)])
		buf = buf[:len(buf)+n]
		if errors.Is(err, io.EOF) {
			return buf, nil
		}
		if err != nil {
			return buf, err
		}
	}
	return buf, nil
}

// jsonFormat is how huma reads and writes JSON: as encoding/json does, but strict.
func jsonFormat() huma.Format {
	return huma.Format{Marshal: huma.DefaultJSONFormat.Marshal, Unmarshal: unmarshalStrict}
}

// unmarshalStrict decodes one document. huma calls it twice: into an any, which it validates against the schema, then
// into the input's struct. encoding/json alone would take the last of two equal names, repair broken UTF-8, and accept
// names in another case.
func unmarshalStrict(data []byte, v any) error {
	if err := json.Unmarshal(data, v); err != nil {
		return readable(err)
	}
	if _, validating := v.(*any); !validating {
		t := reflect.TypeOf(v).Elem()
		if t.Kind() == reflect.Pointer { // a body that may be left out
			t = t.Elem()
		}
		return checkNames(data, t)
	}
	if !utf8.Valid(data) {
		return core.Errorf(CodeMalformed, "the body is not UTF-8")
	}
	return checkDuplicates(json.NewDecoder(bytes.NewReader(data)))
}

// readable takes Go's types out of a decoder's message.
func readable(err error) error {
	mismatch, ok := errors.AsType[*json.UnmarshalTypeError](err)
	if !ok {
		return err
	}
	return fmt.Errorf("%s: a %s is not possible here", mismatch.Field, mismatch.Value)
}

// checkNames fails for a name of the document's outer object that the struct spells differently.
func checkNames(data []byte, t reflect.Type) error {
	var document map[string]json.RawMessage
	if err := json.Unmarshal(data, &document); err != nil {
		return readable(err)
	}
	for field := range t.Fields() {
		name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		delete(document, name)
	}
	for name := range document {
		return fmt.Errorf("%q: unexpected property", name)
	}
	return nil
}

// checkDuplicates fails for an object, at any depth, that has a name twice. The document is known to be valid.
func checkDuplicates(decoder *json.Decoder) error {
	token, err := decoder.Token()
	if err != nil {
		return readable(err)
	}
	opening, ok := token.(json.Delim)
	if !ok {
		return nil
	}
	names := map[string]bool{}
	for decoder.More() {
		if err := checkName(decoder, opening, names); err != nil {
			return err
		}
		if err := checkDuplicates(decoder); err != nil {
			return err
		}
	}
	_, err = decoder.Token()
	return err
}

func checkName(decoder *json.Decoder, opening json.Delim, names map[string]bool) error {
	if opening != '{' {
		return nil
	}
	token, err := decoder.Token()
	if err != nil {
		return readable(err)
	}
	name, _ := token.(string)
	if names[name] {
		return fmt.Errorf("%q is there twice", name)
	}
	names[name] = true
	return nil
}
