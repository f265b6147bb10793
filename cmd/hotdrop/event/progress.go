package event

import (
	"io"
	"sync"
	"sync/atomic"
	"time"

	"github.com/schollz/progressbar/v3"
)

// barInterval is how often a progress bar looks at what it follows.
const barInterval = 100 * time.Millisecond

// bar shows the progress of one phase. A nil bar shows nothing.
type bar struct {
	out  io.Writer
	name string
	base int // done in earlier slices of the phase
	of   int // of the whole phase; 0 means that there is one slice only
}

// follow shows started, which counts up to n, until stop is called.
func (b *bar) follow(n int, started *atomic.Int64) (stop func()) {
	if b == nil {
		return func() {}
	}
	line := progressbar.NewOptions(max(n, b.of), progressbar.OptionSetWriter(b.out),
		progressbar.OptionSetDescription(b.name), progressbar.OptionShowCount(), progressbar.OptionClearOnFinish(),
		progressbar.OptionSetRenderBlankState(true))
	ended := make(chan struct{})
	var drawing sync.WaitGroup
	drawing.Go(func() {
		ticker := time.NewTicker(barInterval)
		defer ticker.Stop()
		for {
			select {
			case <-ticker.C:
				_ = line.Set(b.base + min(n, int(started.Load()))) // a bar that cannot be drawn stops nothing
			case <-ended:
				_ = line.Clear()
				return
			}
		}
	})
	return func() {
		close(ended)
		drawing.Wait()
	}
}
