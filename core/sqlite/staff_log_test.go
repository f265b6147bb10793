package sqlite_test

import (
	"strings"
	"testing"

	"hotdrop/core"
	"hotdrop/core/storetest"
)

// beside returns a way to run statements past the store, which answers how many rows they changed.
func beside(t testing.TB, dir string) func(t testing.TB, statement string) int64 {
	t.Helper()
	db := past(t, dir)
	return func(t testing.TB, statement string) int64 {
		t.Helper()
		result, err := db.ExecContext(t.Context(), statement)
		must(t, err)
		changed, err := result.RowsAffected()
		must(t, err)
		return changed
	}
}

func TestTamperingWithTheStaffLogIsFound(t *testing.T) {
	dir := t.TempDir()
	store, exec := openMigrated(t, dir), beside(t, dir)
	exec(t, "DROP TRIGGER staff_log_keeps")
	exec(t, "DROP TRIGGER staff_log_loses_nothing")
	tampering := storetest.NewTampering(t, store, exec)
	t.Run("of each kind", tampering.RunTampering)
	t.Run("of any field", tampering.RunAnyMutation)
}

func TestRowsOfTheStaffLogStayAsTheyAre(t *testing.T) {
	dir := t.TempDir()
	store := openMigrated(t, dir)
	must(t, store.AppendStaffEntry(t.Context(), &core.StaffEntry{Actor: "staff-1", Action: "log.read"}))
	for _, statement := range []string{
		"UPDATE staff_log SET reason = 'another'", "UPDATE staff_log SET seq = NULL", "DELETE FROM staff_log",
	} {
		_, err := past(t, dir).ExecContext(t.Context(), statement)
		if err == nil || !strings.Contains(err.Error(), "the staff log is only appended to") {
			t.Errorf("%s: got the error %v", statement, err)
		}
	}
	if left := ask[int](t, dir, "SELECT count(*) FROM staff_log WHERE reason = '' AND seq = 1"); left != 1 {
		t.Errorf("%d rows are as they were", left)
	}
}
