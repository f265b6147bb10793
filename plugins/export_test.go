package plugins

// Idle returns how many guests are instantiated and wait for a decision.
func (p *Plugin) Idle() int {
	p.guests.mu.Lock()
	defer p.guests.mu.Unlock()
	return len(p.guests.idle)
}

// CacheFolder returns where the host keeps compiled code.
func (h *Host) CacheFolder() string { return h.disk.folder }

// RuntimeVersion is the runtime's version that is part of the cache's folder.
const RuntimeVersion = runtimeVersion
