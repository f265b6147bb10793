package rules

import (
	"reflect"

	"hotdrop/core"
)

// kind is the static type of an expression.
type kind uint8

const (
	kindAny     kind = iota // known when a decision runs: what a shopper submitted
	kindNil                 // the literal nil
	kindInteger             // int64
	kindString
	kindBoolean
	kindList
)

// String names the type in the words of a config's types.
func (k kind) String() string {
	switch k {
	case kindNil:
		return "nil"
	case kindInteger:
		return "integer"
	case kindString:
		return "string"
	case kindBoolean:
		return "boolean"
	case kindList:
		return "list"
	default:
		return "any"
	}
}

// typ is a kind, and for lists the kind of their elements.
type typ struct{ kind, elem kind }

// String names the type.
func (t typ) String() string {
	if t.kind == kindList {
		return "list of " + t.elem.String()
	}
	return t.kind.String()
}

// unify returns the type of a value that is an a or a b, and whether there is one.
func unify(a, b kind) (kind, bool) {
	switch {
	case a == b:
		return a, true
	case a == kindAny || b == kindAny || a == kindNil || b == kindNil:
		return kindAny, true
	default:
		return kindAny, false
	}
}

// factTypes returns the type of every fixed fact by its path, read off the tags of [core.Facts].
func factTypes() map[string]typ {
	types := map[string]typ{}
	collectTypes(types, reflect.TypeFor[core.Facts](), "")
	return types
}

func collectTypes(types map[string]typ, t reflect.Type, prefix string) {
	for field := range t.Fields() {
		path := prefix + field.Tag.Get("expr")
		switch field.Type.Kind() {
		case reflect.Struct:
			collectTypes(types, field.Type, path+".")
		case reflect.Int64:
			types[path] = typ{kind: kindInteger}
		case reflect.String:
			types[path] = typ{kind: kindString}
		case reflect.Slice:
			types[path] = typ{kindList, kindString}
		default: // quota, input and config are open: their names come with a campaign and a binding
		}
	}
}

// paramType returns the type of a config parameter.
func paramType(p core.Param) typ { return typ{kind: kindNamed(p.Type), elem: kindNamed(p.Of)} }

// kindNamed returns the kind that a config calls by this name, kindAny for no name.
func kindNamed(name string) kind {
	for _, k := range []kind{kindInteger, kindString, kindBoolean, kindList} {
		if k.String() == name {
			return k
		}
	}
	return kindAny
}
