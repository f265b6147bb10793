package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"

	"github.com/spf13/cobra"

	"hotdrop/api"
	"hotdrop/core"
	"hotdrop/core/campaignfile"
)

func campaignCommand() *cobra.Command {
	group := &cobra.Command{Use: "campaign", Short: "Apply, show and export campaign files on a running server, and list shoppers"}
	group.AddCommand(applyCommand(), getCommand(), exportCommand(), shoppersCommand())
	return group
}

// application is what `campaign apply` was asked for.
type application struct {
	client  client
	dryRun  bool
	ifMatch string
	reason  string
	format  output
}

func applyCommand() *cobra.Command {
	a := &application{format: outputText}
	cmd := &cobra.Command{
		Use:   "apply FILE",
		Short: "Apply a campaign file (- reads stdin): create the campaign, or change it at one instant for every order",
		Long: "Apply a campaign file (- reads stdin). Everything wrong with it is reported at once, with line and\n" +
			"column, and nothing is applied then. What changed, or with --dry-run would change, goes to stdout.",
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.apply(cmd.Context(), args[0], cmd.InOrStdin(), cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
	}
	a.client.register(cmd)
	a.format.register(cmd)
	cmd.Flags().BoolVar(&a.dryRun, "dry-run", false, "check and compile everything, print the difference, change nothing")
	cmd.Flags().StringVar(&a.ifMatch, "if-match", "", "apply only if the campaign is at this revision (0: does not exist)")
	cmd.Flags().StringVar(&a.reason, "reason", "", "why, for the staff log; needed to change a campaign while shoppers can sign up or buy")
	return cmd
}

func (a *application) apply(ctx context.Context, path string, stdin io.Reader, out, talk io.Writer) error {
	text, err := readFileOrStdin(path, stdin)
	if err != nil {
		return err
	}
	definition, _, err := campaignfile.Parse(text)
	if err != nil {
		return fileError(path, err)
	}
	header, err := a.header()
	if err != nil {
		return err
	}
	query := url.Values{"dry_run": {strconv.FormatBool(a.dryRun)}}
	if a.reason != "" {
		query.Set("reason", a.reason)
	}
	where := "/v1/campaigns/" + url.PathEscape(definition.ID) + "?" + query.Encode()
	answered, err := a.client.do(ctx, http.MethodPut, where, header, text)
	switch p, refused := errors.AsType[*api.Problem](err); {
	case refused && len(p.Problems) > 0:
		return fileError(path, &core.Problems{List: p.Problems})
	case refused && p.Code == core.CodeReasonRequired:
		return &nextError{err, "hotdrop campaign apply " + quoted(path) + " --reason WHY"}
	case err != nil:
		return err
	}
	return show(out, a.format, answered.body, func(out io.Writer, applied *api.Applied) error { return writeApplied(out, talk, applied) })
}

// header is the request's media type and precondition.
func (a *application) header() (http.Header, error) {
	header := http.Header{"Content-Type": {"application/yaml"}}
	switch revision, err := strconv.ParseUint(a.ifMatch, 10, 63); {
	case a.ifMatch == "":
	case err != nil:
		return nil, usageError{fmt.Errorf("--if-match: %q is not a revision", a.ifMatch)}
	case revision == 0:
		header.Set("If-None-Match", "*")
	default:
		header.Set("If-Match", fmt.Sprintf("%q", a.ifMatch))
	}
	return header, nil
}

// writeApplied writes what changed, a change a line, and says what became of the file.
func writeApplied(out, talk io.Writer, applied *api.Applied) error {
	for _, change := range applied.Changes {
		if _, err := fmt.Fprintln(out, change); err != nil {
			return err
		}
	}
	if _, err := io.WriteString(talk, warningLines(applied.Warnings)); err != nil {
		return err
	}
	done := "applied"
	if applied.DryRun {
		done = "checked, nothing was changed"
	}
	if applied.Approval != "" {
		done += "; it would wait until somebody else applies the same file: " + applied.Approval
	}
	_, err := fmt.Fprintf(talk, "%s: %s, revision %d, ruleset %d; %s\n",
		applied.ID, count(len(applied.Changes), "change"), applied.Revision, applied.Ruleset, done)
	return err
}

func getCommand() *cobra.Command {
	c, format := &client{}, outputYAML
	cmd := &cobra.Command{
		Use:   "get ID",
		Short: "Show a campaign's file (yaml), or how the campaign stands now (json)",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if format == outputYAML {
				return c.export(cmd.Context(), args[0], false, cmd.OutOrStdout())
			}
			answer, err := c.get(cmd.Context(), "/v1/campaigns/"+url.PathEscape(args[0]))
			if err != nil {
				return err
			}
			return printAsIs(cmd.OutOrStdout(), answer)
		},
	}
	c.register(cmd)
	format.register(cmd, outputYAML, outputJSON)
	return cmd
}

func exportCommand() *cobra.Command {
	c, pending := &client{}, false
	cmd := &cobra.Command{
		Use:   "export ID",
		Short: "Print a campaign's file as it is in force, or with --pending the one that waits for a second person",
		Long: "Print a campaign's file as it is in force; applying it changes nothing. With --pending it is the file that waits until\n" +
			"somebody other than who asked for it applies the same: campaign apply --dry-run shows how it differs.",
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.export(cmd.Context(), args[0], pending, cmd.OutOrStdout())
		},
	}
	c.register(cmd)
	cmd.Flags().BoolVar(&pending, "pending", false, "the file that waits until a second person applies the same")
	return cmd
}

func (c *client) export(ctx context.Context, id string, pending bool, out io.Writer) error {
	path := "/v1/campaigns/" + url.PathEscape(id) + "/file"
	if pending {
		path += "?pending=true"
	}
	file, err := c.get(ctx, path)
	if err != nil {
		return err
	}
	_, err = out.Write(file)
	return err
}

// readFileOrStdin reads a file that a person wrote; - is stdin.
func readFileOrStdin(path string, stdin io.Reader) ([]byte, error) {
	if path == "-" {
		return readAllBounded("stdin", stdin)
	}
	return readBounded(path)
}
