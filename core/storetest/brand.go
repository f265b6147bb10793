package storetest

import (
	"context"
	"io/fs"
	"regexp"
	"slices"
	"strings"
	"testing"

	"hotdrop/core"
)

// withoutBrand are the statements about a table with a brand column that name no brand, each with its reason. A line that is
// not needed fails the test.
func withoutBrand() map[string]string {
	return map[string]string{
		"list_campaigns":        "a node serves all campaigns, and learns here whose each is",
		"ping":                  "asks whether the database answers, nothing else",
		"find_plugins":          "the platform reviews every brand's plugins; a brand is named for all others",
		"sweep_plugin_uploads":  "gives up the uploads that broke off, whosever they are",
		"sweep_plugin_parts":    "the same for their bytes",
		"list_staff_log":        "the log of the deployment is one chain; auditors read all of it, and a brand is named for all others",
		"list_staff_log_latest": "the same from its end",
		"scan_staff_log":        "the chain is verified whole",
		"scan_unsealed_entries": "the chain is sealed whole",
		"list_signing_keys":     "the platform reviews every brand's; a brand is named for all others",
		"staff_keys_since":      "a node lets in the staff of every brand, and learns here whose each key is",
		"count_namesakes":       "asks whether anybody of another brand is called so, and says no more than that",
		"forget_sessions":       "sessions that are over are forgotten, whosever they are",
	}
}

// CheckBrands holds the statements of a store against its migrations: what reads or changes a table that has a brand column
// names the brand, in the columns it inserts or in what it compares. Both are folders of .sql files.
func CheckBrands(t *testing.T, migrations, queries fs.FS) {
	t.Helper()
	branded, statements, used := brandedTables(t, migrations), files(t, queries), map[string]bool{}
	if len(branded) < 10 {
		t.Fatalf("the migrations have brands in %v only", branded)
	}
	for name, statement := range statements {
		for _, table := range unbranded(statement, branded) {
			used[name] = true
			if withoutBrand()[name] == "" {
				t.Errorf("%s.sql touches %s without naming the brand:\n%s", name, table, statement)
			}
		}
	}
	for name := range withoutBrand() {
		if _, ok := statements[name]; ok && !used[name] {
			t.Errorf("%s.sql needs no exception", name)
		}
	}
}

// files returns the statements by the names of their files, without comments, in one line.
func files(t *testing.T, folder fs.FS) map[string]string {
	t.Helper()
	names, err := fs.Glob(folder, "*.sql")
	must(t, err)
	statements := make(map[string]string, len(names))
	comments := regexp.MustCompile(`--[^\n]*`)
	for _, name := range names {
		text, err := fs.ReadFile(folder, name)
		must(t, err)
		statements[strings.TrimSuffix(name, ".sql")] = strings.Join(strings.Fields(comments.ReplaceAllString(string(text), "")), " ")
	}
	return statements
}

// brandedTables returns the tables that have a column brand.
func brandedTables(t *testing.T, migrations fs.FS) []string {
	t.Helper()
	created := regexp.MustCompile(`CREATE TABLE (\w+) \((.*?)\)[^,()]*;`)
	column := regexp.MustCompile(`(^|[ (,])brand +(text|TEXT)`)
	var tables []string
	for _, statement := range files(t, migrations) {
		for _, found := range created.FindAllStringSubmatch(statement, -1) {
			if column.MatchString(found[2]) {
				tables = append(tables, found[1])
			}
		}
	}
	slices.Sort(tables)
	return slices.Compact(tables)
}

// unbranded returns the tables that the statement reads or changes without naming their brand.
func unbranded(statement string, branded []string) []string {
	tables := `(` + strings.Join(branded, "|") + `)\b`
	touched := regexp.MustCompile(`\b(FROM|JOIN|UPDATE|INTO|USING) ` + tables + `(?: AS (\w+))?|(,) ` + tables + ` AS (\w+)`)
	var missing []string
	for _, found := range touched.FindAllStringSubmatch(statement, -1) {
		table, alias := found[2]+found[5], found[3]+found[6]
		if !namesBrand(statement, found[1], table, alias) {
			missing = append(missing, table)
		}
	}
	return missing
}

// namesBrand reports whether the statement names the brand of the table, which it may know by another name.
func namesBrand(statement, verb, table, alias string) bool {
	if verb == "INTO" {
		return regexp.MustCompile(`INTO ` + table + ` \([^)]*\bbrand\b[^)]*\)`).MatchString(statement)
	}
	if strings.Contains(statement, verb+" "+table+" WHERE rowid IN (SELECT") { // rows that a query found, which is looked at too
		return true
	}
	name := `(?:^|[^.\w])brand`
	if alias != "" {
		name = `\b` + alias + `\.brand`
	}
	if regexp.MustCompile(`''(?:::text)? OR ?` + name).MatchString(statement) { // only if it is asked for
		return false
	}
	return regexp.MustCompile(name + ` = |= ?` + name + `\b`).MatchString(statement)
}

const stranger = "meizu" // another brand than that of the sales

// testBrands holds a store to this: of what a campaign has, another brand finds nothing and changes nothing.
func testBrands(t *testing.T, store Store) {
	ctx := context.WithoutCancel(t.Context())
	s := openSale(t, store, map[string]int64{stock: 9})
	order, tags := s.order("ann"), document(core.DocumentTags, "ann", "ann")
	s.apply(s.plan(order))
	s.apply(s.reserve("ann"))
	s.apply(s.documents(tags))
	must(t, store.SaveSamples(ctx, []core.Sample{{Campaign: s.campaign, Brand: brand, Second: 1, Node: "a", Content: []byte("{}")}}))
	must(t, store.SaveReports(ctx, []core.Report{{Campaign: s.campaign, Brand: brand, Subject: "x", Node: "a", Content: []byte("{}")}}))
	must(t, store.AddRefusals(ctx, []*core.RefusalRecord{{Campaign: s.campaign, ID: "r", Brand: brand, At: 1, Content: []byte("{}")}}))
	theirs := core.CampaignKey{Brand: stranger, ID: s.campaign}

	t.Run("another brand finds nothing", func(t *testing.T) {
		state, err := store.Load(ctx, core.Query{
			Campaign: s.campaign, Brand: stranger, Shoppers: []string{"ann"}, Kinds: []core.DocumentKind{tags.Kind},
			Orders: []string{order.ID}, Documents: []core.DocumentKey{tags.Key()}, Counters: true, Placed: true,
		})
		must(t, err)
		found := len(state.Counters) + len(state.Shoppers) + len(state.Orders) + len(state.Documents) + len(state.Placed)
		same(t, "rows", []int64{int64(found), state.Epoch}, []int64{0, 0})
		for what, count := range map[string]func() (int, error){
			"orders due":       func() (int, error) { l, err := store.Due(ctx, theirs, 1<<62, 9); return len(l), err },
			"documents due":    func() (int, error) { l, err := store.DueDocuments(ctx, theirs, 1<<62, 9); return len(l), err },
			"orders listed":    func() (int, error) { l, err := store.ListOrders(ctx, theirs, "", "", 9); return len(l), err },
			"rollouts":         func() (int, error) { l, err := store.Rollouts(ctx, theirs, 0, 9); return len(l), err },
			"samples":          func() (int, error) { l, err := store.Samples(ctx, theirs, 0, 9); return len(l), err },
			"reports":          func() (int, error) { l, err := store.Reports(ctx, theirs, "x"); return len(l), err },
			"refusals":         func() (int, error) { l, err := store.Refusals(ctx, theirs, "", 9); return len(l), err },
			"documents listed": func() (int, error) { return s.listed(ctx, tags.Kind, stranger) },
		} {
			n, err := count()
			must(t, err)
			same(t, what, n, 0)
		}
		ruleset, err := store.Ruleset(ctx, theirs, 1)
		must(t, err)
		rollout, err := store.Rollout(ctx, theirs, 1)
		must(t, err)
		same(t, "ruleset and rollout", []bool{ruleset == nil, rollout == nil}, []bool{true, true})
		must(t, store.Quotes(ctx, theirs, "", func(core.RecordedQuote) error { t.Error("a quote"); return nil }))
		read := &book{Counters: map[string]counterRow{}}
		must(t, store.Book(ctx, theirs, read))
		same(t, "counters in the books", len(read.Counters), 0)
	})
	t.Run("another brand changes nothing", func(t *testing.T) {
		before := s.state(core.Query{Counters: true})
		gone := *tags
		gone.Revision, gone.State = 1, ""
		for name, plan := range map[string]*core.Plan{
			"an order":   s.giveBack(order),
			"a counter":  {Campaign: s.campaign, Counters: []core.Delta{{Counter: stock, Units: 1}}},
			"a document": {Campaign: s.campaign, Documents: []*core.Document{at(tags, 1)}},
			"and drops":  {Campaign: s.campaign, Documents: []*core.Document{&gone}},
		} {
			plan.Brand = stranger
			_, err := store.Apply(ctx, plan)
			if err == nil {
				t.Errorf("it changed %s", name)
			}
		}
		added := s.added(2)
		added.Brand = stranger
		wantConflict(t, store.AddRuleset(ctx, added))
		must(t, store.SaveSamples(ctx, []core.Sample{{Campaign: s.campaign, Brand: stranger, Second: 1, Node: "a", Content: []byte("[]")}}))
		must(t, store.SaveReports(ctx, []core.Report{{Campaign: s.campaign, Brand: stranger, Subject: "x", Node: "a", Content: []byte("[]")}}))
		samples, err := store.Samples(ctx, s.key(), 0, 9)
		must(t, err)
		reports, err := store.Reports(ctx, s.key(), "x")
		must(t, err)
		same(t, "samples and reports", []string{string(samples[0].Content), string(reports[0].Content)}, []string{"{}", "{}"})
		same(t, "counters", s.state(core.Query{Counters: true}), before)
		same(t, "the order", s.stored(order).State, core.OrderPlaced)
	})
}

// listed counts the documents of the kind that the brand finds.
func (s *sale) listed(ctx context.Context, kind core.DocumentKind, of string) (int, error) {
	list, err := s.ListDocuments(ctx, core.DocumentQuery{Campaign: s.campaign, Brand: of, Kind: kind, Limit: 9})
	return len(list), err
}
