package main

import (
	"fmt"
	"io"
	"net/url"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"hotdrop/core/drawing"
)

func queueCommand() *cobra.Command {
	group := &cobra.Command{Use: "queue", Short: "Export how a waiting room was shuffled, and shuffle again"}
	group.AddCommand(queueExportCommand(), queueVerifyCommand())
	return group
}

func queueExportCommand() *cobra.Command {
	c := &client{}
	cmd := &cobra.Command{
		Use:   "export CAMPAIGN",
		Short: "Print everything that it takes to shuffle again: seed and arrivals in the order of their places, as JSON",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			path := "/v1/campaigns/" + url.PathEscape(args[0]) + "/queue/shuffle"
			return c.copy(cmd.Context(), exportPatience, path, cmd.OutOrStdout())
		},
	}
	c.register(cmd)
	return cmd
}

// shuffleVerification is what `queue verify` was asked for.
type shuffleVerification struct {
	seedHash string
	digest   string
	shopper  string
	format   output
}

func queueVerifyCommand() *cobra.Command {
	v := &shuffleVerification{format: outputText}
	cmd := &cobra.Command{
		Use:   "verify FILE",
		Short: "Shuffle again from an exported shuffle (- reads stdin), without any server, and compare the places",
		Long: "Shuffle again from an exported shuffle (- reads stdin), without any server, and compare. What differs makes the\n" +
			"exit code 1. A file can only be held against itself: give --seed-hash as it was published before the waiting\n" +
			"room opened, and --digest as somebody else has exported it, to know that it is the shuffle of that room.",
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return v.verify(args[0], cmd.InOrStdin(), cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
	}
	cmd.Flags().StringVar(&v.seedHash, "seed-hash", "", "the seed's hash as it was published before the waiting room opened")
	cmd.Flags().StringVar(&v.digest, "digest", "", "the digest of the shuffle as somebody else has it")
	cmd.Flags().StringVar(&v.shopper, "shopper", "", "find the place of the shopper with this id")
	v.format.register(cmd)
	return cmd
}

// shuffleReport is the result of `queue verify`, one flat object.
type shuffleReport struct {
	Campaign    string               `json:"campaign"`
	Agrees      bool                 `json:"agrees"`
	Arrivals    int                  `json:"arrivals"`
	OpenedAt    int64                `json:"opened_at"` // Unix milliseconds
	SeedHash    string               `json:"seed_hash"`
	Digest      string               `json:"digest"`
	Differences []drawing.Difference `json:"differences"`
	Unchecked   []string             `json:"not_checked"` // what the shuffle was not held against
	Shopper     string               `json:"shopper,omitempty"`
	Arrival     string               `json:"arrival,omitempty"` // of the shopper
	Place       int                  `json:"place,omitempty"`   // of that arrival; absent if the shopper has none in this shuffle
}

func (v *shuffleVerification) verify(path string, stdin io.Reader, out, talk io.Writer) error {
	shuffle, err := readShuffle(path, stdin)
	if err != nil {
		return err
	}
	report := v.report(shuffle)
	if v.format == outputJSON {
		err = printJSON(out, report)
	} else {
		err = report.write(out, talk)
	}
	if err == nil && !report.Agrees {
		err = errFailed
	}
	return err
}

func readShuffle(path string, stdin io.Reader) (*drawing.Shuffle, error) {
	if path == "-" {
		return drawing.ParseShuffle(stdin)
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }() // it was read
	shuffle, err := drawing.ParseShuffle(file)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return shuffle, nil
}

// report shuffles again and holds the shuffle against what is known of it from elsewhere.
func (v *shuffleVerification) report(s *drawing.Shuffle) *shuffleReport {
	r := &shuffleReport{
		Campaign: s.Campaign, Arrivals: len(s.Arrivals), OpenedAt: s.OpenedAt, SeedHash: s.SeedHash, Digest: s.Digest,
		Differences: append([]drawing.Difference{}, s.Verify()...), Unchecked: []string{}, Shopper: v.shopper,
	}
	for _, known := range []struct{ what, want, got, claim string }{
		{"seed", v.seedHash, s.SeedHash, "that the seed is the one published before: give --seed-hash"},
		{"digest", v.digest, s.Digest, "that the arrivals are those that others were shown: give --digest"},
	} {
		switch {
		case known.want == "":
			r.Unchecked = append(r.Unchecked, known.claim)
		case !strings.EqualFold(known.want, known.got):
			r.differ(known.what, fmt.Sprintf("this is another shuffle: it has %s, not %s", known.got, known.want))
		}
	}
	if v.shopper != "" {
		arrival, place := s.Find(v.shopper)
		if r.Place = place; place > 0 {
			r.Arrival = arrival.String()
		}
	}
	r.Agrees = len(r.Differences) == 0
	return r
}

func (r *shuffleReport) differ(what, detail string) {
	r.Differences = append(r.Differences, drawing.Difference{What: what, Detail: detail})
}

// write writes the findings as rows, or that there are none.
func (r *shuffleReport) write(out, talk io.Writer) error {
	for _, d := range r.Differences {
		if _, err := fmt.Fprintf(out, "%s\t%s\n", d.What, d.Detail); err != nil {
			return err
		}
	}
	if r.Place > 0 {
		if _, err := fmt.Fprintf(out, "%s has place %d, as the arrival %s\n", r.Shopper, r.Place, r.Arrival); err != nil {
			return err
		}
	}
	if r.Shopper != "" && r.Place == 0 {
		if _, err := fmt.Fprintf(out, "%s has no place in this shuffle: nobody of that id came before the opening\n", r.Shopper); err != nil {
			return err
		}
	}
	_, err := fmt.Fprintf(talk, "%s: %s, seed hash %s: %s\n", r.Campaign, count(r.Arrivals, "arrival"), r.SeedHash, r.verdict())
	return err
}

// verdict says in one sentence what shuffling again gave, and what a shuffle that agrees was not held against.
func (r *shuffleReport) verdict() string {
	if n := len(r.Differences); n > 0 {
		return fmt.Sprintf("shuffled again, %s", count(n, "difference"))
	}
	return strings.Join(append([]string{"shuffled again, the places are the same"}, r.Unchecked...), "; not checked: ")
}
