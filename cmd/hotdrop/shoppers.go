package main

import (
	"context"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"hotdrop/api"
)

// shoppersPage is how many shoppers are asked for at a time: the most that the API gives.
const shoppersPage = 100

// shopperList is what `campaign shoppers` was asked for.
type shopperList struct {
	client client
	tag    string
	format output
}

func shoppersCommand() *cobra.Command {
	l := &shopperList{format: outputJSON}
	cmd := &cobra.Command{
		Use:   "shoppers CAMPAIGN",
		Short: "Print the shoppers that a campaign's mechanics have tagged, with their tags: the customer data it leaves",
		Long: "Print the shoppers that a campaign's mechanics have tagged, sorted by id: as one JSON object with a row a line,\n" +
			"or as CSV with a row for each tag. A CSV cell that a spreadsheet would take for a formula, or that begins with\n" +
			"an apostrophe, has an apostrophe put before it; take it away to have the cell as it was.",
		Example: "  hotdrop campaign shoppers phone --tag repost-lottery -o csv > reposted.csv",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			rows := l.rows(cmd.OutOrStdout())
			if err := l.each(cmd.Context(), args[0], rows.write); err != nil {
				return err
			}
			return rows.end()
		},
	}
	l.client.register(cmd)
	l.format.register(cmd, outputJSON, outputCSV)
	cmd.Flags().StringVar(&l.tag, "tag", "", "only shoppers with this tag: key for any value of it, key=value for one")
	return cmd
}

// each calls row with every shopper of every page.
func (l *shopperList) each(ctx context.Context, campaign string, row func(*api.Shopper) error) error {
	query := url.Values{"limit": {strconv.Itoa(shoppersPage)}}
	if l.tag != "" {
		query.Set("tag", l.tag)
	}
	for page, err := range pages[api.Shopper](ctx, &l.client, "/v1/campaigns/"+url.PathEscape(campaign)+"/shoppers", query) {
		if err != nil {
			return err
		}
		for i := range page {
			if err := row(&page[i]); err != nil {
				return err
			}
		}
	}
	return nil
}

// shopperRows prints shoppers as they come. What it printed is whole only after end.
type shopperRows interface {
	write(s *api.Shopper) error
	end() error
}

func (l *shopperList) rows(out io.Writer) shopperRows {
	if l.format == outputCSV {
		return &csvRows{out: csv.NewWriter(out)}
	}
	return &jsonRows{out: out}
}

// jsonRows prints one object {"data": […]}.
type jsonRows struct {
	out  io.Writer
	many bool
}

func (r *jsonRows) write(s *api.Shopper) error {
	row, err := json.Marshal(s)
	if err != nil {
		return fmt.Errorf("encode a shopper: %w", err)
	}
	_, err = fmt.Fprintf(r.out, "%s  %s", r.before(), row)
	return err
}

// before is what comes before the next row.
func (r *jsonRows) before() string {
	if r.many {
		return ",\n"
	}
	r.many = true
	return "{\"data\": [\n"
}

func (r *jsonRows) end() error {
	last := "\n]}\n"
	if !r.many {
		last = "{\"data\": []}\n"
	}
	_, err := io.WriteString(r.out, last)
	return err
}

// csvRows prints a row for each tag of each shopper.
type csvRows struct {
	out    *csv.Writer
	headed bool
}

func (r *csvRows) write(s *api.Shopper) error {
	if err := r.head(); err != nil {
		return err
	}
	reserved := ""
	if s.ReservedAt != nil {
		reserved = s.ReservedAt.UTC().Format(time.RFC3339)
	}
	for _, key := range slices.Sorted(maps.Keys(s.Tags)) {
		row := []string{harmless(s.ID), harmless(key), harmless(s.Tags[key]), reserved, strconv.FormatInt(s.Orders, 10)}
		if err := r.out.Write(row); err != nil {
			return err
		}
	}
	return nil
}

func (r *csvRows) head() error {
	if r.headed {
		return nil
	}
	r.headed = true
	return r.out.Write([]string{"shopper", "tag", "value", "reserved_at", "orders"})
}

func (r *csvRows) end() error {
	if err := r.head(); err != nil {
		return err
	}
	r.out.Flush()
	return r.out.Error()
}

// harmless puts an apostrophe before a cell that a spreadsheet would calculate, as OWASP's page on CSV injection asks for,
// and before one that begins with an apostrophe, so that taking it away always gives the cell as it was.
func harmless(cell string) string {
	seen := strings.TrimLeftFunc(cell, func(r rune) bool {
		return unicode.IsSpace(r) || unicode.IsControl(r) || unicode.Is(unicode.Cf, r)
	})
	first, _ := utf8.DecodeRuneInString(seen)
	if strings.HasPrefix(cell, "'") || seen != "" && strings.ContainsRune("=+-@＝＋－＠", first) {
		return "'" + cell
	}
	return cell
}
