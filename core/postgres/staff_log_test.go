package postgres_test

import (
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"hotdrop/core"
	"hotdrop/core/storetest"
)

// beside returns a way to run statements past the store, which answers how many rows they changed.
func beside(t testing.TB, url string) func(t testing.TB, statement string) int64 {
	t.Helper()
	connection, err := pgx.Connect(t.Context(), url)
	must(t, err)
	t.Cleanup(func() { _ = connection.Close(t.Context()) })
	return func(t testing.TB, statement string) int64 {
		t.Helper()
		changed, err := connection.Exec(t.Context(), statement)
		must(t, err)
		return changed.RowsAffected()
	}
}

func TestTamperingWithTheStaffLogIsFound(t *testing.T) {
	url := storetest.PostgresURL(t)
	store, exec := openMigrated(t, url), beside(t, url)
	exec(t, "DROP RULE staff_log_keeps ON staff_log")
	exec(t, "DROP RULE staff_log_loses_nothing ON staff_log")
	tampering := storetest.NewTampering(t, store, exec)
	t.Run("of each kind", tampering.RunTampering)
	t.Run("of any field", tampering.RunAnyMutation)
}

func TestRowsOfTheStaffLogStayAsTheyAre(t *testing.T) {
	url := storetest.PostgresURL(t)
	store := openMigrated(t, url)
	must(t, store.AppendStaffEntry(t.Context(), &core.StaffEntry{Actor: "staff-1", Action: "log.read"}))
	connection, err := pgx.Connect(t.Context(), url)
	must(t, err)
	defer func() { must(t, connection.Close(t.Context())) }()
	for _, statement := range []string{
		"UPDATE staff_log SET reason = 'another'", "UPDATE staff_log SET seq = NULL", "DELETE FROM staff_log",
	} {
		_, err := connection.Exec(t.Context(), statement)
		if err == nil || !strings.Contains(err.Error(), "the staff log is only appended to: row 1 stays") {
			t.Errorf("%s: got the error %v", statement, err)
		}
	}
	if left := ask[int](t, url, "SELECT count(*) FROM staff_log WHERE reason = '' AND seq = 1"); left != 1 {
		t.Errorf("%d rows are as they were", left)
	}
}
