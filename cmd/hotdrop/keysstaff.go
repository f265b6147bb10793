package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"slices"
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
			"brand; others see their own. Those FROM file stand in the server's keys file and come last: they are changed there.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return s.list(cmd.Context(), cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
	}
	s.register(cmd)
	cmd.Flags().StringVar(&s.person, "person", "", "only this person's")
	cmd.Flags().BoolVarP(&s.ended, "all", "a", false, "also keys that have expired or were revoked")
	return cmd
}

func createKeyCommand() *cobra.Command {
	s := &staffKeys{format: outputText, ttl: lifetime(core.DefaultStaffKeyTTL)}
	cmd := &cobra.Command{
		Use:   "create PERSON",
		Short: "Make an API key for a person and print its secret, this once",
		Long: "Make an API key for PERSON and print its secret, which the server keeps nowhere: hand it over on a way that nobody else\n" +
			"reads. It works on every node within a second. Where several people have to agree, all keys of one PERSON count as\n" +
			"one. It takes an administrator's key; with one that is scoped to a brand the new key is scoped to it\n" +
			"too, and PERSON may not be the name of somebody outside the brand.",
		Example: "  read -rs HOTDROP_KEY && export HOTDROP_KEY   # the administrator's\n" +
			"  hotdrop keys create olga --role operator --reason \"runs the spring sale\"\n" +
			"  hotdrop keys create mei --role brand --brand meizu --ttl 30d --reason \"spring sale\"",
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return s.create(cmd.Context(), args[0], cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
	}
	s.register(cmd)
	s.registerReason(cmd)
	cmd.Flags().Var(&choice{&s.role, roleNames()}, "role", "what it may do: "+strings.Join(roleNames(), ", ")+" (required)")
	_ = cmd.MarkFlagRequired("role") // the flag exists
	cmd.Flags().StringVar(&s.request.Brand, "brand", "", "the brand it is scoped to; without: every brand, or your key's")
	s.ttl.registerKeys(cmd)
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
			if time.Duration(s.overlap) > core.MaxStaffKeyOverlap {
				return usageError{errors.New("--overlap: the old key works for 7 days at most")}
			}
			body := api.KeyRotation{Overlap: s.overlap.seconds(), Reason: s.reason}
			return unknownKey(s.issue(cmd.Context(), keyPath(args[0], "rotations"), body, cmd.OutOrStdout(), cmd.ErrOrStderr()))
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
			return unknownKey(s.revoke(cmd.Context(), args[0], cmd.OutOrStdout()))
		},
	}
	s.register(cmd)
	s.registerReason(cmd)
	return cmd
}

// create asks for a key, and says so if its brand is one that sells nothing: more often than not it is misspelt.
func (s *staffKeys) create(ctx context.Context, person string, out, talk io.Writer) error {
	if err := s.ttl.checkKeys(); err != nil {
		return err
	}
	s.request.Person, s.request.Role, s.request.Reason, s.request.TTL = person, core.Role(s.role), s.reason, s.ttl.seconds()
	if err := s.issue(ctx, "/v1/keys", s.request, out, talk); err != nil || s.request.Brand == "" {
		return err
	}
	if s.client.sellsNothing(ctx, s.request.Brand) {
		_, _ = fmt.Fprintf(talk, "warning: no campaign is of the brand %s yet; if that is misspelt, revoke the key\n", printable(s.request.Brand))
	}
	return nil
}

// sellsNothing reports whether no campaign that the caller may see is of the brand. What cannot be found out is not so.
func (c *client) sellsNothing(ctx context.Context, brand string) bool {
	for page, err := range pages[api.Campaign](ctx, c, "/v1/campaigns", url.Values{"limit": {strconv.Itoa(keysPage)}}) {
		ofBrand := func(c api.Campaign) bool { return c.Brand == brand }
		if err != nil || slices.ContainsFunc(page, ofBrand) {
			return false
		}
	}
	return true
}

// unknownKey says how to find the id of a key if the server does not know the one that was given.
func unknownKey(err error) error {
	if p, ok := errors.AsType[*api.Problem](err); ok && p.Code == core.CodeNotFound {
		return &nextError{err, "hotdrop keys list --all"}
	}
	return err
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
			endText(key.ExpiresAt))
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

func (s *staffKeys) list(ctx context.Context, out, talk io.Writer) error {
	keys, err := s.all(ctx)
	if err != nil {
		return err
	}
	if len(keys) == 0 {
		_, _ = fmt.Fprintln(talk, "no key that you may see matches; --all shows also those that have ended")
	}
	if s.format == outputJSON {
		return printJSON(out, map[string]any{"data": keys})
	}
	rows := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(rows, "ID\tFROM\tSTATE\tPERSON\tMAY ACT AS\tPREFIX\tEXPIRES\tMADE BY")
	for i := range keys {
		k := &keys[i]
		_, _ = fmt.Fprintf(rows, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", k.ID, k.From, k.State, k.Person, scopeText(k), cmp.Or(k.Prefix, "-"),
			endText(k.ExpiresAt), cmp.Or(k.CreatedBy, "-"))
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

// endText says when a key ends.
func endText(at time.Time) string {
	if at.IsZero() {
		return "never"
	}
	return at.UTC().Format(time.RFC3339)
}
