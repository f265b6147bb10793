package campaignfile

import (
	"strconv"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"

	"hotdrop/core"
)

// maxSnippet is how many characters of a line a snippet shows.
const maxSnippet = 120

// File remembers where everything in a decoded document stood. The zero value knows nothing and locates nothing. It is
// safe for concurrent use.
type File struct {
	lines []string
	root  *yaml.Node
}

// Locate fills line, column and snippet of the problems that have none, by their paths, and sorts all by place. A path
// that does not exist is located at the nearest part of it that does. A mapping or list that is somebody's value is
// located at its key, a scalar at the scalar, Offset runes into its value. Of a list that is too long to be read, the
// first hundred are kept.
func (f *File) Locate(p *core.Problems) {
	if f.root == nil || p == nil {
		return
	}
	more := shorten(p)
	for i := range p.List {
		if problem := &p.List[i]; problem.Line == 0 {
			at := f.locate(f.root, problem.Path, problem.Offset)
			problem.Line, problem.Column, problem.Snippet = at.line, at.column, f.snippet(at)
		}
	}
	sortProblems(p)
	addMore(p, more)
}

// locate finds a path below n.
func (f *File) locate(n *yaml.Node, path string, offset int) place {
	var key *yaml.Node
	for path != "" {
		k, v, rest := step(n, path)
		if v == nil {
			break
		}
		key, n, path = k, v, rest
	}
	switch {
	case n.Kind == yaml.ScalarNode && offset > 0 && path == "":
		return f.within(n, offset)
	case n.Kind != yaml.ScalarNode && key != nil:
		return placeOf(key)
	default:
		return placeOf(n)
	}
}

// step goes one segment of path down from n: to the element of a list, or to the longest key of a mapping that the path
// starts with, so that keys with dots in them are found too. The value is nil if there is none; key is nil in a list.
func step(n *yaml.Node, path string) (key, value *yaml.Node, rest string) {
	if n.Kind == yaml.SequenceNode {
		index, rest, _ := strings.Cut(strings.TrimPrefix(path, "["), "]")
		i, err := strconv.Atoi(index)
		if err != nil || i < 0 || i >= len(n.Content) {
			return nil, nil, ""
		}
		return nil, n.Content[i], rest
	}
	path = strings.TrimPrefix(path, ".")
	if n.Kind != yaml.MappingNode {
		return nil, nil, ""
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		after, ok := strings.CutPrefix(path, n.Content[i].Value)
		if ends := after == "" || after[0] == '.' || after[0] == '['; !ok || !ends {
			continue
		}
		if key == nil || len(n.Content[i].Value) > len(key.Value) {
			key, value, rest = n.Content[i], n.Content[i+1], after
		}
	}
	return key, value, rest
}

// child returns the value of a mapping's key, or nil.
func child(n *yaml.Node, name string) *yaml.Node {
	if n.Kind != yaml.MappingNode {
		return nil
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == name {
			return n.Content[i+1]
		}
	}
	return nil
}

// joinPath appends a relative path.
func joinPath(path, relative string) string {
	if path == "" || relative == "" || relative[0] == '[' {
		return path + relative
	}
	return path + "." + relative
}

// line returns the text of a line, "" beyond the file.
func (f *File) line(number int) string {
	if number < 1 || number > len(f.lines) {
		return ""
	}
	return f.lines[number-1]
}

// snippet returns the line of a place, cut around the column if it is long. It may go to a terminal, so control
// characters are replaced.
func (f *File) snippet(at place) string {
	line := strings.TrimRight(f.line(at.line), " \t")
	length := utf8.RuneCountInString(line)
	start := max(min(at.column-maxSnippet/2, length-maxSnippet), 0)
	end := min(start+maxSnippet, length)
	var cut strings.Builder
	if start > 0 {
		cut.WriteRune('…')
	}
	n := 0
	for _, c := range line { // without copying a line that may be as long as the file, once for every problem in it
		if n >= end {
			break
		}
		if isControl(c) {
			c = utf8.RuneError
		}
		if n >= start {
			cut.WriteRune(c)
		}
		n++
	}
	if end < length {
		cut.WriteRune('…')
	}
	return cut.String()
}
