package plugins

// Idle returns how many guests are instantiated and wait for a decision. Nobody may be deciding.
func (p *Plugin) Idle() int {
	idle := 0
	for range cap(p.slots) {
		g := <-p.slots
		if g != nil {
			idle++
		}
		p.slots <- g
	}
	return idle
}

// ReadSections reads a module as Load does, for the fuzzer.
func ReadSections(wasm []byte) (mutable int, err error) {
	s, err := readSections(wasm)
	return len(s.mutable), err
}
