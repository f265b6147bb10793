package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"hotdrop/api"
	"hotdrop/core"
	"hotdrop/plugins/vet"
)

func reviewShowCommand() *cobra.Command {
	r := &reviews{}
	return r.register(&cobra.Command{
		Use:   "show DIGEST",
		Short: "Show what an approver needs: what it is, reads and does, what it costs, who vouches for it, what is missing",
		Long: "Show what an approver needs on one screen: what the plugin is, which facts it reads and which effects it uses, what it\n" +
			"imports, what it cost when it was vetted, the verdict with its reasons, who signed it, who has approved it on which\n" +
			"terms and who is missing, and which campaigns bind it. The report is the one of the version that serves.",
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return r.show(cmd.Context(), args[0], cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
	})
}

// shownPlugin is the result of `review show`.
type shownPlugin struct {
	*api.Plugin

	BoundBy []boundBy `json:"bound_by"` // the campaigns whose rollout has it; null if that could not be found out
}

// boundBy is a campaign that binds a plugin, with the rulesets that do.
type boundBy struct {
	Campaign string `json:"campaign"`
	Ruleset  int64  `json:"ruleset"`
	As       string `json:"as"` // live, canary or shadow
	Policy   string `json:"on_failure"`
}

func (r *reviews) show(ctx context.Context, digest string, out, talk io.Writer) error {
	plugin, tag, err := r.find(ctx, digest)
	if err != nil {
		return err
	}
	shown := &shownPlugin{Plugin: plugin}
	if shown.BoundBy, err = r.boundBy(ctx, plugin); err != nil {
		shown.BoundBy = nil // a part of the list would read as all of it
		_, _ = fmt.Fprintf(talk, "which campaigns bind it could not be found out: %v\n", err)
	}
	if r.format == outputJSON {
		return printJSON(out, shown)
	}
	if _, err := io.WriteString(out, shown.text()); err != nil {
		return err
	}
	if next := nextOfReview(plugin, tag, time.Now()); next != "" {
		_, _ = fmt.Fprintln(talk, "next: "+next)
	}
	return nil
}

// asShown has what is approved be what was shown.
func asShown(tag string) string {
	revision, err := strconv.ParseUint(strings.Trim(tag, `"`), 10, 63)
	if err != nil {
		return ""
	}
	return fmt.Sprintf(" --if-match %d", revision)
}

// nextOfReview is what is to be done about the plugin, "" for nothing.
func nextOfReview(p *api.Plugin, tag string, now time.Time) string {
	waits := p.State == core.PluginVetted || p.State == core.PluginApproved && p.Proposed != nil
	switch {
	case p.State == core.PluginVetted && p.Signature != nil && p.Signature.State != core.SignatureValid:
		return "its brand signs it by a key that counts: hotdrop mechanic sign FILE --key KEYFILE, then " +
			"hotdrop mechanic submit FILE --signature FILE.sig"
	case waits:
		return fmt.Sprintf("hotdrop review approve %s --brand %s%s --reason WHY", shortDigest(p.Digest), p.Brand, asShown(tag))
	case endsSoon(p, now):
		return renewCommand(p)
	default:
		return ""
	}
}

// boundBy asks every campaign of the plugin's brand which rulesets decide or are tried, and whether they bind it.
func (r *reviews) boundBy(ctx context.Context, plugin *api.Plugin) ([]boundBy, error) {
	bound := []boundBy{}
	campaigns, err := r.campaigns(ctx, plugin.Brand)
	if err != nil {
		return bound, err
	}
	for _, campaign := range campaigns {
		state, err := r.client.rolloutState(ctx, campaign, 1)
		if err != nil {
			return bound, err
		}
		for _, played := range inPlay(state) {
			policy, err := r.binds(ctx, campaign, played.number, plugin.Digest)
			if err != nil {
				return bound, err
			}
			if policy != "" {
				bound = append(bound, boundBy{campaign, played.number, played.as, policy})
			}
		}
	}
	return bound, nil
}

// played is a ruleset of a rollout.
type played struct {
	number int64
	as     string
}

func inPlay(state *api.RolloutState) []played {
	all := []played{{state.State.Live, "live"}}
	if c := state.State.Canary; c != nil {
		all = append(all, played{c.Ruleset, "canary"})
	}
	if c := state.State.Shadow; c != nil {
		all = append(all, played{c.Ruleset, "shadow"})
	}
	return all
}

// binds returns the failure policy of the ruleset's binding of the plugin, "" if it has none.
func (r *reviews) binds(ctx context.Context, campaign string, number int64, digest string) (string, error) {
	ruleset, err := fetch[api.Ruleset](ctx, &r.client, rulesetPath(campaign, number))
	if err != nil {
		return "", err
	}
	at := slices.IndexFunc(ruleset.Bindings, func(b core.Binding) bool { return b.Plugin == digest })
	if at < 0 {
		return "", nil
	}
	return string(cmp.Or(ruleset.Bindings[at].OnFailure, core.FailDeny)), nil
}

// campaigns lists the brand's campaigns.
func (r *reviews) campaigns(ctx context.Context, brand string) ([]string, error) {
	var all []string
	query := url.Values{"limit": {"100"}}
	for page, err := range pages[api.Campaign](ctx, &r.client, "/v1/campaigns", query) {
		if err != nil {
			return nil, err
		}
		for i := range page {
			if page[i].Brand == brand {
				all = append(all, page[i].ID)
			}
		}
	}
	return all, nil
}

// text is the plugin for an approver: how it stands, the report, the people.
func (s *shownPlugin) text() string {
	lines := [][2]string{
		{"state", stateText(s.Plugin)},
		{"brand", s.Brand + ", uploaded by " + s.UploadedBy + " at " + utc(s.UploadedAt)},
		{"signature", signatureText(s.Plugin)},
	}
	lines = append(lines, approvalLines(s.Plugin)...)
	lines = append(lines, s.boundLines()...)
	return reportText(s.Plugin) + "\n" + labelled(lines)
}

// stateText is where the plugin stands, and why.
func stateText(p *api.Plugin) string {
	text := string(p.State)
	if p.DecidedAt != nil {
		text += " since " + utc(*p.DecidedAt) + ", by " + p.DecidedBy
	}
	if p.Reason != "" {
		text += ": " + p.Reason
	}
	return text
}

// signatureText is who vouches for the plugin.
func signatureText(p *api.Plugin) string {
	switch s := p.Signature; {
	case s == nil:
		return "none"
	case s.State == core.SignatureValid:
		return "valid, by " + s.Key + " of " + s.Brand
	case s.State == core.SignatureRevoked:
		return "worth nothing: the key " + s.Key + " of " + s.Brand + " is revoked"
	default:
		return "worth nothing: it is none of these bytes by " + s.Key + " of " + s.Brand
	}
}

// approvalLines say who has approved the plugin on which terms, and who is missing.
func approvalLines(p *api.Plugin) [][2]string {
	lines := [][2]string{{"approvals", fmt.Sprintf("%d of %d", len(p.Approvals), p.ApprovalsNeeded)}}
	for _, a := range p.Approvals {
		lines = append(lines, [2]string{"", a.By + " at " + utc(a.At) + ": " + a.Reason})
	}
	if t := p.Terms; t != nil {
		lines = append(lines, [2]string{"terms", termsText(p, t)})
	}
	if n := p.Proposed; n != nil {
		proposed := fmt.Sprintf("%s: %d of %d, in force when enough people agree", termsText(p, &n.Terms), len(n.Approvals), p.ApprovalsNeeded)
		lines = append(lines, [2]string{"proposed", proposed})
		for _, a := range n.Approvals {
			lines = append(lines, [2]string{"", a.By + " at " + utc(a.At) + ": " + a.Reason})
		}
	}
	if missing := missingText(p); missing != "" {
		lines = append(lines, [2]string{"missing", missing})
	}
	return lines
}

// termsText says what for and until when.
func termsText(p *api.Plugin, t *api.PluginTerms) string {
	campaigns := "all campaigns of " + p.Brand
	if len(t.Campaigns) > 0 {
		campaigns = "campaigns " + strings.Join(t.Campaigns, ", ")
	}
	return campaigns + ", until " + utc(t.ExpiresAt)
}

// missingText says what a plugin lacks before it may price orders, "" for nothing.
func missingText(p *api.Plugin) string {
	missing := p.ApprovalsNeeded - len(p.Approvals)
	switch {
	case p.State == core.PluginUploaded || p.State == core.PluginVetting:
		return "the verdict of vetting"
	case p.State != core.PluginVetted:
		return ""
	case p.Report != nil && p.Signature != nil && p.Signature.State != core.SignatureValid:
		return "a signature that counts"
	case missing == 1:
		return "1 more person of the platform" + exceptions(p)
	case missing > 1:
		return fmt.Sprintf("%d more people of the platform%s", missing, exceptions(p))
	default:
		return "an approval on its terms of now"
	}
}

// exceptions are those who cannot approve the plugin any more, or never could. One person is named once.
func exceptions(p *api.Plugin) string {
	var not, named []string
	except := func(person, why string) {
		if person != "" && !slices.ContainsFunc(named, func(other string) bool { return strings.EqualFold(other, person) }) {
			not, named = append(not, person+", "+why), append(named, person)
		}
	}
	except(p.UploadedBy, "who uploaded it")
	for _, s := range p.Senders {
		except(s.By, map[core.PluginDeed]string{core.DeedUpload: "who uploaded it too", core.DeedSign: "who signed it"}[s.Deed])
	}
	if p.Signature != nil {
		except(p.Signature.Registrar, "who registered its key")
	}
	except(p.Author, "its author")
	for _, a := range p.Approvals {
		except(a.By, "who has approved it")
	}
	return "; not " + strings.Join(not, ", nor ")
}

// boundLines are the campaigns that bind it, a line each.
func (s *shownPlugin) boundLines() [][2]string {
	lines := [][2]string{}
	for _, b := range s.BoundBy {
		lines = append(lines, [2]string{"", fmt.Sprintf("%s, ruleset %d (%s), on failure: %s", b.Campaign, b.Ruleset, b.As, b.Policy)})
	}
	switch {
	case s.BoundBy == nil:
		lines = append(lines, [2]string{"", "could not be found out"})
	case len(lines) == 0:
		lines = append(lines, [2]string{"", "no campaign"})
	}
	lines[0][0] = "bound by"
	return lines
}

// reportText is the report for people; what cannot be read of a newer server's is in -o json.
func reportText(p *api.Plugin) string {
	report := &vet.Report{}
	text, err := json.Marshal(p.Report)
	if err == nil {
		err = json.Unmarshal(text, report)
	}
	if err != nil || p.Report == nil {
		name := p.Name
		if name == "" {
			name = "a plugin without a report"
		}
		return labelled([][2]string{{"plugin", name}, {"digest", p.Digest}, {"size", thousands(p.Size) + " bytes"}})
	}
	return printableLines(report.Text())
}

// printableLines is a text of strangers' words without what steers a terminal.
func printableLines(text string) string {
	lines := strings.Split(text, "\n")
	for i := range lines {
		lines[i] = printable(lines[i])
	}
	return strings.Join(lines, "\n")
}

// labelledIn is labelled, each line behind the indent.
func labelledIn(indent string, lines [][2]string) string {
	text := strings.TrimSuffix(labelled(lines), "\n")
	return indent + strings.ReplaceAll(text, "\n", "\n"+indent) + "\n"
}
