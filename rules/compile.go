package rules

import (
	"fmt"
	"maps"
	"slices"

	"github.com/expr-lang/expr/ast"

	"hotdrop/core"
)

// eval computes an expression in a frame.
type eval func(f *frame) value

// node is a compiled expression.
type node struct {
	typ  typ
	eval eval
	// literal says that nothing but what the expression spells out decides the value.
	literal bool
	// broken says that the node or one below it has a problem; its type then goes with every other, so that one mistake
	// is reported once.
	broken bool
	size   int64 // the most elements a list has, as far as can be known
	cost   int64 // the most steps that one evaluation takes, as far as can be known
	nodes  int64 // nodes evaluated once each, without those inside predicates
	text   string
}

// compiler compiles the expressions of one rule. Types and names are checked, and what is wrong is collected in
// problems; evaluation of a node that has a problem is never reached.
type compiler struct {
	types   map[string]typ // of the fixed facts, by path
	params  map[string]core.Param
	config  core.Object // the binding's parameters, whole
	read    map[string]struct{}
	slots   int // the most that an expression needs
	cost    int64
	problem []core.Problem

	// of the expression at hand
	path       string
	variables  []variable
	predicates []predicate
}

// variable is a let in scope.
type variable struct {
	name string
	typ  typ
	slot int
	size int64
}

// predicate is a predicate in scope: where its element and its index are.
type predicate struct {
	elem kind
	slot int
}

func newCompiler(params map[string]core.Param, config core.Object) *compiler {
	return &compiler{types: factTypes(), params: params, config: config, read: map[string]struct{}{}}
}

// facts returns the paths of every fact that the expressions read, sorted.
func (c *compiler) facts() []string { return slices.Sorted(maps.Keys(c.read)) }

// report adds a problem at a node.
func (c *compiler) report(at ast.Node, hint, format string, args ...any) node {
	c.problem = append(c.problem, core.Problem{
		Path: c.path, Offset: at.Location().From, Message: fmt.Sprintf(format, args...), Hint: hint,
	})
	return absentNode()
}

// absentNode stands in for what has a problem.
func absentNode() node {
	return node{eval: func(*frame) value { return value{} }, broken: true, cost: 1, nodes: 1}
}

// expression compiles the expression at a path and coerces its value to want; kindAny takes what comes.
func (c *compiler) expression(path, text string, want kind) node {
	c.path = path
	parsed, problem := parse(text)
	if problem != nil {
		problem.Path = path
		c.problem = append(c.problem, *problem)
		return absentNode()
	}
	return c.budget(parsed.root, c.coerce(parsed.root, c.compile(parsed.root), want))
}

// condition compiles a when into its clauses.
func (c *compiler) condition(path, text string) []compiledClause {
	c.path = path
	parsed, problem := parse(text)
	if problem != nil {
		problem.Path = path
		c.problem = append(c.problem, *problem)
		return nil
	}
	var compiled []compiledClause
	for _, part := range parsed.clauses() {
		var n node
		read := c.reading(func() {
			n = c.budget(part.node, c.coerce(part.node, c.compile(part.node), kindBoolean))
		})
		compiled = append(compiled, compiledClause{n.eval, part.text, read})
	}
	return compiled
}

// reading returns the paths of what is read by what compile compiles, sorted.
func (c *compiler) reading(compile func()) []string {
	before := c.read
	c.read = map[string]struct{}{}
	compile()
	read := c.facts()
	maps.Copy(before, c.read)
	c.read = before
	return read
}

// budget adds the expression's cost to the rule's, and reports a rule that may not have enough steps.
func (c *compiler) budget(at ast.Node, n node) node {
	fits := c.cost <= maxSteps
	c.cost = saturate(c.cost, n.cost, 1)
	if fits && c.cost > maxSteps {
		c.report(at, "shorten the list, or look at each element once", "the rule can take more than %d steps", maxSteps)
	}
	return n
}

// saturate returns total + cost·times, or a cost beyond every bound.
func saturate(total, cost, times int64) int64 {
	const beyond = 1 << 40
	if total >= beyond || cost > 0 && times > beyond/cost {
		return beyond
	}
	return total + cost*times
}

// compile checks and compiles a node.
func (c *compiler) compile(at ast.Node) node {
	switch n := at.(type) {
	case *ast.IntegerNode:
		return literal(kindInteger, integer(int64(n.Value)), n.String())
	case *ast.StringNode:
		return literal(kindString, text(n.Value), n.String())
	case *ast.BoolNode:
		return literal(kindBoolean, boolean(n.Value), n.String())
	case *ast.NilNode:
		return literal(kindNil, value{}, "nil")
	case *ast.ArrayNode:
		return c.array(n)
	case *ast.UnaryNode:
		return c.unary(n)
	case *ast.BinaryNode:
		return c.binary(n)
	case *ast.ConditionalNode:
		return c.conditional(n)
	case *ast.VariableDeclaratorNode:
		return c.declare(n)
	default:
		return c.compileAccess(at)
	}
}

// compileAccess is compile for what reads names or calls functions.
func (c *compiler) compileAccess(at ast.Node) node {
	switch n := at.(type) {
	case *ast.IdentifierNode:
		return c.identifier(n)
	case *ast.MemberNode:
		return c.member(n)
	case *ast.ChainNode:
		return c.compile(n.Node)
	case *ast.PointerNode:
		return c.pointer(n)
	case *ast.BuiltinNode:
		return c.call(n, n.Name, n.Arguments)
	case *ast.CallNode:
		if callee, ok := n.Callee.(*ast.IdentifierNode); ok {
			return c.call(n, callee.Value, n.Arguments)
		}
		return c.report(n, "", "values have no methods")
	default:
		return c.refuse(at)
	}
}

// refuse reports the parts of expr that rules do without.
func (c *compiler) refuse(at ast.Node) node {
	switch at.(type) {
	case *ast.FloatNode:
		return c.report(at, "amounts are integers of minor units; percent(amount, 150) is 1.5 %",
			"rules have no fractions: they would not be exact")
	case *ast.SliceNode:
		return c.report(at, "", "rules have no slices")
	case *ast.MapNode:
		return c.report(at, "", "rules have no maps")
	case *ast.SequenceNode:
		return c.report(at, "use && between conditions", "only let may be followed by ;")
	default:
		return c.report(at, "", "this is not part of the language of rules")
	}
}

// literal is a constant that the expression spells out.
func literal(k kind, v value, text string) node {
	return node{
		typ: typ{kind: k}, literal: true, cost: 1, nodes: 1, text: text,
		eval: func(*frame) value { return v },
	}
}

// fold evaluates a node whose operands are literals at compile time, so that 9223372036854775807 + 1 is a mistake in
// the file and not a failed order.
func (c *compiler) fold(at ast.Node, n node, operands ...node) node {
	for _, operand := range operands {
		if !operand.literal {
			return n
		}
	}
	f := &frame{facts: &core.Facts{}, steps: maxSteps}
	v := n.eval(f)
	if f.err != nil {
		return c.report(at, "", "%s", f.err.Message)
	}
	n.eval, n.literal = func(*frame) value { return v }, true
	return n
}

// coerce makes the node's value one of the kind: what is known at run time only is checked then, and an absent value
// reads as 0, "" or false.
func (c *compiler) coerce(at ast.Node, n node, want kind) node {
	if n.typ.kind == want || want == kindAny {
		return n
	}
	if n.typ.kind != kindAny {
		return c.report(at, "", "must be %s, not %s", withArticle(want), n.typ)
	}
	inner, what := n.eval, withArticle(want)
	n.eval = func(f *frame) value {
		v := inner(f)
		if v.isAbsent() || kindOf(v) == want {
			v.kind = valueKind(want)
			return v
		}
		return f.fail("failed", "%s must be %s, not %s", n.text, what, withArticle(kindOf(v)))
	}
	n.typ = typ{kind: want}
	return n
}

func withArticle(k kind) string {
	switch k {
	case kindInteger:
		return "an integer"
	case kindNil:
		return "nil"
	default:
		return "a " + k.String()
	}
}

// kindOf is the kind of a value at run time.
func kindOf(v value) kind {
	switch v.kind {
	case core.ValueInteger:
		return kindInteger
	case core.ValueString:
		return kindString
	case core.ValueBoolean:
		return kindBoolean
	case core.ValueList:
		return kindList
	default:
		return kindNil
	}
}

func valueKind(k kind) core.ValueKind {
	switch k {
	case kindInteger:
		return core.ValueInteger
	case kindString:
		return core.ValueString
	case kindBoolean:
		return core.ValueBoolean
	case kindList:
		return core.ValueList
	default:
		return core.ValueAbsent
	}
}
