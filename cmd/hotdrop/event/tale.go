package event

import "fmt"

// tale is what a replay counts beside the rush, in the order it happens, and what is wrong with it.
type tale struct {
	figures []field
	wrong   []string
}

// tell notes a figure that may be anything.
func (t *tale) tell(key string, n int64) { t.figures = append(t.figures, field{key, n}) }

// expectAtMost notes a figure that has to be the one that follows from the others, or, if exact is false, no more than it.
func (t *tale) expectAtMost(key string, got, want int64, exact bool) {
	if !exact && got < want {
		want = got
	}
	t.expect(key, got, want)
}

// took notes how long something took, in seconds.
func (t *tale) took(key string, seconds float64) {
	t.figures = append(t.figures, field{key, thousandths(seconds)})
}

// expect notes a figure that has to be the one that follows from the others.
func (t *tale) expect(key string, got, want int64) {
	t.tell(key, got)
	if got != want {
		t.wrong = append(t.wrong, fmt.Sprintf("%s is %d, should be %d", key, got, want))
	}
}
