package rules

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/expr-lang/expr/ast"

	"hotdrop/core"
)

// assumedItems is how many elements a list of the facts is taken to have when the cost of a rule is estimated; the
// steps that a decision really takes are counted when it runs.
const assumedItems = 32

// blocks are the names that facts begin with.
func (c *compiler) blocks() []string {
	names := map[string]struct{}{"quota": {}, "input": {}, keyConfig: {}}
	for path := range c.types {
		block, _, _ := strings.Cut(path, ".")
		names[block] = struct{}{}
	}
	return slices.Sorted(maps.Keys(names))
}

// identifier reads a variable or a fact without a dot.
func (c *compiler) identifier(at *ast.IdentifierNode) node {
	if v := c.variable(at.Value); v != nil {
		return slotNode(v.slot, v.typ, v.size, at.Value)
	}
	return c.fact(at, at.Value)
}

func (c *compiler) variable(name string) *variable {
	for i := len(c.variables) - 1; i >= 0; i-- {
		if c.variables[i].name == name {
			return &c.variables[i]
		}
	}
	return nil
}

// slot reads what the frame keeps.
func slotNode(slot int, t typ, size int64, name string) node {
	return node{
		typ: t, size: size, cost: 1, nodes: 1, text: name,
		eval: func(f *frame) value { return f.slots[slot] },
	}
}

// member reads a dotted fact, or an element of a list.
func (c *compiler) member(at *ast.MemberNode) node {
	if path, ok := c.dotted(at); ok {
		return c.fact(at, path)
	}
	if _, isName := at.Property.(*ast.StringNode); isName {
		if base := c.compile(at.Node); base.broken {
			return base
		}
		return c.report(at, "", "%s has no fields", at.Node.String())
	}
	return c.element(at)
}

// dotted returns the path that the node spells, if it begins with a block of the facts.
func (c *compiler) dotted(at ast.Node) (string, bool) {
	switch n := at.(type) {
	case *ast.IdentifierNode:
		return n.Value, c.variable(n.Value) == nil
	case *ast.ChainNode:
		return c.dotted(n.Node)
	case *ast.MemberNode:
		name, isName := n.Property.(*ast.StringNode)
		if !isName {
			return "", false
		}
		prefix, ok := c.dotted(n.Node)
		return prefix + "." + name.Value, ok
	default:
		return "", false
	}
}

// fact reads the fact at the path.
func (c *compiler) fact(at ast.Node, path string) node {
	block, name, nested := strings.Cut(path, ".")
	if t, known := c.types[path]; known {
		return c.lookup(path, t)
	}
	switch {
	case block == keyConfig && nested:
		return c.parameter(at, name)
	case block == "quota" && core.KnownFact(path):
		return c.lookup(path, typ{kind: kindInteger})
	case block == "input" && core.KnownFact(path):
		return c.input(path)
	default:
		return c.unknown(at, path, block)
	}
}

// unknown reports a name that is none, with the nearest that is.
func (c *compiler) unknown(at ast.Node, path, block string) node {
	if slices.Contains(c.blocks(), path) {
		return c.report(at, c.contents(path), "%s is a group of facts; name one of them", path)
	}
	return c.report(at, c.nearest(path, block), "there is no %s", path)
}

// nearest suggests a fact, a variable or a parameter.
func (c *compiler) nearest(path, block string) string {
	for _, candidate := range slices.Sorted(maps.Keys(c.types)) {
		if strings.HasSuffix(candidate, "."+path) {
			return didYouMean(candidate)
		}
	}
	if block != path && slices.Contains(c.blocks(), block) {
		if nearest := core.Nearest(strings.TrimPrefix(path, block+"."), c.names(block)); nearest != "" {
			return didYouMean(block + "." + nearest)
		}
		return c.contents(block)
	}
	known := c.blocks()
	for _, v := range c.variables {
		known = append(known, v.name)
	}
	if nearest := core.Nearest(block, known); nearest != "" {
		return didYouMean(nearest + strings.TrimPrefix(path, block))
	}
	return "facts begin with " + strings.Join(c.blocks(), ", ")
}

// names returns the names of a block's facts, sorted; none for those that a campaign or a binding brings.
func (c *compiler) names(block string) []string {
	var names []string
	for path := range c.types {
		if name, ok := strings.CutPrefix(path, block+"."); ok {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// contents is the hint that lists a block's facts.
func (c *compiler) contents(block string) string {
	names := c.names(block)
	if len(names) == 0 {
		return ""
	}
	return fmt.Sprintf("%s has %s", block, strings.Join(names, ", "))
}

func didYouMean(name string) string { return fmt.Sprintf("did you mean %s?", name) }

// lookup reads a fact through the one definition of the vocabulary.
func (c *compiler) lookup(path string, t typ) node {
	c.read[path] = struct{}{}
	n := node{
		typ: t, cost: 1, nodes: 1, text: path,
		eval: func(f *frame) value { return factValue(f.facts.Lookup(path)) },
	}
	if t.kind == kindList || t.kind == kindAny {
		n.size = assumedItems
	}
	return n
}

// input reads what the shopper submitted. A group of inputs is not a value: comparing one would always say absent.
func (c *compiler) input(path string) node {
	n := c.lookup(path, typ{})
	_, name, _ := strings.Cut(path, ".")
	if strings.Contains(name, ".") {
		return n
	}
	read := n.eval
	n.eval = func(f *frame) value {
		if _, isGroup := f.facts.Input[name].(core.Object); isGroup {
			return f.fail("failed", "%s is a group of inputs; name one of them", path)
		}
		return read(f)
	}
	return n
}

// parameter reads the binding's config, which is known when the rule is compiled.
func (c *compiler) parameter(at ast.Node, name string) node {
	param, known := c.params[name]
	if !known {
		hint := ""
		if nearest := core.Nearest(name, slices.Sorted(maps.Keys(c.params))); nearest != "" {
			hint = didYouMean("config." + nearest)
		}
		return c.report(at, hint, "config declares no %s", name)
	}
	c.read["config."+name] = struct{}{}
	v := configValue(c.config[name])
	return node{
		typ: paramType(param), size: int64(v.size()), cost: 1, nodes: 1, text: "config." + name,
		eval: func(*frame) value { return v },
	}
}

// element reads list[i]; a negative index counts from the end.
func (c *compiler) element(at *ast.MemberNode) node {
	if block, ok := at.Node.(*ast.IdentifierNode); ok && slices.Contains(c.blocks(), block.Value) {
		return c.report(at.Property, "", "the name of a fact must be spelled out")
	}
	list := c.coerce(at.Node, c.compile(at.Node), kindList)
	index := c.coerce(at.Property, c.compile(at.Property), kindInteger)
	source := at.String()
	run := func(f *frame) value {
		elems, i := list.eval(f), index.eval(f).n
		size := int64(elems.size())
		if i < 0 {
			i += size
		}
		if i < 0 || i >= size {
			return f.fail("failed", "%s: the list has %d elements", source, size)
		}
		return elems.list.item(int(i))
	}
	return derived(list.typ.elem, run, list, index)
}

// array is a list that the rule spells out, or computes element by element.
func (c *compiler) array(at *ast.ArrayNode) node {
	elems := make([]node, len(at.Nodes))
	elem := kindAny
	for i, element := range at.Nodes {
		elems[i] = c.compile(element)
		unified, ok := unify(elem, elems[i].typ.kind)
		if i > 0 && !ok {
			return c.report(element, "", "the elements of a list are of one type")
		}
		elem = unified
		if i == 0 {
			elem = elems[i].typ.kind
		}
		if k := elems[i].typ.kind; k == kindList || k == kindNil {
			return c.report(element, "", "%s cannot be in a list", withArticle(k))
		}
	}
	run := func(f *frame) value {
		list := make(items, len(elems))
		for i := range elems {
			list[i] = elems[i].eval(f)
		}
		return listOf(list)
	}
	n := derived(kindList, run, elems...)
	n.typ.elem, n.size = elem, int64(len(elems))
	return c.fold(at, n, elems...)
}

// declare is let name = value; expression.
func (c *compiler) declare(at *ast.VariableDeclaratorNode) node {
	if c.variable(at.Name) != nil || slices.Contains(c.blocks(), at.Name) || functionTable()[at.Name] != nil {
		return c.report(at, "", "%s has a meaning already", at.Name)
	}
	bound := c.compile(at.Value)
	slot := c.enter()
	c.variables = append(c.variables, variable{at.Name, bound.typ, slot, bound.size})
	inner := c.compile(at.Expr)
	c.variables = c.variables[:len(c.variables)-1]
	run := func(f *frame) value {
		f.slots[slot] = bound.eval(f)
		return inner.eval(f)
	}
	n := derived(inner.typ.kind, run, bound, inner)
	n.typ, n.size = inner.typ, inner.size
	return n
}

// enter returns a slot of the frame that nothing in scope uses.
func (c *compiler) enter() int {
	slot := len(c.variables) + slotsOfPredicate*len(c.predicates)
	c.slots = max(c.slots, slot+slotsOfPredicate)
	return slot
}
