package main

import (
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"strings"

	"hotdrop/core"
)

// printBanner tells where everything is. The first line is the URL alone, so that a program can read it; the last one
// says that the process serves.
func (n *node) printBanner(ctx context.Context, out io.Writer, public, admin string) error {
	lines := []string{
		public,
		"docs      " + public + "/docs",
		"admin     " + admin + "/readyz",
	}
	if n.settings.demo {
		demo, err := n.demoLines(ctx, public)
		if err != nil {
			return err
		}
		lines = append(lines, demo...)
	} else {
		lines = append(lines, "next      hotdrop keys create PERSON, hotdrop campaign apply FILE (--server "+public+", HOTDROP_KEY from "+
			n.settings.keysPath()+")", "          a shopper's token: hotdrop keys token "+n.settings.keysPath()+" SHOPPER")
	}
	lines = append(lines, "Ctrl-C drains and stops; the data stays.", "")
	_, err := io.WriteString(out, strings.Join(lines, "\n"))
	return err
}

func (n *node) demoLines(ctx context.Context, public string) ([]string, error) {
	campaigns, err := n.engine.Campaigns(ctx)
	if err != nil {
		return nil, err
	}
	lines := []string{"keys      " + n.settings.keysPath()}
	for _, staff := range n.keys.Staff {
		if staff.Key != "" {
			lines = append(lines, fmt.Sprintf("  %-16s %s", staff.ID, staff.Key))
		}
	}
	for _, social := range n.keys.Social {
		lines = append(lines, fmt.Sprintf("social    %-16s %s signs POST /v1/social/%s/events", social.Source, social.Secret, social.Source))
	}
	for _, campaign := range campaigns {
		lines = append(lines, fmt.Sprintf("campaign  %-16s %s", campaign.Record.Definition.ID, campaign.Phase))
	}
	curl, err := n.buyingCurl(public, campaigns)
	if err != nil || curl == "" {
		return lines, err
	}
	return append(lines, "buy something:", "  "+curl), nil
}

// buyingCurl is a command that buys one unit of the first item that is sold to everybody now, as a shopper nobody has
// been before; "" when there is no such item.
func (n *node) buyingCurl(public string, campaigns []*core.CampaignView) (string, error) {
	campaign, item := firstOffer(campaigns)
	if item == nil {
		return "", nil
	}
	shopper := "shopper-" + strings.ToLower(rand.Text()[:8])
	token, err := n.keys.Sign(core.Principal{ID: shopper, Role: core.RoleShopper}, demoTokenLifetime)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf(`curl -sS %s/v1/campaigns/%s/orders -H 'Authorization: Bearer %s' -H 'Idempotency-Key: first' `+
		`-H 'Content-Type: application/json' -d '{"sku":"%s","quantity":1}'`, public, campaign, token, item.SKU), nil
}

// firstOffer returns an item that is on sale now to those who did not reserve too, and its campaign.
func firstOffer(campaigns []*core.CampaignView) (string, *core.Item) {
	for _, view := range campaigns {
		definition := view.Record.Definition
		for i, item := range definition.Items {
			onSale := definition.Window(&item).At(view.Now) == core.PhaseSale
			if onSale && !item.NeedsReservation && view.Left[item.SKU] > 0 {
				return definition.ID, &definition.Items[i]
			}
		}
	}
	return "", nil
}
