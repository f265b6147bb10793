package event

import (
	"testing"
	"time"

	"hotdrop/core"
)

// replayedPhone returns the phone sale's file for that many units, as core reads it.
func replayedPhone(t *testing.T, units int, now time.Time) *core.Campaign {
	t.Helper()
	file, err := campaignFile(Phone)
	if err != nil {
		t.Fatal(err)
	}
	sale, err := parseSale(file)
	if err != nil {
		t.Fatal(err)
	}
	return replayed(sale, "phone-run", units, now)
}

func TestTheReplayedCampaignIsTheShippedOneWithOtherUnitsAndWindows(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	campaign := replayedPhone(t, 777, now)
	if campaign.ID != "phone-run" || campaign.Phases.At(now) != core.PhaseTeaser {
		t.Errorf("campaign %q is in %s", campaign.ID, campaign.Phases.At(now))
	}
	item := campaign.Items[0]
	if item.Stock != 777 || !item.NeedsReservation || item.Limit != 1 {
		t.Errorf("the item is %+v", item)
	}
	if phase := campaign.Window(&item).At(campaign.Phases.Sale); phase != core.PhaseSale {
		t.Errorf("at the opening it is in %s", phase)
	}
	if len(campaign.Ruleset) != 3 || campaign.Ruleset[0].Mechanic == "" || campaign.Ruleset[1].Plugin == "" {
		t.Errorf("not one rule and one plugin decide: %+v", campaign.Ruleset)
	}
	file, err := campaignFile(Phone)
	if err != nil {
		t.Fatal(err)
	}
	sale, err := parseSale(file)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := termsOf(sale), (terms{item.SKU, campaign.Currency, item.Price}); got != want {
		t.Errorf("terms %+v, want %+v", got, want)
	}
}

func TestBudgetAndQuotasGrowWithTheUnits(t *testing.T) {
	t.Parallel()
	now := time.Now()
	shipped, more, fewer := replayedPhone(t, 50_000, now), replayedPhone(t, 240_000, now), replayedPhone(t, 10, now)
	per := func(c *core.Campaign) int64 { return c.Guardrails.DiscountBudget / c.Items[0].Stock }
	if per(more) != per(shipped) || per(more) == 0 {
		t.Errorf("the budget is %d a unit, was %d", per(more), per(shipped))
	}
	if fewer.Guardrails != shipped.Guardrails {
		t.Errorf("for fewer units the guardrails became %+v", fewer.Guardrails)
	}
	for name, limit := range shipped.Quotas {
		if want := limit * 240_000 / 50_000; more.Quotas[name] != want {
			t.Errorf("quota %s is %d, want %d", name, more.Quotas[name], want)
		}
	}
}

func TestAFileThatIsNoCampaignIsRefused(t *testing.T) {
	t.Parallel()
	for name, file := range map[string]string{
		"no YAML":           "a: [",
		"no items":          "campaign: x",
		"items of no shape": "items: [1]",
	} {
		if _, err := parseSale([]byte(file)); err == nil {
			t.Errorf("%s: it was taken", name)
		}
	}
	if _, err := campaignFile("moon"); err == nil {
		t.Error("a sale that does not exist has a file")
	}
}

func TestTheProbedSizesAreWeighedByTheirShareOfTheRush(t *testing.T) {
	t.Parallel()
	s := sizes{order: 500, refusal: 200}
	for _, test := range []struct{ requests, orders, want int }{
		{100, 0, 200}, {100, 100, 500}, {100, 50, 350}, {10, 50, 500}, {0, 0, 0},
	} {
		if got := s.rush(test.requests, test.orders); got != test.want {
			t.Errorf("%d orders of %d requests: %d, want %d", test.orders, test.requests, got, test.want)
		}
	}
}
