package api

import (
	"context"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"hotdrop/core"
)

const (
	tokensPath = "/v1/demo/tokens"
	// demoTokenLife is how long a demo token is valid: longer than anybody tries something out.
	demoTokenLife = 7 * 24 * time.Hour
)

type tokenInput struct{ Body TokenRequest }

// TokenRequest says who one wants to be.
type TokenRequest struct {
	Role   core.Role `json:"role" enum:"shopper,brand,platform,operator,auditor,admin" example:"shopper"`
	ID     string    `json:"id" pattern:"^[\\x21-\\x7e]{1,128}$" patternDescription:"1 to 128 visible ASCII characters without spaces" doc:"the principal's id" example:"alice"`
	Brand  string    `json:"brand,omitempty" pattern:"^[a-z0-9-]{1,63}$" patternDescription:"1 to 63 characters of a-z, 0-9 and hyphen" doc:"the brand of staff; a brand's is its id" example:"meizu"`
	Tier   string    `json:"tier,omitempty" maxLength:"64" doc:"a fact about a shopper" example:"gold"`
	Tags   []string  `json:"tags,omitempty" maxItems:"32" nullable:"false" doc:"facts about a shopper"`
	Region string    `json:"region,omitempty" maxLength:"64" doc:"a fact about a shopper" example:"CN-GD"`
}

type tokenOutput struct{ Body Token }

// Token is a bearer token.
type Token struct {
	Token string `json:"token" doc:"send it as Authorization: Bearer"`
}

type phaseInput struct {
	CampaignPath

	Body PhaseRequest
}

// PhaseRequest says which phase a campaign shall be in now.
type PhaseRequest struct {
	Phase core.Phase `json:"phase" enum:"teaser,reservation,sale,closed" example:"sale"`
}

// registerDemo adds what exists in demo mode only.
func (s *Server) registerDemo() {
	register(s, operation{
		Operation: huma.Operation{
			OperationID: "top-up", Method: http.MethodPost, Path: "/v1/wallet/topups", Tags: []string{"demo"},
			Summary: "Put money into one's own wallet", DefaultStatus: http.StatusCreated,
		},
		refuses: []core.Code{core.CodeIdempotencyMissing, core.CodeIdempotencyMismatch},
	}, s.topUp)
	register(s, operation{
		Operation: huma.Operation{
			OperationID: "demo-token", Method: http.MethodPost, Path: tokensPath, Tags: []string{"demo"},
			Summary: "A token to be anybody with",
		},
	}, s.token)
	register(s, operation{
		Operation: huma.Operation{
			OperationID: "demo-phase", Method: http.MethodPost, Path: "/v1/demo/campaigns/{campaign}/phase", Tags: []string{"demo"},
			Summary: "Shift a campaign's windows so that a phase begins now",
		},
		refuses: []core.Code{core.CodeNotFound, core.CodePreconditionFailed},
	}, s.shift)
}

// onlyLoopback refuses requests to another name than this machine's own. A demo gives tokens to whoever asks, and a page on the
// web could ask too: by a name of its own that it has resolve to 127.0.0.1, which makes this service the page's own in a browser.
func onlyLoopback(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Host != "" && !isLoopback(r.Host) { // browsers always name a host
			newProblem(CodeForbidden, "a demo answers to localhost, 127.0.0.1 and [::1] only: call it by one of these").write(w)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// isLoopback reports whether a Host header, with a port or without, is a name or an address of this machine's loopback.
func isLoopback(host string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	} else if inner, ok := strings.CutPrefix(host, "["); ok {
		host = strings.TrimSuffix(inner, "]")
	}
	return strings.EqualFold(host, "localhost") || net.ParseIP(host).IsLoopback()
}

func (s *Server) token(_ context.Context, in *tokenInput) (*tokenOutput, error) {
	p := core.Principal{
		ID: in.Body.ID, Role: in.Body.Role, Brand: in.Body.Brand, Tier: in.Body.Tier, Tags: in.Body.Tags,
		Region: in.Body.Region,
	}
	if p.Role == core.RoleBrand && p.Brand == "" {
		p.Brand = p.ID
	}
	token, err := s.keys.Sign(p, demoTokenLife)
	if err != nil {
		return nil, err
	}
	return &tokenOutput{Body: Token{Token: token}}, nil
}

func (s *Server) shift(ctx context.Context, in *phaseInput) (*campaignOutput, error) {
	if _, err := s.ownRecord(ctx, in.Campaign); err != nil {
		return nil, err
	}
	v, err := s.engine.Campaign(ctx, in.Campaign)
	if err != nil {
		return nil, err
	}
	shifted, err := beginning(v.Record.Definition, in.Body.Phase, v.Now)
	if err != nil {
		return nil, err
	}
	_, err = s.engine.ApplyCampaign(ctx, core.ApplyRequest{
		Definition: shifted, IfMatch: v.Record.Revision, Actor: principalOf(ctx), Demo: v.Record.Demo, Jump: true,
		Reason: "demo: the phase " + string(in.Body.Phase) + " begins",
	})
	if err != nil {
		return nil, err
	}
	return s.campaign(ctx, &in.CampaignPath)
}

// beginning returns the campaign with all its times shifted so that the phase began this second.
func beginning(c *core.Campaign, phase core.Phase, now time.Time) (*core.Campaign, error) {
	start := c.Phases.Start(phase)
	if start.IsZero() {
		return nil, core.Errorf(core.CodeInvalid, "campaign %s has no phase %s", c.ID, phase)
	}
	return c.Shifted(now.Truncate(time.Second).Sub(start)), nil
}
