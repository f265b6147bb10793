package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"hotdrop/api"
	"hotdrop/core"
)

// shopperTools is what a command about one shopper was asked for.
type shopperTools struct {
	client client
	format output
	brand  string
	issuer string
	reason string
	out    string // a file; "" for stdout
}

func shopperCommand() *cobra.Command {
	group := &cobra.Command{Use: "shopper", Short: "Find, export, pay out or erase what is kept about one shopper"}
	group.AddCommand(resolveShopperCommand(), exportShopperCommand(), payOutShopperCommand(), eraseShopperCommand())
	return group
}

func resolveShopperCommand() *cobra.Command {
	t := &shopperTools{format: outputText}
	cmd := &cobra.Command{
		Use:   "resolve ID...",
		Short: "Print what a brand's own shoppers are called here",
		Long: "Print what a brand's own shoppers are called here. Shoppers of a brand's identity provider have a pseudonym, which\n" +
			"nobody can trace back; the brand finds it by the id that its provider gives a shopper. It takes a key of the brand.",
		Example: "  hotdrop shopper resolve user-8391   # with HOTDROP_KEY",
		Args:    cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return t.resolve(cmd.Context(), args, cmd.OutOrStdout())
		},
	}
	t.client.demo = core.RoleBrand
	t.client.register(cmd)
	t.format.register(cmd)
	cmd.Flags().StringVar(&t.issuer, "issuer", "", "whose names these are; needed if the brand has several identity providers")
	return cmd
}

func exportShopperCommand() *cobra.Command {
	t := &shopperTools{}
	cmd := &cobra.Command{
		Use:   "export SHOPPER",
		Short: "Write down everything that is kept about a shopper, as JSON",
		Long: "Write down everything that is kept about SHOPPER, as JSON: a brand's key gets what its campaigns keep, an\n" +
			"administrator's what all do, or those of --brand. Who read it and why stands in the staff log.",
		Example: "  hotdrop shopper export s_obsq4hituyoii4754gmgp2k7j2 --out shopper.json \\\n" +
			"    --reason \"asked for by letter 2012-311\"   # with HOTDROP_KEY",
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return t.export(cmd.Context(), args[0], cmd.OutOrStdout())
		},
	}
	t.register(cmd)
	t.requireReason(cmd)
	cmd.Flags().StringVar(&t.out, "out", "", "write to this new file, readable for its owner only, not to stdout")
	return cmd
}

func eraseShopperCommand() *cobra.Command {
	t := &shopperTools{format: outputText}
	cmd := &cobra.Command{
		Use:   "erase SHOPPER",
		Short: "Erase what is kept about a shopper, and keep the books",
		Long: "Erase what is kept about SHOPPER. Messages, tags and everything that the shopper submitted are deleted; what money\n" +
			"and stock need stays under a random name. While the shopper takes part in something, such as an order that was\n" +
			"paid and has not arrived, or has money in the wallet, it is refused and says in what. It cannot be undone. After a\n" +
			"crash, run it again.\n" +
			"A shopper who comes back is a new one: limits per shopper begin anew.",
		Example: "  hotdrop shopper erase s_obsq4hituyoii4754gmgp2k7j2 --reason \"asked for by letter 2012-311\"   # with HOTDROP_KEY",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return t.erase(cmd.Context(), args[0], cmd.OutOrStdout())
		},
	}
	t.register(cmd)
	t.format.register(cmd)
	t.requireReason(cmd)
	return cmd
}

func (t *shopperTools) requireReason(cmd *cobra.Command) {
	cmd.Flags().StringVar(&t.reason, "reason", "", "why, for the staff log; without the shopper's id (required)")
	_ = cmd.MarkFlagRequired("reason") // the flag exists
}

// register adds what export and erase have in common.
func (t *shopperTools) register(cmd *cobra.Command) {
	t.client.demo = core.RoleAdmin
	t.client.register(cmd)
	cmd.Flags().StringVar(&t.brand, "brand", "", "only what this brand's campaigns keep; a brand's key needs none")
}

func (t *shopperTools) resolve(ctx context.Context, ids []string, out io.Writer) error {
	answer, err := t.client.post(ctx, "/v1/shoppers/resolve", api.ResolveRequest{IDs: ids, Issuer: t.issuer})
	if err != nil {
		return err
	}
	return show(out, t.format, answer, writeResolved)
}

// writeResolved writes a row for each id, with what its shopper is called here.
func writeResolved(out io.Writer, resolved *api.Resolved) error {
	for _, one := range resolved.Data {
		if _, err := fmt.Fprintf(out, "%s\t%s\n", one.ID, one.Shopper); err != nil {
			return fmt.Errorf("print: %w", err)
		}
	}
	return nil
}

// shopperPath is where a part of what is kept about a shopper is.
func shopperPath(shopper, part string) string {
	return "/v1/shoppers/" + url.PathEscape(shopper) + "/" + part
}

// export writes the answer as it comes: there is no bound on how much is kept.
func (t *shopperTools) export(ctx context.Context, shopper string, out io.Writer) (err error) {
	query := url.Values{"reason": {t.reason}}
	if t.brand != "" {
		query.Set("brand", t.brand)
	}
	response, err := t.client.send(ctx, http.MethodGet, shopperPath(shopper, "data")+"?"+query.Encode(), nil, nil)
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }() // it was read
	if response.StatusCode/100 != 2 {
		content, err := io.ReadAll(io.LimitReader(response.Body, maxReplyBytes))
		if err != nil {
			return fmt.Errorf("the server's answer: %w", err)
		}
		return problemOf(response.StatusCode, content)
	}
	if t.out != "" {
		file, err := os.OpenFile(t.out, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
		if err != nil {
			return fmt.Errorf("--out: %w", err)
		}
		_, err = io.Copy(file, response.Body)
		return errors.Join(err, file.Close())
	}
	_, err = io.Copy(out, response.Body)
	return err
}

func (t *shopperTools) erase(ctx context.Context, shopper string, out io.Writer) error {
	answer, err := t.client.post(ctx, shopperPath(shopper, "erasures"), api.ErasureRequest{Brand: t.brand, Reason: t.reason})
	if err != nil {
		return err
	}
	return show(out, t.format, answer, writeErased)
}

// writeErased says where it was erased, and how many rows of each kind are deleted or kept.
func writeErased(out io.Writer, erased *core.Erased) error {
	_, err := fmt.Fprintf(out, "erased in %s; what stays is of %s\n", placesText(erased.Campaigns), erased.Tombstone)
	for _, part := range []struct {
		what string
		rows map[string]int64
	}{{"deleted", erased.Deleted}, {"kept", erased.Kept}} {
		for _, kind := range slices.Sorted(maps.Keys(part.rows)) {
			_, printed := fmt.Fprintf(out, "%s\t%d\t%s\n", part.what, part.rows[kind], kind)
			err = errors.Join(err, printed)
		}
	}
	return err
}

// placesText names the campaigns that kept something.
func placesText(campaigns []string) string {
	if len(campaigns) == 0 {
		return "the wallet alone"
	}
	return "the campaigns " + strings.Join(campaigns, ", ")
}
