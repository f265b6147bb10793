package core

import "log/slog"

// RefusalLog is the log of refusals by itself, for tests of how it fills.
type RefusalLog struct{ log *refusals }

// NewRefusalLog returns a log with room for so many entries.
func NewRefusalLog(j Journal, room int) RefusalLog {
	return RefusalLog{newRefusals(j, slog.New(slog.DiscardHandler), room)}
}

// Add adds an entry, as soon as there is room.
func (r RefusalLog) Add(entry *RefusalRecord) { r.log.add(entry) }

// Stop stops the log as a node does.
func (r RefusalLog) Stop() { r.log.stop() }

// SealRecording makes the sums fit the recording, as whoever tampers with it on purpose does.
func SealRecording(r *Recording) { r.Sums = r.sums() }
