package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"hotdrop/api"
	"hotdrop/core"
)

// keysPage is how many keys are asked for at a time: the most that the API gives.
const keysPage = 100

// staffKeys is what a command about the staff keys of a server was asked for.
type staffKeys struct {
	client  client
	format  output
	request api.KeyRequest
	role    string
	ttl     lifetime
	overlap lifetime
	reason  string
	person  string
	ended   bool
}

func (s *staffKeys) register(cmd *cobra.Command) {
	s.client.demo = core.RoleAdmin
	s.client.register(cmd)
	s.format.register(cmd)
}

func (s *staffKeys) registerReason(cmd *cobra.Command) {
	cmd.Flags().StringVar(&s.reason, "reason", "", "why, for the staff log (required)")
	_ = cmd.MarkFlagRequired("reason") // the flag exists
}

func listKeysCommand() *cobra.Command {
	s := &staffKeys{format: outputText}
	cmd := &cobra.Command{
		Use:   "list",
		Short: "Show the staff keys and sessions of a server that work, the latest first",
		Long: "Show the staff keys and sessions of a server, the latest first: an administrator sees everybody's, or those of its\n" +
			"brand; others see their own. The keys of the server's keys file are not among them: that file lists them.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return s.list(cmd.Context(), cmd.OutOrStdout()) },
	}
	s.register(cmd)
	cmd.Flags().StringVar(&s.person, "person", "", "only this person's")
	cmd.Flags().BoolVarP(&s.ended, "all", "a", false, "also keys that have expired or were revoked")
	return cmd
}

func createKeyCommand() *cobra.Command {
	s := &staffKeys{format: outputText}
	cmd := &cobra.Command{
		Use:   "create PERSON",
		Short: "Make an API key for a person and print its secret, this once",
		Long: "Make an API key for PERSON and print its secret, which the server keeps nowhere: hand it over on a way that nobody else\n" +
			"reads. Where several people have to agree, all keys of one PERSON count as one. It takes an administrator's key; with\n" +
			"one that is scoped to a brand the new key is scoped to it too. Without --ttl it works for 90 days.",
		Example: "  export HOTDROP_KEY   # the administrator's: with --key, others on this machine would see it\n" +
			"  hotdrop keys create olga --role operator --reason \"runs the spring sale\"\n" +
			"  hotdrop keys create mei --role brand --brand meizu --ttl 30d --reason \"spring sale\"",
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			s.request.Person, s.request.Role, s.request.Reason, s.request.TTL = args[0], core.Role(s.role), s.reason, s.ttl.seconds()
			return s.issue(cmd.Context(), "/v1/keys", s.request, cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
	}
	s.register(cmd)
	s.registerReason(cmd)
	cmd.Flags().Var(&choice{&s.role, roleNames()}, "role", "what it may do: "+strings.Join(roleNames(), ", ")+" (required)")
	_ = cmd.MarkFlagRequired("role") // the flag exists
	cmd.Flags().StringVar(&s.request.Brand, "brand", "", "the brand it is scoped to; without: every brand, or your key's")
	cmd.Flags().Var(&s.ttl, "ttl", "how long it works, such as 90d or 12h; at most 400d")
	return cmd
}

func rotateKeyCommand() *cobra.Command {
	s := &staffKeys{format: outputText}
	cmd := &cobra.Command{
		Use:   "rotate KEY-ID",
		Short: "Replace an API key by a new one and print its secret, this once",
		Long: "Replace an API key by a new one of the same person, role and brand, which works as long as the old one was made to.\n" +
			"The old one ends at once or, to have time to hand the new one out, after --overlap. Everybody may rotate the key that\n" +
			"they use; an administrator those that it could make.",
		Example: "  hotdrop keys rotate key.06fmxw9z3k8q7v5t2s1r0p4n6m --overlap 1h --reason \"every quarter\"",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			body := api.KeyRotation{Overlap: s.overlap.seconds(), Reason: s.reason}
			return s.issue(cmd.Context(), keyPath(args[0], "rotations"), body, cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
	}
	s.register(cmd)
	s.registerReason(cmd)
	cmd.Flags().Var(&s.overlap, "overlap", "how long the old key works beside the new one, such as 1h; at most 7d")
	return cmd
}

func revokeKeyCommand() *cobra.Command {
	s := &staffKeys{format: outputText}
	cmd := &cobra.Command{
		Use:   "revoke KEY-ID",
		Short: "End an API key or a session: no node takes it a second later",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return s.revoke(cmd.Context(), args[0], cmd.OutOrStdout())
		},
	}
	s.register(cmd)
	s.registerReason(cmd)
	return cmd
}

func keyPath(id, what string) string { return "/v1/keys/" + url.PathEscape(id) + "/" + what }

func roleNames() []string {
	names := make([]string, 0, len(core.StaffRoles()))
	for _, role := range core.StaffRoles() {
		names = append(names, string(role))
	}
	return names
}

// issue asks for a key and prints it: the secret on stdout, so that a pipe gets it alone, and what it is on stderr.
func (s *staffKeys) issue(ctx context.Context, path string, body any, out, talk io.Writer) error {
	answer, err := s.client.post(ctx, path, body)
	if err != nil {
		return err
	}
	return show(out, s.format, answer, func(out io.Writer, key *api.NewKey) error {
		_, _ = fmt.Fprintf(talk, "%s for %s, %s, works until %s; its secret is shown this once:\n", key.ID, key.Person, scopeText(&key.Key),
			key.ExpiresAt.UTC().Format(time.RFC3339))
		_, err := fmt.Fprintln(out, key.Secret)
		return err
	})
}

// scopeText says what a key may do, and where.
func scopeText(k *api.Key) string {
	if k.Brand == "" {
		return string(k.Role)
	}
	return string(k.Role) + " of " + k.Brand
}

func (s *staffKeys) revoke(ctx context.Context, id string, out io.Writer) error {
	answer, err := s.client.post(ctx, keyPath(id, "revocations"), api.KeyRevocation{Reason: s.reason})
	if err != nil {
		return err
	}
	return show(out, s.format, answer, func(out io.Writer, key *api.Key) error {
		_, err := fmt.Fprintf(out, "%s  %s of %s\n", key.State, key.ID, key.Person)
		return err
	})
}

func (s *staffKeys) list(ctx context.Context, out io.Writer) error {
	keys, err := s.all(ctx)
	if err != nil {
		return err
	}
	if s.format == outputJSON {
		return printJSON(out, map[string]any{"data": keys})
	}
	rows := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(rows, "ID\tSTATE\tPERSON\tMAY ACT AS\tBEGINS\tEXPIRES\tMADE BY")
	for i := range keys {
		k := &keys[i]
		_, _ = fmt.Fprintf(rows, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", k.ID, k.State, k.Person, scopeText(k), k.Prefix,
			k.ExpiresAt.UTC().Format(time.RFC3339), k.CreatedBy)
	}
	return rows.Flush()
}

// all reads every page and leaves out what has ended unless it was asked for.
func (s *staffKeys) all(ctx context.Context) ([]api.Key, error) {
	keys, query := []api.Key{}, url.Values{"limit": {strconv.Itoa(keysPage)}}
	if s.person != "" {
		query.Set("person", s.person)
	}
	for page, err := range pages[api.Key](ctx, &s.client, "/v1/keys", query) {
		if err != nil {
			return nil, err
		}
		for _, key := range page {
			if s.ended || key.State == core.StaffKeyActive {
				keys = append(keys, key)
			}
		}
	}
	return keys, nil
}

// lifetime is a flag: a duration that may also be given in days, such as 90d.
type lifetime time.Duration

// String returns the current value; "" for none.
func (l *lifetime) String() string {
	if *l == 0 {
		return ""
	}
	return time.Duration(*l).String()
}

// Type names the value in the help.
func (*lifetime) Type() string { return "duration" }

var errLifetime = errors.New("must be a time such as 90d, 12h or 30m")

// Set reads a duration, or a whole number of days.
func (l *lifetime) Set(text string) error {
	if days, found := strings.CutSuffix(text, "d"); found {
		n, err := strconv.ParseUint(days, 10, 16) // more days than a duration holds are refused here
		if err != nil {
			return errLifetime
		}
		*l = lifetime(time.Duration(n) * 24 * time.Hour)
		return nil
	}
	d, err := time.ParseDuration(text)
	if err != nil || d < 0 || d%time.Second != 0 {
		return errLifetime
	}
	*l = lifetime(d)
	return nil
}

func (l *lifetime) seconds() int64 { return int64(time.Duration(*l) / time.Second) }
