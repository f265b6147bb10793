package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"time"

	"github.com/spf13/cobra"

	"hotdrop/api"
	"hotdrop/core"
)

// recordingPatience is how long a recording may take: it has the bytes of every plugin that decided.
const recordingPatience = 5 * time.Minute

// mechanicReplay is what `mechanic replay` was asked for.
type mechanicReplay struct {
	client client
	save   string
	format output
}

func mechanicReplayCommand() *cobra.Command {
	r := &mechanicReplay{format: outputText}
	cmd := &cobra.Command{
		Use:   "replay ORDER|FILE",
		Short: "Derive an order's decision again, here, and compare it byte for byte with what the order pins",
		Long: "Derive an order's decision again in this process and compare effects, fuel, lines and total, byte for byte, with\n" +
			"what the order pins. An ORDER's recording is got from the server: facts, rulesets and the bytes of the mechanics that\n" +
			"decided. A FILE has one that was saved with --save (- reads stdin): it needs no server, and works on any machine, also\n" +
			"when the ruleset is long gone. What differs makes the exit code 1. Whoever changes a file on purpose can change its\n" +
			"sums too; only the server's own recording says what the order pins.",
		Example: "  hotdrop mechanic replay phone.06fmxw9z3k8q7v5t2s1r0p4n6m\n" +
			"  hotdrop mechanic replay phone.06fmxw9z3k8q7v5t2s1r0p4n6m --save order.json\n" +
			"  hotdrop mechanic replay order.json -o json",
		Args: atMostOne(true),
		RunE: func(cmd *cobra.Command, args []string) error {
			return r.replay(cmd.Context(), args[0], cmd.InOrStdin(), cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
	}
	r.client.register(cmd)
	r.format.register(cmd)
	cmd.Flags().StringVar(&r.save, "save", "", "write the recording to this file, to replay it elsewhere")
	return cmd
}

func (r *mechanicReplay) replay(ctx context.Context, subject string, stdin io.Reader, out, talk io.Writer) (err error) {
	text, err := r.read(ctx, subject, stdin)
	if err != nil {
		return err
	}
	recording, err := core.ParseRecording(text)
	if err != nil {
		return fmt.Errorf("%s: %w", subject, err)
	}
	if r.save != "" {
		if err := os.WriteFile(r.save, text, 0o600); err != nil {
			return fmt.Errorf("--save: %w", err)
		}
	}
	compiler := newRecordedCompiler(logTo(talk))
	defer func() { err = errors.Join(err, compiler.close(ctx)) }()
	replayed, err := core.Replay(ctx, recording, compiler)
	if err != nil {
		return err
	}
	view := api.ExplanationOf(replayed)
	if r.format == outputJSON {
		err = printJSON(out, view)
	} else {
		view, err = decodedAgain(view)
		if err == nil {
			_, err = io.WriteString(out, explained(&view))
		}
	}
	if err == nil && !replayed.Reproduced {
		err = errFailed
	}
	return err
}

// decodedAgain is the explanation as a client reads it: with clauses whose values are plain data.
func decodedAgain(e api.Explanation) (api.Explanation, error) {
	text, err := json.Marshal(e)
	if err != nil {
		return e, err
	}
	var again api.Explanation
	err = decodeExplanation(text, &again)
	return again, err
}

// read gets the recording of an order from the server, and any other from its file.
func (r *mechanicReplay) read(ctx context.Context, subject string, stdin io.Reader) ([]byte, error) {
	if core.ValidOrderID(subject) {
		return r.fetch(ctx, subject)
	}
	if subject == "-" {
		return readRecording("stdin", stdin)
	}
	file, err := os.Open(subject)
	if err != nil {
		return nil, &nextError{fmt.Errorf("%w; it is no order's id either", err), "hotdrop mechanic replay --help"}
	}
	defer func() { _ = file.Close() }() // it was read
	return readRecording(subject, file)
}

// fetch gets an order's recording from the server.
func (r *mechanicReplay) fetch(ctx context.Context, order string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, recordingPatience)
	defer cancel()
	response, err := r.client.send(ctx, http.MethodGet, "/v1/orders/"+url.PathEscape(order)+"/recording", nil, nil)
	if err != nil {
		return nil, err
	}
	defer func() { _ = response.Body.Close() }() // it was read
	text, err := readRecording("the server's answer", response.Body)
	if err == nil && response.StatusCode != http.StatusOK {
		err = problemOf(response.StatusCode, text)
	}
	return text, err
}

func readRecording(name string, r io.Reader) ([]byte, error) {
	text, err := io.ReadAll(io.LimitReader(r, core.MaxRecordingBytes+1))
	if err == nil && len(text) > core.MaxRecordingBytes {
		err = fmt.Errorf("it is longer than %d bytes", core.MaxRecordingBytes)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return text, nil
}
