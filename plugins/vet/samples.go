package vet

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"iter"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"

	"hotdrop/core"
	"hotdrop/core/campaignfile"
)

// sample is one question to the mechanic.
type sample struct {
	name   string // words for it, for the report
	hook   core.Hook
	config core.Object
	facts  core.Facts
}

// generator makes samples. The same module, manifest and vectors give the same samples, on any machine.
type generator struct {
	manifest   *core.Manifest
	paths      []path
	parameters []parameter
	bases      map[core.Hook][]sample // the plain one, then the vectors
	seed       [sha256.Size]byte
}

// parameter is a parameter of the manifest's with its extremes.
type parameter struct {
	name   string
	values []value
}

// newGenerator returns the generator for a module with the digest.
func newGenerator(manifest *core.Manifest, vectors []campaignfile.Vector, digest string) *generator {
	g := &generator{
		manifest: manifest, paths: pathsOf(manifest, vectors), bases: map[core.Hook][]sample{}, seed: sha256.Sum256([]byte(digest)),
	}
	for _, name := range slices.Sorted(maps.Keys(manifest.Config)) {
		g.parameters = append(g.parameters, parameter{name, parameterExtremes(manifest.Config[name])})
	}
	for _, hook := range manifest.Hooks {
		name := fmt.Sprintf("an ordinary decision at %s", hook)
		g.bases[hook] = []sample{{name: name, hook: hook, config: g.plainConfig(vectors), facts: plainFacts()}}
	}
	for i, v := range vectors {
		if slices.Contains(manifest.Hooks, v.Hook) {
			g.bases[v.Hook] = append(g.bases[v.Hook], sample{vectorPlace(i, v.Name), v.Hook, v.Config, v.Facts})
		}
	}
	return g
}

func vectorPlace(i int, name string) string { return fmt.Sprintf("vectors[%d] (%s)", i, name) }

// plainConfig returns parameters that the manifest allows: its defaults, or else those of a vector, or else for every
// parameter without a default the first value that is allowed.
func (g *generator) plainConfig(vectors []campaignfile.Vector) core.Object {
	candidates := []core.Object{nil}
	for i := range vectors {
		candidates = append(candidates, vectors[i].Config)
	}
	for _, config := range candidates {
		if _, problems := g.manifest.Configure(config); problems.Err() == nil {
			return config
		}
	}
	config := core.Object{}
	for _, p := range g.parameters {
		if g.manifest.Config[p.name].Default == nil && len(p.values) > 0 {
			config[p.name] = p.values[0].v
		}
	}
	return config
}

// plainFacts are those of an ordinary order in an ordinary sale, without inputs.
func plainFacts() core.Facts {
	const opens = 1_700_000_000_000
	return core.Facts{
		Now: opens + 1_000,
		Campaign: core.CampaignFacts{
			ID: "sale", Brand: "brand", Currency: "CNY", Phase: "sale", SaleOpens: opens, SaleCloses: opens + 3_600_000,
		},
		Item:        core.ItemFacts{SKU: "phone", Price: 199_900, Stock: 1_000, Left: 600, Sold: 400},
		Quantity:    1,
		Shopper:     core.ShopperFacts{ID: "shopper-1", Tier: "gold", Tags: []string{"new"}, Region: "CN", RegisteredAt: opens - 1e9, Orders: 1},
		Reservation: core.ReservationFacts{At: opens - 1e6, Position: 100},
		Shares:      core.SharesFacts{Reposts: 3, Visitors: 12, Reservations: 1, Counted: "repost"},
		Voucher:     core.VoucherFacts{Code: "V-1", Pool: "welcome", Value: 1_000, State: "open"},
		Group:       core.GroupFacts{ID: "group-1", Size: 3, Joined: 1, ClosesAt: opens + 60_000, Leader: "shopper-1"},
		Order: core.OrderFacts{
			ID: "order-1", SKU: "phone", Total: 199_900, PaidAt: opens + 2_000, State: "shipped", Carrier: "SF", Tracking: "SF1024",
		},
		Message: core.MessageFacts{Text: "where is my order?"},
	}
}

// plain yields the plain sample of every hook.
func (g *generator) plain() iter.Seq[sample] {
	return func(yield func(sample) bool) {
		for _, hook := range g.manifest.Hooks {
			if !yield(g.bases[hook][0]) {
				return
			}
		}
	}
}

// extremes yields, for every hook, every declared fact and every parameter at every one of its extremes, the rest being
// that of the plain sample and of the first vector; then every fact of a kind at once.
func (g *generator) extremes() iter.Seq[sample] {
	return func(yield func(sample) bool) {
		for _, hook := range g.manifest.Hooks {
			for _, base := range g.bases[hook][:min(2, len(g.bases[hook]))] {
				if !g.factExtremes(base, yield) || !g.configExtremes(base, yield) || !g.together(base, yield) {
					return
				}
			}
		}
	}
}

func (g *generator) factExtremes(base sample, yield func(sample) bool) bool {
	for _, p := range g.paths {
		for _, extreme := range p.extremes() {
			if !yield(base.with(p.name+" "+extreme.words, []change{{p.name, extreme.v}})) {
				return false
			}
		}
	}
	return true
}

func (g *generator) configExtremes(base sample, yield func(sample) bool) bool {
	for _, p := range g.parameters {
		for _, extreme := range p.values {
			one := base.with("config."+p.name+" "+extreme.words, nil)
			one.config = withParameter(base.config, p.name, extreme.v)
			if !yield(one) {
				return false
			}
		}
	}
	return true
}

// together yields every fact of a kind at the same extreme.
func (g *generator) together(base sample, yield func(sample) bool) bool {
	for kind := core.ValueInteger; kind <= core.ValueList; kind++ {
		for _, extreme := range extremes(kind) {
			changes := g.all(kind, extreme.v)
			if len(changes) > 1 && !yield(base.with(fmt.Sprintf("every %s %s", kind, extreme.words), changes)) {
				return false
			}
		}
	}
	return true
}

// all gives the value to every fact that may be of the kind.
func (g *generator) all(kind core.ValueKind, v any) []change {
	var changes []change
	for _, p := range g.paths {
		if slices.Contains(p.kinds, kind) {
			changes = append(changes, change{p.name, v})
		}
	}
	return changes
}

func withParameter(config core.Object, name string, v any) core.Object {
	changed := maps.Clone(config)
	if changed == nil {
		changed = core.Object{}
	}
	changed[name] = v
	return changed
}

// generated returns generated sample i: a vector or the plain sample, with every declared fact left alone (two in five),
// at random (two in five), at an extreme or absent.
func (g *generator) generated(i int) sample {
	r := rand.New(rand.NewChaCha8(sha256.Sum256(binary.BigEndian.AppendUint64(g.seed[:], uint64(i))))) //nolint:gosec // it has to repeat
	hook := g.manifest.Hooks[r.IntN(len(g.manifest.Hooks))]
	base := g.bases[hook][r.IntN(len(g.bases[hook]))]
	var changes []change
	for _, p := range g.paths {
		kind := p.kinds[r.IntN(len(p.kinds))]
		switch r.IntN(10) {
		case 0, 1, 2, 3:
		case 4, 5, 6, 7:
			changes = append(changes, change{p.name, random(r, kind)})
		case 8:
			values := extremes(kind)
			changes = append(changes, change{p.name, values[r.IntN(len(values))].v})
		default:
			changes = append(changes, change{p.name, nil})
		}
	}
	one := base.with("", changes)
	one.name = fmt.Sprintf("generated set %d", i)
	for _, p := range g.parameters {
		if len(p.values) > 0 && r.IntN(4) == 0 {
			one.config = withParameter(one.config, p.name, p.values[r.IntN(len(p.values))].v)
		}
	}
	return one
}

// change is a fact with the value it gets; nil makes it absent.
type change struct {
	path string
	v    any
}

// with returns the sample with changed facts. The change goes through the JSON form of the facts, whose paths are those
// that manifests declare.
func (s sample) with(words string, changes []change) sample {
	s.name = words + ", else " + s.name
	if len(changes) == 0 {
		return s
	}
	text, err := json.Marshal(s.facts)
	if err != nil {
		panic(err) // facts are plain data
	}
	tree := map[string]any{}
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	if err := decoder.Decode(&tree); err != nil {
		panic(err) // it was just encoded
	}
	for _, c := range changes {
		assign(tree, c)
	}
	if text, err = json.Marshal(tree); err == nil {
		s.facts = core.Facts{}
		err = json.Unmarshal(text, &s.facts)
	}
	if err != nil {
		panic(err) // every value is of the kind of its path
	}
	return s
}

// assign sets the value at the path and, where a block is absent without another of its facts, that fact too.
func assign(tree map[string]any, c change) {
	set(tree, c.path, c.v)
	key, present := owner(c.path)
	if key == "" || key == c.path || c.v == nil {
		return
	}
	block, name, _ := strings.Cut(key, ".")
	if inner, ok := tree[block].(map[string]any); ok && (inner[name] == nil || inner[name] == "" || inner[name] == json.Number("0")) {
		inner[name] = present
	}
}

func set(tree map[string]any, path string, v any) {
	name, rest, nested := strings.Cut(path, ".")
	switch inner, ok := tree[name].(map[string]any); {
	case !nested && v == nil:
		delete(tree, name)
	case !nested:
		tree[name] = v
	case ok:
		set(inner, rest, v)
	case v != nil:
		inner = map[string]any{}
		tree[name] = inner
		set(inner, rest, v)
	}
}
