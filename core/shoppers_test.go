package core_test

import (
	"fmt"
	"maps"
	"testing"
	"time"

	"pgregory.net/rapid"

	"hotdrop/core"
)

// clerkOf is staff of the brand.
func clerkOf(brand string) core.Principal {
	return core.Principal{ID: "clerk", Role: core.RoleBrand, Brand: brand}
}

// listShoppers reads every page of that limit and returns the rows and how many pages there were.
func listShoppers(t testing.TB, e *core.Engine, tag string, limit int) (rows []*core.ShopperView, pages int) {
	t.Helper()
	cursor := ""
	for {
		page, err := e.Shoppers(t.Context(), "phone", tag, cursor, limit, clerkOf("xiaomi"))
		must(t, err)
		if len(page.Data) > limit {
			t.Fatalf("%d rows, asked for %d", len(page.Data), limit)
		}
		rows, pages = append(rows, page.Data...), pages+1
		if page.Next == "" {
			return rows, pages
		}
		if page.Next <= cursor {
			t.Fatalf("the cursor went from %q to %q", cursor, page.Next)
		}
		cursor = page.Next
	}
}

func TestABrandReadsWhatMechanicsNotedOfItsShoppers(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		d, other := newPromotion(t, s, noting(), nil)
		d.clock.advance(-30 * time.Minute)
		_, _, err := d.Reserve(t.Context(), "phone", shopper("bob"), "")
		must(t, err)
		reservedAt := d.clock.now().UnixMilli()
		d.clock.advance(30 * time.Minute)
		d.write("bob", "city=Wuhan gift")
		d.write("ann", "city=Beijing")
		d.place("ann")
		_, _, err = d.Place(t.Context(), buy("ann", "again"))
		must(t, err)
		d.place("cid") // whom nobody noted anything of
		want := []core.ShopperView{
			{ID: "ann", Tags: core.Tags{"city": "Beijing"}, Orders: 2},
			{ID: "bob", Tags: core.Tags{"city": "Wuhan", "gift": ""}, ReservedAt: reservedAt},
		}
		for _, e := range []*core.Engine{d.Engine, other} {
			rows, _ := listShoppers(t, e, "", 1)
			if len(rows) != len(want) {
				t.Fatalf("%d rows", len(rows))
			}
			for i, row := range rows {
				w := want[i]
				if row.ID != w.ID || !maps.Equal(row.Tags, w.Tags) || row.ReservedAt != w.ReservedAt || row.Orders != w.Orders {
					t.Errorf("row %d = %+v, want %+v", i, row, w)
				}
			}
		}
	})
}

func TestShoppersAreFoundByTheirTags(t *testing.T) {
	d, _ := newPromotion(t, sqliteStore(t), noting(), nil)
	d.write("ann", "city=Beijing gift")
	d.write("bob", "city=Wuhan")
	for tag, want := range map[string]string{
		"": "ann bob ", "city": "ann bob ", "gift": "ann ", "gift=": "ann ", "city=Wuhan": "bob ", "city=": "", "city=wuhan": "",
		"Beijing": "", "=": "",
	} {
		found := ""
		rows, _ := listShoppers(t, d.Engine, tag, 10)
		for _, row := range rows {
			found += row.ID + " "
		}
		if found != want {
			t.Errorf("%q finds %q, want %q", tag, found, want)
		}
	}
}

func TestShoppersOfAnotherBrandsCampaignAreNotToBeFound(t *testing.T) {
	d, _ := newPromotion(t, sqliteStore(t), noting(), nil)
	d.write("ann", "gift")
	_, err := d.Shoppers(t.Context(), "phone", "", "", 10, clerkOf("meizu"))
	wantCode(t, err, core.CodeNotFound)
	_, err = d.Shoppers(t.Context(), "none", "", "", 10, clerkOf("xiaomi"))
	wantCode(t, err, core.CodeNotFound)
	page, err := d.Shoppers(t.Context(), "phone", "", "", 10, core.Principal{ID: "op", Role: core.RoleOperator})
	if must(t, err); len(page.Data) != 1 {
		t.Errorf("an operator finds %d", len(page.Data))
	}
}

// TestPagesOfShoppersJoinToAllOfThem has more shoppers than one page looks at, some of them with a rare tag.
func TestPagesOfShoppersJoinToAllOfThem(t *testing.T) {
	d := newDrop(t, sqliteStore(t), nil, nil)
	const all, rare = 12_000, 4_000 // the rare ones begin at 0, 4,000, 8,000
	plan := &core.Plan{Campaign: "phone", Brand: "xiaomi"}
	for i := range all {
		content := `{"common":"x"}`
		if i%rare == 0 {
			content = `{"common":"x","rare":""}`
		}
		id := fmt.Sprintf("s%05d", i)
		plan.Documents = append(plan.Documents, &core.Document{
			Kind: core.DocumentTags, ID: id, Shopper: id, State: core.TagsKept, Content: []byte(content),
		})
	}
	_, err := d.store.Apply(t.Context(), plan)
	must(t, err)
	rows, pages := listShoppers(t, d.Engine, "rare", 100)
	if len(rows) != all/rare || rows[1].ID != "s04000" || pages != 3 {
		t.Errorf("%d rare ones on %d pages", len(rows), pages)
	}
	rapid.Check(t, func(r *rapid.T) {
		tag := rapid.SampledFrom([]string{"", "common", "common=x"}).Draw(r, "tag")
		after := rapid.IntRange(0, all-1).Draw(r, "after")
		limit := rapid.IntRange(1, 100).Draw(r, "limit")
		page, err := d.Shoppers(t.Context(), "phone", tag, fmt.Sprintf("s%05d", after), limit, clerkOf("xiaomi"))
		if err != nil {
			r.Fatal(err)
		}
		want := min(limit, all-1-after)
		if len(page.Data) != want || (page.Next == "") != (after+1+want == all) {
			r.Fatalf("%d rows, next %q; want %d", len(page.Data), page.Next, want)
		}
		for i, row := range page.Data {
			if row.ID != fmt.Sprintf("s%05d", after+1+i) {
				r.Fatalf("row %d is %s", i, row.ID)
			}
		}
	})
}
