package core

import (
	"fmt"
	"math"
)

// Whoever checks what a stranger wrote does only so much work for it: a file of nothing but mistakes has its answer
// after the first hundred of them, and the first few are enough to learn how names are spelled.
const (
	maxProblems = 100 // then the rest is not looked at
	maxHinted   = 20  // problems with a hint that has to be searched for
	maxListed   = 16  // values that a message lists
	maxNear     = 64  // bytes of a name that is searched for; a longer one is near to nothing
	maxKnown    = 128 // names that are searched
)

// full reports whether there are so many problems that nobody needs more.
func (p *Problems) full() bool { return len(p.List) >= maxProblems }

// addHint is [Problems.Add] with a hint.
func (p *Problems) addHint(path, hint, format string, args ...any) {
	p.Add(path, format, args...)
	p.List[len(p.List)-1].Hint = hint
}

// hintFor is [didYouMean] for the next of the problems, or "" when enough of them have had one.
func hintFor[S ~string](problems *Problems, name S, known []S) string {
	if len(problems.List) >= maxHinted {
		return ""
	}
	return didYouMean(name, known)
}

// didYouMean is the hint that names the known name nearest to name, or "" when none is near.
func didYouMean[S ~string](name S, known []S) string {
	nearest := Nearest(name, known)
	if nearest == "" {
		return ""
	}
	return fmt.Sprintf("did you mean %s?", nearest)
}

// Nearest returns the known name with the fewest edits (insert, delete, replace a byte) to name, the first of equals,
// or "" when every one takes more than a third of its own length, rounded up. Names of more than 64 bytes are near to
// nothing, and only the first 128 known ones are compared, so that the work is bounded whatever is asked.
func Nearest[S ~string](name S, known []S) S {
	var nearest S
	best := math.MaxInt
	if len(name) > maxNear {
		return nearest
	}
	for _, candidate := range known[:min(len(known), maxKnown)] {
		most := min(best-1, (len(candidate)+2)/3)
		if len(candidate) > maxNear || max(len(name)-len(candidate), len(candidate)-len(name)) > most {
			continue
		}
		if d := distance(string(name), string(candidate), most); d <= most {
			nearest, best = candidate, d
		}
	}
	return nearest
}

// distance is the Levenshtein distance in bytes; where that is more than most, any number above it.
func distance(a, b string, most int) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal, least := row[0], i+1
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost = 1 + min(diagonal, row[j], row[j+1])
			}
			diagonal, row[j+1] = row[j+1], cost
			least = min(least, cost)
		}
		if least > most {
			return least
		}
	}
	return row[len(b)]
}
