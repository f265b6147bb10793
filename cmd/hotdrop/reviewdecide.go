package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"hotdrop/api"
	"hotdrop/core"
)

// reviewing is what a command that decides was asked for.
type reviewing struct {
	reviews

	reason    string
	ifMatch   string // the revision that was shown; "" for the one that is read before the decision
	campaigns []string
	all       bool
	expires   string
}

func (r *reviewing) register(cmd *cobra.Command) *cobra.Command {
	r.client.demo = core.RolePlatform
	r.reviews.register(cmd)
	cmd.Flags().StringVar(&r.reason, "reason", "", "why, for the staff log and for the brand; required")
	cmd.Flags().StringVar(&r.ifMatch, "if-match", "", "decide only if the plugin is at this revision, as the command show told it")
	return cmd
}

func reviewApproveCommand() *cobra.Command {
	r := &reviewing{}
	cmd := r.register(&cobra.Command{
		Use:   "approve DIGEST",
		Short: "Approve a vetted plugin, as one person: it may price orders once enough people have",
		Long: "Approve a vetted plugin, as one person. It may price orders of the campaigns that are named, or of all of its brand, once\n" +
			"as many people have approved it as the server asks for, until the approval expires. Without --campaign, --all-campaigns\n" +
			"and --expires the terms are those that others have proposed or approved already. A time from now that ends within an hour\n" +
			"or a hundredth of it of what is proposed is that end. Other terms count for themselves, and those in force stay in\n" +
			"force until enough people have approved the others.",
		Example: "  hotdrop review approve 9f86d081 --reason \"for this sale only\" --campaign trade-in --expires 30d   # the first person\n" +
			"  hotdrop review approve 9f86d081 --reason \"vectors read, costs are low\"   # the others, on the same terms",
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return r.approve(cmd.Context(), args[0], cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
	})
	cmd.Flags().StringSliceVar(&r.campaigns, "campaign", nil, "a campaign that may bind it (repeatable)")
	cmd.Flags().BoolVar(&r.all, "all-campaigns", false, "all campaigns of its brand may bind it, also where others approved it for some")
	cmd.Flags().StringVar(&r.expires, "expires", "", "when the approval ends: a time from now (90d, 36h) or an instant (RFC 3339)")
	return cmd
}

// approvalBody is what is sent. No campaigns are whatever others have approved, an empty list is all.
type approvalBody struct {
	Reason    string     `json:"reason"`
	Campaigns *[]string  `json:"campaigns,omitempty"`
	ExpiresAt *time.Time `json:"expires_at,omitempty"`
}

func (r *reviewing) body(now time.Time) (*approvalBody, error) {
	body := &approvalBody{Reason: r.reason}
	switch {
	case r.all && len(r.campaigns) > 0:
		return nil, usageError{errors.New("--campaign and --all-campaigns exclude each other")}
	case r.all:
		body.Campaigns = &[]string{}
	case len(r.campaigns) > 0:
		body.Campaigns = &r.campaigns
	}
	if r.expires == "" {
		return body, nil
	}
	at, err := instantOf(r.expires, now)
	if err != nil {
		return nil, usageError{err}
	}
	body.ExpiresAt = &at
	return body, nil
}

// instantOf reads a time from now, in days or as Go writes durations, or an instant.
func instantOf(text string, now time.Time) (time.Time, error) {
	wrong := fmt.Errorf("--expires %q is neither a time from now (90d, 36h) nor an instant (2014-04-08T12:00:00+08:00)", text)
	if at, err := time.Parse(time.RFC3339, text); err == nil {
		return at, nil
	}
	after, err := time.ParseDuration(text)
	if days, isDays := strings.CutSuffix(text, "d"); isDays {
		n, failed := strconv.ParseInt(days, 10, 16)
		after, err = time.Duration(n)*24*time.Hour, failed
	}
	if err != nil || after <= 0 {
		return time.Time{}, wrong
	}
	return now.Add(after).Truncate(time.Second), nil
}

func (r *reviewing) approve(ctx context.Context, digest string, out, talk io.Writer) error {
	if r.reason == "" {
		return noReason()
	}
	body, err := r.body(time.Now())
	if err != nil {
		return err
	}
	return r.decide(ctx, digest, "approvals", body, out, talk)
}

func noReason() error {
	return usageError{errors.New("--reason is missing: it goes into the staff log, and the brand reads it")}
}

// reviewEndCommand is a command that ends a plugin's way.
func reviewEndCommand(name, path, short string) *cobra.Command {
	r := &reviewing{}
	return r.register(&cobra.Command{
		Use:   name + " DIGEST",
		Short: short,
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if r.reason == "" {
				return noReason()
			}
			return r.decide(cmd.Context(), args[0], path, &approvalBody{Reason: r.reason}, cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
	})
}

// decide sends the decision and prints how the plugin stands after it. It is about the plugin as it was shown, or as it is read
// here: what others approve meanwhile, on whatever terms, is not what this person has agreed to.
func (r *reviewing) decide(ctx context.Context, digest, path string, body *approvalBody, out, talk io.Writer) error {
	header := jsonContent()
	if _, err := strconv.ParseUint(r.ifMatch, 10, 63); err != nil && r.ifMatch != "" {
		return usageError{fmt.Errorf("--if-match: %q is not a revision", r.ifMatch)}
	}
	plugin, tag, err := r.find(ctx, digest)
	if err != nil {
		return err
	}
	r.join(body, plugin, talk)
	text, err := json.Marshal(body)
	if err != nil {
		return err
	}
	if r.ifMatch != "" {
		tag = strconv.Quote(r.ifMatch)
	}
	if tag != "" {
		header.Set("If-Match", tag)
	}
	answered, err := r.client.do(ctx, http.MethodPost, pluginPath(plugin, "/"+path), header, text)
	if err != nil {
		return withNext(err, "hotdrop review show "+shortDigest(plugin.Digest))
	}
	decided, err := decode[api.Plugin](answered.body)
	if err != nil {
		return err
	}
	if r.format == outputJSON {
		err = printAsIs(out, answered.body)
	} else {
		_, err = io.WriteString(out, decidedText(decided))
	}
	sayAfterReview(talk, decided)
	return err
}

// decidedText is how a plugin stands after a decision.
func decidedText(p *api.Plugin) string {
	text := fmt.Sprintf("%s  %s\n", p.State, p.Digest)
	if p.Notice != "" {
		text += "  " + printable(p.Notice) + "\n"
	}
	if p.State == core.PluginVetted || p.State == core.PluginApproved {
		text += labelledIn("  ", approvalLines(p))
	}
	return text
}

// sayAfterReview says what comes next, and who does it.
func sayAfterReview(talk io.Writer, p *api.Plugin) {
	next := nextOfReview(p, "", time.Now())
	switch {
	case p.State == core.PluginApproved && p.Proposed == nil:
		_, _ = fmt.Fprintf(talk, "next: the brand names it in a campaign's ruleset, plugin: %s\n", p.Digest)
	case next != "" && (p.Signature == nil || p.Signature.State == core.SignatureValid):
		_, _ = fmt.Fprintf(talk, "another person of the platform goes on\nnext: %s\n", next)
	case next != "":
		_, _ = fmt.Fprintf(talk, "next: %s\n", next)
	case p.State == core.PluginRevoked:
		_, _ = fmt.Fprintln(talk, "next: where it is bound, on_failure decides; the brand adds a ruleset without it")
	}
}

// shortDigest is enough of a digest for people and for the commands.
func shortDigest(digest string) string { return digest[:min(len(digest), len("sha256:")+12)] }
