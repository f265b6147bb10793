package api

import (
	"context"
	"math"
	"net/http"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"hotdrop/core"
	"hotdrop/core/drawing"
)

// QueuePlace is a shopper's own place in a campaign's waiting room.
type QueuePlace struct {
	Campaign       string     `json:"campaign" example:"phone"`
	State          string     `json:"state" doc:"admitted: order with the token; used and expired: join again; open: there is no waiting room, and no token is needed" enum:"waiting,admitted,used,expired,open"`
	Position       int64      `json:"position,omitempty" doc:"from 1; absent until those who came before the opening are shuffled" example:"4711"`
	Ahead          *int64     `json:"ahead,omitempty" nullable:"false" doc:"how many before this place still wait" example:"312"`
	OpensAt        *time.Time `json:"opens_at,omitempty" nullable:"false" doc:"when the first is let in"`
	AdmittedAt     *time.Time `json:"admitted_at,omitempty" nullable:"false" doc:"when this place is let in"`
	Token          string     `json:"token,omitempty" doc:"for the header Queue-Token of one order" example:"q1.4711.1356062700000.9XcB8sT0pQ3vLw7uR5yK1nD6mZ2eJ4hGfA-bC_iOaxM"`
	TokenExpiresAt *time.Time `json:"token_expires_at,omitempty" nullable:"false"`
	PollAfter      int64      `json:"poll_after" doc:"seconds until it makes sense to ask again, as in Retry-After; 0 if nothing will have changed" example:"17"`
}

// WaitingRoom is a campaign's waiting room as everybody may see it.
type WaitingRoom struct {
	JoinAt        time.Time `json:"join_at" doc:"when joining begins"`
	OpensAt       time.Time `json:"opens_at" doc:"when the first is let in"`
	PerMinute     int64     `json:"per_minute" doc:"how many are let in a minute" example:"10000"`
	TicketSeconds int64     `json:"ticket_seconds" doc:"how long somebody who was let in may order" example:"300"`
	SeedHash      string    `json:"seed_hash" doc:"SHA-256 of the seed that those who come before the opening are shuffled by, hex; there before anybody can join" example:"9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"`
	Seed          string    `json:"seed,omitempty" doc:"hex, once it has opened" example:"5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef"`
	Early         int64     `json:"early,omitempty" doc:"how many came before it opened and were shuffled" example:"240000"`
	Waiting       int64     `json:"waiting" doc:"how many wait to be let in, a few seconds old" example:"198000"`
}

// QueueToken is the header of an order in a campaign with a waiting room. That it is there is checked by core.
type QueueToken struct {
	Token string `header:"Queue-Token" pattern:"^[\\x21-\\x7e]{1,256}$" patternDescription:"1 to 256 visible ASCII characters without spaces" doc:"what the campaign's waiting room gave, if it has one; one order each" example:"q1.4711.1356062700000.9XcB8sT0pQ3vLw7uR5yK1nD6mZ2eJ4hGfA-bC_iOaxM"`
}

type joinOutput struct {
	Status     int
	RetryAfter string `header:"Retry-After" doc:"poll_after, unless that is 0"`
	Body       QueuePlace
}

type queueOutput struct {
	RetryAfter string `header:"Retry-After" doc:"poll_after, unless that is 0"`
	Body       QueuePlace
}

type shuffleOutput struct{ Body *drawing.Shuffle }

func (s *Server) registerQueue() {
	register(s, operation{
		Operation: huma.Operation{
			OperationID: "join-queue", Method: http.MethodPost, Path: "/v1/campaigns/{campaign}/queue", Tags: []string{"shop"},
			Summary: "Join a campaign's waiting room",
			Description: "201 the first time, 200 with the same place again. Who comes before the opening is shuffled, so it makes no " +
				"difference when; who comes later is behind them, in the order of arrival. Who has used a token or let it expire " +
				"joins again, at the end.",
			DefaultStatus: http.StatusCreated,
			Responses:     map[string]*huma.Response{"200": {Description: "The same place as before"}},
		},
		refuses: []core.Code{
			core.CodeNotFound, core.CodeNotInPhase, core.CodeStopped, core.CodeReservationRequired, core.CodeSoldOut,
			core.CodeUnavailable, core.CodeOverloaded, core.CodeStorageFull,
		},
	}, s.joinQueue)
	register(s, operation{
		Operation: huma.Operation{
			OperationID: "get-queue", Method: http.MethodGet, Path: "/v1/campaigns/{campaign}/queue", Tags: []string{"shop"},
			Summary:     "One's own place in a campaign's waiting room",
			Description: "Ask again after `poll_after` seconds. Once let in, it has the token that an order needs as Queue-Token.",
		},
		refuses: []core.Code{core.CodeNotFound, core.CodeUnavailable, core.CodeOverloaded},
	}, s.queuePlace)
	register(s, operation{
		Operation: huma.Operation{
			OperationID: "export-shuffle", Method: http.MethodGet, Path: "/v1/campaigns/{campaign}/queue/shuffle", Tags: []string{"shop"},
			Summary:     "All that it takes to shuffle again",
			Description: "What `hotdrop queue verify` reads, once the waiting room has opened. It names no shopper.",
		},
		refuses: []core.Code{core.CodeNotFound, core.CodeWrongState, core.CodeUnavailable, core.CodeOverloaded},
	}, s.exportShuffle)
}

func (s *Server) joinQueue(ctx context.Context, in *CampaignPath) (*joinOutput, error) {
	place, created, err := s.engine.Join(ctx, in.Campaign, principalOf(ctx))
	if err != nil {
		return nil, err
	}
	view := queueView(in.Campaign, place)
	return &joinOutput{Status: reserveStatus(created), RetryAfter: view.retryAfter(), Body: view}, nil
}

func (s *Server) queuePlace(ctx context.Context, in *CampaignPath) (*queueOutput, error) {
	place, err := s.engine.QueuePlace(ctx, in.Campaign, principalOf(ctx))
	if err != nil {
		return nil, err
	}
	view := queueView(in.Campaign, place)
	return &queueOutput{RetryAfter: view.retryAfter(), Body: view}, nil
}

func (s *Server) exportShuffle(ctx context.Context, in *CampaignPath) (*shuffleOutput, error) {
	shuffle, err := s.engine.Shuffle(ctx, in.Campaign)
	if err != nil {
		return nil, err
	}
	return &shuffleOutput{Body: shuffle}, nil
}

func queueView(campaign string, p *core.QueuePlace) QueuePlace {
	view := QueuePlace{
		Campaign: campaign, State: string(p.State), Position: p.Place, OpensAt: pastTime(p.OpensAt),
		AdmittedAt: pastTime(p.AdmittedAt), Token: p.Token, TokenExpiresAt: pastTime(p.ExpiresAt),
		PollAfter: int64(math.Ceil(p.PollAfter.Seconds())),
	}
	if p.Place > 0 {
		view.Ahead = &p.Ahead
	}
	return view
}

// retryAfter is the header that says the same as poll_after.
func (p *QueuePlace) retryAfter() string {
	if p.PollAfter == 0 {
		return ""
	}
	return strconv.FormatInt(p.PollAfter, 10)
}

// waitingRoomOf returns the campaign's waiting room, nil if it has none.
func (s *Server) waitingRoomOf(ctx context.Context, c *core.Campaign) (*WaitingRoom, error) {
	if c.WaitingRoom == (core.WaitingRoom{}) {
		return nil, nil //nolint:nilnil // there is none
	}
	room, err := s.engine.WaitingRoom(ctx, c.ID)
	if err != nil || room == nil {
		return nil, err
	}
	return &WaitingRoom{
		JoinAt: timeOf(room.JoinAt), OpensAt: timeOf(room.OpensAt), PerMinute: room.PerMinute,
		TicketSeconds: int64(room.Ticket / time.Second), SeedHash: room.SeedHash, Seed: room.Seed, Early: room.Early,
		Waiting: room.Waiting,
	}, nil
}
