package core

import "context"

// Settle has the node look at what waits for its moment, and returns when what it does about it is done.
func (e *Engine) Settle() {
	for _, c := range *e.running.Load() {
		e.attend(c)
		<-e.changers.start(c.id, func() {})
	}
}

// SayNow has the node say that it is there.
func (e *Engine) SayNow(ctx context.Context) { e.presence.sayNow(ctx) }

// NoHolds looks through the campaign's placed orders, as many at once as page says, for one that holds stock.
func (e *Engine) NoHolds(ctx context.Context, campaign string, epoch int64, page int) (bool, error) {
	return e.noHolds(ctx, (*e.running.Load())[campaign], epoch, page)
}
