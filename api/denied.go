package api

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"hotdrop/core"
)

const (
	// deniedWindow is how long refusals are counted before the count begins anew.
	deniedWindow = time.Minute
	// deniedLines is how many refusals of one person are logged within a window.
	deniedLines = 10
	// deniedPeople is how many people's refusals are logged within a window.
	deniedPeople = 1000
)

// deniedStaff logs what people of the staff tried and may not do: by the table of permissions, or because somebody else has to
// agree. The staff log has what was done; this is what was not. A line has who, what and from where, and nothing of what was
// sent. How many lines there are is bounded, whatever a program tries.
type deniedStaff struct {
	log *slog.Logger
	now func() time.Time

	mu     sync.Mutex
	began  time.Time      // the window
	lines  map[string]int // in it, by person
	unsaid int            // in it, beyond the bounds
}

func newDeniedStaff(log *slog.Logger) *deniedStaff {
	return &deniedStaff{log: log, now: time.Now, lines: map[string]int{}}
}

// note logs the problem if it is such a refusal of somebody of the staff.
func (d *deniedStaff) note(ctx context.Context, operation string, problem *Problem) {
	who := principalOf(ctx)
	refused := problem.Code == CodeForbidden || problem.Code == core.CodeApprovalRequired
	if !refused || who.ID == "" || who.Role == core.RoleShopper {
		return
	}
	said, unsaid := d.count(who.ID)
	if unsaid > 0 {
		d.log.WarnContext(ctx, "staff was refused more often than is logged", "refusals", unsaid)
	}
	if said {
		d.log.WarnContext(ctx, "staff was refused", "person", who.ID, "role", who.Role, "brand", who.Brand, "credential", who.Credential,
			"operation", operation, "code", problem.Code, "address", who.Address)
	}
}

// count counts a refusal of the person. It reports whether there is a line for it, and how many had none in the window that is
// over by it.
func (d *deniedStaff) count(person string) (said bool, unsaid int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if now := d.now(); now.Sub(d.began) >= deniedWindow {
		unsaid, d.unsaid = d.unsaid, 0
		d.began = now
		clear(d.lines)
	}
	if _, known := d.lines[person]; d.lines[person] == deniedLines || !known && len(d.lines) == deniedPeople {
		d.unsaid++
		return false, unsaid
	}
	d.lines[person]++
	return true, unsaid
}
