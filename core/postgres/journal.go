package postgres

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"hotdrop/core"
)

const (
	// quotesAtOnce is how many decisions are read by one statement.
	quotesAtOnce = 4096
	// forgottenAtOnce is how many rows are deleted by one statement, which is one transaction.
	forgottenAtOnce = 1000
)

// SaveSamples writes the samples in one statement.
func (s *Store) SaveSamples(ctx context.Context, samples []core.Sample) error {
	var campaigns, nodes, brands, contents []string
	var seconds []int64
	for i := range samples {
		m := &samples[i]
		campaigns, nodes, brands = append(campaigns, m.Campaign), append(nodes, m.Node), append(brands, m.Brand)
		seconds, contents = append(seconds, m.Second), append(contents, string(m.Content))
	}
	return s.writeRows(ctx, len(samples), saveSamples, campaigns, seconds, nodes, brands, contents)
}

// writeRows runs a statement that writes so many rows, if there are any.
func (s *Store) writeRows(ctx context.Context, count int, sql string, arguments ...any) error {
	if count == 0 {
		return ctx.Err()
	}
	b := newWrite()
	b.Queue(sql, arguments...)
	return s.write(ctx, b)
}

// Samples returns the campaign's samples of the seconds.
func (s *Store) Samples(ctx context.Context, of core.CampaignKey, from, until int64) (list []core.Sample, err error) {
	err = s.read(ctx, single(listSamples, func(row pgx.CollectableRow) error {
		var m core.Sample
		err := row.Scan(&m.Campaign, &m.Brand, &m.Second, &m.Node, &m.Content)
		list = append(list, m)
		return err
	}, of.ID, of.Brand, from, until))
	return list, err
}

// SaveReports writes the reports in one statement.
func (s *Store) SaveReports(ctx context.Context, reports []core.Report) error {
	var campaigns, subjects, nodes, brands, contents []string
	for i := range reports {
		r := &reports[i]
		campaigns, subjects, nodes = append(campaigns, r.Campaign), append(subjects, r.Subject), append(nodes, r.Node)
		brands, contents = append(brands, r.Brand), append(contents, string(r.Content))
	}
	return s.writeRows(ctx, len(reports), saveReports, campaigns, subjects, nodes, brands, contents)
}

// Reports returns every node's report of the subject.
func (s *Store) Reports(ctx context.Context, of core.CampaignKey, subject string) (list []core.Report, err error) {
	err = s.read(ctx, single(listReports, func(row pgx.CollectableRow) error {
		r, err := scanReport(row)
		list = append(list, r)
		return err
	}, of.ID, of.Brand, subject))
	return list, err
}

// scanReport reads a row of the columns that list_reports.sql lists.
func scanReport(row pgx.CollectableRow) (r core.Report, err error) {
	err = row.Scan(&r.Campaign, &r.Brand, &r.Subject, &r.Node, &r.Content)
	return r, err
}

// AddRefusals appends to the log of refusals in one statement.
func (s *Store) AddRefusals(ctx context.Context, refusals []*core.RefusalRecord) error {
	var campaigns, ids, brands, codes, reasons, contents []string
	var at []int64
	for _, r := range refusals {
		campaigns, ids, brands = append(campaigns, r.Campaign), append(ids, r.ID), append(brands, r.Brand)
		codes, reasons = append(codes, string(r.Code)), append(reasons, r.Reason)
		at, contents = append(at, r.At), append(contents, string(r.Content))
	}
	return s.writeRows(ctx, len(refusals), addRefusals, campaigns, ids, brands, at, codes, reasons, contents)
}

// Refusals returns refusals, the newest first.
func (s *Store) Refusals(ctx context.Context, of core.CampaignKey, after string, limit int) (list []*core.RefusalRecord, err error) {
	err = s.read(ctx, single(listRefusals, func(row pgx.CollectableRow) error {
		r, err := scanRefusal(row)
		list = append(list, r)
		return err
	}, of.ID, of.Brand, after, limit))
	return list, err
}

// scanRefusal reads a row of the columns that list_refusals.sql lists.
func scanRefusal(row pgx.CollectableRow) (*core.RefusalRecord, error) {
	r := &core.RefusalRecord{}
	err := row.Scan(&r.Campaign, &r.ID, &r.Brand, &r.At, (*string)(&r.Code), &r.Reason, &r.Content)
	return r, err
}

// Quotes calls visit with the pinned decisions of the campaign's orders.
func (s *Store) Quotes(ctx context.Context, of core.CampaignKey, from string, visit func(q core.RecordedQuote) error) error {
	return core.VisitQuotes(ctx, from, func(ctx context.Context, from string, page *core.QuotePage) error {
		return s.quotePage(ctx, of, from, page)
	}, visit)
}

// quotePage reads a page from what the connection has received: scanning would copy every decision once more.
func (s *Store) quotePage(ctx context.Context, of core.CampaignKey, from string, page *core.QuotePage) error {
	b := &pgx.Batch{}
	b.Queue(followKeys)
	b.Queue(listQuotes, of.ID, of.Brand, from, quotesAtOnce).Query(func(rows pgx.Rows) error {
		defer rows.Close()
		for rows.Next() {
			columns := rows.RawValues()
			page.Add(string(columns[0]), columns[1])
		}
		return rows.Err()
	})
	return s.with(ctx, func(ctx context.Context, c *pgxpool.Conn) error { return c.SendBatch(ctx, b).Close() })
}

// Forget deletes old samples and refusals, a few at a time.
func (s *Store) Forget(ctx context.Context, samples, refusals int64) error {
	if err := s.forget(ctx, forgetSamples, samples); err != nil {
		return fmt.Errorf("forget samples: %w", err)
	}
	if err := s.forget(ctx, forgetRefusals, refusals); err != nil {
		return fmt.Errorf("forget refusals: %w", err)
	}
	return nil
}

func (s *Store) forget(ctx context.Context, sql string, bound int64) error {
	for {
		var deleted int64
		err := s.with(ctx, func(ctx context.Context, c *pgxpool.Conn) error {
			tag, err := c.Exec(ctx, sql, bound, forgottenAtOnce)
			deleted = tag.RowsAffected()
			return err
		})
		if err != nil || deleted < forgottenAtOnce {
			return err
		}
	}
}
