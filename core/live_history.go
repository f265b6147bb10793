package core

import (
	"context"
	"time"
)

const (
	// historyPage is how many rows of a campaign's history are read at a time to tell what was in force in past seconds.
	historyPage = 100
	// liveYoung is how many of the last complete seconds the nodes and guards are told of as they stand: as long as a node that
	// is gone counts as there.
	liveYoung = int64(nodeLost / time.Second)
)

// liveHistory is every change of a campaign that was in force within the last liveReach seconds, the newest first. It never
// changes once it is there.
type liveHistory []RolloutEntry

// at returns the row that was in force at the end of the second; nil if there was no campaign yet.
func (h liveHistory) at(second int64) *RolloutEntry {
	end := (second + 1) * 1000
	for i := range h {
		if h[i].At < end {
			return &h[i]
		}
	}
	return nil
}

// current reports whether nothing has changed since the history was read.
func (h liveHistory) current(record *CampaignRecord) bool {
	return len(h) > 0 && h[0].Revision == record.Revision
}

// liveHistory returns the campaign's. It asks the store once for each revision, and only for what is newer than known.
func (c *campaign) liveHistory(ctx context.Context, record *CampaignRecord, known liveHistory) (liveHistory, error) {
	if known.current(record) {
		return known, nil
	}
	var rows liveHistory
	oldest := (c.engine.now().Unix() - liveReach - liveAhead) * 1000
	for below := record.Revision + 1; ; below = rows[len(rows)-1].Revision {
		page, err := c.engine.campaigns.Rollouts(ctx, c.key(), below, historyPage)
		if err != nil {
			return nil, storeError(err)
		}
		for i := range page {
			if len(known) > 0 && page[i].Revision <= known[0].Revision {
				return append(rows, known.since(oldest)...), nil
			}
			rows = append(rows, page[i])
			if page[i].At < oldest {
				return rows, nil
			}
		}
		if len(page) < historyPage {
			return rows, nil
		}
	}
}

// since returns the rows that were in force at the instant (Unix milliseconds) or later.
func (h liveHistory) since(instant int64) liveHistory {
	for i := range h {
		if h[i].At < instant {
			return h[:i+1]
		}
	}
	return h
}
