package main

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"hotdrop/api"
)

// maxEventsBytes is how long a body of social events may be that a server reads.
const maxEventsBytes = 1 << 20

func signKeysCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "sign FILE SOURCE",
		Short: "Sign a body of social events on stdin as the source does, and print the headers",
		Long: "Sign a body on stdin with the secret that the keys file has of a source of social events, and print the headers\n" +
			"that go with it in a request to /v1/social/SOURCE/events. They hold for five minutes, and for these bytes only.",
		Example: "  hotdrop keys sign data/demo-keys.json weibo < events.json |\n" +
			"    curl -H @- -H 'Content-Type: application/json' --data-binary @events.json http://127.0.0.1:8080/v1/social/weibo/events",
		Args: cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			return signEvents(args[0], args[1], time.Now(), cmd.InOrStdin(), cmd.OutOrStdout())
		},
	}
}

// signEvents prints the headers of a request at that moment, a line each.
func signEvents(path, source string, at time.Time, body io.Reader, out io.Writer) error {
	keys, err := api.LoadKeys(path)
	if err != nil {
		return err
	}
	content, err := io.ReadAll(io.LimitReader(body, maxEventsBytes+1))
	switch {
	case err != nil:
		return fmt.Errorf("read the body: %w", err)
	case len(content) == 0:
		return errors.New("there is no body on stdin to sign")
	case len(content) > maxEventsBytes:
		return fmt.Errorf("the body is longer than %d bytes", maxEventsBytes)
	}
	headers, err := keys.SignEvents(source, "msg_"+rand.Text(), at, content)
	if err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(headers)) {
		if _, err := fmt.Fprintf(out, "%s: %s\n", name, headers.Get(name)); err != nil {
			return err
		}
	}
	return nil
}
