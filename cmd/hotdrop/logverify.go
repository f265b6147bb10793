package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/schollz/progressbar/v3"
	"github.com/spf13/cobra"
	"golang.org/x/term"

	"hotdrop/core"
)

// logVerification is what a staff log is held against.
type logVerification struct {
	database   databaseSettings
	heads      []string // files
	publicKeys []string
	format     output
}

func logVerifyCommand() *cobra.Command {
	s := &logVerification{format: outputText}
	cmd := &cobra.Command{
		Use:   "verify",
		Short: "Check the staff log against itself and against exported heads",
		Long: "Check the staff log against itself: every row's hash over its content and the row before it, and that no number is\n" +
			"missing. It finds rows that were changed, removed, inserted or put in another order. Whoever has the database can\n" +
			"write all hashes anew, or cut off the end: that only signed heads show, which `hotdrop serve --log-heads FILE`\n" +
			"exports. After a restore they say what the backup lacks. A file of --heads without a single valid head is a finding.\n" +
			"Works beside running servers. Findings make the exit code 1; they are rows on stdout, or with -o json on stderr, so\n" +
			"that stdout is one object.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return s.run(cmd) },
	}
	s.database.register(cmd)
	s.format.register(cmd)
	cmd.Flags().StringSliceVar(&s.heads, "heads", nil, "a file of exported heads (repeatable: several nodes write several)")
	cmd.Flags().StringSliceVar(&s.publicKeys, "public-key", nil,
		"checks the heads, see hotdrop log key (repeatable: a key may have been replaced)")
	return cmd
}

func (s *logVerification) run(cmd *cobra.Command) (err error) {
	keys, err := s.keys()
	if err != nil {
		return err
	}
	ctx := cmd.Context()
	db, err := s.database.openToRead(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	rows := cmd.OutOrStdout()
	if s.format == outputJSON {
		rows = cmd.ErrOrStderr()
	}
	bad := int64(0)
	found := func(f core.LogFinding) { _, _ = fmt.Fprintf(rows, "%s\t%s\n", f.Kind, f.Detail) }
	verifier := &core.LogVerifier{Store: db.staffLog, Found: found}
	verifier.Heads, err = s.readFiles(ctx, db.staffLog, keys, func(where string, err error) {
		bad++
		_, _ = fmt.Fprintf(rows, "%s\t%s: %s\n", core.LogBadHead, where, err)
	})
	if err != nil {
		return err
	}
	done := s.progress(cmd.ErrOrStderr(), verifier)
	sum, err := verifier.Verify(ctx)
	done()
	if err != nil {
		return fmt.Errorf("verifying the staff log: %w", err)
	}
	if err := s.emptied(ctx, db, sum, verifier.Found); err != nil {
		return err
	}
	sum.Findings += bad
	if err := s.print(cmd.OutOrStdout(), sum); err != nil {
		return err
	}
	if sum.Findings > 0 {
		return errFailed
	}
	return nil
}

func (s *logVerification) keys() ([]*core.LogPublicKey, error) {
	if len(s.heads) > 0 && len(s.publicKeys) == 0 {
		return nil, usageError{errors.New("--heads needs --public-key: print it with `hotdrop log key`, and have it from before")}
	}
	keys := make([]*core.LogPublicKey, len(s.publicKeys))
	for i, text := range s.publicKeys {
		key, err := core.ParseLogPublicKey(text)
		if err != nil {
			return nil, usageError{fmt.Errorf("--public-key: %w", err)}
		}
		keys[i] = key
	}
	return keys, nil
}

// readFiles reads every file of heads.
func (s *logVerification) readFiles(
	ctx context.Context, store core.StaffLogStore, keys []*core.LogPublicKey, bad func(where string, err error),
) (all []core.KnownHead, err error) {
	_, deployment, err := store.StaffLogHead(ctx)
	if err != nil {
		return nil, fmt.Errorf("the head of the staff log: %w", err)
	}
	for _, name := range s.heads {
		file, err := os.Open(name)
		if err != nil {
			return nil, fmt.Errorf("heads: %w", err)
		}
		heads, err := readHeads(name, file, deployment, keys, bad)
		if err = errors.Join(err, file.Close()); err != nil {
			return nil, fmt.Errorf("heads in %s: %w", name, err)
		}
		if len(heads) == 0 {
			bad(name, errNoHeads)
		}
		all = append(all, heads...)
	}
	return all, nil
}

// errNoHeads is what is wrong with a file that nothing can be held against.
var errNoHeads = errors.New("no valid signed head of this log is in it, so it vouches for nothing")

// emptied finds a log without rows of a database in which staff or the system did something: all rows are gone.
func (s *logVerification) emptied(
	ctx context.Context, db *database, sum *core.LogVerification, found func(core.LogFinding),
) error {
	if sum.Rows > 0 {
		return nil
	}
	campaigns, err := db.campaigns.Campaigns(ctx)
	if err != nil {
		return fmt.Errorf("the campaigns: %w", err)
	}
	keys, err := db.staffKeys.StaffKeyRevision(ctx)
	if err != nil {
		return fmt.Errorf("the staff keys: %w", err)
	}
	if len(campaigns) > 0 || keys > 0 {
		sum.Findings++
		found(core.LogFinding{Kind: core.LogRemoved, Detail: fmt.Sprintf("the log has no rows, but there are %s and %s of staff keys, "+
			"each of which wrote one: all rows are missing", count(len(campaigns), "campaign"), count(int(keys), "change"))})
	}
	return nil
}

// barEvery is how often a bar is drawn anew.
const barEvery = 100 * time.Millisecond

// progress shows on a terminal how far the verification is, until done is called.
func (s *logVerification) progress(out io.Writer, v *core.LogVerifier) (done func()) {
	file, isFile := out.(*os.File)
	if !isFile || s.format == outputJSON || !term.IsTerminal(int(file.Fd())) {
		return func() {}
	}
	bar := progressbar.NewOptions64(1, progressbar.OptionSetWriter(out), progressbar.OptionSetDescription("rows"),
		progressbar.OptionShowCount(), progressbar.OptionClearOnFinish(), progressbar.OptionThrottle(barEvery))
	v.Row = func(row, rows int64) {
		bar.ChangeMax64(rows)
		_ = bar.Set64(row) // a bar that cannot be drawn stops nothing
	}
	return func() { _ = bar.Clear() }
}

func (s *logVerification) print(out io.Writer, sum *core.LogVerification) error {
	if s.format == outputJSON {
		return printJSON(out, sum)
	}
	found := "each is a line above"
	if sum.Findings == 0 {
		found = "every row is as it was written, and none is missing between them"
	}
	against := "No heads were given (--heads), so that its end was cut off, or all of it written anew, would not show."
	if len(s.heads) > 0 {
		against = fmt.Sprintf("It was held against %s, which vouch up to row %d.", count(int(sum.Heads), "signed head"), sum.HeadSeq)
	}
	_, err := fmt.Fprintf(out, "%s in %s, the last of which is %d: %s. %s\n",
		count(int(sum.Findings), "finding"), count(int(sum.Rows), "row"), sum.LastSeq, found, against)
	return err
}
