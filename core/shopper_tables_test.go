package core_test

import (
	"context"
	"database/sql"
	"encoding/json"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"hotdrop/core"
)

// exportedRows are the tables that may name a shopper, with how many of their rows the export has. A new table that may has to be
// here, and in the export and the erasure.
func exportedRows(data *core.ShopperData) map[string]int {
	rows := map[string]int{"accounts": len(data.Wallet.Balances), "transfers": len(data.Wallet.Transfers)}
	for i := range data.Campaigns {
		c := &data.Campaigns[i]
		rows["claims"] += len(c.Claims)
		rows["documents"] += len(c.Documents)
		rows["orders"] += len(c.Orders)
		rows["refusals"] += len(c.Refusals)
		rows["reports"] += len(c.Reports)
		if c.Reservation != nil {
			rows["reservations"]++
		}
		if c.Arrival != nil {
			rows["arrivals"]++
		}
	}
	return rows
}

// nameless are the tables that name no shopper. The staff log has the hash of one whose data was read or erased.
func nameless() []string {
	return []string{
		"artefacts", "campaigns", "counters", "goose_db_version", "goose_lock", "nodes", "plugin_approvals", "plugin_parts", "plugin_reports",
		"plugin_senders", "plugin_uploads", "plugins", "rollouts", "rulesets", "samples", "signing_keys", "sqlite_sequence", "staff_key_revision",
		"staff_keys", "staff_log", "staff_log_head",
	}
}

// TestEveryTableIsExportedAndErasedOrNamesNoShopper walks the schema as it is: a table that nobody has thought of fails it.
func TestEveryTableIsExportedAndErasedOrNamesNoShopper(t *testing.T) {
	eachDumped(t, func(t *testing.T, s *dumped) {
		x := newEverything(t, s)
		x.waits()
		x.empties()
		before := s.dump()
		data, err := x.ShopperData(t.Context(), asked("xiaomi", officer()))
		must(t, err)
		exported := exportedRows(data)
		for table, columns := range s.tables() {
			rows, names := exported[table]
			known := names || slices.Contains(nameless(), table)
			shopper := slices.ContainsFunc(columns, func(column string) bool { return strings.Contains(column, "shopper") })
			if !known || shopper && !names {
				t.Errorf("the table %s (%s) is neither among those that name shoppers nor among those that do not",
					table, strings.Join(columns, ", "))
			}
			if kept := rowsOf(before, table, erased); kept != rows || names && rows == 0 {
				t.Errorf("%d rows of %s name the shopper, %d are exported:\n%s", kept, table, rows, linesOf(before, table))
			}
		}
		_, err = x.erase()
		must(t, err)
		if left := linesWith(s.dump(), erased); len(left) > 0 {
			t.Errorf("still there: %v", left)
		}
		x.audit()
	})
}

func TestWhoReadsAShoppersDataSaysWhy(t *testing.T) {
	eachDumped(t, func(t *testing.T, s *dumped) {
		_, e := newPayer(t, s)
		for _, reason := range []string{"", "it is " + erased} {
			request := asked("xiaomi", officer())
			request.Reason = reason
			_, err := e.ShopperData(t.Context(), request)
			wantCode(t, err, core.CodeInvalid)
		}
		_, err := e.ShopperData(t.Context(), asked("xiaomi", officer()))
		must(t, err)
		rows, err := s.StaffLogRows(t.Context(), core.LogFilter{Action: "shopper.export", Limit: 9})
		must(t, err)
		if len(rows) != 1 || rows[0].Reason != "asked for by letter 6" || rows[0].Actor != officer().ID {
			t.Errorf("the staff log has %+v", rows)
		}
	})
}

// waits lets the shopper wait in the room of another campaign.
func (x *everything) waits() {
	x.t.Helper()
	now := x.clock.now()
	_, err := x.apply(x.with(func(c *core.Campaign) {
		c.ID, c.Draws, c.Ruleset = "room", nil, nil
		c.WaitingRoom = core.WaitingRoom{PerMinute: 60, Opens: now}
		c.Phases = core.Phases{Sale: now.Add(time.Hour), Closed: now.Add(24 * time.Hour)}
	}))
	must(x.t, err)
	_, _, err = x.Join(x.t.Context(), "room", person(erased))
	must(x.t, err)
}

// rowsOf counts the rows of a table that are about the shopper: those that have the name as a value, and the kept requests and
// reports that have it somewhere.
func rowsOf(dump, table, shopper string) int {
	found := 0
	for _, line := range linesWith(linesOf(dump, table), shopper) {
		about := slices.ContainsFunc(strings.Split(strings.TrimSpace(line), "\t"), func(value string) bool {
			return value == shopper || value == core.ShopperAccount(shopper)
		})
		if about || table != "claims" && table != "documents" && table != "orders" {
			found++
		}
	}
	return found
}

func tablesSQLite(t *testing.T, dir string) map[string][]string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*.db"))
	must(t, err)
	db, err := sql.Open("sqlite", files[0])
	must(t, err)
	defer func() { _ = db.Close() }()
	var text string
	must(t, db.QueryRowContext(t.Context(), `SELECT json_group_object(name, json(columns)) FROM (
		SELECT m.name, json_group_array(c.name) AS columns FROM sqlite_master AS m JOIN pragma_table_info(m.name) AS c
		WHERE m.type = 'table' GROUP BY m.name)`).Scan(&text))
	return tablesIn(t, text)
}

func tablesPostgres(t *testing.T, url string) map[string][]string {
	t.Helper()
	connection, err := pgx.Connect(t.Context(), url)
	must(t, err)
	defer func() { _ = connection.Close(context.Background()) }()
	var text string
	must(t, connection.QueryRow(t.Context(), `SELECT json_object_agg(name, columns)::text FROM (
		SELECT table_name AS name, json_agg(column_name) AS columns FROM information_schema.columns
		WHERE table_schema = current_schema() GROUP BY table_name) AS t`).Scan(&text))
	return tablesIn(t, text)
}

func tablesIn(t *testing.T, text string) map[string][]string {
	t.Helper()
	var tables map[string][]string
	must(t, json.Unmarshal([]byte(text), &tables))
	if len(tables) < 10 {
		t.Fatalf("the tables are %s", text)
	}
	return tables
}
