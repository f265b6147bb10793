package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"hotdrop/core/drawing"
)

// exportPatience is how long the export of a draw may take: it may have a million entries.
const exportPatience = 10 * time.Minute

func drawCommand() *cobra.Command {
	group := &cobra.Command{Use: "draw", Short: "Export draws whose winners are drawn, and draw again"}
	group.AddCommand(drawExportCommand(), drawVerifyCommand())
	return group
}

func drawExportCommand() *cobra.Command {
	c := &client{}
	cmd := &cobra.Command{
		Use:   "export CAMPAIGN DRAW",
		Short: "Print everything that it takes to draw again: seed, entries and winners, as JSON",
		Args:  cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			path := "/v1/campaigns/" + url.PathEscape(args[0]) + "/draws/" + url.PathEscape(args[1]) + "/export"
			return c.copy(cmd.Context(), exportPatience, path, cmd.OutOrStdout())
		},
	}
	c.register(cmd)
	return cmd
}

// drawVerification is what `draw verify` was asked for.
type drawVerification struct {
	seedHash string
	digest   string
	shopper  string
	format   output
}

func drawVerifyCommand() *cobra.Command {
	v := &drawVerification{format: outputText}
	cmd := &cobra.Command{
		Use:   "verify FILE",
		Short: "Draw again from an exported draw (- reads stdin), without any server, and compare the winners",
		Long: "Draw again from an exported draw (- reads stdin), without any server, and compare. What differs makes the exit\n" +
			"code 1. A file can only be held against itself: give --seed-hash as it was published before the draw\n" +
			"closed, and --digest as the server says it, to know that it is the file of that draw.",
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return v.verify(args[0], cmd.InOrStdin(), cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
	}
	cmd.Flags().StringVar(&v.seedHash, "seed-hash", "", "the seed's hash as it was published before the draw closed")
	cmd.Flags().StringVar(&v.digest, "digest", "", "the digest of the draw as the server says it")
	cmd.Flags().StringVar(&v.shopper, "shopper", "", "find the entry of the shopper with this id")
	v.format.register(cmd)
	return cmd
}

// verification is the result of `draw verify`, one flat object.
type verification struct {
	Campaign    string               `json:"campaign"`
	Draw        string               `json:"draw"`
	Agrees      bool                 `json:"agrees"`
	Entries     int                  `json:"entries"`
	Winners     int                  `json:"winners"`
	SeedHash    string               `json:"seed_hash"`
	Digest      string               `json:"digest"`
	Differences []drawing.Difference `json:"differences"`
	Unchecked   []string             `json:"not_checked"` // what the record was not held against
	Shopper     string               `json:"shopper,omitempty"`
	Entry       string               `json:"entry,omitempty"`  // of the shopper
	Weight      int64                `json:"weight,omitempty"` // of that entry
	Place       int                  `json:"place,omitempty"`  // that it won
}

func (v *drawVerification) verify(path string, stdin io.Reader, out, talk io.Writer) error {
	record, err := readDraw(path, stdin)
	if err != nil {
		return err
	}
	result := v.result(record)
	if v.format == outputJSON {
		err = printJSON(out, result)
	} else {
		err = result.write(out, talk)
	}
	if err == nil && !result.Agrees {
		err = errFailed
	}
	return err
}

func readDraw(path string, stdin io.Reader) (*drawing.Record, error) {
	if path == "-" {
		return drawing.Parse(stdin)
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }() // it was read
	record, err := drawing.Parse(file)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return record, nil
}

// result draws again and holds the record against what is known of it from elsewhere.
func (v *drawVerification) result(r *drawing.Record) *verification {
	found := r.Verify()
	unchecked := []string{}
	for _, known := range []struct{ what, want, got, claim string }{
		{"seed", v.seedHash, r.SeedHash, "that the seed is the one published before: give --seed-hash"},
		{"digest", v.digest, r.Digest, "that places and entries are those the server drew from: give --digest"},
	} {
		switch {
		case known.want == "":
			unchecked = append(unchecked, known.claim)
		case !strings.EqualFold(known.want, known.got):
			found = append(found, drawing.Difference{
				What: known.what, Detail: fmt.Sprintf("this is another draw: it has %s, not %s", known.got, known.want),
			})
		}
	}
	result := &verification{
		Campaign: r.Campaign, Draw: r.Draw, Entries: len(r.Entries), Winners: len(r.Winners), SeedHash: r.SeedHash,
		Digest: r.Digest, Differences: append([]drawing.Difference{}, found...), Unchecked: unchecked, Shopper: v.shopper,
	}
	if v.shopper != "" {
		result.find(r)
	}
	result.Agrees = len(result.Differences) == 0
	return result
}

// find looks for the shopper's entry.
func (v *verification) find(r *drawing.Record) {
	entry, place := r.Find(v.Shopper)
	if entry == nil {
		v.Differences = append(v.Differences, drawing.Difference{What: "shopper", Detail: v.Shopper + " has no entry"})
		return
	}
	v.Entry, v.Weight, v.Place = entry.ID.String(), entry.Weight, place
}

// write writes the findings as rows, or that there are none.
func (v *verification) write(out, talk io.Writer) error {
	for _, d := range v.Differences {
		if _, err := fmt.Fprintf(out, "%s\t%s\n", d.What, d.Detail); err != nil {
			return err
		}
	}
	if v.Entry != "" {
		won := "won nothing"
		if v.Place > 0 {
			won = fmt.Sprintf("won place %d", v.Place)
		}
		if _, err := fmt.Fprintf(out, "%s has the entry %s of weight %d, which %s\n", v.Shopper, v.Entry, v.Weight, won); err != nil {
			return err
		}
	}
	_, err := fmt.Fprintf(talk, "%s/%s: %s, %s, seed hash %s: %s\n", v.Campaign, v.Draw,
		entriesText(v.Entries), count(v.Winners, "winner"), v.SeedHash, v.verdict())
	return err
}

// entriesText says how many entries there are.
func entriesText(n int) string {
	if n == 1 {
		return "1 entry"
	}
	return fmt.Sprintf("%d entries", n)
}

// verdict says in one sentence what drawing again gave, and what a record that agrees was not held against.
func (v *verification) verdict() string {
	switch n := len(v.Differences); {
	case n == 1:
		return "drawn again, 1 thing differs"
	case n > 1:
		return fmt.Sprintf("drawn again, %d things differ", n)
	}
	return strings.Join(append([]string{"drawn again, the winners are the same"}, v.Unchecked...), "; not checked: ")
}

// copy writes the body of an answer, whatever its size, as it comes.
func (c *client) copy(ctx context.Context, patience time.Duration, path string, out io.Writer) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	response, err := c.send(ctx, http.MethodGet, path, nil, nil)
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }() // it was read
	if response.StatusCode/100 != 2 {
		content, err := io.ReadAll(io.LimitReader(response.Body, maxReplyBytes))
		if err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		return problemOf(response.StatusCode, content)
	}
	if _, err := io.Copy(out, response.Body); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}
