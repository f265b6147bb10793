package api

import (
	"cmp"
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"hotdrop/core"
)

// ShopperPath names a shopper as this API does.
type ShopperPath struct {
	Shopper string `path:"shopper" minLength:"1" maxLength:"128" doc:"the shopper's id here: the pseudonym, for shoppers of a brand's identity provider" example:"s_obsq4hituyoii4754gmgp2k7j2"`
}

type shopperDataInput struct {
	ShopperPath

	Brand  string `query:"brand" pattern:"^[a-z0-9-]{1,63}$" patternDescription:"1 to 63 characters of a-z, 0-9 and hyphen" doc:"only what this brand's campaigns keep; your own if your key is a brand's, else all"`
	Reason string `query:"reason" required:"true" minLength:"1" maxLength:"500" doc:"why, for the staff log, which keeps it for ever; without the shopper's id" example:"asked for by letter 2012-311"`
}

type shopperDataOutput struct{ Body core.ShopperData }

type erasureInput struct {
	ShopperPath

	Body ErasureRequest
}

// ErasureRequest asks for the erasure of what is kept about a shopper.
type ErasureRequest struct {
	Brand  string `json:"brand,omitempty" pattern:"^[a-z0-9-]{1,63}$" patternDescription:"1 to 63 characters of a-z, 0-9 and hyphen" doc:"only what this brand's campaigns keep; your own if your key is a brand's, else all"`
	Reason string `json:"reason" minLength:"1" maxLength:"500" doc:"why, for the staff log, which keeps it for ever; without the shopper's id" example:"asked for by letter 2012-311"`
}

type erasureOutput struct{ Body core.Erased }

type payoutInput struct {
	ShopperPath
	Idempotency

	Body PayoutRequest
}

// PayoutRequest asks for money of a shopper's wallet to be booked as paid out.
type PayoutRequest struct {
	Brand     string `json:"brand,omitempty" pattern:"^[a-z0-9-]{1,63}$" patternDescription:"1 to 63 characters of a-z, 0-9 and hyphen" doc:"whose shopper; your own if your key is a brand's, else any"`
	Currency  string `json:"currency,omitempty" pattern:"^[A-Z]{3}$" patternDescription:"the three capital letters of a currency" doc:"ISO 4217; needed if the wallet has several" example:"CNY"`
	Amount    int64  `json:"amount,omitempty" minimum:"1" doc:"minor units; absent for all that the wallet holds" example:"200000"`
	Reference string `json:"reference" minLength:"1" maxLength:"200" doc:"where the money went, such as the bank's number of the transfer; without the shopper's id" example:"bank transfer 2012-311"`
	Reason    string `json:"reason" minLength:"1" maxLength:"500" doc:"why, for the staff log, which keeps it for ever; without the shopper's id" example:"the shopper asks to be erased, letter 2012-311"`
}

type payoutOutput struct{ Body core.Payout }

func (s *Server) registerPrivacy() {
	register(s, operation{
		Operation: huma.Operation{
			OperationID: "export-shopper", Method: http.MethodGet, Path: "/v1/shoppers/{shopper}/data", Tags: []string{"privacy"},
			Summary: "Everything that is kept about a shopper",
			Description: "Reservations, orders with what they were decided from, vouchers, links, entries, tags, messages, refused requests " +
				"that were kept, and what moved in the wallet. Times are Unix milliseconds, amounts minor units. " +
				"That it was read stands in the staff log.",
		},
		refuses: []core.Code{core.CodeNotFound, core.CodeUnavailable},
	}, s.exportShopper)
	register(s, operation{
		Operation: huma.Operation{
			OperationID: "erase-shopper", Method: http.MethodPost, Path: "/v1/shoppers/{shopper}/erasures", Tags: []string{"privacy"},
			Summary: "Erase what is kept about a shopper, and keep the books",
			Description: "Messages, tags, and everything that the shopper submitted are deleted. What money and stock need stays under a random " +
				"name: orders with their lines, claims, entries into draws, transfers. While the shopper takes part in something it is " +
				"refused, and says in what. After a crash the same request goes on where it was. A shopper who comes back is a new one: limits " +
				"per shopper begin anew.",
			DefaultStatus: http.StatusOK,
		},
		refuses: []core.Code{core.CodeNotFound, core.CodeWrongState, core.CodeUnavailable},
	}, s.eraseShopper)
	register(s, operation{
		Operation: huma.Operation{
			OperationID: "pay-out-shopper", Method: http.MethodPost, Path: "/v1/shoppers/{shopper}/payouts", Tags: []string{"privacy"},
			Summary: "Book money of a shopper's wallet as paid out",
			Description: "It leaves the wallet's books for the account `paid_out`; whoever books it has moved it, as the reference says. " +
				"A wallet with money is in the way of an erasure. A brand pays out the wallets of its own shoppers, as long as no other " +
				"brand's money has moved on them.",
			DefaultStatus: http.StatusCreated,
		},
		refuses: []core.Code{
			core.CodeNotFound, core.CodeInsufficientFunds, core.CodeIdempotencyMissing, core.CodeIdempotencyMismatch, core.CodeUnavailable,
		},
	}, s.payOut)
}

func (s *Server) payOut(ctx context.Context, in *payoutInput) (*payoutOutput, error) {
	staff := principalOf(ctx)
	paid, err := s.engine.PayOut(ctx, core.PayoutRequest{
		Brand: cmp.Or(in.Body.Brand, staff.Brand), Shopper: in.Shopper, Currency: in.Body.Currency, Amount: in.Body.Amount,
		Reference: in.Body.Reference, Key: in.Key, Reason: in.Body.Reason, Actor: staff,
	})
	if err != nil {
		return nil, err
	}
	return &payoutOutput{Body: *paid}, nil
}

func (s *Server) exportShopper(ctx context.Context, in *shopperDataInput) (*shopperDataOutput, error) {
	staff := principalOf(ctx)
	data, err := s.engine.ShopperData(ctx, core.ShopperDataRequest{
		Brand: cmp.Or(in.Brand, staff.Brand), Shopper: in.Shopper, Actor: staff, Reason: in.Reason,
	})
	if err != nil {
		return nil, err
	}
	return &shopperDataOutput{Body: *data}, nil
}

func (s *Server) eraseShopper(ctx context.Context, in *erasureInput) (*erasureOutput, error) {
	staff := principalOf(ctx)
	erased, err := s.engine.EraseShopper(ctx, core.EraseRequest{
		Brand: cmp.Or(in.Body.Brand, staff.Brand), Shopper: in.Shopper, Actor: staff, Reason: in.Body.Reason,
	})
	if err != nil {
		return nil, err
	}
	return &erasureOutput{Body: *erased}, nil
}
