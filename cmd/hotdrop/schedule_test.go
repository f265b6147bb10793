package main

import (
	"testing"

	"hotdrop/core"
	"hotdrop/plugins/wasm"
)

// TestTheScheduleThatIsPinnedIsTheMeters keeps two names of one thing together: core pins what it may not import.
func TestTheScheduleThatIsPinnedIsTheMeters(t *testing.T) {
	if core.FuelSchedule != wasm.Version {
		t.Errorf("orders pin the schedule %q, plugins are metered by %q", core.FuelSchedule, wasm.Version)
	}
}
