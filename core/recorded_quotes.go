package core

import (
	"cmp"
	"context"
)

// QuotePage is some recorded decisions, one after the other in one piece of memory that is used again and again: a store that
// reads many has to be quick. The zero value is empty.
type QuotePage struct {
	orders []string
	ends   []int // where the quote of each order ends in text
	text   []byte
}

// Add copies a decision to the end of the page.
func (p *QuotePage) Add(order string, quote []byte) {
	p.orders, p.text = append(p.orders, order), append(p.text, quote...)
	p.ends = append(p.ends, len(p.text))
}

func (p *QuotePage) clear() {
	p.orders, p.ends, p.text = p.orders[:0], p.ends[:0], p.text[:0]
}

// visit calls visit with every decision of the page.
func (p *QuotePage) visit(visit func(q RecordedQuote) error) error {
	begin := 0
	for i, order := range p.orders {
		if err := visit(RecordedQuote{Order: order, Quote: p.text[begin:p.ends[i]:p.ends[i]]}); err != nil {
			return err
		}
		begin = p.ends[i]
	}
	return nil
}

// VisitQuotes is how stores implement Quotes of [Journal]: load fills an empty page with the decisions of the orders after an id,
// and leaves it empty when there are no more. It loads the next page while one is visited, and holds nothing of the
// database in between, however long the visits take.
func VisitQuotes(
	ctx context.Context, from string, load func(ctx context.Context, from string, page *QuotePage) error,
	visit func(q RecordedQuote) error,
) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	loaded := make(chan error, 1)
	page, next := &QuotePage{}, &QuotePage{}
	err := load(ctx, from, page)
	for err == nil && len(page.orders) > 0 {
		after := page.orders[len(page.orders)-1]
		go func(into *QuotePage) {
			into.clear()
			loaded <- load(ctx, after, into)
		}(next)
		err = page.visit(visit)
		if err != nil {
			cancel()
			return cmp.Or(err, <-loaded) // the visit's error is the one to tell
		}
		err = <-loaded
		page, next = next, page
	}
	return err
}
