package campaigns_test

import (
	"slices"
	"testing"
	"time"

	"hotdrop/cmd/hotdrop/campaigns"
	"hotdrop/core"
	"hotdrop/core/campaignfile"
)

func parsed(t *testing.T) map[string]*core.Campaign {
	t.Helper()
	files, err := campaigns.Files()
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]*core.Campaign{}
	for _, file := range files {
		campaign, _, err := campaignfile.Parse(file.Data)
		if err != nil {
			t.Fatalf("%s.yaml:\n%v", file.ID, err)
		}
		if campaign.ID != file.ID {
			t.Errorf("%s.yaml is the campaign %s", file.ID, campaign.ID)
		}
		all[file.ID] = campaign
	}
	return all
}

func TestTheSalesAreThereSortedByID(t *testing.T) {
	files, err := campaigns.Files()
	if err != nil {
		t.Fatal(err)
	}
	var ids []string
	for _, file := range files {
		ids = append(ids, file.ID)
	}
	if want := []string{"car", "group", "phone", "trade-in"}; !slices.Equal(ids, want) {
		t.Errorf("ids %v, want %v", ids, want)
	}
}

func TestTheSalesHaveTheMissionsFigures(t *testing.T) {
	all := parsed(t)
	for _, want := range []struct {
		id, brand, sku string
		price, stock   int64
		sale           string
		reserved       bool
	}{
		{"phone", "xiaomi", "mi2", 199900, 50000, "2012-12-21T12:00:00+08:00", true},
		{"trade-in", "meizu", "mx3", 179900, 2099, "2014-04-03T12:00:00+08:00", true},
		{"car", "smart", "fortwo", 12888800, 666, "2013-01-18T10:00:00+08:00", false},
		{"group", "meizu", "mx3", 179900, 20000, "2014-06-18T10:00:00+08:00", false},
	} {
		t.Run(want.id, func(t *testing.T) {
			c := all[want.id]
			item := c.Item(want.sku)
			if item == nil {
				t.Fatalf("no item %s", want.sku)
			}
			if c.Brand != want.brand || item.Price != want.price || item.Stock != want.stock || item.Limit != 1 {
				t.Errorf("brand %s, price %d, stock %d, limit %d", c.Brand, item.Price, item.Stock, item.Limit)
			}
			if got := c.Phases.Sale.Format(time.RFC3339); got != want.sale {
				t.Errorf("sale at %s, want %s", got, want.sale)
			}
			if item.NeedsReservation != want.reserved || c.Phases.Reservation.IsZero() == want.reserved {
				t.Errorf("needs reservation: %v, reservation phase at %v", item.NeedsReservation, c.Phases.Reservation)
			}
		})
	}
}

func TestOneCentBuysAVoucherOnlyWhileShoppersReserve(t *testing.T) {
	c := parsed(t)["trade-in"]
	item := c.Item("flyme-code")
	window := c.Window(item)
	if item.Price != 1 || window.At(c.Phases.Reservation) != core.PhaseSale || window.At(c.Phases.Sale) != core.PhaseClosed {
		t.Errorf("price %d, window %v", item.Price, window)
	}
}

func TestEveryTradeInCanBePaidForOutOfTheBudget(t *testing.T) {
	for id, c := range parsed(t) {
		for _, binding := range c.Ruleset {
			amount, _ := binding.Config["amount"].(int64)
			if need := amount * c.Quotas["trade-in"]; need > c.Guardrails.DiscountBudget {
				t.Errorf("%s: %d trade-ins of %d need %d, the budget is %d", id, c.Quotas["trade-in"], amount, need, c.Guardrails.DiscountBudget)
			}
		}
	}
}
