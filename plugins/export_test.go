package plugins

import (
	"crypto/sha256"
	"encoding/hex"
	"path/filepath"
)

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

// Sealed reports whether a cache in the entry's folder would use the entry for the module of its name.
func Sealed(entry string, key []byte) bool {
	sum, err := hex.DecodeString(filepath.Base(entry))
	d := &diskCache{filepath.Dir(entry), key}
	return err == nil && d.read(entry, [sha256.Size]byte(sum)) != nil
}

// Forge returns an entry for the module of the entry's name with a body that was taken from another, sealed under the key.
func Forge(entry string, key, body []byte) []byte {
	sum, _ := hex.DecodeString(filepath.Base(entry)) // it is in its place
	d := &diskCache{filepath.Dir(entry), key}
	return append(d.seal([sha256.Size]byte(sum), body), body...)
}
