package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"hotdrop/core"
)

// SharePath is the link that a path names.
type SharePath struct {
	Code string `path:"code" pattern:"^[a-z0-9-]{1,63}\\.[0-9a-hjkmnp-tv-z]{26}$" patternDescription:"a campaign's id, a dot and 26 characters of 0-9 and a-z without i, l, o and u" doc:"the link's code" example:"trade-in.06fmxw9z3k8q7v5t2s1r0p4n6m"`
}

type shareOutput struct {
	Status int
	Body   Share
}

// Share is a shopper's link to a campaign, with what came of it.
type Share struct {
	ID           string `json:"id" doc:"the link's code" example:"trade-in.06fmxw9z3k8q7v5t2s1r0p4n6m"`
	Code         string `json:"code" doc:"the same: what the address that the shopper gives others carries" example:"trade-in.06fmxw9z3k8q7v5t2s1r0p4n6m"`
	Campaign     string `json:"campaign" example:"trade-in"`
	URL          string `json:"url" doc:"where whoever comes through the link posts to, so that the visit counts" example:"/v1/shares/trade-in.06fmxw9z3k8q7v5t2s1r0p4n6m/visits" format:"uri-reference"`
	Reposts      int64  `json:"reposts" doc:"accounts that reposted it" example:"12"`
	Visitors     int64  `json:"visitors" doc:"other shoppers who came through it" example:"40"`
	Reservations int64  `json:"reservations" doc:"other shoppers who signed up through it" example:"7"`
}

type visitOutput struct{ Body Visit }

// Visit says what became of a visit through a link.
type Visit struct {
	Counted bool `json:"counted" doc:"false for who had come through this link before"`
}

type socialInput struct {
	Source    string `path:"source" pattern:"^[a-z0-9-]{1,63}$" patternDescription:"1 to 63 characters of a-z, 0-9 and hyphen" doc:"the social platform, as the server's keys name it" example:"weibo"`
	ID        string `header:"webhook-id" required:"true" pattern:"^[A-Za-z0-9_-]{1,128}$" patternDescription:"1 to 128 letters, digits, underscores and hyphens" doc:"the sender's name for the request; it is signed" example:"msg_2KWPBgLlAfxdpx2AI54pPJ85f4W"`
	Timestamp string `header:"webhook-timestamp" required:"true" pattern:"^[0-9]{1,12}$" patternDescription:"Unix seconds, digits only" doc:"Unix seconds, at most five minutes from now; it is signed" example:"1356062400"`
	Signature string `header:"webhook-signature" required:"true" doc:"v1, and the base64 of the HMAC-SHA256; several are separated by spaces" example:"v1,K5oZfzN95Z9UVu1EsfQmfVNQhnkZ2pj9o9NDN/H/pI4="`

	Body SocialEvents
}

// SocialEvents is what a social platform reports.
type SocialEvents struct {
	Events []SocialEvent `json:"events" minItems:"1" maxItems:"1000" nullable:"false" doc:"each counts once, however often it is sent"`
}

// SocialEvent is one thing that somebody did with a link on a social platform.
type SocialEvent struct {
	ID    string    `json:"id" pattern:"^[\\x21-\\x7e]{1,128}$" patternDescription:"1 to 128 visible ASCII characters without spaces" doc:"the platform's name for the event; it counts once" example:"ev-90210"`
	Kind  string    `json:"kind" enum:"repost" doc:"what was done" example:"repost"`
	Share string    `json:"share" pattern:"^[\\x21-\\x7e]{1,128}$" patternDescription:"1 to 128 visible ASCII characters without spaces" doc:"the link's code" example:"trade-in.06fmxw9z3k8q7v5t2s1r0p4n6m"`
	By    string    `json:"by" pattern:"^[\\x21-\\x7e]{1,128}$" patternDescription:"1 to 128 visible ASCII characters without spaces" doc:"the account that did it, as the platform names it; it counts once a link" example:"u-1357"`
	At    time.Time `json:"at,omitzero" doc:"when" example:"2012-12-21T04:00:00Z"`
}

type socialOutput struct{ Body SocialResults }

// SocialResults says what became of the events, in their order.
type SocialResults struct {
	Results []SocialResult `json:"results" nullable:"false"`
}

// SocialResult says what became of one event.
type SocialResult struct {
	ID      string    `json:"id" doc:"the event's" example:"ev-90210"`
	Result  string    `json:"result" doc:"repeated: it or its account had counted before; unknown: there is no such link" enum:"counted,repeated,unknown,refused"`
	Code    core.Code `json:"code,omitempty" doc:"why it was refused, or why a draw took no entry for it" example:"draw_closed"`
	Entries int64     `json:"entries,omitempty" doc:"the entries into draws that it brought the link's owner" example:"1"`
}

func (s *Server) registerSharing() {
	register(s, operation{
		Operation: huma.Operation{
			OperationID: "share", Method: http.MethodPost, Path: "/v1/campaigns/{campaign}/shares", Tags: []string{"sharing"},
			Summary: "One's own link to a campaign", Description: "201 the first time, 200 with the same link and its counts again.",
			DefaultStatus: http.StatusCreated,
			Responses:     map[string]*huma.Response{"200": {Description: "The link was made before"}},
		},
		refuses: []core.Code{core.CodeNotFound, core.CodeNotInPhase, core.CodeUnavailable, core.CodeOverloaded, core.CodeStorageFull},
	}, s.share)
	register(s, operation{
		Operation: huma.Operation{
			OperationID: "visit", Method: http.MethodPost, Path: "/v1/shares/{code}/visits", Tags: []string{"sharing"},
			Summary: "Somebody came through a link", Description: "Each shopper counts once a link, and never for a link of their own.",
		},
		refuses: []core.Code{
			core.CodeNotFound, core.CodeOwnLink, core.CodeLimitReached, core.CodeNotInPhase, core.CodeUnavailable,
			core.CodeOverloaded, core.CodeStorageFull,
		},
	}, s.visit)
	register(s, operation{
		Operation: huma.Operation{
			OperationID: "report-social-events", Method: http.MethodPost, Path: "/v1/social/{source}/events", Tags: []string{"sharing"},
			Summary: "What a social platform reports",
			Description: "For social platforms, whose requests carry a signature in place of a token. A request that is sent again " +
				"has no second effect. Every event is answered by itself.",
		},
		takes:   intake{limit: maxSignedBody},
		refuses: []core.Code{core.CodeUnavailable, core.CodeOverloaded, core.CodeStorageFull},
	}, s.social)
}

func (s *Server) share(ctx context.Context, in *CampaignPath) (*shareOutput, error) {
	link, created, err := s.engine.Share(ctx, in.Campaign, principalOf(ctx))
	if err != nil {
		return nil, err
	}
	return &shareOutput{Status: reserveStatus(created), Body: Share{
		ID: link.Code, Code: link.Code, Campaign: in.Campaign, URL: "/v1/shares/" + link.Code + "/visits",
		Reposts: link.Reposts, Visitors: link.Visitors, Reservations: link.Reservations,
	}}, nil
}

func (s *Server) visit(ctx context.Context, in *SharePath) (*visitOutput, error) {
	counted, err := s.engine.Visit(ctx, in.Code, principalOf(ctx))
	if err != nil {
		return nil, err
	}
	return &visitOutput{Body: Visit{Counted: counted}}, nil
}

func (s *Server) social(ctx context.Context, in *socialInput) (*socialOutput, error) {
	events := views(in.Body.Events, func(e SocialEvent) core.SocialEvent {
		return core.SocialEvent{ID: e.ID, Kind: e.Kind, Share: e.Share, By: e.By, At: millisOf(e.At)}
	})
	results, err := s.engine.Social(ctx, principalOf(ctx).ID, events)
	if err != nil {
		return nil, err
	}
	return &socialOutput{Body: SocialResults{Results: views(results, func(r core.SocialResult) SocialResult {
		return SocialResult{ID: r.ID, Result: r.Result, Code: r.Code, Entries: r.Entries}
	})}}, nil
}

// millisOf turns a time into Unix milliseconds; 0 for one that is not set.
func millisOf(at time.Time) int64 {
	if at.IsZero() {
		return 0
	}
	return at.UnixMilli()
}
