package api

import (
	"embed"
	"encoding/json"
	"fmt"
	"io/fs"
	"net/http"
	"slices"

	"github.com/danielgtaylor/huma/v2"

	"hotdrop/core"
)

// documentPath is where the OpenAPI document is.
const documentPath = "/v1/openapi.json"

// describe completes and renders the OpenAPI document.
func describe(document *huma.OpenAPI) ([]byte, error) {
	schemas := document.Components.Schemas.Map()
	delete(schemas, "ErrorModel") // huma's own errors leave as Problem
	delete(schemas, "ErrorDetail")
	for _, item := range document.Paths {
		if item.Put != nil {
			describeFile(item.Put)
		}
		if item.Post != nil {
			requireKey(item.Post)
		}
	}
	document.Extensions = map[string]any{"x-problems": describeCodes()}
	rendered, err := json.Marshal(document)
	if err != nil {
		return nil, fmt.Errorf("render the OpenAPI document: %w", err)
	}
	return rendered, nil
}

// requireKey documents that an Idempotency-Key is required. huma does not know it, because core's refusal is the better
// one.
func requireKey(op *huma.Operation) {
	for _, p := range op.Parameters {
		if p.Name == "Idempotency-Key" {
			p.Required = true
		}
	}
}

// describeFile documents that a campaign file may come as JSON too; huma would validate what campaignfile reads.
func describeFile(op *huma.Operation) {
	for mediaType := range op.RequestBody.Content {
		op.RequestBody.Content[mediaType] = &huma.MediaType{Schema: &huma.Schema{
			Type: huma.TypeObject, Description: "a campaign file; its own JSON Schema comes with the binary",
		}}
	}
}

// problemCode is one row of the document's x-problems.
type problemCode struct {
	Code   string `json:"code"`
	Title  string `json:"title"`
	Status int    `json:"status"`
}

func describeCodes() []problemCode {
	rows := make([]problemCode, 0, len(codes()))
	for _, code := range codes() {
		rows = append(rows, problemCode{Code: string(code), Title: titleOf(code), Status: statusOf(code)})
	}
	return rows
}

// The page that renders the document, without anything from elsewhere.
//
//go:embed docs
var docs embed.FS

// servePages routes the document and the pages.
func servePages(routes *router, document []byte) {
	routes.page("/", http.RedirectHandler("/docs", http.StatusFound))
	routes.page(documentPath, content("application/openapi+json", document))
	routes.page("/docs", page("docs/index.html", "text/html; charset=utf-8"))
	routes.page("/docs/docs.js", page("docs/docs.js", "text/javascript; charset=utf-8"))
	routes.page("/docs/docs.css", page("docs/docs.css", "text/css; charset=utf-8"))
	routes.page("/problems/:code", http.HandlerFunc(explain))
}

func content(mediaType string, body []byte) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", mediaType)
		_, _ = w.Write(body) // an error means that the client left
	})
}

// page serves an embedded file that may load nothing from anywhere else.
func page(name, mediaType string) http.Handler {
	body, err := fs.ReadFile(docs, name)
	if err != nil {
		return http.NotFoundHandler() // impossible: go:embed checks the folder, a test the names
	}
	file := content(mediaType, body)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Security-Policy", "default-src 'self'; frame-ancestors 'none'")
		file.ServeHTTP(w, r)
	})
}

// explain leads from a problem's type to the row of the documentation that explains it.
func explain(w http.ResponseWriter, r *http.Request) {
	code := r.URL.Path[len("/problems/"):]
	if i := slices.Index(codes(), core.Code(code)); i >= 0 {
		http.Redirect(w, r, "/docs#problem-"+string(codes()[i]), http.StatusFound)
		return
	}
	newProblem(codeOfStatus(http.StatusNotFound), "there is no such problem").write(w)
}
