package core_test

import (
	"context"
	"database/sql"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	_ "modernc.org/sqlite"

	"hotdrop/core/postgres"
	"hotdrop/core/sqlite"
	"hotdrop/core/storetest"
)

// dumped is a store whose tables can be read past it.
type dumped struct {
	storetest.Store

	dump   func() string              // every value of every row of every table
	tables func() map[string][]string // every table with its columns
}

// eachDumped runs the test on both stores.
func eachDumped(t *testing.T, test func(t *testing.T, s *dumped)) {
	t.Run("sqlite", func(t *testing.T) {
		dir := t.TempDir()
		s, err := sqlite.Open(t.Context(), dir)
		must(t, err)
		t.Cleanup(func() { _ = s.Close() })
		must(t, s.Migrate(t.Context()))
		test(t, &dumped{
			s, func() string { return dumpSQLite(t, dir) }, func() map[string][]string { return tablesSQLite(t, dir) },
		})
	})
	t.Run("postgres", func(t *testing.T) {
		url := storetest.PostgresURL(t)
		s, err := postgres.Open(t.Context(), url)
		must(t, err)
		t.Cleanup(func() { _ = s.Close() })
		must(t, s.Migrate(t.Context()))
		test(t, &dumped{
			s, func() string { return dumpPostgres(t, url) }, func() map[string][]string { return tablesPostgres(t, url) },
		})
	})
}

func dumpSQLite(t *testing.T, dir string) string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*.db"))
	must(t, err)
	if len(files) != 1 {
		t.Fatalf("the databases are %v", files)
	}
	db, err := sql.Open("sqlite", files[0])
	must(t, err)
	defer func() { _ = db.Close() }()
	rows, err := db.QueryContext(t.Context(), "SELECT name FROM sqlite_master WHERE type = 'table'")
	must(t, err)
	defer func() { must(t, rows.Close()) }()
	var tables []string
	for rows.Next() {
		var name string
		must(t, rows.Scan(&name))
		tables = append(tables, name)
	}
	must(t, rows.Err())
	var text strings.Builder
	for _, table := range tables {
		rows, err := db.QueryContext(t.Context(), `SELECT * FROM "`+table+`"`) //nolint:unqueryvet,sqlclosecheck // a dump has every column; reading to the end closes it
		must(t, err)
		columns, err := rows.Columns()
		must(t, err)
		for rows.Next() {
			values, targets := make([]any, len(columns)), make([]any, len(columns))
			for i := range values {
				targets[i] = &values[i]
			}
			must(t, rows.Scan(targets...))
			writeRow(&text, table, values)
		}
		must(t, rows.Err())
	}
	return text.String()
}

func dumpPostgres(t *testing.T, url string) string {
	t.Helper()
	connection, err := pgx.Connect(t.Context(), url)
	must(t, err)
	defer func() { _ = connection.Close(context.Background()) }()
	rows, err := connection.Query(t.Context(), "SELECT table_name FROM information_schema.tables WHERE table_schema = current_schema()")
	must(t, err)
	tables, err := pgx.CollectRows(rows, pgx.RowTo[string])
	must(t, err)
	var text strings.Builder
	for _, table := range tables {
		rows, err := connection.Query(t.Context(), "SELECT * FROM "+pgx.Identifier{table}.Sanitize()) //nolint:unqueryvet // a dump has every column
		must(t, err)
		for rows.Next() {
			values, err := rows.Values()
			must(t, err)
			writeRow(&text, table, values)
		}
		must(t, rows.Err())
	}
	return text.String()
}

func writeRow(text *strings.Builder, table string, values []any) {
	text.WriteString(table)
	for _, v := range values {
		if b, ok := v.([]byte); ok {
			v = string(b)
		}
		_, _ = fmt.Fprintf(text, "\t%v", v)
	}
	text.WriteString("\n")
}

// linesWith are the lines of a dump that have the text.
func linesWith(dump, text string) []string {
	var found []string
	for line := range strings.Lines(dump) {
		if strings.Contains(line, text) {
			found = append(found, line)
		}
	}
	return found
}

// linesOf are the lines of one table of a dump.
func linesOf(dump, table string) string {
	return strings.Join(slices.Collect(func(yield func(string) bool) {
		for line := range strings.Lines(dump) {
			if strings.HasPrefix(line, table+"\t") && !yield(line) {
				return
			}
		}
	}), "")
}
