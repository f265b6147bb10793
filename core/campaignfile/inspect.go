package campaignfile

import (
	"strconv"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

// The bounds of a file.
const (
	MaxSize  = 256 << 10 // bytes
	MaxDepth = 32        // collections inside each other
	maxNodes = 100_000   // keys and values
	maxKey   = 128       // characters of a key
)

// refused is the kind of a node that has been reported; whoever walks the tree later passes over it.
const refused yaml.Kind = 0

// inspector finds what no file may contain, whatever its type.
type inspector struct {
	*reporter
	trail trail
	nodes int
	text  sweep
}

// sweep reads the characters at places that come in the order of the file, so that a file of one line takes no longer
// than one of many.
type sweep struct {
	at     place
	offset int // bytes before at in its line
}

// rune returns the character at a place, 0 at the end of a line.
func (s *sweep) rune(f *File, at place) rune {
	if at.line != s.at.line || at.column < s.at.column {
		*s = sweep{at: place{at.line, 1}}
	}
	rest := f.line(at.line)[s.offset:]
	for ; s.at.column < at.column && rest != ""; s.at.column++ {
		_, size := utf8.DecodeRuneInString(rest)
		s.offset, rest = s.offset+size, rest[size:]
	}
	if rest == "" {
		return 0
	}
	c, _ := utf8.DecodeRuneInString(rest)
	return c
}

// inspect walks the tree under n, which is nested depth deep.
func (in *inspector) inspect(n *yaml.Node, depth int) {
	in.nodes++
	if !in.plainNode(n) || !in.bounded(n, depth) {
		n.Kind, n.Content = refused, nil
		return
	}
	switch n.Kind {
	case yaml.SequenceNode:
		for i, element := range n.Content {
			in.trail.push("[" + strconv.Itoa(i) + "]")
			in.inspect(element, depth+1)
			in.trail.pop()
		}
	case yaml.MappingNode:
		in.mapping(n, depth)
	}
}

// bounded reports whether the tree is still within its bounds at n.
func (in *inspector) bounded(n *yaml.Node, depth int) bool {
	switch {
	case in.nodes == maxNodes+1:
		in.on(&in.trail, placeOf(n), "the file has too many values", "at most "+strconv.Itoa(maxNodes)+" are read")
		return false
	case depth > MaxDepth && len(n.Content) > 0:
		in.on(&in.trail, placeOf(n), "this is nested too deeply", "at most "+strconv.Itoa(MaxDepth)+" levels are read")
		return false
	default:
		return in.nodes <= maxNodes
	}
}

// plainNode reports whether n means what it says: a node with an anchor, or a collection with a tag, is a problem but
// can be read; an alias, a scalar with a tag or with control characters cannot.
func (in *inspector) plainNode(n *yaml.Node) bool {
	scalar := n.Kind == yaml.ScalarNode
	switch {
	case n.Kind == yaml.AliasNode:
		in.on(&in.trail, placeOf(n), "aliases are not read", "write the value out")
		return false
	case n.Anchor != "":
		in.on(&in.trail, placeOf(n), "anchors are not read", "remove &"+brief(n.Anchor))
		return true
	case n.Style&yaml.TaggedStyle != 0:
		in.on(&in.trail, placeOf(n), "tags are not read", "remove "+brief(n.Tag))
		return !scalar
	case scalar && in.text.rune(in.file, placeOf(n)) == '!':
		in.on(&in.trail, placeOf(n), "tags are not read", "remove !")
		return false
	case strings.ContainsFunc(n.Value, isControl):
		in.on(&in.trail, placeOf(n), "control characters are not read, escaped or not", "")
		return false
	default:
		return true
	}
}

// mapping inspects a mapping's keys and values and drops the pairs whose key cannot be used.
func (in *inspector) mapping(n *yaml.Node, depth int) {
	kept, seen := n.Content[:0], map[string]place{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		usable := in.key(key, seen)
		in.trail.push("." + key.Value)
		in.inspect(value, depth+1)
		in.trail.pop()
		if usable {
			kept = append(kept, key, value)
		}
	}
	n.Content = kept
}

// key reports whether the key of a pair can be used; seen are the keys before it.
func (in *inspector) key(key *yaml.Node, seen map[string]place) bool {
	in.nodes++
	if !in.plainNode(key) {
		key.Value = "?"
		return false
	}
	first, again := seen[key.Value]
	switch {
	case key.Kind != yaml.ScalarNode || key.Tag == tagNull:
		key.Value = "?"
		in.on(&in.trail, placeOf(key), "a key is a name", "")
	case key.Tag == tagMerge:
		in.on(&in.trail, placeOf(key), "merge keys are not read", "write the values out")
	case utf8.RuneCountInString(key.Value) > maxKey:
		key.Value = brief(key.Value)
		in.onKey(key, "the key is too long", "at most "+strconv.Itoa(maxKey)+" characters are read")
	case again:
		in.onKey(key, "the key stands here a second time", "first in line "+strconv.Itoa(first.line))
	default:
		seen[key.Value] = placeOf(key)
		return true
	}
	return false
}

// onKey reports something about a key at its own path.
func (in *inspector) onKey(key *yaml.Node, message, hint string) {
	in.trail.push("." + brief(key.Value))
	in.on(&in.trail, placeOf(key), message, hint)
	in.trail.pop()
}
