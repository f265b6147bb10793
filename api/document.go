package api

import (
	"embed"
	"encoding/json"
	"fmt"
	"io/fs"
	"net/http"

	"github.com/danielgtaylor/huma/v2"
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

// The page that renders the document, without anything from elsewhere.
//
//go:embed docs
var docs embed.FS

// servePages routes the document and the pages.
func servePages(routes *router, document []byte, problems map[string]*problemPage) {
	routes.page("/", http.RedirectHandler("/docs", http.StatusFound))
	routes.page(documentPath, content("application/openapi+json", document))
	routes.page("/docs", page("docs/index.html", "text/html; charset=utf-8"))
	routes.page("/docs/docs.js", page("docs/docs.js", "text/javascript; charset=utf-8"))
	routes.page("/docs/docs.css", page("docs/docs.css", "text/css; charset=utf-8"))
	routes.page(typePrefix+":code", explain(problems))
}

func content(mediaType string, body []byte) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", mediaType)
		_, _ = w.Write(body) // an error means that the client left
	})
}

// page serves an embedded file.
func page(name, mediaType string) http.Handler {
	body, err := fs.ReadFile(docs, name)
	if err != nil {
		return http.NotFoundHandler() // impossible: go:embed checks the folder, a test the names
	}
	return content(mediaType, body)
}
