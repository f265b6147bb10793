package core

import (
	"errors"
)

// This file holds the place of functions that are being written: whoever writes one takes it out of here.

var errPending = errors.New("not written yet")

// lines is to become decision.lines().
func (q *quoted) lines() []Line { return []Line{q.decision.price.line(q.item.SKU, q.decision.total)} }
