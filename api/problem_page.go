package api

import (
	"bytes"
	"encoding/json"
	"fmt"
	"html/template"
	"net/http"
	"strings"

	"hotdrop/core"
)

// problemCode is what there is to read about a code: a row of the document's x-problems and the page of its type.
type problemCode struct {
	Code   core.Code `json:"code"`
	Status int       `json:"status"`
	Title  core.Text `json:"title"`
	What   core.Text `json:"what"`
	Next   core.Text `json:"next"`
}

func describeCodes() []problemCode {
	rows := make([]problemCode, len(explanations))
	for i, e := range explanations {
		rows[i] = problemCode{Code: e.code, Status: statusOf(e.code), Title: e.title, What: e.what, Next: e.next}
	}
	return rows
}

// problemPage is what the type of one code leads to, in each form that it may be asked for in.
type problemPage struct{ html, json, text []byte }

// problemPages renders the page of every code.
func problemPages() (map[string]*problemPage, error) {
	html, err := template.ParseFS(docs, "docs/problem.html")
	if err != nil {
		return nil, fmt.Errorf("the page of a problem: %w", err)
	}
	pages := map[string]*problemPage{}
	for _, row := range describeCodes() {
		var page bytes.Buffer
		if err := html.Execute(&page, row); err != nil {
			return nil, fmt.Errorf("the page of %s: %w", row.Code, err)
		}
		document, err := json.Marshal(row)
		if err != nil {
			return nil, fmt.Errorf("the document of %s: %w", row.Code, err)
		}
		pages[string(row.Code)] = &problemPage{html: page.Bytes(), json: append(document, '\n'), text: row.plain()}
	}
	return pages, nil
}

func (c *problemCode) plain() []byte {
	return fmt.Appendf(nil, "%s (%s, HTTP status %d)\n%s\n%s\n\n%s\n%s\n%s\n",
		c.Title.EN, c.Code, c.Status, c.What.EN, c.Next.EN, c.Title.ZH, c.What.ZH, c.Next.ZH)
}

// explain serves the page that a problem's type leads to.
func explain(pages map[string]*problemPage) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		page := pages[strings.TrimPrefix(r.URL.Path, typePrefix)]
		if page == nil {
			newProblem(codeOfStatus(http.StatusNotFound), "there is no such problem").write(w)
			return
		}
		mediaType, body := page.accepted(r.Header.Get("Accept"))
		w.Header().Set("Vary", "Accept")
		content(mediaType, body).ServeHTTP(w, r)
	}
}

// accepted chooses the form: browsers name text/html, programs JSON, and everybody can read plain text.
func (p *problemPage) accepted(accept string) (mediaType string, body []byte) {
	switch {
	case strings.Contains(accept, "text/html"):
		return "text/html; charset=utf-8", p.html
	case strings.Contains(accept, "json"):
		return jsonType, p.json
	default:
		return "text/plain; charset=utf-8", p.text
	}
}
