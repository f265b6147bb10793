package api

import (
	"errors"
	"net/http"
	"net/url"
	"slices"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humaecho"
	"github.com/labstack/echo/v4"
)

// router finds operations by method and path. This file alone knows that it is echo.
type router struct{ echo *echo.Echo }

// newRouter makes a router and the API on it. failed answers what has no operation and what panicked.
func newRouter(config huma.Config, failed func(http.ResponseWriter, *http.Request, error)) (*router, huma.API) {
	e := echo.New()
	e.HTTPErrorHandler = func(err error, c echo.Context) {
		if !c.Response().Committed {
			failed(c.Response(), c.Request(), routingProblem(err, c.Response().Header().Get(echo.HeaderAllow)))
		}
	}
	e.Use(recovered, unescaped)
	return &router{echo: e}, humaecho.NewV4(e, config)
}

// responseOf returns what the context writes its response to.
func responseOf(ctx huma.Context) http.ResponseWriter {
	return ctx.BodyWriter().(http.ResponseWriter) //nolint:errcheck,forcetypeassert // echo's response is one
}

// page routes what is no operation of the API.
func (r *router) page(path string, handler http.Handler) {
	r.echo.GET(path, echo.WrapHandler(handler))
}

// pages routes everything at a path and below it to pages that are no operations of the API.
func (r *router) pages(path string, handler http.Handler) {
	r.echo.Any(path, echo.WrapHandler(handler))
	r.echo.Any(path+"/*", echo.WrapHandler(handler))
}

// ServeHTTP implements http.Handler.
func (r *router) ServeHTTP(w http.ResponseWriter, request *http.Request) {
	r.echo.ServeHTTP(w, request)
}

// routingProblem turns echo's own errors into ours; anything else stays what it is.
func routingProblem(err error, allow string) error {
	he, ok := errors.AsType[*echo.HTTPError](err)
	if !ok {
		return err
	}
	switch he.Code {
	case http.StatusNotFound:
		return newProblem(codeOfStatus(he.Code), "there is nothing at this path")
	case http.StatusMethodNotAllowed:
		p := newProblem(codeOfStatus(he.Code), "this path has other methods: "+allow)
		p.allow = allow
		return p
	default:
		return err
	}
}

// recovered turns a panic into an error, so that it is logged and answered like any other defect.
func recovered(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) (err error) {
		defer func() {
			if v := recover(); v != nil {
				err = panicError(v)
			}
		}()
		return next(c)
	}
}

// unescaped turns the parameters of a path that is matched as it was written (%2F in an id separates nothing) into what
// they say.
func unescaped(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		if c.Request().URL.RawPath == "" {
			return next(c)
		}
		values := slices.Clone(c.ParamValues())
		for i := range values {
			said, err := url.PathUnescape(values[i])
			if err != nil {
				return echo.ErrNotFound
			}
			values[i] = said
		}
		c.SetParamValues(values...)
		return next(c)
	}
}
