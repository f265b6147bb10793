package core

// Idle lets a test wait until this node has done what it took on in the background.
func (e *Engine) Idle() {
	for _, c := range *e.running.Load() {
		c.tasks.drain()
	}
}
