package sqlite

import (
	"regexp"
	"slices"
	"strings"
	"testing"
)

// seeks matches a step of a plan that finds its rows by a key or an index, with the columns that it compares.
var seeks = regexp.MustCompile(`^SEARCH \w+ USING (?:COVERING )?(?:INDEX|PRIMARY KEY)(?: (\w+))? \((.*)\)$`)

// plan is what SQLite says of how it runs the statement, a line a step.
func (c *conn) plan(t *testing.T, statement string) []string {
	t.Helper()
	arguments := slices.Repeat([]any{""}, 20) // more than any of them takes
	var steps []string
	err := c.query(func(r *row) error {
		r.next = 3 // the column detail
		steps = append(steps, r.text())
		return nil
	}, "EXPLAIN QUERY PLAN "+statement, arguments...)
	if err != nil {
		t.Fatalf("%v in %s", err, statement)
	}
	return steps
}

// The brand stands in every statement, and none may read a table, or a campaign, from one end to the other because of it.
func TestHotStatementsSeekTheirKeys(t *testing.T) {
	s := openTest(t)
	if err := s.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	const (
		byID       = "campaign=? AND id=?"
		byDocument = "campaign=? AND kind=? AND id=?"
		ofShopper  = "campaign=? AND shopper=?"
		inDocument = "campaign=? AND kind=? AND id>? AND id<?"
	)
	for name, tt := range map[string]struct {
		statement string
		keys      []string // the columns of each search, in turn
	}{
		"load_shoppers":             {loadShoppers, []string{ofShopper, ofShopper}},
		"load_orders":               {loadOrders, []string{byID}},
		"load_documents":            {loadDocuments, []string{byDocument}},
		"load_counters":             {loadCounters, []string{"campaign=?"}},
		"load_wallet":               {loadWallet, []string{"name=?"}},
		"take":                      {take, []string{"campaign=? AND key=?"}},
		"move_order":                {moveOrder, []string{byID}},
		"swap_document":             {swapDocument, []string{byDocument}},
		"due_orders":                {dueOrders, []string{"campaign=? AND hold_until<?"}},
		"due_documents":             {dueDocuments, []string{"campaign=? AND due>? AND due<?"}},
		"list_documents":            {listDocuments, []string{inDocument}},
		"list_documents_descending": {listDocumentsDescending, []string{inDocument}},
		"list_shopper_documents":    {listShopperDocuments, []string{"campaign=? AND shopper=? AND kind=? AND id>? AND id<?"}},
	} {
		err := s.write(t.Context(), func(c *conn) error {
			var keys []string
			for _, step := range c.plan(t, tt.statement) {
				found := seeks.FindStringSubmatch(step)
				switch {
				case found != nil:
					keys = append(keys, found[2])
				case strings.HasPrefix(step, "SCAN") && step != "SCAN asked VIRTUAL TABLE INDEX 1:", strings.HasSuffix(step, "TEMP B-TREE FOR ORDER BY"):
					t.Errorf("%s: %s", name, step)
				}
			}
			if strings.Join(keys, "; ") != strings.Join(tt.keys, "; ") {
				t.Errorf("%s searches by %q, want %q", name, keys, tt.keys)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}
