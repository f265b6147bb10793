package event

import (
	"context"
	"os"
	"os/signal"
	"syscall"
	"testing"

	"go.uber.org/goleak"

	"hotdrop/core/drawing"
)

// asFloor makes the test binary be the floor, so that it can be a child process without a build of its own. Children
// inherit variables of this prefix.
const asFloor = "HOTDROP_TEST_FLOOR"

func TestMain(m *testing.M) {
	if os.Getenv(asFloor) != "" {
		os.Exit(beFloor(os.Args))
	}
	goleak.VerifyTestMain(m)
}

// beFloor runs `event floor …` and `draw verify -` as the binary would, and returns the exit code.
func beFloor(args []string) int {
	if args[1] == "draw" {
		record, err := drawing.Parse(os.Stdin)
		if err != nil || len(record.Verify()) > 0 {
			return 1
		}
		return 0
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	group := Command(Tools{Modules: junk})
	group.AddCommand(FloorCommand())
	group.SetArgs(args[2:])
	if err := group.ExecuteContext(ctx); err != nil {
		return 1
	}
	return 0
}
