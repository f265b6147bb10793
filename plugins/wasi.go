package plugins

import (
	"crypto/sha256"
	"encoding/binary"
	"math/rand/v2"
	"slices"
	"strconv"
	"time"

	"github.com/tetratelabs/wazero/api"

	"hotdrop/core"
	"hotdrop/plugins/abi"
)

// wasiFunctions returns what each import from WASI does. Every one of them answers from the guest and its decision
// alone, so that the same module and the same facts give the same answers on any machine.
func wasiFunctions() map[string]hostFunction {
	succeed := func(_ *guest, s []uint64) { s[0] = 0 }
	noFile := func(_ *guest, s []uint64) { s[0] = abi.ErrnoBadFile }
	return map[string]hostFunction{
		abi.ArgsGet: succeed, abi.EnvironGet: succeed, abi.SchedYield: succeed,
		abi.ArgsSizesGet: noSizes, abi.EnvironSizesGet: noSizes,
		abi.FdClose: noFile, abi.FdSeek: noFile, abi.FdFdstatGet: noFile,
		abi.ClockTimeGet: clockTimeGet, abi.RandomGet: randomGet, abi.FdWrite: fdWrite, abi.PollOneoff: pollOneoff,
		abi.ProcExit: func(_ *guest, s []uint64) {
			raise(abi.CodeFailed, "the guest exited with the code %d", api.DecodeU32(s[0]))
		},
	}
}

// noSizes answers that there are no arguments and no variables.
func noSizes(g *guest, s []uint64) {
	binary.LittleEndian.PutUint32(g.view(s[0], 4), 0)
	binary.LittleEndian.PutUint32(g.view(s[1], 4), 0)
	s[0] = 0
}

const clockRealtime = 0

// factNow is the path of the fact that the clocks show.
const factNow = "now"

// clockTimeGet shows the time only to plugins that declare it: a clock must not be a fact that no approver reads about.
func clockTimeGet(g *guest, s []uint64) {
	now := int64(0)
	if _, declared := g.plugin.facts[factNow]; declared && g.facts != nil {
		now = g.facts.Now * int64(time.Millisecond)
	}
	if api.DecodeU32(s[0]) != clockRealtime {
		now = max(now, 1)
	}
	binary.LittleEndian.PutUint64(g.view(s[2], 8), uint64(now))
	s[0] = 0
}

// generator is a guest's randomness in one decision. It is seeded when it is first asked, which few guests do.
type generator struct {
	seeded bool
	source rand.ChaCha8
}

func randomGet(g *guest, s []uint64) {
	n := api.DecodeU32(s[1])
	if n > abi.MaxString {
		s[0] = abi.ErrnoInvalid
		return
	}
	if !g.random.seeded {
		g.random.seeded = true
		g.random.source.Seed(g.seed())
	}
	_, _ = g.random.source.Read(g.view(s[0], n)) // never fails
	s[0] = 0
}

// seed hashes what the decision may depend on: the module, the hook and the declared facts. Facts that are not declared
// stay out of it, or a guest could see them change.
func (g *guest) seed() [sha256.Size]byte {
	b := append([]byte(g.plugin.manifest.Digest), 0)
	if g.facts == nil {
		return sha256.Sum256(b)
	}
	b = append(append(b, g.hook.name...), 0)
	for _, path := range slices.Sorted(slices.Values(g.plugin.manifest.Facts)) {
		b = append(append(b, path...), 0)
		b = appendValue(b, g.read(g.plugin.facts[path]))
	}
	return sha256.Sum256(b)
}

func appendValue(b []byte, v core.Value) []byte {
	b = append(b, byte(v.Kind))
	b = append(strconv.AppendInt(b, v.Int, 10), ' ')
	b = append(strconv.AppendInt(b, int64(len(v.Str)), 10), ' ')
	b = append(strconv.AppendInt(append(b, v.Str...), int64(v.Len()), 10), ' ')
	for i := range v.Len() {
		b = appendValue(b, v.At(i))
	}
	return b
}

// fdWrite logs what fits one call and says how much that was; a guest that has more to say calls again.
func fdWrite(g *guest, s []uint64) {
	if fd := api.DecodeU32(s[0]); fd != 1 && fd != 2 {
		s[0] = abi.ErrnoBadFile
		return
	}
	const vector = 8 // bytes: pointer, length
	vectors := g.view(s[1], min(api.DecodeU32(s[2]), abi.MaxVectors)*vector)
	room := uint32(abi.MaxString)
	for ; len(vectors) > 0 && room > 0; vectors = vectors[vector:] {
		n := min(binary.LittleEndian.Uint32(vectors[4:]), room)
		g.log.write(g.call, g.view(uint64(binary.LittleEndian.Uint32(vectors)), n))
		room -= n
	}
	binary.LittleEndian.PutUint32(g.view(s[3], 4), abi.MaxString-room)
	s[0] = 0
}

// The layout of poll_oneoff's subscriptions and events, bytes.
const (
	subscriptionSize = 48
	subscriptionTag  = 8
	eventSize        = 32
	eventError       = 8
	eventType        = 10
	tagClock         = 0
)

func pollOneoff(g *guest, s []uint64) {
	count := api.DecodeU32(s[2])
	if count == 0 || count > abi.MaxVectors {
		s[0] = abi.ErrnoInvalid
		return
	}
	var in [abi.MaxVectors * subscriptionSize]byte // a copy: the guest may let the two overlap
	copy(in[:], g.view(s[0], count*subscriptionSize))
	out := g.view(s[1], count*eventSize)
	clear(out)
	for i := range int(count) {
		subscription, event := in[i*subscriptionSize:], out[i*eventSize:]
		copy(event, subscription[:8]) // the guest's own mark
		event[eventType] = subscription[subscriptionTag]
		if subscription[subscriptionTag] != tagClock {
			event[eventError] = abi.ErrnoBadFile
		}
	}
	binary.LittleEndian.PutUint32(g.view(s[3], 4), count)
	s[0] = 0
}
