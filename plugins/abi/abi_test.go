package abi_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"hotdrop/core"
	"hotdrop/plugins/abi"
)

func TestEveryEffectOfTheVocabularyHasItsImport(t *testing.T) {
	effects := abi.Effects()
	kinds := core.EffectKinds()
	if len(effects) != len(kinds) {
		t.Fatalf("%d imports for %d effects", len(effects), len(kinds))
	}
	for i, kind := range kinds {
		if effects[i].Name != string(kind) {
			t.Errorf("import %d is %s, want %s", i, effects[i].Name, kind)
		}
	}
}

// TestEveryImportIsDocumentedWithItsSignature reads the doc comments of abi.go, "fail(ptr, len: i32)", and compares the
// types they give with the ones the host checks.
func TestEveryImportIsDocumentedWithItsSignature(t *testing.T) {
	documented := documentedSignatures(t)
	for _, f := range abi.Functions() {
		if got, want := documented[f.Name], f.String(); got != want {
			t.Errorf("%s is documented as %q, want %q", f.Name, got, want)
		}
	}
}

func documentedSignatures(t *testing.T) map[string]string {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), "abi.go", nil, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	signatures := map[string]string{}
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok || spec.Doc == nil {
			return true
		}
		literal, ok := spec.Values[0].(*ast.BasicLit)
		if !ok {
			return true
		}
		name, err := strconv.Unquote(literal.Value)
		if err != nil {
			t.Fatal(err)
		}
		signatures[name] = signatureOf(name, strings.Join(strings.Fields(spec.Doc.Text()), " "))
		return true
	})
	return signatures
}

// signatureOf turns "is name(a, b: i32, c: i64) -> i32: …" into "(i32, i32, i64) -> (i32)".
func signatureOf(name, doc string) string {
	found := regexp.MustCompile(`is ` + name + `\(([^)]*)\)( -> (i32|i64))?:`).FindStringSubmatch(doc)
	if found == nil {
		return ""
	}
	var types []string
	pending := 0
	for param := range strings.SplitSeq(found[1], ",") {
		pending++
		if _, typ, typed := strings.Cut(param, ": "); typed {
			for range pending {
				types = append(types, typ)
			}
			pending = 0
		}
	}
	return "(" + strings.Join(types, ", ") + ") -> (" + found[3] + ")"
}
