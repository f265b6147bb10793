package api

import (
	"cmp"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"hotdrop/core"
)

// The codes that only HTTP knows; the others are those of core.
const (
	CodeUnauthorized     core.Code = "unauthorized"           // no credentials, or none that are valid
	CodeForbidden                  = core.CodeForbidden       // the principal's role or brand does not allow this
	CodeMalformed        core.Code = "malformed"              // the body is not what its media type says
	CodeTooLarge         core.Code = "too_large"              // the body is longer than the operation takes
	CodeUnsupportedMedia core.Code = "unsupported_media_type" // the operation takes another Content-Type
	CodeMethodNotAllowed core.Code = "method_not_allowed"     // the path exists, with other methods
	CodeTimeout          core.Code = "request_timeout"        // the body did not arrive in time
	CodeRateLimited      core.Code = "rate_limited"           // more requests than a limit allows
)

const (
	problemType = "application/problem+json"
	jsonType    = "application/json"
	typePrefix  = "/problems/"
	// retrySoon is what Retry-After says when core gives no time of its own.
	retrySoon = time.Second
)

// Problem is the body of every error, RFC 9457, media type application/problem+json.
type Problem struct {
	Type     string         `json:"type" doc:"/problems/<code>: where the code is explained" example:"/problems/sold_out" format:"uri-reference"`
	Title    string         `json:"title" doc:"the code in words" example:"Sold out"`
	Status   int            `json:"status" doc:"the HTTP status" example:"409"`
	Detail   string         `json:"detail,omitempty" doc:"what happened, one sentence" example:"mx3 is sold out"`
	Code     core.Code      `json:"code" doc:"stable; switch on this" example:"sold_out"`
	Instance string         `json:"instance,omitempty" doc:"names this occurrence in the server's log; internal errors only"`
	Reason   string         `json:"reason,omitempty" doc:"the mechanic's stable reason when code is denied"`
	Text     *Text          `json:"text,omitempty" doc:"what the shopper may read: the mechanic's own words, else what the code means and what to do now; absent where no shopper is refused"`
	Total    *int64         `json:"total,omitempty" doc:"the new total when code is price_changed, minor units"`
	Problems []core.Problem `json:"problems,omitempty" nullable:"false" doc:"what is wrong with a campaign file, each with line and column"`
	Errors   []Violation    `json:"errors,omitempty" nullable:"false" doc:"where the request breaks its contract"`

	retryAfter time.Duration
	allow      string // the methods of a path, for method_not_allowed
}

// Violation is one place at which a request breaks its contract.
type Violation struct {
	Location string `json:"location,omitempty" doc:"where, as in body.quantity or query.limit" example:"body.quantity"`
	Message  string `json:"message" doc:"what is wrong" example:"expected number <= 100"`
}

// statusOf is the one map from codes to HTTP statuses. A code that is missing is a defect, which a test finds.
func statusOf(code core.Code) int {
	switch code {
	case CodeMalformed, core.CodeIdempotencyMissing:
		return http.StatusBadRequest
	case CodeUnauthorized:
		return http.StatusUnauthorized
	case core.CodeInsufficientFunds:
		return http.StatusPaymentRequired
	case CodeForbidden, core.CodeDenied, core.CodeReservationRequired, core.CodeQueueTokenRequired, core.CodeQueueTokenInvalid:
		return http.StatusForbidden
	case core.CodeNotFound:
		return http.StatusNotFound
	case core.CodeSoldOut, core.CodeLimitReached, core.CodePriceChanged, core.CodeNotInPhase, core.CodeQuotaExhausted,
		core.CodeAlreadyUsed, core.CodeInFlight, core.CodeWrongState, core.CodeRefunded, core.CodeBelowTaken,
		core.CodeVoucherExpired, core.CodeVoucherUsed, core.CodePoolExhausted, core.CodeGroupClosed, core.CodeGroupFull,
		core.CodeDrawClosed, core.CodeOwnLink, core.CodeNotReady, core.CodeDraining,
		core.CodeStopped, core.CodeApprovalRequired, core.CodeTooManyKeys, core.CodeNameTaken:
		return http.StatusConflict
	case core.CodeLockedOut, CodeRateLimited:
		return http.StatusTooManyRequests
	case core.CodePreconditionFailed:
		return http.StatusPreconditionFailed
	case core.CodeInvalid, core.CodeIdempotencyMismatch, core.CodeVoucherInvalid, core.CodeSignatureInvalid, core.CodeReasonRequired:
		return http.StatusUnprocessableEntity
	case core.CodeMechanicFailed, core.CodeUnavailable, core.CodeOverloaded, core.CodeStorageFull:
		return http.StatusServiceUnavailable
	default:
		return transportStatus(code)
	}
}

func transportStatus(code core.Code) int {
	switch code {
	case CodeTooLarge:
		return http.StatusRequestEntityTooLarge
	case CodeUnsupportedMedia:
		return http.StatusUnsupportedMediaType
	case CodeMethodNotAllowed:
		return http.StatusMethodNotAllowed
	case CodeTimeout:
		return http.StatusRequestTimeout
	default:
		return http.StatusInternalServerError
	}
}

// codes is the closed set, for the document and for the test that holds it to statusOf.
func codes() []core.Code {
	list := make([]core.Code, len(explanations))
	for i := range explanations {
		list[i] = explanations[i].code
	}
	return list
}

// codeOfStatus names the errors that huma and echo make themselves.
func codeOfStatus(status int) core.Code {
	switch status {
	case http.StatusBadRequest:
		return CodeMalformed
	case http.StatusNotFound:
		return core.CodeNotFound
	case http.StatusMethodNotAllowed:
		return CodeMethodNotAllowed
	case http.StatusRequestTimeout:
		return CodeTimeout
	case http.StatusRequestEntityTooLarge:
		return CodeTooLarge
	case http.StatusUnsupportedMediaType:
		return CodeUnsupportedMedia
	case http.StatusUnprocessableEntity:
		return core.CodeInvalid
	default:
		return core.CodeInternal
	}
}

// newProblem makes the problem of a code, with the text that shoppers read of it.
func newProblem(code core.Code, detail string) *Problem {
	status := statusOf(code)
	p := &Problem{Type: typePrefix + string(code), Status: status, Detail: detail, Code: code}
	if e := known[code]; e != nil {
		p.Type, p.Title, p.Text = e.kind, e.title.EN, e.text
	}
	if status == http.StatusServiceUnavailable {
		p.retryAfter = retrySoon
	}
	return p
}

// problemOf turns what a handler failed with into what the client reads. Of internal errors it says nothing.
func problemOf(err error) *Problem {
	if p, ok := errors.AsType[*Problem](err); ok {
		return p
	}
	if list, ok := errors.AsType[*core.Problems](err); ok {
		p := newProblem(core.CodeInvalid, "the "+cmp.Or(list.Of, "campaign file")+" has problems")
		p.Problems = list.List
		return p
	}
	e, ok := errors.AsType[*core.Error](err)
	if !ok || statusOf(e.Code) == http.StatusInternalServerError {
		return newProblem(core.CodeInternal, "something went wrong on our side")
	}
	p := newProblem(e.Code, e.Message)
	p.Reason = e.Reason
	if !e.Text.IsZero() {
		p.Text = &Text{e.Text}
	}
	if e.Code == core.CodePriceChanged {
		p.Total = &e.Total
	}
	p.retryAfter = max(p.retryAfter, e.RetryAfter)
	return p
}

// problemOfModel turns an error that huma made itself into ours: its texts without the values it echoes.
func problemOfModel(model *huma.ErrorModel) *Problem {
	p := newProblem(codeOfStatus(model.Status), model.Detail)
	if p.Code == core.CodeInternal {
		p.Detail = "something went wrong on our side"
		return p
	}
	for _, e := range model.Errors {
		p.Errors = append(p.Errors, Violation{Location: e.Location, Message: plainly(e.Message)})
	}
	return p
}

// plainly writes the bound that a number breaks as people do: huma's 1e+12 is 1000000000000.
func plainly(message string) string {
	start := strings.LastIndexByte(message, ' ') + 1
	bound, err := strconv.ParseFloat(message[start:], 64)
	if !strings.HasPrefix(message, "expected number ") || err != nil {
		return message
	}
	return message[:start] + strconv.FormatFloat(bound, 'f', -1, 64)
}

// Error implements error.
func (p *Problem) Error() string { return string(p.Code) + ": " + p.Detail }

// GetStatus implements huma.StatusError.
func (p *Problem) GetStatus() int { return p.Status }

// ContentType implements huma.ContentTypeFilter.
func (*Problem) ContentType(string) string { return problemType }

// GetHeaders implements huma.HeadersError: Retry-After, Allow and WWW-Authenticate where the status asks for them.
func (p *Problem) GetHeaders() http.Header {
	header := http.Header{}
	p.addHeaders(header)
	return header
}

func (p *Problem) addHeaders(header http.Header) {
	if p.retryAfter > 0 {
		seconds := (p.retryAfter + time.Second - 1) / time.Second
		header.Set("Retry-After", strconv.FormatInt(int64(seconds), 10))
	}
	if p.allow != "" {
		header.Set("Allow", p.allow)
	}
	if p.Code == CodeUnauthorized {
		header.Set("WWW-Authenticate", `Bearer realm="hotdrop"`)
	}
}

// write sends the problem where neither huma nor a handler is involved. An error of writing means that the client left.
func (p *Problem) write(w http.ResponseWriter) {
	buffer := takeBuffer()
	defer buffer.release()
	buffer.b = p.appendJSON(buffer.b)
	p.addHeaders(w.Header())
	w.Header().Set("Content-Type", problemType)
	w.WriteHeader(p.Status)
	_, _ = w.Write(buffer.b)
}
