package main

import (
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"hotdrop/api"
	"hotdrop/core"
)

var errTokenLifetime = usageError{errors.New("--ttl: a token works for at least a second")}

func tokenKeysCommand() *cobra.Command {
	shopper, ttl := core.Principal{Role: core.RoleShopper}, lifetime(time.Hour)
	cmd := &cobra.Command{
		Use:   "token FILE SHOPPER",
		Short: "Sign a token to be a shopper with, as a shop of this deployment does",
		Long: "Sign a token with the token secret of the keys file and print it: it lets SHOPPER in at every server that reads the\n" +
			"same file, to try things out. A shop signs its own for those who are logged in: JWTs by HS256 with the claims sub,\n" +
			"\"aud\": \"hotdrop\", \"role\": \"shopper\", iat and exp, and if it likes tier, tags, region and registered_at (Unix\n" +
			"milliseconds). Shoppers of a brand's identity provider come with its tokens instead: see issuers in api/README.md.",
		Example: "  TOKEN=$(hotdrop keys token keys.json ann --tier gold)\n" +
			"  curl -sS http://127.0.0.1:8080/v1/me -H \"Authorization: Bearer $TOKEN\"",
		Args: cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			if ttl <= 0 {
				return errTokenLifetime
			}
			keys, err := api.LoadKeys(args[0])
			if err != nil {
				return err
			}
			shopper.ID = args[1]
			token, err := keys.Sign(shopper, time.Duration(ttl))
			if err != nil {
				return err
			}
			_, err = fmt.Fprintln(cmd.OutOrStdout(), token)
			return err
		},
	}
	cmd.Flags().Var(&ttl, "ttl", "how long it works, such as 90d or 12h")
	cmd.Flags().StringVar(&shopper.Tier, "tier", "", "the shopper's tier, as mechanics see it")
	cmd.Flags().StringSliceVar(&shopper.Tags, "tag", nil, "a tag of the shopper, as mechanics see it (repeatable)")
	cmd.Flags().StringVar(&shopper.Region, "region", "", "the shopper's region, as mechanics see it")
	return cmd
}
