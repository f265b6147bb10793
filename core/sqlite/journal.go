package sqlite

import (
	"context"
	"fmt"

	"hotdrop/core"
)

const (
	// quotesAtOnce is how many decisions are read in one transaction.
	quotesAtOnce = 2048
	// forgottenAtOnce is how many rows are deleted in one transaction: orders wait for it.
	forgottenAtOnce = 256
)

// SaveSamples writes the samples.
func (s *Store) SaveSamples(ctx context.Context, samples []core.Sample) error {
	return writeRows(ctx, s, saveSample, samples, func(m *core.Sample) []any {
		return []any{m.Campaign, m.Second, m.Node, m.Brand, string(m.Content)}
	})
}

// writeRows inserts the list in one transaction, if there is any of it.
func writeRows[T any](ctx context.Context, s *Store, statement string, list []T, values func(one *T) []any) error {
	if len(list) == 0 {
		return ctx.Err()
	}
	return s.write(ctx, func(c *conn) error {
		rows := c.rows(statement)
		for i := range list {
			if err := rows.add(values(&list[i])...); err != nil {
				return err
			}
		}
		return rows.flush()
	})
}

// Samples returns the campaign's samples of the seconds.
func (s *Store) Samples(ctx context.Context, of core.CampaignKey, from, until int64) (list []core.Sample, err error) {
	err = s.read(ctx, func(c *conn) error {
		return c.query(func(r *row) error {
			list = append(list, core.Sample{
				Campaign: r.text(), Brand: r.text(), Second: r.integer(), Node: r.text(), Content: []byte(r.text()),
			})
			return nil
		}, listSamples, of.ID, of.Brand, from, until)
	})
	return list, err
}

// SaveReports writes the reports.
func (s *Store) SaveReports(ctx context.Context, reports []core.Report) error {
	return writeRows(ctx, s, saveReport, reports, func(r *core.Report) []any {
		return []any{r.Campaign, r.Subject, r.Node, r.Brand, string(r.Content)}
	})
}

// Reports returns every node's report of the subject.
func (s *Store) Reports(ctx context.Context, of core.CampaignKey, subject string) (list []core.Report, err error) {
	err = s.read(ctx, func(c *conn) error {
		return c.query(func(r *row) error {
			list = append(list, r.report())
			return nil
		}, listReports, of.ID, of.Brand, subject)
	})
	return list, err
}

// report reads a row of the columns that list_reports.sql lists.
func (r *row) report() core.Report {
	return core.Report{Campaign: r.text(), Brand: r.text(), Subject: r.text(), Node: r.text(), Content: []byte(r.text())}
}

// AddRefusals appends to the log of refusals.
func (s *Store) AddRefusals(ctx context.Context, refusals []*core.RefusalRecord) error {
	return writeRows(ctx, s, addRefusal, refusals, func(one **core.RefusalRecord) []any {
		r := *one
		return []any{r.Campaign, r.ID, r.Brand, r.At, string(r.Code), r.Reason, string(r.Content)}
	})
}

// Refusals returns refusals, the newest first.
func (s *Store) Refusals(ctx context.Context, of core.CampaignKey, after string, limit int) (list []*core.RefusalRecord, err error) {
	err = s.read(ctx, func(c *conn) error {
		return c.query(func(r *row) error {
			list = append(list, r.refusal())
			return nil
		}, listRefusals, of.ID, of.Brand, before(after), int64(limit))
	})
	return list, err
}

// refusal reads a row of the columns that list_refusals.sql lists.
func (r *row) refusal() *core.RefusalRecord {
	return &core.RefusalRecord{
		Campaign: r.text(), ID: r.text(), Brand: r.text(), At: r.integer(), Code: core.Code(r.text()), Reason: r.text(),
		Content: []byte(r.text()),
	}
}

// Quotes calls visit with the pinned decisions of the campaign's orders.
func (s *Store) Quotes(ctx context.Context, of core.CampaignKey, from string, visit func(q core.RecordedQuote) error) error {
	return core.VisitQuotes(ctx, from, func(ctx context.Context, from string, page *core.QuotePage) error {
		return s.read(ctx, func(c *conn) error {
			return c.query(func(r *row) error {
				page.Add(r.text(), r.bytes())
				return nil
			}, listQuotes, of.ID, of.Brand, from, int64(quotesAtOnce))
		})
	}, visit)
}

// bytes reads a column of bytes, which are valid until the next row.
func (r *row) bytes() []byte {
	b, _ := r.values[r.next].([]byte)
	r.next++
	return b
}

// Forget deletes old samples and refusals, a few at a time so that orders do not wait for long.
func (s *Store) Forget(ctx context.Context, samples, refusals int64) error {
	if err := s.forget(ctx, forgetSamples, samples); err != nil {
		return fmt.Errorf("forget samples: %w", err)
	}
	if err := s.forget(ctx, forgetRefusals, refusals); err != nil {
		return fmt.Errorf("forget refusals: %w", err)
	}
	return nil
}

func (s *Store) forget(ctx context.Context, statement string, bound int64) error {
	for {
		var deleted int64
		err := s.write(ctx, func(c *conn) (err error) {
			deleted, err = c.exec(statement, bound, int64(forgottenAtOnce))
			return err
		})
		if err != nil || deleted < forgottenAtOnce {
			return err
		}
	}
}
