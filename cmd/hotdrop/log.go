package main

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"hotdrop/api"
	"hotdrop/core"
	"hotdrop/core/money"
)

func logCommand() *cobra.Command {
	group := &cobra.Command{Use: "log", Short: "Read and verify the staff log: who did what, when, from where and why"}
	group.AddCommand(logShowCommand(), logVerifyCommand(), logKeyCommand())
	return group
}

// logQuery is which rows of the log are shown.
type logQuery struct {
	since, brand, actor, action string
	earliest                    bool
	limit                       int
}

func logShowCommand() *cobra.Command {
	c, format, q := &client{demo: core.RoleAuditor}, outputText, logQuery{}
	cmd := &cobra.Command{
		Use:   "show [CAMPAIGN]",
		Short: "Print rows of the staff log of a running server, the latest first",
		Long: "Print rows of the staff log of a running server, the latest first: number, instant, who, what, brand, campaign,\n" +
			"the plugin or key that it is about, and why, with tabs between them. With -o json each row is an object with what was\n" +
			"before and after, its hash and the one of the row before it. Auditors and administrators read all, a brand what\n" +
			"concerns it; who reads for one brand sees addresses in their own rows and in those of the role brand. That you read is a\n" +
			"row of the log.",
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			values, err := q.values(args, time.Now())
			if err != nil {
				return err
			}
			return showLog(cmd, c, format, values, q.limit)
		},
	}
	c.register(cmd)
	format.register(cmd)
	cmd.Flags().StringVar(&q.since, "since", "", "from this instant on (RFC 3339), or from so long ago (24h)")
	cmd.Flags().StringVar(&q.brand, "brand", "", "only what concerns this brand")
	cmd.Flags().StringVar(&q.actor, "actor", "", "only what this person did; system: what nobody did")
	cmd.Flags().StringVar(&q.action, "action", "", "only this action, such as campaign.apply")
	cmd.Flags().BoolVar(&q.earliest, "earliest", false, "the earliest first")
	cmd.Flags().IntVar(&q.limit, "limit", 50, "how many rows at most; 0 for all") //nolint:mnd // a default
	return cmd
}

// values is the query of the request.
func (q *logQuery) values(args []string, now time.Time) (url.Values, error) {
	values := url.Values{}
	set := func(name, value string) {
		if value != "" {
			values.Set(name, value)
		}
	}
	if len(args) > 0 {
		set("campaign", args[0])
	}
	set("brand", q.brand)
	set("actor", q.actor)
	set("action", q.action)
	if q.earliest {
		set("order", "earliest")
	}
	if q.limit < 0 {
		return nil, usageError{errors.New("--limit is 0 for all, or more")}
	}
	since, err := instant(q.since, now)
	set("since", since)
	return values, err
}

// instant is an instant as RFC 3339, of one or of a duration before now; "" of "".
func instant(text string, now time.Time) (string, error) {
	if ago, err := time.ParseDuration(text); err == nil {
		return now.Add(-ago).UTC().Format(time.RFC3339Nano), nil
	}
	if _, err := time.Parse(time.RFC3339, text); err != nil && text != "" {
		return "", usageError{fmt.Errorf("--since %q is neither an instant such as 2026-03-26T08:00:00Z nor a duration such as 24h", text)}
	}
	return text, nil
}

// logPageRows is how many rows are asked for at a time.
const logPageRows = 500

// showLog prints page after page.
func showLog(cmd *cobra.Command, c *client, format output, values url.Values, limit int) error {
	found := false
	for left := limit; limit == 0 || left > 0; left -= logPageRows {
		values.Set("limit", strconv.Itoa(logPageRows))
		if limit > 0 {
			values.Set("limit", strconv.Itoa(min(left, logPageRows)))
		}
		page, err := fetch[api.Page[json.RawMessage]](cmd.Context(), c, "/v1/audit?"+values.Encode())
		if err != nil {
			return err
		}
		found = found || len(page.Data) > 0
		for _, row := range page.Data {
			if err := printEntry(cmd.OutOrStdout(), format, row); err != nil {
				return err
			}
		}
		if page.Next == nil {
			if !found {
				_, _ = fmt.Fprintln(cmd.ErrOrStderr(), "no row of the log that you may read matches; see hotdrop log show without arguments")
			}
			return nil
		}
		values.Set("cursor", *page.Next)
	}
	return nil
}

// printEntry prints a row: a line for people, or the object as it came.
func printEntry(out io.Writer, format output, row json.RawMessage) error {
	if format == outputJSON {
		_, err := fmt.Fprintf(out, "%s\n", row)
		return err
	}
	e, err := decode[api.LoggedEntry](row)
	if err != nil {
		return err
	}
	from := ""
	if e.Address != "" {
		from = " from " + e.Address
	}
	_, err = fmt.Fprintf(out, "%d\t%s\t%s (%s)%s\t%s\t%s\t%s\t%s\t%s\n", e.Seq, e.At.Format(time.RFC3339), e.Actor, e.Role, from, e.Action,
		cmp.Or(e.Brand, "-"), cmp.Or(e.Campaign, "-"), cmp.Or(aboutText(e), "-"), e.Reason)
	return err
}

// entrySubject is what the documents of rows say of what the row is about, apart from brand and campaign.
type entrySubject struct {
	Key    string `json:"key"`    // the id of a staff key or a signing key
	Person string `json:"person"` // of a staff key
	Plugin string `json:"plugin"`
	Payout string `json:"payout"`
	// Of a payout: minor units of the currency, and where the money went.
	Amount    int64  `json:"amount"`
	Currency  string `json:"currency"`
	Reference string `json:"reference"`
	Terms     *struct {
		Campaigns []string `json:"campaigns"`
		ExpiresAt int64    `json:"expires_at"` // Unix milliseconds
	} `json:"terms"`
}

// aboutText names the plugin and its terms, the key and its person, or the payout, that the row is about; "" for rows about others.
func aboutText(e *api.LoggedEntry) string {
	var about entrySubject
	document := e.After
	if document == nil {
		document = e.Before
	}
	_ = json.Unmarshal(document, &about) // a document of another kind is about none of these
	switch {
	case about.Plugin != "" && about.Terms != nil:
		scope := "all campaigns"
		if len(about.Terms.Campaigns) > 0 {
			scope = strings.Join(about.Terms.Campaigns, ", ")
		}
		return fmt.Sprintf("%s for %s until %s", shortDigest(about.Plugin), scope,
			time.UnixMilli(about.Terms.ExpiresAt).UTC().Format(time.RFC3339))
	case about.Plugin != "":
		return shortDigest(about.Plugin)
	case about.Payout != "":
		return money.Format(about.Amount, about.Currency) + " paid out, " + oneLine(about.Reference)
	case about.Person != "":
		return about.Key + " of " + about.Person
	default:
		return about.Key
	}
}

func logKeyCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "key FILE",
		Short: "Print the public key that checks the staff log's heads, of the keys file that serve reads",
		Long: "Print the public key that checks the staff log's heads, of the keys file that serve reads. Have it where you verify:\n" +
			"whoever can change the keys file can sign heads of a log written anew.",
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			keys, err := api.LoadKeys(args[0])
			if err != nil {
				return err
			}
			key, err := keys.Log()
			if err != nil {
				return err
			}
			if key == nil {
				return fmt.Errorf("%s has no log_key (base64 of 32 random bytes): heads are not signed", args[0])
			}
			_, err = fmt.Fprintln(cmd.OutOrStdout(), key.Public())
			return err
		},
	}
}
