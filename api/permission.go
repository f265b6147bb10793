package api

import (
	"context"
	"maps"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"hotdrop/core"
)

// operation is a route: what huma has to know of it, and the refusals worth documenting. Who may use it stands in the table.
type operation struct {
	huma.Operation

	permission Permission // from the table; register sets it
	refuses    []core.Code
	takes      intake               // set for operations whose body is not JSON of the input's type
	hot        func(*exchange) bool // answers the request if it has the common form
}

// permissionKey is where an operation's metadata carries its permission.
const permissionKey = "permission"

// checkPermission is the API's outermost middleware: an operation that was registered without a permission is closed.
func (s *Server) checkPermission(ctx huma.Context, next func(huma.Context)) {
	permission, _ := ctx.Operation().Metadata[permissionKey].(Permission)
	if problem := permission.allows(principalOf(ctx.Context())); problem != nil {
		s.denied.note(ctx.Context(), ctx.Operation().OperationID, problem)
		(&exchange{requestContext: ctx}).refuse(problem)
		return
	}
	next(ctx)
}

// register adds a route. It is the only way to add one. Who may use it stands in [permissions]; without a line there,
// nobody.
func register[I, O any](s *Server, op operation, handler func(context.Context, *I) (*O, error)) {
	if body, hasBody := reflect.TypeFor[I]().FieldByName("Body"); hasBody {
		op.takes.types, op.takes.optional = []string{jsonType}, body.Type.Kind() == reflect.Pointer
	}
	if !s.hot {
		op.hot = nil
	}
	op.takes.limit = max(op.takes.limit, maxBody)
	op.MaxBodyBytes = int64(op.takes.limit) + 1 // huma refuses what is as long as its limit
	op.permission = s.permitted[op.OperationID]
	op.Metadata = map[string]any{permissionKey: op.permission}
	op.Middlewares = huma.Middlewares{op.receive}
	op.document(s.api.OpenAPI().Components.Schemas)
	huma.Register(s.api, op.Operation, func(ctx context.Context, in *I) (*O, error) {
		out, err := handler(ctx, in)
		if err != nil {
			problem := s.problem(ctx, err)
			s.denied.note(ctx, op.OperationID, problem)
			return nil, problem
		}
		return out, nil
	})
	if !op.permission.public {
		op.documentLimit()
	}
}

// documentLimit documents what answers say of the limit of whoever asks. huma has put the successes among the responses.
func (op *operation) documentLimit() {
	limit := refusalHeaders(strconv.Itoa(http.StatusTooManyRequests))
	for status, response := range op.Responses {
		if !strings.HasPrefix(status, "2") {
			continue
		}
		if response.Headers == nil {
			response.Headers = map[string]*huma.Param{}
		}
		for _, name := range []string{"RateLimit-Policy", "RateLimit"} {
			header := *limit[name]
			header.Description += "; staff always have it, others once they have used more than half of it"
			response.Headers[name] = &header
		}
	}
}

// receive checks ids, media type and size, reads the body and lets the hot path try before huma.
func (op *operation) receive(ctx huma.Context, next func(huma.Context)) {
	x := &exchange{requestContext: ctx}
	if problem := op.checkIDs(ctx); problem != nil {
		x.refuse(problem)
		return
	}
	if op.takes.stream {
		if problem := op.takes.open(ctx); problem != nil {
			x.refuse(problem)
			return
		}
		next(arriving{ctx})
		return
	}
	buffer := takeBuffer()
	defer buffer.release()
	body, problem := op.takes.read(ctx, buffer.b)
	buffer.b = body
	if problem != nil {
		x.refuse(problem)
		return
	}
	x.body = body
	if op.hot == nil || !op.hot(x) {
		next(x)
	}
}

// checkIDs answers ids that nothing can have like ids that nothing has: 404. What is created gets its own checks.
func (op *operation) checkIDs(ctx huma.Context) *Problem {
	if op.Method == http.MethodPut {
		return nil
	}
	for _, one := range identifiers() {
		if id := ctx.Param(one.name); id != "" && !one.valid(id) {
			return newProblem(core.CodeNotFound, "there is no such "+one.what)
		}
	}
	return nil
}

// identifier is a parameter of paths that names one thing.
type identifier struct {
	name, what string
	valid      func(string) bool
}

func identifiers() [8]identifier {
	return [...]identifier{
		{"campaign", "campaign", core.ValidCampaignID}, {"order", "order", core.ValidOrderID},
		{"digest", "plugin", core.ValidDigest}, {"code", "link", core.ValidOrderID}, {"group", "group", core.ValidOrderID},
		{"draw", "draw", drawPattern.MatchString}, {"shopper", "shopper", shopperPattern.MatchString},
		{"key", "key", core.ValidPerson}, // also one of the keys file, whose ids are anything
	}
}

// document writes permission and refusals into the OpenAPI document.
func (op *operation) document(registry huma.Registry) {
	problem := registry.Schema(reflect.TypeFor[Problem](), true, "Problem")
	refusal := func(what ...string) *huma.Response {
		return &huma.Response{
			Description: "problem: " + strings.Join(what, " "),
			Content:     map[string]*huma.MediaType{problemType: {Schema: problem}},
		}
	}
	byStatus := map[string][]string{}
	for _, code := range op.documented() {
		status := strconv.Itoa(statusOf(code))
		byStatus[status] = append(byStatus[status], string(code)+": "+known[code].what.EN)
	}
	if op.Responses == nil {
		op.Responses = map[string]*huma.Response{}
	}
	for _, status := range slices.Sorted(maps.Keys(byStatus)) {
		op.Responses[status] = refusal(byStatus[status]...)
		op.Responses[status].Headers = refusalHeaders(status)
	}
	op.Responses["default"] = refusal("any other code")
	op.Extensions = map[string]any{"x-public": true}
	if !op.permission.public {
		op.Extensions = map[string]any{"x-roles": op.permission.roles}
		for _, scheme := range op.permission.schemes() {
			op.Security = append(op.Security, map[string][]string{scheme: {}})
		}
	}
}

// refusalHeaders documents the headers that say when to come back.
func refusalHeaders(status string) map[string]*huma.Param {
	described := func(kind, text string) *huma.Param {
		return &huma.Param{Description: text, Schema: &huma.Schema{Type: kind}}
	}
	retry := described(huma.TypeInteger, "seconds until it makes sense to send the request again")
	switch status {
	case strconv.Itoa(http.StatusServiceUnavailable):
		return map[string]*huma.Param{"Retry-After": retry}
	case strconv.Itoa(http.StatusTooManyRequests):
		return map[string]*huma.Param{
			"Retry-After": retry,
			"RateLimit-Policy": described(huma.TypeString,
				`the limit, as draft-ietf-httpapi-ratelimit-headers has it: "shopper";q=40;w=4 is 40 requests at once, 40 in 4 seconds on average`),
			"RateLimit": described(huma.TypeString,
				`what is left of it: "shopper";r=0;t=1 is no request now and one in a second; absent from locked_out`),
		}
	default:
		return nil
	}
}

func (op *operation) documented() []core.Code {
	codes := append(slices.Clone(op.refuses), CodeRateLimited)
	asked := &http.Request{Method: op.Method, URL: &url.URL{Path: op.Path}}
	if about, _ := askOf(asked); about != asksElse && !slices.Contains(codes, core.CodeOverloaded) {
		codes = append(codes, core.CodeOverloaded)
	}
	if !op.permission.public {
		codes = append(codes, CodeUnauthorized, CodeForbidden)
	}
	if len(op.takes.types) > 0 {
		codes = append(codes, CodeMalformed, CodeTooLarge, CodeUnsupportedMedia)
	}
	return append(codes, core.CodeInvalid)
}
