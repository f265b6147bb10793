package core

import (
	"context"
	"log/slog"
)

// RefusalLog is the log of refusals by itself, for tests of how it fills.
type RefusalLog struct{ log *refusals }

// NewRefusalLog returns a log with room for so many entries, where so many more may wait.
func NewRefusalLog(j Journal, room, queue int) RefusalLog {
	return RefusalLog{newRefusals(j, slog.New(slog.DiscardHandler), room, queue)}
}

// Add adds an entry, as soon as there is room.
func (r RefusalLog) Add(ctx context.Context, entry *RefusalRecord) { r.log.add(ctx, entry) }

// Admit lets a request in, or not.
func (r RefusalLog) Admit() error { return r.log.admit() }

// Drain ends the waiting.
func (r RefusalLog) Drain() { r.log.drain() }

// Stop stops the log as a node does.
func (r RefusalLog) Stop() { r.log.stop() }

// SealRecording makes the sums fit the recording, as whoever tampers with it on purpose does.
func SealRecording(r *Recording) { r.Sums = r.sums() }

// Crowd has so many entries wait in the log of refusals.
func (e *Engine) Crowd(entries int) {
	for range entries {
		e.refusalLog.enqueue(&RefusalRecord{})
	}
}
