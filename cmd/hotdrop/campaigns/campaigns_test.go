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

func TestNoMoreVouchersAreSoldThanThePoolHas(t *testing.T) {
	c := parsed(t)["trade-in"]
	for _, binding := range c.Ruleset {
		if binding.Mechanic != "one-cent-voucher" {
			continue
		}
		quota, _ := binding.Config["quota"].(string)
		pool, _ := binding.Config["pool"].(string)
		if sold, codes := c.Quotas[quota], c.VoucherPools[pool].Count; sold < 1 || sold > codes {
			t.Errorf("%d are sold, the pool has %d", sold, codes)
		}
		return
	}
	t.Error("nothing sells the voucher")
}

func TestReserversAreRemindedBeforeTheSale(t *testing.T) {
	c := parsed(t)["trade-in"]
	if len(c.Reminders) != 1 || !c.Reminders[0].At.Before(c.Phases.Sale) || c.Reminders[0].At.Before(c.Phases.Reservation) {
		t.Errorf("the reminders are %+v", c.Reminders)
	}
}

func TestTheCarIsPaidInTwoPartsOfWhichTheSecondIsTheDealers(t *testing.T) {
	c := parsed(t)["car"]
	deposit, _ := c.Ruleset[0].Config["amount"].(int64)
	if c.Ruleset[0].Mechanic != "deposit" || deposit < 1 || deposit >= c.Items[0].Price {
		t.Errorf("the ruleset is %+v", c.Ruleset)
	}
	if c.Deposits.BalanceAt != core.BalanceDealer || !c.Deposits.BalanceUntil.After(c.Phases.Closed) {
		t.Errorf("the deposits are %+v", c.Deposits)
	}
}

func TestTheLotteryClosesWithTheSaleAndHasAPrizeForEveryWinner(t *testing.T) {
	c := parsed(t)["phone"]
	draw := c.Draws["reposts"]
	if draw.Winners > c.VoucherPools[draw.Pool].Count || draw.Closes.Before(c.Phases.Sale) || draw.Closes.After(c.Phases.Closed) {
		t.Errorf("the draw is %+v", draw)
	}
}

func TestAGroupPaysLessThanWhoBuysAlone(t *testing.T) {
	c := parsed(t)["group"]
	groups := map[string]core.Object{}
	for _, binding := range c.Ruleset {
		if sku, ok := binding.Config["sku"].(string); ok && binding.Mechanic == "group-buy" {
			groups[sku] = binding.Config
		}
	}
	for _, item := range c.Items {
		price, _ := groups[item.SKU]["price"].(int64)
		off := item.Price - price
		if price < 1 || off < 1 || off > c.Guardrails.MaxDiscount {
			t.Errorf("%s costs %d, in a group %d", item.SKU, item.Price, price)
		}
		if need := off * item.Stock; need > c.Guardrails.DiscountBudget {
			t.Errorf("%d units of %s in groups need %d, the budget is %d", item.Stock, item.SKU, need, c.Guardrails.DiscountBudget)
		}
	}
}
