package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"net/http"
	"net/url"

	"hotdrop/api"
)

// jsonContent is the header of a request with a body in JSON.
func jsonContent() http.Header { return http.Header{"Content-Type": {"application/json"}} }

// get asks for what is at the path and returns the answer as it came.
func (c *client) get(ctx context.Context, path string) ([]byte, error) {
	answered, err := c.do(ctx, http.MethodGet, path, nil, nil)
	if err != nil {
		return nil, err
	}
	return answered.body, nil
}

// post sends a JSON body and returns the answer as it came.
func (c *client) post(ctx context.Context, path string, body any) ([]byte, error) {
	text, err := json.Marshal(body)
	if err != nil {
		return nil, fmt.Errorf("encode the request: %w", err)
	}
	answered, err := c.do(ctx, http.MethodPost, path, jsonContent(), text)
	if err != nil {
		return nil, err
	}
	return answered.body, nil
}

// decode reads the JSON that a server answered.
func decode[T any](answer []byte) (*T, error) {
	value := new(T)
	if err := json.Unmarshal(answer, value); err != nil {
		return nil, fmt.Errorf("the server's answer: %w", err)
	}
	return value, nil
}

// fetch asks for what is at the path and reads it.
func fetch[T any](ctx context.Context, c *client, path string) (*T, error) {
	answer, err := c.get(ctx, path)
	if err != nil {
		return nil, err
	}
	return decode[T](answer)
}

// pages asks for a list, page after page, until the last one or a failure, which is the last that it yields. The query is that
// of the first page.
func pages[T any](ctx context.Context, c *client, path string, query url.Values) iter.Seq2[[]T, error] {
	return func(yield func([]T, error) bool) {
		for {
			page, err := fetch[api.Page[T]](ctx, c, path+"?"+query.Encode())
			if err != nil {
				yield(nil, err)
				return
			}
			if !yield(page.Data, nil) || page.Next == nil {
				return
			}
			query.Set("cursor", *page.Next)
		}
	}
}

// show prints an answer: for programs as it came, else as text writes what was read of it.
func show[T any](out io.Writer, format output, answer []byte, text func(out io.Writer, value *T) error) error {
	if format == outputJSON {
		return printAsIs(out, answer)
	}
	value, err := decode[T](answer)
	if err != nil {
		return err
	}
	return text(out, value)
}

// printAsIs indents the JSON that a server sent.
func printAsIs(out io.Writer, body []byte) error { return printJSON(out, json.RawMessage(body)) }
