package main

import (
	"context"
	"crypto/rand"
	"encoding/json"
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
	request string // the Idempotency-Key; "" for a new one
}

func payOutShopperCommand() *cobra.Command {
	t := &payOut{shopperTools: shopperTools{format: outputText}}
	cmd := &cobra.Command{
		Use:   "payout SHOPPER",
		Short: "Book money of a shopper's wallet as paid out",
		Long: "Book money of SHOPPER's wallet as paid out, all of it unless --amount says less: it leaves the wallet's books for\n" +
			"the account paid_out. It moves no money by itself: pay it out first, and name that payment with --reference. A wallet\n" +
			"with money keeps its shopper from being erased. If it is not known whether a try was booked, try again with the same\n" +
			"--request: it is booked once.",
		Example: "  hotdrop shopper payout s_obsq4hituyoii4754gmgp2k7j2 --reference \"bank transfer 2012-311\" \\\n" +
			"    --reason \"asks to be erased, letter 2012-311\" --request letter-2012-311   # with HOTDROP_KEY",
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
	flags.StringVar(&t.request, "request", "", "a name of your own for this payout: with the same one it is booked once")
	_ = cmd.MarkFlagRequired("reference") // the flag exists
	return cmd
}

func (t *payOut) run(ctx context.Context, shopper string, out io.Writer) error {
	t.body.Brand, t.body.Reason = t.brand, t.reason
	if t.request == "" {
		t.request = rand.Text()
	}
	text, err := json.Marshal(t.body)
	if err != nil {
		return fmt.Errorf("encode the request: %w", err)
	}
	header := jsonContent()
	header.Set("Idempotency-Key", t.request)
	answered, err := t.client.do(ctx, http.MethodPost, shopperPath(shopper, "payouts"), header, text)
	if err != nil {
		return err
	}
	return show(out, t.format, answered.body, writePayout)
}

// writePayout says what was booked, and what is left.
func writePayout(out io.Writer, p *core.Payout) error {
	_, err := fmt.Fprintf(out, "paid out %s as %s, the wallet holds %s\n",
		money.Format(p.Amount, p.Currency), p.ID, money.Format(p.Balance, p.Currency))
	return err
}
