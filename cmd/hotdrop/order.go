package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/url"

	"github.com/spf13/cobra"

	"hotdrop/api"
)

func orderCommand() *cobra.Command {
	group := &cobra.Command{Use: "order", Short: "Explain orders on a running server"}
	group.AddCommand(orderExplainCommand())
	return group
}

func orderExplainCommand() *cobra.Command {
	c, format := &client{}, outputText
	cmd := &cobra.Command{
		Use:   "explain ORDER",
		Short: "Print why an order has its price: each mechanic with its clauses and what they saw, and every step of the price",
		Long: "Print why an order has its price, derived once more from what the order pins: each mechanic with the clauses\n" +
			"that held or not and the values they saw, what it asked for, every step from the list price to the total with the\n" +
			"guardrails, what the mechanics decided once it was paid, and what the shopper was told. If deciding again gives\n" +
			"something else than the order pins, the exit code is 1.",
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			answer, err := c.get(cmd.Context(), "/v1/orders/"+url.PathEscape(args[0])+"/explain")
			if err != nil {
				return err
			}
			var e api.Explanation
			if err := decodeExplanation(answer, &e); err != nil {
				return fmt.Errorf("the server's answer: %w", err)
			}
			if format == outputJSON {
				err = printAsIs(cmd.OutOrStdout(), answer)
			} else {
				_, err = io.WriteString(cmd.OutOrStdout(), explained(&e))
			}
			if err == nil && !e.Reproduced {
				err = errFailed
			}
			return err
		},
	}
	c.register(cmd)
	format.register(cmd)
	return cmd
}

// decodeExplanation reads an explanation as JSON: what clauses saw may have more digits than a float.
func decodeExplanation(text []byte, e *api.Explanation) error {
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	return decoder.Decode(e)
}
