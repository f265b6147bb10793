package core

// Settle has the node look at what waits for its moment, and returns when what it does about it is done.
func (e *Engine) Settle() {
	for _, c := range *e.running.Load() {
		e.attend(c)
		<-e.changers.start(c.id, func() {})
	}
}
