package api

import (
	"context"
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"hotdrop/core"
)

type resolveInput struct{ Body ResolveRequest }

// ResolveRequest names shoppers as the brand's own identity provider does.
type ResolveRequest struct {
	IDs    []string `json:"ids" minItems:"1" maxItems:"1000" nullable:"false" doc:"the sub of tokens" example:"[\"user-8391\"]"`
	Issuer string   `json:"issuer,omitempty" maxLength:"2048" doc:"whose names these are; needed if the brand has several issuers"`
}

type resolveOutput struct{ Body Resolved }

// Resolved is what the named shoppers are called here, in the order of the request.
type Resolved struct {
	Data []ResolvedShopper `json:"data" nullable:"false"`
}

// ResolvedShopper is one shopper under both names.
type ResolvedShopper struct {
	ID      string `json:"id" doc:"as the brand's identity provider names the shopper" example:"user-8391"`
	Shopper string `json:"shopper" doc:"the pseudonym: the shopper's id everywhere else in this API" example:"s_obsq4hituyoii4754gmgp2k7j2"`
}

func (s *Server) registerResolve() {
	register(s, operation{
		Operation: huma.Operation{
			OperationID: "resolve-shoppers", Method: http.MethodPost, Path: "/v1/shoppers/resolve", Tags: []string{"desk"},
			Summary: "What the brand's own shoppers are called here",
			Description: "Shoppers of a brand's identity provider have a pseudonym here, which nobody can trace back. The brand itself finds " +
				"its shoppers by the names that it knows. That a name has a pseudonym does not mean that such a shopper was ever here.",
		},
	}, s.resolve)
}

func (s *Server) resolve(ctx context.Context, in *resolveInput) (*resolveOutput, error) {
	brand := principalOf(ctx).Brand
	out := &resolveOutput{Body: Resolved{Data: make([]ResolvedShopper, 0, len(in.Body.IDs))}}
	for _, id := range in.Body.IDs {
		pseudonym, ok := s.issuers.Resolve(brand, in.Body.Issuer, id)
		if !ok {
			return nil, s.unresolved(brand)
		}
		out.Body.Data = append(out.Body.Data, ResolvedShopper{ID: id, Shopper: pseudonym})
	}
	return out, nil
}

// unresolved says which issuers the brand has.
func (s *Server) unresolved(brand string) error {
	if issuers := s.issuers.Of(brand); len(issuers) > 0 {
		return core.Errorf(core.CodeInvalid, "name one of your brand's issuers: %s", strings.Join(issuers, ", "))
	}
	return core.Errorf(core.CodeInvalid,
		"your brand has no identity provider here, so its shoppers have no pseudonyms: use their ids as they are")
}
