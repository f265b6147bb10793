package rules

import (
	"errors"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/conf"
	"github.com/expr-lang/expr/file"
	"github.com/expr-lang/expr/parser"
	"github.com/expr-lang/expr/parser/lexer"

	"hotdrop/core"
)

// What one expression may be, before it is parsed. The parser recurses per nesting level and per prefix operator, so
// these bounds keep its stack small whatever a stranger wrote.
const (
	maxSource   = 8 << 10 // bytes
	maxTokens   = 2_000
	maxNodes    = 500 // of the syntax tree
	maxBrackets = 32  // open at once
	maxPrefixes = 8   // prefix operators in a row
)

// source is a parsed expression.
type source struct {
	text []rune
	root ast.Node
	tops []int // where the && are that stand in no bracket, as offsets in runes
}

// problemAt is a problem at an offset in runes.
func problemAt(offset int, message string) *core.Problem {
	return &core.Problem{Offset: offset, Message: message}
}

// parse returns the expression, or what is wrong with its syntax.
func parse(expression string) (*source, *core.Problem) {
	switch {
	case len(expression) > maxSource:
		return nil, problemAt(0, "the expression is longer than 8 KiB")
	case !utf8.ValidString(expression):
		return nil, problemAt(0, "the expression is not UTF-8")
	case strings.TrimSpace(expression) == "":
		return nil, problemAt(0, "the expression is empty")
	}
	tokens, err := lexer.Lex(file.NewSource(expression))
	if err != nil {
		return nil, syntaxProblem(err)
	}
	tops, problem := scan(tokens)
	if problem != nil {
		return nil, problem
	}
	config := conf.CreateNew()
	config.MaxNodes = maxNodes
	tree, err := parser.ParseWithConfig(expression, config)
	if err != nil {
		return nil, syntaxProblem(err)
	}
	return &source{text: []rune(expression), root: tree.Node, tops: tops}, nil
}

// syntaxProblem turns the parser's error into a problem.
func syntaxProblem(err error) *core.Problem {
	located, ok := errors.AsType[*file.Error](err)
	if !ok {
		return problemAt(0, err.Error())
	}
	if strings.Contains(located.Message, "unexpected token EOF") {
		problem := problemAt(located.From, "the expression ends too early")
		problem.Hint = "in YAML, quote an expression that contains #"
		return problem
	}
	message := strings.TrimPrefix(located.Message, "compilation failed: ")
	return problemAt(located.From, plainWords(message))
}

// plainWords takes the parser's names for kinds of tokens out of its message: what is unexpected is enough.
func plainWords(message string) string {
	kind, token, found := strings.Cut(strings.TrimPrefix(message, "unexpected token "), "(")
	if !found || strings.Contains(kind, " ") {
		return message
	}
	return "unexpected " + strings.TrimSuffix(token, ")")
}

// scan bounds the tokens and returns where the && outside of brackets are.
func scan(tokens []lexer.Token) ([]int, *core.Problem) {
	if len(tokens) > maxTokens {
		return nil, problemAt(tokens[maxTokens].From, "the expression has more than 2,000 tokens")
	}
	var tops []int
	depth, prefixes := 0, 0
	for _, token := range tokens {
		depth += nesting(token)
		prefixes = prefixRun(token, prefixes)
		switch {
		case depth > maxBrackets:
			return nil, problemAt(token.From, "brackets are nested more than 32 deep")
		case prefixes > maxPrefixes:
			return nil, problemAt(token.From, "more than 8 prefix operators in a row")
		case token.Is(lexer.Number) && isBeyondInteger(token.Value):
			return nil, problemAt(token.From, "the number does not fit into 64 bits")
		case depth == 0 && token.Is(lexer.Operator) && isAnd(token.Value):
			tops = append(tops, token.From)
		}
	}
	return tops, nil
}

func isAnd(operator string) bool { return operator == "&&" || operator == "and" }

// isBeyondInteger reports whether the number is an integer of more than 64 bits.
func isBeyondInteger(number string) bool {
	_, err := strconv.ParseInt(strings.ReplaceAll(number, "_", ""), 0, 64)
	return errors.Is(err, strconv.ErrRange)
}

// nesting is what the token adds to the number of open brackets.
func nesting(token lexer.Token) int {
	switch {
	case token.Kind != lexer.Bracket:
		return 0
	case token.Value == "(" || token.Value == "[" || token.Value == "{":
		return 1
	default:
		return -1
	}
}

// prefixRun is the number of tokens in a row, up to this one, that may be prefix operators.
func prefixRun(token lexer.Token, before int) int {
	if !token.Is(lexer.Operator) {
		return 0
	}
	switch token.Value {
	case "-", "+", "!", "not":
		return before + 1
	default:
		return 0
	}
}

// clause is one of the parts of a when that && joins.
type clause struct {
	node ast.Node
	text string
}

// clauses splits the expression at the && that join it as a whole; the text of each is as it was written.
func (s *source) clauses() []clause {
	nodes := s.split(s.root)
	if len(nodes) != len(s.tops)+1 {
		return []clause{{node: s.root, text: clauseText(s.text)}}
	}
	all := make([]clause, len(nodes))
	start := 0
	for i, node := range nodes {
		end, next := len(s.text), len(s.text)
		if i < len(s.tops) {
			end = s.tops[i]
			next = end + s.operatorLength(end)
		}
		all[i] = clause{node: node, text: clauseText(s.text[start:end])}
		start = next
	}
	return all
}

// split returns the operands of the && at the top of the node, left to right.
func (s *source) split(node ast.Node) []ast.Node {
	and, ok := node.(*ast.BinaryNode)
	if !ok || !s.isTop(and) {
		return []ast.Node{node}
	}
	return append(s.split(and.Left), and.Right)
}

func (s *source) isTop(node *ast.BinaryNode) bool {
	if !isAnd(node.Operator) {
		return false
	}
	for _, top := range s.tops {
		if top == node.Location().From {
			return true
		}
	}
	return false
}

// operatorLength is 2 for && and 3 for and.
func (s *source) operatorLength(at int) int {
	if s.text[at] == '&' {
		return len("&&")
	}
	return len("and")
}

// clauseText renders a clause on one line.
func clauseText(text []rune) string { return strings.Join(strings.Fields(string(text)), " ") }
