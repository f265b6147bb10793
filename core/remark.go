package core

import (
	"fmt"
	"log/slog"
	"sync"
)

// maxRemarks is how many remarks a campaign remembers to have made.
const maxRemarks = 1000

// remarks are what a campaign has told the log already, so that what happens with every order is told once.
type remarks struct {
	mu   sync.Mutex
	made map[string]int
}

// count makes the remark once more and returns how often it had been made, as far as that is remembered.
func (r *remarks) count(remark string) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	before, known := r.made[remark]
	if !known && (r.made == nil || len(r.made) >= maxRemarks) {
		r.made = map[string]int{}
	}
	r.made[remark] = before + 1
	return before
}

// remark tells the log, once under each epoch, of something that failed and that the rest went on without. It returns how
// often it has failed before.
func (c *campaign) remark(message, what string, failure error) int {
	epoch := c.snapshot.Load().record.Epoch
	before := c.remarks.count(fmt.Sprint(epoch, message, what, failure))
	if before == 0 {
		c.engine.log.Warn(message, slog.String("campaign", c.id), slog.String("what", what), slog.Any("error", failure))
	}
	return before
}

// remarkSteps tells the log of the mechanics that failed at a hook where that keeps nobody from anything.
func (c *campaign) remarkSteps(hook Hook, d *decision) {
	for i := range d.steps {
		if s := &d.steps[i]; s.outcome == outcomeSkipped {
			c.remark("a mechanic failed and is left out", string(hook)+"/"+s.manifest.Name, &MechanicError{Code: "failed", Message: s.failure})
		}
	}
}
