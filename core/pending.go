package core

import (
	"context"
	"errors"
)

// This file holds the place of functions that are being written: whoever writes one takes it out of here.

var errPending = errors.New("not written yet")

func enterEdit(string, string, int64, int64) (edit, Take) { return edit{}, Take{} }

func shareFacts([]*Document) SharesFacts { return SharesFacts{} }

func reservationThrough(context.Context, *campaign, string, string) (edit, []Claim, *Document, error) {
	return edit{}, nil, nil, errPending
}

// lines is to become decision.lines().
func (q *quoted) lines() []Line { return []Line{q.decision.price.line(q.item.SKU, q.decision.total)} }
