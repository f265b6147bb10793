package api

import (
	"context"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"sync"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"hotdrop/core"
)

// drawPattern is the shape of a draw's name.
var drawPattern = regexp.MustCompile(`^[A-Za-z0-9_-]{1,63}$`)

// DrawPath is the draw that a path names.
type DrawPath struct {
	CampaignPath

	Draw string `path:"draw" pattern:"^[A-Za-z0-9_-]{1,63}$" patternDescription:"1 to 63 letters, digits, underscores and hyphens" doc:"the draw's name in the campaign file" example:"reposters"`
}

type drawOutput struct{ Body Draw }

type exportOutput struct{ Body *core.DrawExport }

// Draw is a draw as it stands. Shoppers are in it under the ids of their entries, which nobody can tell before it is drawn.
type Draw struct {
	ID       string     `json:"id" doc:"its name in the campaign file" example:"reposters"`
	Campaign string     `json:"campaign" example:"trade-in"`
	Title    *Text      `json:"title,omitempty"`
	State    string     `json:"state" doc:"open while it takes entries" enum:"open,closed,drawn"`
	SeedHash string     `json:"seed_hash" doc:"SHA-256 of the seed, hex; published before the first entry" example:"9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"`
	ClosesAt time.Time  `json:"closes_at" doc:"when entries close and the winners are drawn"`
	Places   int64      `json:"places" doc:"how many win" example:"100"`
	Weight   int64      `json:"weight" doc:"the sum of the weights of all entries so far" example:"300000"`
	Entries  int64      `json:"entries,omitempty" doc:"how many shoppers are in it, once it is drawn" example:"4711"`
	Seed     string     `json:"seed,omitempty" doc:"hex, once it is drawn"`
	DrawnAt  *time.Time `json:"drawn_at,omitempty" nullable:"false"`
	Digest   string     `json:"digest,omitempty" doc:"SHA-256 of names, places, closing time and entries, hex, once it is drawn"`
	Winners  []string   `json:"winners,omitempty" nullable:"false" doc:"ids of entries, the first place first, once it is drawn" example:"[\"0123456789abcdef0123456789abcdef\"]"`
}

type entryOutput struct{ Body Entry }

// Entry is the shopper's own entry into a draw.
type Entry struct {
	Draw   string     `json:"draw" example:"reposters"`
	Weight int64      `json:"weight" doc:"0 without an entry" example:"12"`
	At     *time.Time `json:"at,omitempty" nullable:"false" doc:"of the first one"`
	ID     string     `json:"id,omitempty" doc:"under which it is in the export, once the draw is drawn" example:"0123456789abcdef0123456789abcdef"`
	Place  int64      `json:"place,omitempty" doc:"that it won, from 1; absent if it won none" example:"1"`
}

func (s *Server) registerDraws() {
	register(s, operation{
		Operation: huma.Operation{
			OperationID: "get-draw", Method: http.MethodGet, Path: "/v1/campaigns/{campaign}/draws/{draw}", Tags: []string{"draws"},
			Summary: "A draw as it stands",
		},
		refuses: []core.Code{core.CodeNotFound, core.CodeUnavailable},
	}, s.draw)
	register(s, operation{
		Operation: huma.Operation{
			OperationID: "export-draw", Method: http.MethodGet, Path: "/v1/campaigns/{campaign}/draws/{draw}/export",
			Tags: []string{"draws"}, Summary: "All that it takes to draw again",
			Description: "What `hotdrop draw verify` reads: anybody can draw again and compare.",
		},
		refuses: []core.Code{core.CodeNotFound, core.CodeWrongState, core.CodeUnavailable},
	}, s.exportDraw)
	register(s, operation{
		Operation: huma.Operation{
			OperationID: "get-entry", Method: http.MethodGet, Path: "/v1/campaigns/{campaign}/draws/{draw}/entry",
			Tags: []string{"draws"}, Summary: "One's own entry into a draw",
		},
		refuses: []core.Code{core.CodeNotFound, core.CodeUnavailable},
	}, s.entry)
}

func (s *Server) draw(ctx context.Context, in *DrawPath) (*drawOutput, error) {
	d, err := s.engine.Draw(ctx, in.Campaign, in.Draw)
	if err != nil {
		return nil, err
	}
	view := Draw{
		ID: d.Draw, Campaign: d.Campaign, Title: optionalText(d.Title), State: d.State, SeedHash: d.SeedHash,
		ClosesAt: timeOf(d.ClosesAt), Places: d.Places, Weight: d.Weight, Entries: d.Entries, Seed: d.Seed,
		DrawnAt: pastTime(d.DrawnAt), Digest: d.Digest,
	}
	for _, id := range d.Winners {
		view.Winners = append(view.Winners, id.String())
	}
	return &drawOutput{Body: view}, nil
}

func (s *Server) exportDraw(ctx context.Context, in *DrawPath) (*exportOutput, error) {
	export, err := s.engine.DrawExport(ctx, in.Campaign, in.Draw)
	if err != nil {
		return nil, err
	}
	return &exportOutput{Body: export}, nil
}

func (s *Server) entry(ctx context.Context, in *DrawPath) (*entryOutput, error) {
	entry, err := s.engine.DrawEntry(ctx, in.Campaign, in.Draw, principalOf(ctx))
	if err != nil {
		return nil, err
	}
	return &entryOutput{Body: Entry{
		Draw: in.Draw, Weight: entry.Weight, At: pastTime(entry.At), ID: entry.ID, Place: entry.Place,
	}}, nil
}

// seedHashes remembers the hash of each draw's seed, by campaign and draw: it is published once and never changes. The zero
// value knows none.
type seedHashes struct {
	mu    sync.RWMutex
	known map[[2]string]string
}

// of returns the hash; find is asked once.
func (h *seedHashes) of(ctx context.Context, campaign, draw string, find Draws) (string, error) {
	key := [2]string{campaign, draw}
	h.mu.RLock()
	hash, ok := h.known[key]
	h.mu.RUnlock()
	if ok {
		return hash, nil
	}
	d, err := find.Draw(ctx, campaign, draw)
	if err != nil {
		return "", err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.known == nil {
		h.known = map[[2]string]string{}
	}
	h.known[key] = d.SeedHash
	return d.SeedHash, nil
}

// CampaignDraw is a draw of a campaign.
type CampaignDraw struct {
	ID       string    `json:"id" doc:"its name: GET /v1/campaigns/{campaign}/draws/{draw}" example:"reposters"`
	Title    *Text     `json:"title,omitempty"`
	SeedHash string    `json:"seed_hash" doc:"SHA-256 of the seed that the winners are drawn with, hex" example:"9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"`
	ClosesAt time.Time `json:"closes_at" doc:"when entries close and the winners are drawn"`
	Places   int64     `json:"places" doc:"how many win" example:"100"`
}

// drawsOf returns the draws of a campaign, sorted by name.
func (s *Server) drawsOf(ctx context.Context, c *core.Campaign) ([]CampaignDraw, error) {
	draws := make([]CampaignDraw, 0, len(c.Draws))
	for _, name := range slices.Sorted(maps.Keys(c.Draws)) {
		hash, err := s.seeds.of(ctx, c.ID, name, s.engine)
		if err != nil {
			return nil, err
		}
		terms := c.Draws[name]
		draws = append(draws, CampaignDraw{
			ID: name, Title: optionalText(terms.Title), SeedHash: hash, ClosesAt: terms.Closes.UTC(), Places: terms.Winners,
		})
	}
	return draws, nil
}
