package core

import (
	"cmp"
	"maps"
	"slices"
)

// Naming is what a mechanic may implement beside [Mechanic] where it is known, without any facts, what of the campaign its
// effects will name. A campaign that lacks one of these is refused when its file is applied, and not when a shopper orders.
type Naming interface {
	// Names returns what the effects name that the mechanic may ask for. What no facts can make it ask for is left out, and
	// so is what depends on facts.
	Names() []Name
}

// Name is something of a campaign that an effect names: a quota, a voucher pool, a draw, a template or an item.
type Name struct {
	Kind EffectKind
	Name string
	Path string // where it is written, relative to the binding: rule.then[0].grant.pool, config.pool, mechanic
}

// checkNames adds what the binding's mechanic will name that the campaign does not have, each once where it is written.
func (b *bound) checkNames(path string, c *Campaign, problems *Problems) {
	mechanic, ok := b.mechanic.(Naming)
	if !ok {
		return
	}
	known := map[Name]struct{}{}
	for _, name := range mechanic.Names() {
		if _, repeated := known[name]; !repeated && !problems.full() {
			name.check(path+"."+name.Path, c, problems)
		}
		known[name] = struct{}{}
	}
}

// check adds what is wrong with the name, and the nearest name that there is.
func (n *Name) check(path string, c *Campaign, problems *Problems) {
	e := Effect{Kind: n.Kind, Name: n.Name}
	problem := e.absence(c)
	if problem == "" {
		return
	}
	problems.addHint(path, n.hint(c, problems), "%s: %s", n.Kind, problem)
}

// hint is the nearest name that the campaign has, or where it would declare this one.
func (n *Name) hint(c *Campaign, problems *Problems) string {
	there := n.Kind.names(c)
	return cmp.Or(hintFor(problems, n.Name, there.names), "declare it under "+there.key)
}

// declared are the things of one kind that a campaign declares.
type declared struct {
	what  string   // one of them
	key   string   // of the campaign file
	names []string // sorted
}

// names returns what effects of the kind may name of the campaign; the zero value for those that name nothing of it.
func (k EffectKind) names(c *Campaign) declared {
	switch k { //nolint:exhaustive // the effects that name something of the campaign file
	case EffectTake:
		return declared{"quota", "quotas", slices.Sorted(maps.Keys(c.Quotas))}
	case EffectGrant:
		return declared{"voucher pool", "voucher_pools", slices.Sorted(maps.Keys(c.VoucherPools))}
	case EffectEnter:
		return declared{"draw", "draws", slices.Sorted(maps.Keys(c.Draws))}
	case EffectNotify:
		return declared{"template", "templates", slices.Sorted(maps.Keys(c.Templates))}
	case EffectAdd:
		var skus []string
		for i := range c.Items {
			skus = append(skus, c.Items[i].SKU)
		}
		return declared{"item", "items", skus}
	default:
		return declared{}
	}
}
