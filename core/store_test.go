package core_test

import (
	"strings"
	"testing"

	"pgregory.net/rapid"

	"hotdrop/core"
)

func TestTheIdsWithAPrefixAreThoseBetweenItsBounds(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		sign := rapid.SampledFrom([]string{"a", "b", "/", "安", "\uD7FF", "\uE000", "\U0010FFFF"})
		text := rapid.Custom(func(rt *rapid.T) string { return strings.Join(rapid.SliceOfN(sign, 0, 4).Draw(rt, "signs"), "") })
		q := core.DocumentQuery{Prefix: text.Draw(rt, "prefix"), After: text.Draw(rt, "after")}
		id := text.Draw(rt, "id")
		from, until := q.Bounds()
		got := id >= from && (until == "" || id < until) && id != q.After
		if want := strings.HasPrefix(id, q.Prefix) && id > q.After; got != want {
			rt.Fatalf("%q is between %q and %q: %t, want %t", id, from, until, got, want)
		}
	})
}
