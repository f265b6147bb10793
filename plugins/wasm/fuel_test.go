package wasm

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
	"testing"
)

// TestTheScheduleBelongsToItsVersion fails when an instruction's cost changes: then Version has to change with the
// digest here.
func TestTheScheduleBelongsToItsVersion(t *testing.T) {
	var schedule strings.Builder
	for _, op := range allOpcodes() {
		fmt.Fprintln(&schedule, op, uint16(op), cost(op), dynamicCost(op))
	}
	fmt.Fprintln(&schedule, costPlain, costCall, costBranchTable, costCallIndirect, costGrow, costSoil, bulkShift, pageShift, entryShift)
	sum := sha256.Sum256([]byte(schedule.String()))
	digests := map[string]string{"1": "f0de6b250f45cdae", "2": "d68276c040316cfc"}
	if got := hex.EncodeToString(sum[:8]); digests[Version] != got {
		t.Errorf("the schedule of version %s is %s, not %s", Version, got, digests[Version])
	}
}

func TestTheScheduleIsTheOneThatIsDocumented(t *testing.T) {
	for _, op := range allOpcodes() {
		if cost(op) != price(op) {
			t.Errorf("%s costs %d, documented are %d", op, cost(op), price(op))
		}
	}
}
