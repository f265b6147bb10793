package plugins

import (
	"maps"
	"slices"

	"hotdrop/core"
	"hotdrop/core/campaignfile"
	"hotdrop/plugins/abi"
	"hotdrop/plugins/wasm"
)

// Limits are what one plugin may use up. They are the platform's to grant, never the module's to ask for.
type Limits struct {
	Fuel        int64  `json:"fuel"`         // of one decision
	StartFuel   int64  `json:"start_fuel"`   // of the initialisation, which runs once, when the plugin is loaded
	MemoryBytes int64  `json:"memory_bytes"` // of one guest; counted in whole pages of 64 KiB
	Depth       uint32 `json:"depth"`        // of calls within one another, where functions call each other in circles
	Effects     int    `json:"effects"`      // of one decision
	LogBytes    int    `json:"log_bytes"`    // of one decision, with one for the end of each line
	ModuleBytes int64  `json:"module_bytes"` // of the uploaded module
}

// DefaultLimits suit plugins in C, Rust and AssemblyScript: 1 M fuel is roughly a millisecond.
func DefaultLimits() Limits {
	return Limits{
		Fuel: 1_000_000, StartFuel: 1_000_000, MemoryBytes: abi.MaxMemoryPages * pageSize, Depth: 512,
		Effects: abi.MaxEffects, LogBytes: abi.MaxLogBytes, ModuleBytes: 1 << 20,
	}
}

// GoLimits suit plugins in Go, whose runtime is in every module and initialises itself.
func GoLimits() Limits {
	l := DefaultLimits()
	l.StartFuel, l.MemoryBytes, l.ModuleBytes = 20_000_000, 8<<20, 4<<20
	return l
}

// pages is how many pages of memory a guest may have.
func (l *Limits) pages() int { return int(l.MemoryBytes / pageSize) }

// shape is what the decoder accepts of a module under these limits. Whoever is granted a larger module carries a
// language's runtime in it, which has more of everything.
func (l *Limits) shape() wasm.Limits {
	shape := wasm.DefaultLimits()
	if l.ModuleBytes > int64(shape.Module) {
		shape = wasm.LargeLimits()
	}
	shape.Module, shape.MemoryPages = int(l.ModuleBytes), l.pages()
	return shape
}

// bounds are what a policy may grant: beyond them a single plugin could hold up a node whatever it is trusted with, and
// more effects or longer modules than the engine and the registry take would be granted in vain.
func bounds() (least, most Limits) {
	least = Limits{Fuel: 1, StartFuel: 1, Depth: 1, ModuleBytes: 8}
	most = Limits{
		Fuel: 1_000_000_000, StartFuel: 1_000_000_000, MemoryBytes: 256 << 20, Depth: wasm.MaxDepth,
		Effects: abi.MaxEffects, LogBytes: 1 << 20, ModuleBytes: core.MaxPluginBytes,
	}
	return least, most
}

// check adds a problem for every limit outside the bounds.
func (l *Limits) check(path string, problems *core.Problems) {
	least, most := bounds()
	value, low, high := l.fields(), least.fields(), most.fields()
	for _, name := range slices.Sorted(maps.Keys(value)) {
		if value[name] < low[name] || value[name] > high[name] {
			problems.Add(path+"."+name, "is %d, must be %d to %d", value[name], low[name], high[name])
		}
	}
}

func (l *Limits) fields() map[string]int64 {
	return map[string]int64{
		"fuel": l.Fuel, "start_fuel": l.StartFuel, "memory_bytes": l.MemoryBytes, "depth": int64(l.Depth),
		"effects": int64(l.Effects), "log_bytes": int64(l.LogBytes), "module_bytes": l.ModuleBytes,
	}
}

// Policy is what the platform grants: to every plugin, and to single ones by digest ("sha256:…").
type Policy struct {
	Defaults Limits            `json:"defaults"`
	Plugins  map[string]Limits `json:"plugins,omitempty"`
}

// DefaultPolicy grants every plugin the default limits.
func DefaultPolicy() *Policy { return &Policy{Defaults: DefaultLimits()} }

// For returns the limits of the plugin with the digest.
func (p *Policy) For(digest string) Limits {
	if own, granted := p.Plugins[digest]; granted {
		return own
	}
	return p.Defaults
}

// ParsePolicy reads a policy file:
//
//	defaults: {fuel: 2000000}
//	plugins:
//	  sha256:…: {toolchain: go, log_bytes: 0}
//
// A limit that defaults does not set is that of [DefaultLimits]; one that a plugin does not set is that of the file's
// defaults, or of [GoLimits] if its toolchain is go. The error is a [*core.Problems] with places in the file.
func ParsePolicy(text []byte) (*Policy, error) {
	written := struct {
		Defaults Limits           `json:"defaults,omitzero"`
		Plugins  map[string]grant `json:"plugins,omitempty"`
	}{Defaults: DefaultLimits()}
	file, err := campaignfile.Decode(text, &written)
	if err != nil {
		return nil, err
	}
	problems := &core.Problems{}
	p := &Policy{Defaults: written.Defaults, Plugins: make(map[string]Limits, len(written.Plugins))}
	p.Defaults.check("defaults", problems)
	for _, digest := range slices.Sorted(maps.Keys(written.Plugins)) {
		path := "plugins." + digest
		if !isDigest(digest) {
			problems.Add(path, "is not a digest: sha256: and 64 hexadecimal digits")
		}
		g := written.Plugins[digest]
		own := g.limits(p.Defaults, path, problems)
		own.check(path, problems)
		p.Plugins[digest] = own
	}
	file.Locate(problems)
	if err := problems.Err(); err != nil {
		return nil, err
	}
	return p, nil
}

// grant is what a policy file says of one plugin.
type grant struct {
	Toolchain   string  `json:"toolchain,omitempty"`
	Fuel        *int64  `json:"fuel,omitempty"`
	StartFuel   *int64  `json:"start_fuel,omitempty"`
	MemoryBytes *int64  `json:"memory_bytes,omitempty"`
	Depth       *uint32 `json:"depth,omitempty"`
	Effects     *int    `json:"effects,omitempty"`
	LogBytes    *int    `json:"log_bytes,omitempty"`
	ModuleBytes *int64  `json:"module_bytes,omitempty"`
}

func (g *grant) limits(l Limits, path string, problems *core.Problems) Limits {
	switch g.Toolchain {
	case "":
	case "go":
		l = GoLimits()
	default:
		problems.Add(path+".toolchain", "is %q; only go is granted more than the defaults", g.Toolchain)
	}
	take(&l.Fuel, g.Fuel)
	take(&l.StartFuel, g.StartFuel)
	take(&l.MemoryBytes, g.MemoryBytes)
	take(&l.Depth, g.Depth)
	take(&l.Effects, g.Effects)
	take(&l.LogBytes, g.LogBytes)
	take(&l.ModuleBytes, g.ModuleBytes)
	return l
}

func take[T any](to, from *T) {
	if from != nil {
		*to = *from
	}
}

func isDigest(s string) bool {
	const prefix = "sha256:"
	if len(s) != len(prefix)+64 || s[:len(prefix)] != prefix {
		return false
	}
	for _, c := range s[len(prefix):] {
		if (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}
