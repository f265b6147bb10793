package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"hotdrop/core"
)

type noInput struct{}

type walletOutput struct{ Body Balances }

// Balances is what a shopper's wallet holds.
type Balances struct {
	Balances map[string]int64 `json:"balances" doc:"minor units by ISO 4217 currency" example:"{\"CNY\":200000}"`
}

type topUpInput struct {
	Idempotency

	Body TopUpRequest
}

// TopUpRequest puts money into one's own wallet; it comes from nowhere, so only in demo mode.
type TopUpRequest struct {
	Currency string `json:"currency" pattern:"^[A-Z]{3}$" patternDescription:"the three capital letters of a currency" doc:"ISO 4217" example:"CNY"`
	Amount   int64  `json:"amount" minimum:"1" maximum:"1000000000000" doc:"minor units" example:"200000"`
}

type topUpOutput struct{ Body TopUp }

// TopUp is the balance after a top-up.
type TopUp struct {
	Currency string `json:"currency" doc:"ISO 4217" example:"CNY"`
	Balance  int64  `json:"balance" doc:"minor units" example:"200000"`
}

func (s *Server) registerWallet() {
	register(s, operation{
		Operation: huma.Operation{
			OperationID: "get-wallet", Method: http.MethodGet, Path: "/v1/wallet", Tags: []string{"wallet"},
			Summary: "One's own balances",
		},
	}, s.wallet)
}

func (s *Server) wallet(ctx context.Context, _ *noInput) (*walletOutput, error) {
	balances, err := s.engine.Wallet(ctx, principalOf(ctx).ID)
	if err != nil {
		return nil, err
	}
	if balances == nil {
		balances = map[string]int64{}
	}
	return &walletOutput{Body: Balances{Balances: balances}}, nil
}

func (s *Server) topUp(ctx context.Context, in *topUpInput) (*topUpOutput, error) {
	balance, err := s.engine.TopUp(ctx, core.TopUp{
		Shopper: principalOf(ctx).ID, Currency: in.Body.Currency, Amount: in.Body.Amount, Key: in.Key,
	})
	if err != nil {
		return nil, err
	}
	return &topUpOutput{Body: TopUp{Currency: in.Body.Currency, Balance: balance}}, nil
}
