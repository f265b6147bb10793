package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/spf13/cobra"

	"hotdrop/api"
	"hotdrop/core"
	"hotdrop/core/money"
)

// payOut is what a payout was asked for.
type payOut struct {
	shopperTools

	body    api.PayoutRequest
	request string // the Idempotency-Key; "" for one that follows from the reference
}

func payOutShopperCommand() *cobra.Command {
	t := &payOut{shopperTools: shopperTools{format: outputText}}
	cmd := &cobra.Command{
		Use:   "payout SHOPPER",
		Short: "Book money of a shopper's wallet as paid out",
		Long: "Book money of SHOPPER's wallet as paid out, all of it unless --amount says less: it leaves the wallet's books for\n" +
			"the account paid_out. It moves no money by itself: pay it out first, and name that payment with --reference. A wallet\n" +
			"with money keeps its shopper from being erased. One payment of money is booked once: with the same --reference again,\n" +
			"the answer is that of the first time. If it is not known whether a try was booked, try again.",
		Example: "  hotdrop shopper payout s_obsq4hituyoii4754gmgp2k7j2 --reference \"bank transfer 2012-311\" \\\n" +
			"    --reason \"asks to be erased, letter 2012-311\"   # with HOTDROP_KEY",
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return t.run(cmd.Context(), args[0], cmd.OutOrStdout())
		},
	}
	t.register(cmd)
	t.format.register(cmd)
	t.requireReason(cmd)
	flags := cmd.Flags()
	flags.StringVar(&t.body.Reference, "reference", "", "where the money went, such as the bank's number; without the shopper's id (required)")
	flags.StringVar(&t.body.Currency, "currency", "", "such as CNY; needed if the wallet has several")
	flags.Int64Var(&t.body.Amount, "amount", 0, "in minor units; 0 is all that the wallet holds")
	flags.StringVar(&t.request, "request", "",
		"a name of your own for this payout, if several have the same --reference: with the same one it is booked once")
	_ = cmd.MarkFlagRequired("reference") // the flag exists
	return cmd
}

func (t *payOut) run(ctx context.Context, shopper string, out io.Writer) error {
	t.body.Brand, t.body.Reason = t.brand, t.reason
	key := t.request
	if key == "" {
		key = keyOfReference(t.body.Reference)
	}
	text, err := json.Marshal(t.body)
	if err != nil {
		return fmt.Errorf("encode the request: %w", err)
	}
	header := jsonContent()
	header.Set("Idempotency-Key", key)
	answered, err := t.client.do(ctx, http.MethodPost, shopperPath(shopper, "payouts"), header, text)
	if err != nil {
		return t.bookedBefore(err)
	}
	return show(out, t.format, answered.body, writePayout)
}

// keyOfReference is the Idempotency-Key of a payment that has no other name: a reference need not be ASCII, a header has to.
func keyOfReference(reference string) string {
	sum := sha256.Sum256([]byte(reference))
	return "reference-" + hex.EncodeToString(sum[:])
}

// bookedBefore says which flag names a payment that was booked before, with something else.
func (t *payOut) bookedBefore(err error) error {
	if p, ok := errors.AsType[*api.Problem](err); !ok || p.Code != core.CodeIdempotencyMismatch {
		return err
	}
	if t.request != "" {
		return &nextError{
			fmt.Errorf("--request %s was booked before with another amount, currency or reference, nothing was booked: %w", quoted(t.request), err),
			"another --request, if this is another payment",
		}
	}
	return &nextError{
		fmt.Errorf("--reference %s was booked before with another amount or currency, nothing was booked: %w", quoted(t.body.Reference), err),
		"--request with a name of its own, if this is another payment with the same reference",
	}
}

// writePayout says what was booked, and what is left.
func writePayout(out io.Writer, p *core.Payout) error {
	_, err := fmt.Fprintf(out, "paid out %s as %s, the wallet holds %s\n",
		money.Format(p.Amount, p.Currency), p.ID, money.Format(p.Balance, p.Currency))
	return err
}
