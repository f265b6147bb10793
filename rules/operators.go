package rules

import (
	"errors"
	"regexp"
	"regexp/syntax"
	"strings"

	"github.com/expr-lang/expr/ast"

	"hotdrop/core/money"
)

// arithmeticCode is the code of a mechanic's failure in arithmetic.
func arithmeticCode(err error) string {
	if errors.Is(err, money.ErrDivisionByZero) {
		return "division_by_zero"
	}
	return "overflow"
}

// derived returns a node that evaluates its operands once each.
func derived(k kind, run eval, operands ...node) node {
	n := node{typ: typ{kind: k}, eval: run, cost: 1, nodes: 1}
	for _, operand := range operands {
		n.cost = saturate(n.cost, operand.cost, 1)
		n.nodes += operand.nodes
		n.broken = n.broken || operand.broken
	}
	if n.broken {
		n.typ = typ{}
	}
	return n
}

func (c *compiler) unary(at *ast.UnaryNode) node {
	if at.Operator == "!" || at.Operator == "not" {
		operand := c.coerce(at.Node, c.compile(at.Node), kindBoolean)
		run := func(f *frame) value { return boolean(!operand.eval(f).truth()) }
		return c.fold(at, derived(kindBoolean, run, operand), operand)
	}
	operand := c.coerce(at.Node, c.compile(at.Node), kindInteger)
	if at.Operator == "+" {
		return operand
	}
	source := at.String()
	run := func(f *frame) value {
		n, err := money.Sub(0, operand.eval(f).n)
		return f.checked(n, err, source)
	}
	return c.fold(at, derived(kindInteger, run, operand), operand)
}

func (c *compiler) binary(at *ast.BinaryNode) node {
	switch at.Operator {
	case "&&", "and", "||", "or":
		return c.logical(at)
	case "==", "!=":
		return c.equality(at)
	case "<", "<=", ">", ">=":
		return c.order(at)
	case "+":
		return c.plus(at)
	case "-":
		return c.arithmetic(at, money.Sub)
	case "*":
		return c.arithmetic(at, money.Mul)
	case "%":
		return c.arithmetic(at, remainder)
	default:
		return c.binaryWord(at)
	}
}

// binaryWord is binary for the operators that are words, and for those that rules do without.
func (c *compiler) binaryWord(at *ast.BinaryNode) node {
	switch at.Operator {
	case "in":
		return c.in(at)
	case "contains":
		return c.search(at, strings.Contains)
	case "startsWith":
		return c.search(at, strings.HasPrefix)
	case "endsWith":
		return c.search(at, strings.HasSuffix)
	case "matches":
		return c.matches(at)
	case "??":
		return c.otherwise(at)
	case "/":
		return c.report(at, "div(a, b) divides integers, rounding towards 0", "/ makes fractions; rules have none")
	case "..":
		return c.report(at, "write low <= x && x <= high", "rules have no ranges")
	default:
		return c.report(at, "", "rules have no operator %s", at.Operator)
	}
}

// remainder is a % b, with the sign of a.
func remainder(a, b int64) (int64, error) {
	if b == 0 {
		return 0, money.ErrDivisionByZero
	}
	return a % b, nil
}

// operands compiles both sides.
func (c *compiler) operands(at *ast.BinaryNode, want kind) (left, right node) {
	left = c.coerce(at.Left, c.compile(at.Left), want)
	right = c.coerce(at.Right, c.compile(at.Right), want)
	return left, right
}

func (c *compiler) arithmetic(at *ast.BinaryNode, operation func(a, b int64) (int64, error)) node {
	left, right := c.operands(at, kindInteger)
	return c.integers(at, left, right, operation)
}

func (c *compiler) integers(at ast.Node, left, right node, operation func(a, b int64) (int64, error)) node {
	source := at.String()
	run := func(f *frame) value {
		n, err := operation(left.eval(f).n, right.eval(f).n)
		return f.checked(n, err, source)
	}
	return c.fold(at, derived(kindInteger, run, left, right), left, right)
}

// plus adds integers and joins strings.
func (c *compiler) plus(at *ast.BinaryNode) node {
	left, right := c.compile(at.Left), c.compile(at.Right)
	switch {
	case left.typ.kind == kindAny && right.typ.kind == kindAny:
		return plusAny(at, left, right)
	case left.typ.kind == kindString || left.typ.kind == kindAny && right.typ.kind == kindString:
		return c.join(at, c.coerce(at.Left, left, kindString), c.coerce(at.Right, right, kindString))
	default:
		left, right = c.coerce(at.Left, left, kindInteger), c.coerce(at.Right, right, kindInteger)
		return c.integers(at, left, right, money.Add)
	}
}

// plusAny decides by the values: strings are joined if one of them is a string.
func plusAny(at *ast.BinaryNode, left, right node) node {
	source := at.String()
	run := func(f *frame) value {
		a, b := left.eval(f), right.eval(f)
		switch {
		case isOrAbsent(a, kindInteger) && isOrAbsent(b, kindInteger):
			n, err := money.Add(a.n, b.n)
			return f.checked(n, err, source)
		case isOrAbsent(a, kindString) && isOrAbsent(b, kindString):
			return joined(f, a.s, b.s, source)
		default:
			return f.fail("failed", "%s adds %s and %s", source, withArticle(kindOf(a)), withArticle(kindOf(b)))
		}
	}
	return derived(kindAny, run, left, right)
}

func isOrAbsent(v value, k kind) bool { return v.isAbsent() || kindOf(v) == k }

func (c *compiler) join(at ast.Node, left, right node) node {
	source := at.String()
	run := func(f *frame) value { return joined(f, left.eval(f).s, right.eval(f).s, source) }
	return c.fold(at, derived(kindString, run, left, right), left, right)
}

func joined(f *frame, a, b, source string) value {
	if len(a)+len(b) > maxString {
		return f.fail("failed", "%s is longer than %d bytes", source, maxString)
	}
	f.spendBytes(len(a) + len(b))
	return text(a + b)
}

func (c *compiler) logical(at *ast.BinaryNode) node {
	left, right := c.operands(at, kindBoolean)
	run := func(f *frame) value {
		if v := left.eval(f); !v.truth() {
			return v
		}
		return right.eval(f)
	}
	if at.Operator == "||" || at.Operator == "or" {
		run = func(f *frame) value {
			if v := left.eval(f); v.truth() {
				return v
			}
			return right.eval(f)
		}
	}
	return c.fold(at, derived(kindBoolean, run, left, right), left, right)
}

func (c *compiler) equality(at *ast.BinaryNode) node {
	left, right := c.compile(at.Left), c.compile(at.Right)
	if left.typ.kind == kindList || right.typ.kind == kindList {
		return c.report(at, "compare elements: all(list, # == x)", "lists cannot be compared")
	}
	if _, ok := unify(left.typ.kind, right.typ.kind); !ok {
		return c.report(at, "", "%s can never equal %s", withArticle(left.typ.kind), withArticle(right.typ.kind))
	}
	n := derived(kindBoolean, equal(left, right), left, right)
	if at.Operator == "!=" {
		is := n.eval
		n.eval = func(f *frame) value { return boolean(!is(f).truth()) }
	}
	return c.fold(at, n, left, right)
}

// equal compares by what is known of the types; nil equals what is absent.
func equal(left, right node) eval {
	l, r := left.eval, right.eval
	switch {
	case left.typ.kind == kindNil:
		return func(f *frame) value { return boolean(r(f).isAbsent()) }
	case right.typ.kind == kindNil:
		return func(f *frame) value { return boolean(l(f).isAbsent()) }
	case left.typ.kind == kindString && right.typ.kind == kindString:
		return func(f *frame) value { return boolean(l(f).s == r(f).s) }
	case left.typ.kind != kindAny && right.typ.kind != kindAny:
		return func(f *frame) value { return boolean(l(f).n == r(f).n) }
	default:
		return func(f *frame) value { return boolean(same(l(f), r(f))) }
	}
}

// order compares integers, or strings by their bytes.
func (c *compiler) order(at *ast.BinaryNode) node {
	left, right := c.compile(at.Left), c.compile(at.Right)
	holds := ordered(at.Operator)
	if left.typ.kind == kindString || right.typ.kind == kindString {
		left, right = c.coerce(at.Left, left, kindString), c.coerce(at.Right, right, kindString)
		run := func(f *frame) value { return boolean(holds(strings.Compare(left.eval(f).s, right.eval(f).s))) }
		return c.fold(at, derived(kindBoolean, run, left, right), left, right)
	}
	left, right = c.coerce(at.Left, left, kindInteger), c.coerce(at.Right, right, kindInteger)
	run := func(f *frame) value { return boolean(holds(compare(left.eval(f).n, right.eval(f).n))) }
	return c.fold(at, derived(kindBoolean, run, left, right), left, right)
}

func compare(a, b int64) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	default:
		return 0
	}
}

// ordered returns what the operator makes of the sign of a − b.
func ordered(operator string) func(sign int) bool {
	switch operator {
	case "<":
		return func(sign int) bool { return sign < 0 }
	case "<=":
		return func(sign int) bool { return sign <= 0 }
	case ">":
		return func(sign int) bool { return sign > 0 }
	default:
		return func(sign int) bool { return sign >= 0 }
	}
}

// in asks whether a list holds a value; what is absent is in no list.
func (c *compiler) in(at *ast.BinaryNode) node {
	left, right := c.compile(at.Left), c.coerce(at.Right, c.compile(at.Right), kindList)
	if _, ok := unify(left.typ.kind, right.typ.elem); !ok {
		return c.report(at, "", "%s is never in a %s", withArticle(left.typ.kind), right.typ)
	}
	if left.typ.kind == kindList || left.typ.kind == kindNil {
		return c.report(at.Left, "", "%s is never in a list", withArticle(left.typ.kind))
	}
	run := func(f *frame) value {
		wanted, elems := left.eval(f), right.eval(f)
		return boolean(holds(f, elems, wanted))
	}
	n := derived(kindBoolean, run, left, right)
	n.cost = saturate(n.cost, right.size/4, 1)
	return c.fold(at, n, left, right)
}

func holds(f *frame, elems, wanted value) bool {
	if wanted.isAbsent() {
		return false
	}
	size := elems.size()
	if !f.spend(int64(size) / 4) {
		return false
	}
	for i := range size {
		if same(elems.list.item(i), wanted) {
			return true
		}
	}
	return false
}

// search is contains, startsWith and endsWith.
func (c *compiler) search(at *ast.BinaryNode, found func(s, part string) bool) node {
	left := c.compile(at.Left)
	if left.typ.kind == kindList {
		return c.report(at, "write x in list", "%s looks into strings", at.Operator)
	}
	left, right := c.coerce(at.Left, left, kindString), c.coerce(at.Right, c.compile(at.Right), kindString)
	run := func(f *frame) value {
		s, part := left.eval(f).s, right.eval(f).s
		f.spendBytes(len(s))
		return boolean(found(s, part))
	}
	return c.fold(at, derived(kindBoolean, run, left, right), left, right)
}

// maxPattern bounds a pattern's program: matching costs its instructions times the bytes it looks at.
const maxPattern = 500

// matches applies a regular expression that the rule spells out.
func (c *compiler) matches(at *ast.BinaryNode) node {
	left := c.coerce(at.Left, c.compile(at.Left), kindString)
	pattern, ok := at.Right.(*ast.StringNode)
	if !ok {
		return c.report(at.Right, "", "the pattern of matches must be spelled out")
	}
	re, instructions, err := compilePattern(pattern.Value)
	if err != nil {
		return c.report(at.Right, "", "%v", err)
	}
	run := func(f *frame) value {
		s := left.eval(f).s
		return boolean(f.spend(int64(len(s))*instructions/16) && re.MatchString(s))
	}
	return derived(kindBoolean, run, left)
}

func compilePattern(pattern string) (*regexp.Regexp, int64, error) {
	parsed, err := syntax.Parse(pattern, syntax.Perl)
	if err != nil {
		return nil, 0, err
	}
	program, err := syntax.Compile(parsed.Simplify())
	if err != nil {
		return nil, 0, err
	}
	if len(program.Inst) > maxPattern {
		return nil, 0, errors.New("the pattern is too large")
	}
	re, err := regexp.Compile(pattern)
	return re, int64(len(program.Inst)), err
}

// otherwise is ??: the right side where the left one is absent.
func (c *compiler) otherwise(at *ast.BinaryNode) node {
	left, right := c.compile(at.Left), c.compile(at.Right)
	unified, ok := unify(left.typ.kind, right.typ.kind)
	if !ok {
		return c.report(at, "", "both sides of ?? must be of one type, not %s and %s", left.typ, right.typ)
	}
	run := func(f *frame) value {
		if v := left.eval(f); !v.isAbsent() {
			return v
		}
		return right.eval(f)
	}
	n := derived(unified, run, left, right)
	n.typ.elem, n.size = elemOf(left, right), max(left.size, right.size)
	return n
}

// elemOf is the element type of a list that is one of two.
func elemOf(a, b node) kind {
	elem, ok := unify(a.typ.elem, b.typ.elem)
	if !ok {
		return kindAny
	}
	return elem
}

func (c *compiler) conditional(at *ast.ConditionalNode) node {
	when := c.coerce(at.Cond, c.compile(at.Cond), kindBoolean)
	yes, no := c.compile(at.Exp1), c.compile(at.Exp2)
	unified, ok := unify(yes.typ.kind, no.typ.kind)
	if !ok {
		return c.report(at.Exp2, "", "both branches must be of one type, not %s and %s", yes.typ, no.typ)
	}
	run := func(f *frame) value {
		if when.eval(f).truth() {
			return yes.eval(f)
		}
		return no.eval(f)
	}
	n := derived(unified, run, when, yes, no)
	n.typ.elem, n.size = elemOf(yes, no), max(yes.size, no.size)
	return n
}
