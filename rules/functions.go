package rules

import (
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/expr-lang/expr/ast"

	"hotdrop/core"
	"hotdrop/core/money"
)

// function compiles a call: at is the call, and name the function's.
type function func(c *compiler, at ast.Node, name string, arguments []ast.Node) node

// functionTable is every function that may be called; everything else of expr's is off.
func functionTable() map[string]function {
	table := map[string]function{
		"abs":     unaryFunction((*compiler).abs),
		"len":     unaryFunction((*compiler).length),
		"string":  unaryFunction((*compiler).toString),
		"lower":   unaryFunction(reshaper(strings.ToLower)),
		"upper":   unaryFunction(reshaper(strings.ToUpper)),
		"trim":    unaryFunction(reshaper(strings.TrimSpace)),
		"div":     quotient(func(a, b int64) (int64, error) { return money.MulDiv(a, 1, b, money.Down) }),
		"percent": quotient(money.BasisPoints),
		"min":     extreme(func(a, b int64) bool { return a < b }),
		"max":     extreme(func(a, b int64) bool { return a > b }),
	}
	for name := range loopTable() {
		table[name] = (*compiler).loop
	}
	return table
}

// functions returns the names that may be called, sorted.
func functions() []string { return slices.Sorted(maps.Keys(functionTable())) }

// call compiles a call of one of the functions.
func (c *compiler) call(at ast.Node, name string, arguments []ast.Node) node {
	compile, known := functionTable()[name]
	if !known {
		return c.noFunction(at, name)
	}
	return compile(c, at, name, arguments)
}

func (c *compiler) noFunction(at ast.Node, name string) node {
	switch nearest := core.Nearest(name, functions()); {
	case slices.Contains(c.blocks(), name):
		return c.report(at, "write "+name+" without brackets", "%s is a fact, not a function", name)
	case nearest != "":
		return c.report(at, didYouMean(nearest), "there is no function %s", name)
	default:
		return c.report(at, "there are "+strings.Join(functions(), ", "), "there is no function %s", name)
	}
}

// arity reports whether the call has that many arguments.
func (c *compiler) arity(at ast.Node, name string, arguments []ast.Node, want int) bool {
	if len(arguments) != want {
		words := []string{"no argument", "one argument", "two arguments"}
		c.report(at, "", "%s takes %s and is given %d", name, words[want], len(arguments))
		return false
	}
	return true
}

// quotient is the functions of two integers: div(a, b), rounded towards 0, and percent(amount, basis_points), half up.
func quotient(operation func(a, b int64) (int64, error)) function {
	return func(c *compiler, at ast.Node, name string, arguments []ast.Node) node {
		if !c.arity(at, name, arguments, 2) {
			return absentNode()
		}
		a := c.coerce(arguments[0], c.compile(arguments[0]), kindInteger)
		b := c.coerce(arguments[1], c.compile(arguments[1]), kindInteger)
		return c.integers(at, a, b, operation)
	}
}

// extreme is min and max, of one or more integers or of a list of them.
func extreme(beats func(a, b int64) bool) function {
	return func(c *compiler, at ast.Node, name string, arguments []ast.Node) node {
		if len(arguments) == 0 {
			return c.report(at, "", "%s takes at least one argument", name)
		}
		operands := make([]node, len(arguments))
		for i, argument := range arguments {
			operands[i] = c.compile(argument)
			if len(arguments) == 1 && operands[i].typ.kind == kindList {
				return c.extremeOfList(argument, operands[i], name, beats)
			}
			operands[i] = c.coerce(argument, operands[i], kindInteger)
		}
		run := func(f *frame) value {
			best := operands[0].eval(f)
			for _, operand := range operands[1:] {
				if v := operand.eval(f); beats(v.n, best.n) {
					best = v
				}
			}
			return best
		}
		return c.fold(at, derived(kindInteger, run, operands...), operands...)
	}
}

// extremeOfList is min and max of a list's elements, absent for a list that is empty.
func (c *compiler) extremeOfList(at ast.Node, list node, name string, beats func(a, b int64) bool) node {
	if list.typ.elem != kindInteger {
		return c.report(at, "", "%s takes integers, not a %s", name, list.typ)
	}
	run := func(f *frame) value {
		elems := list.eval(f)
		if elems.size() == 0 || !f.spend(int64(elems.size())/4) {
			return value{}
		}
		best := elems.list.item(0)
		for i := 1; i < elems.size(); i++ {
			if v := elems.list.item(i); beats(v.n, best.n) {
				best = v
			}
		}
		return best
	}
	n := derived(kindInteger, run, list)
	n.cost = saturate(n.cost, list.size/4, 1)
	return c.fold(at, n, list)
}

// unaryFunction is the functions of one argument.
func unaryFunction(compile func(c *compiler, at, argument ast.Node, operand node) node) function {
	return func(c *compiler, at ast.Node, name string, arguments []ast.Node) node {
		if !c.arity(at, name, arguments, 1) {
			return absentNode()
		}
		return compile(c, at, arguments[0], c.compile(arguments[0]))
	}
}

func (c *compiler) abs(at, argument ast.Node, operand node) node {
	operand = c.coerce(argument, operand, kindInteger)
	source := at.String()
	run := func(f *frame) value {
		v := operand.eval(f)
		if v.n >= 0 {
			return v
		}
		n, err := money.Sub(0, v.n)
		return f.checked(n, err, source)
	}
	return c.fold(at, derived(kindInteger, run, operand), operand)
}

// length counts a list's elements or a string's characters.
func (c *compiler) length(at, argument ast.Node, operand node) node {
	k := operand.typ.kind
	if k != kindList && k != kindString && k != kindAny {
		return c.report(argument, "", "len counts lists and strings, not %s", withArticle(k))
	}
	run := func(f *frame) value {
		v := operand.eval(f)
		f.spendBytes(len(v.s))
		return integer(int64(v.size() + utf8.RuneCountInString(v.s)))
	}
	return c.fold(at, derived(kindInteger, run, operand), operand)
}

// toString renders an integer, a boolean or a string.
func (c *compiler) toString(at, argument ast.Node, operand node) node {
	if k := operand.typ.kind; k == kindList || k == kindNil {
		return c.report(argument, "", "%s has no string", withArticle(k))
	}
	known := operand.typ.kind
	run := func(f *frame) value {
		v := operand.eval(f)
		if v.isAbsent() {
			v.kind = valueKind(known)
		}
		return text(v.String())
	}
	return c.fold(at, derived(kindString, run, operand), operand)
}

// reshaper is the functions from string to string; none makes a string more than three times as long.
func reshaper(change func(string) string) func(c *compiler, at, argument ast.Node, operand node) node {
	return func(c *compiler, at, argument ast.Node, operand node) node {
		operand = c.coerce(argument, operand, kindString)
		run := func(f *frame) value {
			s := operand.eval(f).s
			if !f.spend(int64(len(s)) / 16) {
				return value{}
			}
			return text(change(s))
		}
		return c.fold(at, derived(kindString, run, operand), operand)
	}
}
