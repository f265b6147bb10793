package rules

import (
	"github.com/expr-lang/expr/ast"

	"hotdrop/core/money"
)

const (
	// maxNesting is how deep predicates may stand in each other.
	maxNesting = 2
	// slotsOfPredicate is what a predicate keeps in the frame: the element and its index.
	slotsOfPredicate = 2
)

// loopState is what a loop keeps while it runs.
type loopState struct {
	n     int64 // how many elements matched, the sum, or how many were looked at
	found bool
	kept  items
}

// looper takes an element and what the predicate made of it into the state; false ends the loop.
type looper func(f *frame, state *loopState, element, result value) bool

// loopKind is one of the functions that look at every element of a list.
type loopKind struct {
	want   kind // of the predicate
	visit  looper
	result func(*loopState) value
	typ    func(list, body node) typ
}

// loopTable is every loop by name.
func loopTable() map[string]loopKind {
	found := func(s *loopState) value { return boolean(s.found) }
	notFound := func(s *loopState) value { return boolean(!s.found) }
	number := func(s *loopState) value { return integer(s.n) }
	exactlyOne := func(s *loopState) value { return boolean(s.n == 1) }
	kept := func(s *loopState) value { return listOf(s.kept) }
	position := func(s *loopState) value {
		if !s.found {
			return value{}
		}
		return integer(s.n)
	}
	is := func(k kind) func(list, body node) typ {
		return func(_, _ node) typ { return typ{kind: k} }
	}
	return map[string]loopKind{
		"all":       {kindBoolean, untilFalse, notFound, is(kindBoolean)},
		"any":       {kindBoolean, untilTrue, found, is(kindBoolean)},
		"none":      {kindBoolean, untilTrue, notFound, is(kindBoolean)},
		"one":       {kindBoolean, addUp, exactlyOne, is(kindBoolean)},
		"count":     {kindBoolean, addUp, number, is(kindInteger)},
		"sum":       {kindInteger, addUp, number, is(kindInteger)},
		"findIndex": {kindBoolean, untilPosition, position, is(kindInteger)},
		"filter":    {kindBoolean, keepElement, kept, func(list, _ node) typ { return list.typ }},
		"map":       {kindAny, keepResult, kept, func(_, body node) typ { return typ{kindList, body.typ.kind} }},
	}
}

// loop compiles a loop: its list, and its predicate for each element.
func (c *compiler) loop(at ast.Node, name string, arguments []ast.Node) node {
	if len(arguments) == 0 {
		return c.report(at, "", "%s takes a list", name)
	}
	kind := loopTable()[name]
	list := c.coerce(arguments[0], c.compile(arguments[0]), kindList)
	body, slot, ok := c.body(at, arguments, list, kind.want)
	if !ok {
		return absentNode()
	}
	if k := body.typ.kind; name == "map" && (k == kindList || k == kindNil) {
		return c.report(arguments[1], "", "%s cannot be in a list", withArticle(k))
	}
	n := derived(kindAny, kind.run(list, body, slot), list)
	if n.broken = list.broken || body.broken; !n.broken {
		n.typ = kind.typ(list, body)
	}
	n.size = list.size
	n.cost = saturate(n.cost, saturate(body.cost, 1, 1), list.size)
	return n
}

// run returns the loop over the list. Each element costs the nodes of the predicate and one.
func (k loopKind) run(list, body node, slot int) eval {
	return func(f *frame) value {
		var state loopState
		elems := list.eval(f)
		for i := range elems.size() {
			if !f.spend(body.nodes + 1) {
				break
			}
			element := elems.list.item(i)
			f.slots[slot], f.slots[slot+1] = element, integer(int64(i))
			if !k.visit(f, &state, element, body.eval(f)) {
				break
			}
		}
		return k.result(&state)
	}
}

// body compiles the predicate with its element in scope; without one the elements themselves are looked at.
func (c *compiler) body(at ast.Node, arguments []ast.Node, list node, want kind) (
	body node, slot int, ok bool,
) {
	if len(c.predicates) == maxNesting {
		c.report(at, "", "predicates may be nested %d deep, not more", maxNesting)
		return node{}, 0, false
	}
	slot = c.enter()
	c.predicates = append(c.predicates, predicate{list.typ.elem, slot})
	defer func() { c.predicates = c.predicates[:len(c.predicates)-1] }()
	if len(arguments) == 1 {
		element := slotNode(slot, typ{kind: list.typ.elem}, 0, "#")
		return c.coerce(arguments[0], element, want), slot, true
	}
	at = arguments[1]
	if wrapped, ok := at.(*ast.PredicateNode); ok {
		at = wrapped.Node
	}
	return c.coerce(at, c.compile(at), want), slot, true
}

// pointer is # and #index.
func (c *compiler) pointer(at *ast.PointerNode) node {
	if len(c.predicates) == 0 {
		return c.report(at, "", "# is the element that a predicate looks at; there is none here")
	}
	inner := c.predicates[len(c.predicates)-1]
	switch at.Name {
	case "":
		return slotNode(inner.slot, typ{kind: inner.elem}, 0, "#")
	case "index":
		return slotNode(inner.slot+1, typ{kind: kindInteger}, 0, "#index")
	default:
		return c.report(at, "there are # and #index", "there is no #%s", at.Name)
	}
}

func untilFalse(_ *frame, s *loopState, _, result value) bool {
	s.found = !result.truth()
	return !s.found
}

func untilTrue(_ *frame, s *loopState, _, result value) bool {
	s.found = result.truth()
	return !s.found
}

// untilPosition counts the elements before the one that matches.
func untilPosition(_ *frame, s *loopState, _, result value) bool {
	if s.found = result.truth(); !s.found {
		s.n++
	}
	return !s.found
}

// addUp sums up integers, and counts what is true.
func addUp(f *frame, s *loopState, _, result value) bool {
	sum, err := money.Add(s.n, result.n)
	s.n = f.checked(sum, err, "the sum").n
	return err == nil
}

func keepElement(_ *frame, s *loopState, element, result value) bool {
	if result.truth() {
		s.kept = append(s.kept, element)
	}
	return true
}

func keepResult(_ *frame, s *loopState, _, result value) bool {
	s.kept = append(s.kept, result)
	return true
}
