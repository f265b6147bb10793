package postgres

import (
	"context"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgxpool"

	"hotdrop/core/storetest"
)

var (
	// condition matches what a step of a plan compares in an index.
	condition = regexp.MustCompile(`Index Cond: (.*)`)
	// compared matches a column in it.
	compared = regexp.MustCompile(`\(?(\w+) (?:=|<|<=|>|>=) `)
)

// plan is what the server says of how it runs the statement for whatever arguments, a line a step. Tables as small as these
// it would rather read from one end to the other: it is asked what it does where that costs too much.
func plan(ctx context.Context, t *testing.T, c *pgxpool.Conn, statement string) []string {
	t.Helper()
	parameters := 0
	for strings.Contains(statement, fmt.Sprintf("$%d", parameters+1)) {
		parameters++
	}
	results, err := c.Conn().PgConn().Exec(ctx, "SET enable_seqscan = off; SET plan_cache_mode = force_generic_plan; PREPARE asked AS "+statement+
		"; EXPLAIN (COSTS OFF) EXECUTE asked ("+strings.Join(slices.Repeat([]string{"NULL"}, parameters), ", ")+"); DEALLOCATE asked").ReadAll()
	must(t, err)
	var steps []string
	for _, row := range results[3].Rows {
		steps = append(steps, string(row[0]))
	}
	return steps
}

// The brand stands in every statement, and none may read a table, or a campaign, from one end to the other because of it.
func TestHotStatementsSeekTheirKeys(t *testing.T) {
	s, err := Open(t.Context(), storetest.PostgresURL(t))
	must(t, err)
	t.Cleanup(func() { must(t, s.Close()) })
	must(t, s.Migrate(t.Context()))
	const byID, byDocument, byCounter = "campaign id", "campaign id kind", "campaign key"
	for name, tt := range map[string]struct {
		statement string
		keys      []string // the columns of each search, in turn
	}{
		"load_shoppers":             {loadShoppers, []string{"campaign shopper", "campaign shopper"}},
		"load_orders":               {loadOrders, []string{byID}},
		"load_documents":            {loadDocuments, []string{byDocument}},
		"load_counters":             {loadCounters, []string{"campaign"}},
		"load_wallet":               {loadWallet, []string{"name"}},
		"take":                      {take, []string{byCounter}},
		"lock_orders":               {lockOrders, []string{byID}},
		"lock_documents":            {lockDocuments, []string{byDocument}},
		"move_orders":               {moveOrders, []string{byID}},
		"swap_documents":            {swapDocuments, []string{byDocument}},
		"insert_orders":             {insertOrders, nil},
		"insert_claims":             {insertClaims, nil},
		"insert_documents":          {insertDocuments, nil},
		"insert_reservations":       {insertReservations, []string{byCounter}},
		"insert_arrivals":           {insertArrivals, []string{byCounter}},
		"due_orders":                {dueOrders, []string{"campaign hold_until"}},
		"due_documents":             {dueDocuments, []string{"campaign due"}},
		"list_documents":            {listDocuments, []string{byDocument}},
		"list_documents_descending": {listDocumentsDescending, []string{byDocument}},
		"list_shopper_documents":    {listShopperDocuments, []string{"campaign id kind shopper"}},
	} {
		must(t, s.with(t.Context(), func(ctx context.Context, c *pgxpool.Conn) error {
			var keys []string
			steps := plan(ctx, t, c, tt.statement)
			for _, step := range steps {
				if strings.Contains(step, "Seq Scan") {
					t.Errorf("%s: %s", name, step)
				}
				if found := condition.FindStringSubmatch(step); found != nil {
					columns := map[string]bool{}
					for _, one := range compared.FindAllStringSubmatch(found[1], -1) {
						columns[one[1]] = true
					}
					keys = append(keys, strings.Join(slices.Sorted(maps.Keys(columns)), " "))
				}
			}
			if !slices.Equal(keys, tt.keys) {
				t.Errorf("%s searches by %q, want %q\n%s", name, keys, tt.keys, strings.Join(steps, "\n"))
			}
			return nil
		}))
	}
}
