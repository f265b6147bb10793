package plugins

import (
	"bytes"
	"context"
	"log/slog"
)

// logbook takes what one guest logs, a bounded number of bytes in each decision.
type logbook struct {
	logger *slog.Logger
	plugin string
	most   int    // bytes of one decision, with one for the end of each line
	used   int    // bytes
	open   []byte // a line that has not ended
}

// line logs one line, as much of it as there is room for.
func (l *logbook) line(ctx context.Context, line []byte) {
	if l.used >= l.most {
		return
	}
	line = line[:min(len(line), l.most-l.used-1)]
	l.used += len(line) + 1
	if l.logger.Enabled(ctx, slog.LevelDebug) {
		l.logger.LogAttrs(ctx, slog.LevelDebug, string(line), slog.String("plugin", l.plugin))
	}
}

// write logs the lines in what a guest writes to its standard output, a piece at a time.
func (l *logbook) write(ctx context.Context, piece []byte) {
	for len(piece) > 0 {
		line, rest, ended := bytes.Cut(piece, []byte{'\n'})
		piece = rest
		l.open = append(l.open, line[:min(len(line), max(0, l.most-l.used-len(l.open)))]...)
		if ended {
			l.line(ctx, l.open)
			l.open = l.open[:0]
		}
	}
}

// flush ends a line that was not ended, and the decision.
func (l *logbook) flush(ctx context.Context) {
	if len(l.open) > 0 {
		l.line(ctx, l.open)
		l.open = l.open[:0]
	}
	l.used = 0
}
