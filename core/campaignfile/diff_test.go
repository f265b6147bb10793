package campaignfile

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"hotdrop/core"
)

func example(t *testing.T) *core.Campaign {
	t.Helper()
	campaign, _, err := Parse(readFile(t, "testdata/example.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	return campaign
}

func TestADryRunShowsTheSmallestValuesThatDiffer(t *testing.T) {
	for _, tc := range []struct {
		name   string
		change func(c *core.Campaign)
		want   []string
	}{
		{"nothing", func(*core.Campaign) {}, nil},
		{"a price", func(c *core.Campaign) { c.Items[0].Price = 169900 }, []string{"~ items[mx3].price: 179900 → 169900"}},
		{"a title in one language", func(c *core.Campaign) { c.Title.EN = "a < b" }, []string{`~ title.en: "Cool down: your phone for a new one" → "a < b"`}},
		{"a limit that was not there", func(c *core.Campaign) { c.Quotas["gifts"] = 7 }, []string{"+ quotas.gifts: 7"}},
		{"a policy that goes", func(c *core.Campaign) { c.Ruleset[0].OnFailure = "" }, []string{`- ruleset[trade-in].on_failure: "deny"`}},
		{"a section that goes", func(c *core.Campaign) { c.Quotas = nil }, []string{`- quotas: {"trade-in":2099}`}},
		{"an element of a list", func(c *core.Campaign) { c.Ruleset[0].Config["brands"] = []any{"Samsung", "Meizu", "Xiaomi"} }, []string{
			`+ ruleset[trade-in].config.brands[1]: "Meizu"`,
		}},
		{"another shape", func(c *core.Campaign) { c.Title = core.Text{EN: "A"} }, []string{
			`~ title: {"en":"Cool down: your phone for a new one","zh":"退个烧 小米也能换魅族"} → "A"`,
		}},
		{"an item in front of the others", func(c *core.Campaign) {
			c.Items = slices.Insert(c.Items, 0, core.Item{SKU: "new", Title: core.Text{EN: "New"}, Price: 1, Stock: 2, Hold: core.MinHold})
		}, []string{`+ items[new]: {"hold":"1s","price":1,"sku":"new","stock":2,"title":"New"}`}},
		{"an item that goes", func(c *core.Campaign) { c.Items = c.Items[:1] }, []string{
			`- items[flyme-code]: {"hold":"15m","limit":1,"phases":{"closed":"2014-04-03T12:00:00+08:00","sale":"2014-03-28T10:00:00+08:00"},` +
				`"price":5000,"sku":"flyme-code","stock":100000,"title":{"en":"Flyme code","zh":"Flyme 消费码"}}`,
		}},
		{"a binding in front of the others", func(c *core.Campaign) {
			c.Ruleset = slices.Insert(c.Ruleset, 0, core.Binding{Rule: json.RawMessage(`{"rule":"gold"}`)})
		}, []string{`+ ruleset[gold]: {"rule":{"rule":"gold"}}`}},
		{"the same mechanic again", func(c *core.Campaign) { c.Ruleset = append(c.Ruleset, core.Binding{Mechanic: "trade-in"}) }, []string{
			`+ ruleset[trade-in#2]: {"mechanic":"trade-in"}`,
		}},
		{"the order of items", func(c *core.Campaign) { slices.Reverse(c.Items) }, []string{`~ items: ["mx3","flyme-code"] → ["flyme-code","mx3"]`}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			after := example(t)
			tc.change(after)
			changes, err := Diff(example(t), after)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, change := range changes {
				got = append(got, change.String())
			}
			if !slices.Equal(got, tc.want) {
				t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(tc.want, "\n"))
			}
		})
	}
}

func TestAgainstNothingEverythingIsNew(t *testing.T) {
	added, err := Diff(nil, example(t))
	if err != nil {
		t.Fatal(err)
	}
	removed, err := Diff(example(t), nil)
	if err != nil {
		t.Fatal(err)
	}
	if len(added) != 19 || len(removed) != len(added) {
		t.Fatalf("%d added, %d removed", len(added), len(removed))
	}
	for i, change := range added {
		if change.Before != nil || removed[i].After != nil || change.Path != removed[i].Path {
			t.Errorf("added %v, removed %v", change, removed[i])
		}
	}
}

func TestADifferenceAndItsReverseMirrorEachOther(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := campaigns().Draw(t, "a"), campaigns().Draw(t, "b")
		there, err := Diff(a, b)
		if err != nil {
			t.Fatal(err)
		}
		back, err := Diff(b, a)
		if err != nil {
			t.Fatal(err)
		}
		for i := range back {
			back[i].Before, back[i].After = back[i].After, back[i].Before
		}
		if jsonOf(t, there) != jsonOf(t, back) {
			t.Fatalf("there\n%v\nback\n%v", there, back)
		}
		if none, err := Diff(a, a); err != nil || len(none) > 0 {
			t.Fatalf("a campaign differs from itself: %v, %v", none, err)
		}
		if !slices.IsSortedFunc(there, func(x, y Change) int { return strings.Compare(x.Path, y.Path) }) {
			t.Fatalf("not sorted: %v", there)
		}
	})
}

func TestARuleThatIsNoJSONCannotBeCompared(t *testing.T) {
	broken := &core.Campaign{ID: "drop", Ruleset: []core.Binding{{Rule: json.RawMessage("{")}}}
	if _, err := Diff(example(t), broken); err == nil {
		t.Error("no error for the new campaign")
	}
	if _, err := Diff(broken, example(t)); err == nil {
		t.Error("no error for the old campaign")
	}
	if _, err := Marshal(broken); err == nil {
		t.Error("no error for its export")
	}
}

func TestBindingsAreComparedByWhatTheyBind(t *testing.T) {
	binding := func(mechanic string, amount int) core.Binding {
		return core.Binding{Mechanic: mechanic, Config: core.Object{"amount": amount}}
	}
	plugin := func(digest string) core.Binding { return core.Binding{Plugin: digest, Group: "main"} }
	for _, tc := range []struct {
		name          string
		before, after []core.Binding
		want          []string
	}{
		{
			"another order", []core.Binding{binding("a", 1), binding("b", 2)}, []core.Binding{binding("b", 2), binding("a", 3)},
			[]string{`~ ruleset: ["a","b"] → ["b","a"]`, `~ ruleset[a].config.amount: 1 → 3`},
		},
		{
			"another plugin in the same place", []core.Binding{binding("a", 1), plugin("x")}, []core.Binding{binding("a", 1), plugin("y")},
			[]string{`~ ruleset[1].plugin: "x" → "y"`},
		},
		{
			"a plugin that moves", []core.Binding{plugin("x"), plugin("y")}, []core.Binding{plugin("y"), plugin("x")},
			[]string{`~ ruleset: ["x","y"] → ["y","x"]`},
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			changes, err := Diff(&core.Campaign{Items: []core.Item{}, Ruleset: tc.before}, &core.Campaign{Items: []core.Item{}, Ruleset: tc.after})
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, change := range changes {
				got = append(got, change.String())
			}
			if !slices.Equal(got, tc.want) {
				t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(tc.want, "\n"))
			}
		})
	}
}
