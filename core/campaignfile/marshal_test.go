package campaignfile

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"hotdrop/core"
)

func TestAnExportedCampaignReadsLikeTheExample(t *testing.T) {
	campaign, _, err := Parse(readFile(t, "testdata/example.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	campaign.Ruleset = append(campaign.Ruleset, core.Binding{
		Rule: json.RawMessage(`{"hook":"quote","rule":"twice","then":[{"discount":{"amount":"config.amount","label":{"en":"Twice","zh":"双倍"}}},{"take":{"quota":"trade-in","units":"quantity"}}],"when":"item.sku == \"mx3\"\n&& quantity \u003c 2"}`),
	}, core.Binding{Plugin: "sha256:" + strings.Repeat("0a", 32), Config: core.Object{"yes": "no", "7": "1e3", "empty": "", "list": []any{}}})
	text, err := Marshal(campaign)
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "testdata/export.golden", string(text))
}

func TestExportAndParseAreAFixedPoint(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		campaign := campaigns().Draw(t, "campaign")
		first, err := Marshal(campaign)
		if err != nil {
			t.Fatal(err)
		}
		again, _, err := Parse(first)
		if err != nil {
			t.Fatalf("%v\n%s", err, first)
		}
		if got, want := jsonOf(t, again), jsonOf(t, campaign); got != want {
			t.Fatalf("parsed\n%s\nexported\n%s\nby\n%s", got, want, first)
		}
		second, err := Marshal(again)
		if err != nil || !bytes.Equal(second, first) {
			t.Fatalf("%v\nfirst\n%s\nsecond\n%s", err, first, second)
		}
	})
}

func TestACampaignWhoseTextCannotStandInAFileIsNotExported(t *testing.T) {
	campaign := &core.Campaign{ID: "drop", Items: []core.Item{{Title: core.Text{EN: "bell \a"}}}}
	if _, err := Marshal(campaign); !errors.Is(err, errExport) {
		t.Errorf("error %v", err)
	}
}

func jsonOf(t interface{ Fatal(args ...any) }, value any) string {
	text, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// campaigns generates valid campaigns with texts that YAML has to quote.
func campaigns() *rapid.Generator[*core.Campaign] {
	return rapid.Custom(func(t *rapid.T) *core.Campaign {
		sale := times().Draw(t, "sale")
		c := &core.Campaign{
			ID: rapid.StringMatching(`[a-z0-9-]{1,63}`).Draw(t, "id"), Brand: rapid.StringMatching(`[a-z0-9-]{1,20}`).Draw(t, "brand"),
			Currency: rapid.SampledFrom([]string{"CNY", "JPY", "EUR", "KWD"}).Draw(t, "currency"),
			Title:    titles().Draw(t, "title"),
			Phases:   core.Phases{Reservation: sale.Add(-time.Hour), Sale: sale, Closed: sale.Add(time.Hour)},
			Quotas:   rapid.MapOfN(names(), rapid.Int64Range(0, core.MaxUnits), 0, 3).Draw(t, "quotas"),
			Inputs:   rapid.MapOfN(names(), inputs(), 0, 3).Draw(t, "inputs"),
			Ruleset:  rapid.SliceOfN(bindings(), 0, 4).Draw(t, "ruleset"),
		}
		c.VoucherPools = rapid.MapOfN(names(), rapid.Custom(func(t *rapid.T) core.VoucherPool {
			return core.VoucherPool{Count: rapid.Int64Range(0, 9).Draw(t, "count"), Value: rapid.Int64Range(0, 9).Draw(t, "value"), Expires: sale.Add(time.Hour)}
		}), 0, 2).Draw(t, "pools")
		for i := range rapid.IntRange(1, 4).Draw(t, "items") {
			c.Items = append(c.Items, items(i, sale).Draw(t, "item"))
		}
		stack(t, c)
		promote(t, c)
		guard(t, c)
		return c
	})
}

// promote adds what mechanics hand out and tell.
func promote(t *rapid.T, c *core.Campaign) {
	c.Draws = rapid.MapOfN(names(), rapid.Custom(func(t *rapid.T) core.DrawTerms {
		return core.DrawTerms{Title: titles().Draw(t, "title"), Closes: c.Phases.Closed, Winners: rapid.Int64Range(1, 9).Draw(t, "winners")}
	}), 0, 2).Draw(t, "draws")
	c.Templates = rapid.MapOfN(names(), rapid.Map(titles(), func(text core.Text) core.Text {
		text.EN, text.ZH = strings.ReplaceAll(text.EN, "{", "{ "), strings.ReplaceAll(text.ZH, "{", "{ ")+"{order.id}"
		return text
	}), 0, 2).Draw(t, "templates")
	for _, name := range slices.Sorted(maps.Keys(c.Templates)) {
		c.Reminders = append(c.Reminders, core.Reminder{Template: name, At: c.Phases.Sale, To: rapid.SampledFrom([]string{"", "reservers"}).Draw(t, "to")})
	}
	c.Groups.Offer = core.Duration(rapid.SampledFrom([]time.Duration{0, time.Minute, 36 * time.Hour}).Draw(t, "offer"))
	if rapid.Bool().Draw(t, "waiting room") {
		c.WaitingRoom = core.WaitingRoom{
			PerMinute: rapid.Int64Range(1, core.MaxPerMinute).Draw(t, "per_minute"),
			Ticket:    core.Duration(rapid.Int64Range(10, 86_400).Draw(t, "ticket")) * core.Duration(time.Second),
		}
	}
	if rapid.Bool().Draw(t, "deposits") {
		c.Deposits = core.DepositTerms{
			BalanceUntil: c.Phases.Closed, BalanceAt: rapid.SampledFrom([]core.BalanceAt{"", core.BalanceOnline, core.BalanceDealer}).Draw(t, "balance at"),
			Unpaid: rapid.SampledFrom([]core.Unpaid{"", core.UnpaidForfeit, core.UnpaidRefund}).Draw(t, "unpaid"),
		}
	}
}

// guard adds guards, or none.
func guard(t *rapid.T, c *core.Campaign) {
	share := rapid.Int64Range(0, core.MaxShare)
	c.Guards = core.Guards{
		SpendPerMinute: rapid.Int64Range(0, core.MaxBudget).Draw(t, "spend"), ErrorRate: share.Draw(t, "errors"),
		DenialRate: share.Draw(t, "denials"), FuelP99: rapid.Int64Range(0, core.MaxFuel).Draw(t, "fuel"),
		OrderValueDrop: share.Draw(t, "drop"), MinOrders: rapid.Int64Range(0, core.MaxGuarded).Draw(t, "min orders"),
		MaxPriceChange: rapid.Int64Range(0, core.MaxPriceMove).Draw(t, "price change"),
	}
	c.Guards.Breaker.Failures = rapid.Int64Range(0, core.WholeShare).Draw(t, "failures")
	c.Guards.Breaker.Pause = core.Duration(rapid.SampledFrom([]time.Duration{0, time.Second, 90 * time.Second}).Draw(t, "pause"))
}

func stack(t *rapid.T, c *core.Campaign) {
	c.Stacking = map[string]core.Stacking{}
	for _, b := range c.Ruleset {
		if b.Group != "" {
			c.Stacking[b.Group] = rapid.SampledFrom([]core.Stacking{core.StackAll, core.StackBest, core.StackFirst}).Draw(t, "stacking")
		}
	}
}

func items(i int, sale time.Time) *rapid.Generator[core.Item] {
	return rapid.Custom(func(t *rapid.T) core.Item {
		item := core.Item{
			SKU:   rapid.StringMatching(`[A-Za-z0-9._-]{1,20}`).Draw(t, "sku") + fmt.Sprint(".", i),
			Title: titles().Draw(t, "title"), Price: rapid.Int64Range(0, core.MaxAmount).Draw(t, "price"),
			Stock: rapid.Int64Range(0, core.MaxUnits).Draw(t, "stock"), Limit: rapid.Int64Range(0, core.MaxLimit).Draw(t, "limit"),
			Hold:             core.Duration(rapid.Int64Range(int64(core.MinHold), int64(core.MaxHold)).Draw(t, "hold")),
			NeedsReservation: rapid.Bool().Draw(t, "needs reservation"),
		}
		if rapid.Bool().Draw(t, "window") {
			item.Phases = core.Phases{Sale: sale.Add(-time.Minute), Closed: sale.Add(time.Minute)}
		}
		return item
	})
}

func bindings() *rapid.Generator[core.Binding] {
	return rapid.Custom(func(t *rapid.T) core.Binding {
		b := core.Binding{
			Config:    rapid.MapOfN(texts(), values(3), 0, 4).Draw(t, "config"),
			Group:     rapid.SampledFrom([]string{"", "main", "on", "1e3", "null"}).Draw(t, "group"),
			OnFailure: rapid.SampledFrom([]core.FailurePolicy{"", core.FailDeny, core.FailSkip, core.FailLastGood}).Draw(t, "policy"),
		}
		switch rapid.IntRange(0, 2).Draw(t, "kind") {
		case 0:
			b.Mechanic = names().Draw(t, "mechanic")
		case 1:
			b.Plugin = "sha256:" + rapid.StringMatching(`[0-9a-f]{64}`).Draw(t, "digest")
		default:
			rule := core.Object{"when": texts().Draw(t, "when"), "then": values(2).Draw(t, "then")}
			b.Rule = json.RawMessage(jsonOf(t, rule))
		}
		return b
	})
}

func inputs() *rapid.Generator[core.Input] {
	field := rapid.SampledFrom([]core.Field{
		{Type: "string", Max: 40}, {Type: "integer", Min: -5, Max: 5}, {Type: "boolean", Required: true},
		{Type: "enum", Of: []string{"yes", "no", "5", "", "a: b"}[:3]},
	})
	return rapid.OneOf(
		rapid.Map(field, func(f core.Field) core.Input { return core.Input{Field: f} }),
		rapid.Map(rapid.MapOfN(names(), field, 1, 3), func(fields map[string]core.Field) core.Input { return core.Input{Fields: fields} }),
	)
}

// values generates what configs and rules are made of.
func values(depth int) *rapid.Generator[any] {
	scalar := rapid.OneOf(
		rapid.Map(texts(), func(s string) any { return s }),
		rapid.Map(rapid.Int64(), func(n int64) any { return n }),
		rapid.Map(rapid.Bool(), func(b bool) any { return b }),
	)
	if depth == 0 {
		return scalar
	}
	return rapid.OneOf(scalar,
		rapid.Map(rapid.SliceOfN(values(depth-1), 0, 4), func(l []any) any { return l }),
		rapid.Map(rapid.MapOfN(texts(), values(depth-1), 0, 4), func(m map[string]any) any { return core.Object(m) }),
	)
}

// texts generates strings that mean something else in YAML when they are not quoted, and others.
func texts() *rapid.Generator[string] {
	return rapid.OneOf(
		rapid.SampledFrom([]string{
			"null", "~", "yes", "off", "True", "1", "-0", "0x1f", "1_000", "1:30", ".5", "1e3", "<<", "=", "2014-04-03",
			"2014-04-03T12:00:00+08:00", "- a", "? a", "a: b", "a #b", "#a", "*a", "&a", "!a", "|", ">", "%a", "@a", "`a", "{a", "]",
			"'", `"`, `\`, " a", "a ", "a\nb", "\na", "a\n", "a\n\n b\n", "a\tb", "\ta", "a\u2028b", "a\u0085b", "a\r\nb", "价格", "🚀", "---", "...", ",", "a,b",
		}),
		rapid.StringOfN(rapid.RuneFrom([]rune("ab :#-?,[]{}&*!|>'\"%@\\\n\t0 1.价🚀\u00a0\u2029")), 0, 30, -1),
		rapid.Map(rapid.StringN(0, 20, -1), func(s string) string {
			return strings.Map(func(c rune) rune {
				if isControl(c) {
					return -1
				}
				return c
			}, strings.ToValidUTF8(s, ""))
		}),
	)
}

func names() *rapid.Generator[string] {
	return rapid.StringMatching(`[A-Za-z_-]{1,3}[A-Za-z0-9_-]{0,20}`)
}

func titles() *rapid.Generator[core.Text] {
	return rapid.Custom(func(t *rapid.T) core.Text {
		return core.Text{EN: texts().Draw(t, "en"), ZH: texts().Draw(t, "zh") + "。"}
	})
}

// times generates times with whole seconds and odd offsets.
func times() *rapid.Generator[time.Time] {
	return rapid.Custom(func(t *rapid.T) time.Time {
		zone := time.FixedZone("", 60*rapid.IntRange(-14*60, 14*60).Draw(t, "offset"))
		return time.Unix(rapid.Int64Range(1e9, 4e9).Draw(t, "seconds"), 0).In(zone)
	})
}
