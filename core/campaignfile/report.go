package campaignfile

import (
	"cmp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"hotdrop/core"
)

// maxProblems is how many problems of one file are reported, so that a file of nothing but mistakes gets an answer
// that can be read.
const maxProblems = 100

// maxBrief is how many characters of a stranger's value a message repeats.
const maxBrief = 40

// maxListed is how many known names a hint lists when none of them is near.
const maxListed = 12

// place is a line and a column, both from 1; the column counts runes.
type place struct{ line, column int }

func placeOf(n *yaml.Node) place { return place{n.Line, n.Column} }

// reporter collects the problems of a file.
type reporter struct {
	file     *File
	problems core.Problems
	more     int // problems beyond maxProblems
}

// at adds a problem.
func (r *reporter) at(path string, at place, message, hint string) {
	p := core.Problem{Path: path, Line: at.line, Column: at.column, Message: message, Hint: hint}
	if !r.full() {
		p.Snippet = r.file.snippet(at)
	}
	r.add(p)
}

// on is at for the path of a trail, which is put together only if the problem is listed.
func (r *reporter) on(t *trail, at place, message, hint string) {
	if r.full() {
		r.more++
		return
	}
	r.at(t.String(), at, message, hint)
}

func (r *reporter) add(p core.Problem) {
	if r.full() {
		r.more++
		return
	}
	r.problems.List = append(r.problems.List, p)
}

// full reports whether further problems are only counted, so that hints and snippets would be work for nothing.
func (r *reporter) full() bool { return len(r.problems.List) >= maxProblems }

// hint tells what to write instead of an unknown name.
func (r *reporter) hint(name string, known []string) string {
	if r.full() {
		return ""
	}
	switch near := core.Nearest(name, known); {
	case near != "":
		return "did you mean " + near + "?"
	case len(known) > 0 && len(known) <= maxListed:
		return "known here: " + strings.Join(known, ", ")
	default:
		return ""
	}
}

// err returns the problems in the order of the file, or nil.
func (r *reporter) err() error {
	sortProblems(&r.problems)
	addMore(&r.problems, r.more)
	r.more = 0
	return r.problems.Err()
}

// shorten leaves as many problems of a list as are reported and returns how many it has taken away.
func shorten(p *core.Problems) int {
	more := max(len(p.List)-maxProblems, 0)
	p.List = p.List[:len(p.List)-more]
	return more
}

// addMore says how many problems are not listed, if any.
func addMore(p *core.Problems, more int) {
	if more > 0 {
		p.Add("", "further problems are not listed: %d", more)
	}
}

func sortProblems(p *core.Problems) {
	slices.SortStableFunc(p.List, func(a, b core.Problem) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
}

// trail is the way from the root to where a walk stands; its segments are ".name" and "[0]".
type trail []string

func (t *trail) push(segment string) { *t = append(*t, segment) }

func (t *trail) pop() { *t = (*t)[:len(*t)-1] }

// String returns the path, as in items[0].price; "" is the root.
func (t *trail) String() string { return t.child("") }

// child returns the path of a child.
func (t *trail) child(segment string) string {
	return strings.TrimPrefix(strings.Join(*t, "")+segment, ".")
}

// brief shortens what a stranger wrote to what a message can carry.
func brief(s string) string {
	n := 0
	for i := range s {
		if n == maxBrief {
			return s[:i] + "…"
		}
		n++
	}
	return s
}
