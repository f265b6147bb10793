package storetest

import (
	"os"
	"slices"
	"strings"
	"testing"
)

// Missing ends a test that cannot have what it needs: loudly, or as a failure when the comma-separated list in
// HOTDROP_REQUIRE names it.
func Missing(t testing.TB, what string, reason error) {
	t.Helper()
	if slices.Contains(strings.Split(os.Getenv("HOTDROP_REQUIRE"), ","), what) {
		t.Fatalf("HOTDROP_REQUIRE asks for %s: %v", what, reason)
	}
	t.Skipf("NOT TESTED, for want of %s: %v", what, reason)
}
