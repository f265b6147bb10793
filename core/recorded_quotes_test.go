package core_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"

	"hotdrop/core"
)

// visitPages visits pages that load fills, and returns what was visited.
func visitPages(t *testing.T, load func(ctx context.Context, from string, page *core.QuotePage) error, last int) ([]string, error) {
	t.Helper()
	var visited []string
	err := core.VisitQuotes(t.Context(), "", load, func(q core.RecordedQuote) error {
		visited = append(visited, q.Order+string(q.Quote))
		if len(visited) == last {
			return errEnough
		}
		return nil
	})
	return visited, err
}

var errEnough, errLost = errors.New("enough"), errors.New("lost")

func TestRecordedDecisionsAreVisitedPageByPage(t *testing.T) {
	visited, err := visitPages(t, func(_ context.Context, from string, page *core.QuotePage) error {
		for n := len(from); n < min(len(from)+3, 7); n++ {
			page.Add("aaaaaaa"[:n+1], fmt.Appendf(nil, "=%d", n))
		}
		return nil
	}, 0)
	want := []string{"a=0", "aa=1", "aaa=2", "aaaa=3", "aaaaa=4", "aaaaaa=5", "aaaaaaa=6"}
	if err != nil || !slices.Equal(visited, want) {
		t.Errorf("visited %v, %v", visited, err)
	}
}

func TestAPageThatCannotBeLoadedIsTheErrorAfterThoseBefore(t *testing.T) {
	visited, err := visitPages(t, func(_ context.Context, from string, page *core.QuotePage) error {
		if from != "" {
			return errLost
		}
		page.Add("a", nil)
		page.Add("b", nil)
		return nil
	}, 0)
	if !errors.Is(err, errLost) || !slices.Equal(visited, []string{"a", "b"}) {
		t.Errorf("visited %v, %v", visited, err)
	}
}

func TestAVisitThatFailsEndsTheLoadThatIsUnderWay(t *testing.T) {
	ended := false
	visited, err := visitPages(t, func(ctx context.Context, from string, page *core.QuotePage) error {
		if from != "" {
			<-ctx.Done()
			ended = true
			return ctx.Err()
		}
		page.Add("a", nil)
		page.Add("b", nil)
		return nil
	}, 2)
	if !errors.Is(err, errEnough) || !ended || len(visited) != 2 {
		t.Errorf("visited %v, %v; the load has ended: %t", visited, err, ended)
	}
}
