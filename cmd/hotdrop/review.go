package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"hotdrop/api"
	"hotdrop/core"
)

func reviewCommand() *cobra.Command {
	group := &cobra.Command{
		Use:   "review",
		Short: "Decide which submitted plugins may price orders: list, show, approve, reject, revoke",
		Long: "Decide which submitted plugins may price orders. What a brand has submitted is vetted first; then people of the platform\n" +
			"approve it, as many as the server asks for, none of them its author or anybody who uploaded or signed it. An approval\n" +
			"holds for these bytes, these campaigns, these limits, and for a time; approvals of other terms count for themselves. A plugin\n" +
			"is named by its digest, of which the first 8 hex digits do where no other plugin has them.",
		Example: "  hotdrop review list --state vetted\n" +
			"  hotdrop review show 9f86d081\n" +
			"  hotdrop review approve 9f86d081 --if-match 4 --reason \"vectors read, costs are low\" --campaign trade-in --expires 30d\n" +
			"  hotdrop review revoke 9f86d081 --reason \"it gives too much for a broken phone\"",
	}
	group.AddCommand(reviewListCommand(), reviewShowCommand(), reviewApproveCommand(),
		reviewEndCommand("reject", "rejections", "Reject a plugin that is not approved: its bytes are not kept"),
		reviewEndCommand("revoke", "revocations", "Revoke an approved plugin: no order is priced by it from now on, on any node"))
	return group
}

// reviews is what every command of the group is asked for.
type reviews struct {
	client client
	brand  string
	format output
}

func (r *reviews) register(cmd *cobra.Command) *cobra.Command {
	r.client.register(cmd)
	r.format = outputText
	r.format.register(cmd)
	cmd.Flags().StringVar(&r.brand, "brand", "", "whose plugin it is, where several brands have submitted the same bytes")
	return cmd
}

// minDigestPrefix is how many hex digits of a digest have to be given.
const minDigestPrefix = 8

var digestPrefixPattern = regexp.MustCompile(`^(sha256:)?([0-9a-f]{8,64})$`)

// digestPrefix is the beginning of a digest, with sha256: in front.
func digestPrefix(text string) (prefix string, ok bool) {
	parts := digestPrefixPattern.FindStringSubmatch(strings.ToLower(text))
	if parts == nil {
		return "", false
	}
	return "sha256:" + parts[2], true
}

// find returns the one plugin whose digest begins so, with its report, and its revision as ETags have it.
func (r *reviews) find(ctx context.Context, text string) (plugin *api.Plugin, tag string, err error) {
	prefix, ok := digestPrefix(text)
	if !ok {
		return nil, "", usageError{fmt.Errorf("%q is no digest: sha256: and at least %d hex digits of it", text, minDigestPrefix)}
	}
	digest := prefix
	if !core.ValidDigest(prefix) {
		if digest, err = r.complete(ctx, prefix); err != nil {
			return nil, "", err
		}
	}
	answered, err := r.client.do(ctx, http.MethodGet, "/v1/plugins/"+digest+brandQuery(r.brand), nil, nil)
	if err != nil {
		return nil, "", withNext(err, "hotdrop review list")
	}
	plugin, err = decode[api.Plugin](answered.body)
	return plugin, answered.header.Get("ETag"), err
}

// complete returns the one digest that begins with the prefix.
func (r *reviews) complete(ctx context.Context, prefix string) (string, error) {
	all, err := r.list(ctx, "")
	if err != nil {
		return "", err
	}
	var found []string
	for i := range all {
		if strings.HasPrefix(all[i].Digest, prefix) && !slices.Contains(found, all[i].Digest) {
			found = append(found, all[i].Digest)
		}
	}
	switch len(found) {
	case 0:
		return "", &nextError{fmt.Errorf("there is no plugin whose digest begins with %s", prefix), "hotdrop review list"}
	case 1:
		return found[0], nil
	default:
		return "", fmt.Errorf("%d plugins have a digest that begins with %s; give more of it:\n  %s",
			len(found), prefix, strings.Join(found, "\n  "))
	}
}

// pluginPath is where the API has what is about the plugin.
func pluginPath(p *api.Plugin, what string) string {
	return "/v1/plugins/" + p.Digest + what + brandQuery(p.Brand)
}

// maxPlugins bounds how many plugins are listed.
const maxPlugins = 100_000

// list asks for every plugin in the state, the latest uploads first; "" is any state.
func (r *reviews) list(ctx context.Context, state string) ([]api.Plugin, error) {
	query := url.Values{"limit": {"100"}}
	for name, value := range map[string]string{"brand": r.brand, "state": state} {
		if value != "" {
			query.Set(name, value)
		}
	}
	all := []api.Plugin{}
	for page, err := range pages[api.Plugin](ctx, &r.client, "/v1/plugins", query) {
		if err != nil {
			return nil, err
		}
		if all = append(all, page...); len(all) > maxPlugins {
			return nil, errors.New("there are too many plugins to list; --brand and --state narrow it down")
		}
	}
	return all, nil
}

// pluginStates are the states in the order that a plugin goes through them.
func pluginStates() []string {
	return []string{
		string(core.PluginUploaded), string(core.PluginVetting), string(core.PluginVetted), string(core.PluginRefused),
		string(core.PluginApproved), string(core.PluginRejected), string(core.PluginRevoked),
	}
}

func reviewListCommand() *cobra.Command {
	r := &reviews{}
	state := ""
	cmd := r.register(&cobra.Command{
		Use:   "list",
		Short: "List submitted plugins, the latest first; --state vetted lists what waits for approval",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			all, err := r.list(cmd.Context(), state)
			if err != nil {
				return err
			}
			return r.printList(cmd.OutOrStdout(), cmd.ErrOrStderr(), state, all, time.Now())
		},
	})
	cmd.Flags().Var(&choice{value: &state, of: pluginStates()}, "state", "only those in this state")
	return cmd
}

// printList prints a line for each plugin, with as much of the digest as the other commands need, and says which approvals end
// soon.
func (r *reviews) printList(out, talk io.Writer, state string, all []api.Plugin, now time.Time) error {
	if r.format == outputJSON {
		return printJSON(out, all)
	}
	if len(all) == 0 {
		_, _ = fmt.Fprintln(talk, noPlugins(state))
		return nil
	}
	shown, renew := shownDigits(all), ""
	rows := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	for i := range all {
		p := &all[i]
		approvals := approvalCount(p)
		if p.State == core.PluginVetted && p.Reason != "" {
			approvals += ", " + oneLine(p.Reason)
		}
		if endsSoon(p, now) {
			approvals += ", end at " + utc(p.Terms.ExpiresAt)
			renew = cmp.Or(renew, renewCommand(p))
		}
		_, _ = fmt.Fprintf(rows, "%s\t%s\t%s\t%s\t%s\tuploaded %s by %s\n", p.State, p.Digest[:shown], p.Brand, // Flush tells what failed
			cmp.Or(oneLine(p.Name), "-"), approvals, utc(p.UploadedAt), p.UploadedBy)
	}
	if err := rows.Flush(); err != nil || renew == "" {
		return err
	}
	_, _ = fmt.Fprintf(talk, "approvals end within a day: one person of the platform proposes a later end, "+
		"the others approve it without --expires\nnext: %s\n", renew)
	return nil
}

// soon is how long before its end an approval is marked.
const soon = 24 * time.Hour

// endsSoon reports whether the plugin is approved, and will not be in a day.
func endsSoon(p *api.Plugin, now time.Time) bool {
	return p.State == core.PluginApproved && p.Terms != nil && p.Terms.ExpiresAt.Sub(now) <= soon
}

// renewCommand is what the first person types so that the plugin stays approved; the others, and whoever comes
// after a proposal, approve what is proposed then.
func renewCommand(p *api.Plugin) string {
	expires := " --expires 90d"
	if p.Proposed != nil {
		expires = ""
	}
	return fmt.Sprintf("hotdrop review approve %s --brand %s%s --reason WHY", shortDigest(p.Digest), p.Brand, expires)
}

// utc is an instant as the API has it and as commands take it: RFC 3339 in UTC, whole seconds.
func utc(at time.Time) string { return at.UTC().Format(time.RFC3339) }

// noPlugins says that a list is empty; a state of "" is any.
func noPlugins(state string) string {
	if state == "" {
		return "no plugins were submitted"
	}
	return "no plugins are " + state + "; without --state the list has those in other states too"
}

// shownDigits is how much of the digests tells them apart.
func shownDigits(all []api.Plugin) int {
	const whole = len("sha256:") + 64
	for shown := len("sha256:") + 12; shown < whole; shown += 4 {
		seen := map[string]string{}
		apart := !slices.ContainsFunc(all, func(p api.Plugin) bool {
			before, found := seen[p.Digest[:shown]]
			seen[p.Digest[:shown]] = p.Digest
			return found && before != p.Digest
		})
		if apart {
			return shown
		}
	}
	return whole
}

// approvalCount is how many people have approved a plugin of how many, where that matters.
func approvalCount(p *api.Plugin) string {
	if p.State != core.PluginVetted && p.State != core.PluginApproved {
		return "-"
	}
	return fmt.Sprintf("%d of %d approvals", len(p.Approvals), p.ApprovalsNeeded)
}
