package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"hotdrop/core"
)

func auditCommand() *cobra.Command {
	settings, format := &databaseSettings{}, outputText
	cmd := &cobra.Command{
		Use:   "audit [CAMPAIGN…]",
		Short: "Check the books: every counter, claim, order and document, and the wallet against its ledger",
		Long: "Check the books: every counter's equation, every claim's owner, order totals against their lines, that\n" +
			"no order was decided under what a change had ended, and the wallet against its ledger. Works on a live\n" +
			"system, one campaign per snapshot. Findings make the exit code 1; they are rows on stdout, or with -o json\n" +
			"on stderr, so that stdout is one object.",
		RunE: func(cmd *cobra.Command, campaigns []string) error {
			return audit(cmd, settings, format, campaigns)
		},
	}
	settings.register(cmd)
	format.register(cmd)
	return cmd
}

// auditReport is the flat JSON form of an audit's summary.
type auditReport struct {
	core.AuditSummary
	Store string `json:"store"`
}

func audit(cmd *cobra.Command, settings *databaseSettings, format output, campaigns []string) (err error) {
	ctx := cmd.Context()
	db, err := settings.openToRead(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	audited, err := auditedCampaigns(ctx, db.campaigns, campaigns)
	if err != nil {
		return err
	}
	rows := cmd.OutOrStdout()
	if format == outputJSON {
		rows = cmd.ErrOrStderr()
	}
	summary, err := core.Audit(ctx, db.books, audited, func(f core.Finding) {
		_, _ = fmt.Fprintf(rows, "%s\t%s\t%s\t%s\n", f.Campaign, f.Kind, f.Subject, f.Detail)
	})
	if err != nil {
		return fmt.Errorf("reading the books: %w", err)
	}
	if err := printAudit(cmd, settings.kind(), format, summary); err != nil {
		return err
	}
	if summary.Findings > 0 {
		return errFailed
	}
	return nil
}

// auditedCampaigns returns the campaigns that were asked for, or all if none was. One that there is not is an error: it
// would have no findings.
func auditedCampaigns(ctx context.Context, store core.CampaignStore, asked []string) ([]core.CampaignKey, error) {
	versions, err := store.Campaigns(ctx)
	if err != nil {
		return nil, fmt.Errorf("listing the campaigns: %w", err)
	}
	known, ids := make(map[string]core.CampaignKey, len(versions)), make([]string, len(versions))
	for i, v := range versions {
		known[v.ID], ids[i] = core.CampaignKey{Brand: v.Brand, ID: v.ID}, v.ID
	}
	if len(asked) == 0 {
		asked = ids
	}
	keys := make([]core.CampaignKey, len(asked))
	for i, id := range asked {
		var found bool
		if keys[i], found = known[id]; !found {
			return nil, fmt.Errorf("there is no campaign %q%s", id, nearestHint(id, ids))
		}
	}
	return keys, nil
}

// nearestHint names the known name that is nearest to one that is none, or is "".
func nearestHint(name string, known []string) string {
	nearest := core.Nearest(name, known)
	if nearest == "" {
		return ""
	}
	return ": did you mean " + nearest + "?"
}

func printAudit(cmd *cobra.Command, store string, format output, s core.AuditSummary) error {
	if format == outputJSON {
		return printJSON(cmd.OutOrStdout(), auditReport{s, store})
	}
	_, err := fmt.Fprintf(cmd.OutOrStdout(), "%d campaigns, %d orders, %d claims, %d counters, %d reservations, "+
		"%d documents, %d transfers checked: %s, %s\n", s.Campaigns, s.Orders, s.Claims, s.Counters, s.Reservations,
		s.Documents, s.Transfers, count(int(s.Findings), "finding"), count(int(s.StaleOrders), "stale order"))
	return err
}
