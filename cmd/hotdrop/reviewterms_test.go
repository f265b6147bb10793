package main

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"hotdrop/api"
	"hotdrop/core"
)

// approvedUntil is a plugin that one person has approved for the campaigns until so long from now.
func approvedUntil(t *testing.T, in time.Duration, campaigns ...string) (json.RawMessage, time.Time) {
	t.Helper()
	plugin := api.Plugin{}
	if err := json.Unmarshal(stored(t, "half_approved"), &plugin); err != nil {
		t.Fatal(err)
	}
	ends := time.Now().Add(in).UTC().Truncate(time.Second)
	plugin.Terms = &api.PluginTerms{Campaigns: campaigns, ExpiresAt: ends}
	text, err := json.Marshal(plugin)
	if err != nil {
		t.Fatal(err)
	}
	return text, ends
}

func TestATimeFromNowIsTheEndThatOthersHaveSaidWhereItIsNearlyThatOne(t *testing.T) {
	for name, test := range map[string]struct {
		said  time.Duration
		args  string
		joins bool
		told  string
	}{
		"the same line again":                 {30*24*time.Hour - 2*time.Second, "--expires 30d --campaign trade-in", true, "others have said until "},
		"without the campaigns":               {30*24*time.Hour - 2*time.Second, "--expires 30d", true, "others have said until "},
		"hours later":                         {30*24*time.Hour - 5*time.Hour, "--expires 30d", true, "others have said until "},
		"a day later":                         {29 * 24 * time.Hour, "--expires 30d", false, "leave out --campaign, --all-campaigns and --expires to agree to that"},
		"for other campaigns":                 {30*24*time.Hour - 2*time.Second, "--expires 30d --campaign phone", false, "proposed is campaigns trade-in, until "},
		"for all campaigns":                   {30*24*time.Hour - 2*time.Second, "--expires 30d --all-campaigns", false, "leave out"},
		"an hour where minutes were asked":    {time.Hour, "--expires 10m", false, "leave out"},
		"an instant is what it is":            {time.Hour, "--expires " + time.Now().Add(time.Hour+time.Minute).Format(time.RFC3339), false, "leave out"},
		"what others have said is over since": {-time.Second, "--expires 30d", false, ""},
	} {
		t.Run(name, func(t *testing.T) {
			plugin, ends := approvedUntil(t, test.said, "trade-in")
			s := newReviewServer(t, plugin)
			r := s.does(t, append([]string{"approve", digestOfPlugin(plugin), "--reason", "r"}, strings.Fields(test.args)...)...)
			sent := approvalBody{}
			if err := json.Unmarshal([]byte(s.body), &sent); err != nil || sent.ExpiresAt == nil || r.code != exitOK {
				t.Fatalf("exit %d, sent %q (%v)\n%s", r.code, s.body, err, r.stderr)
			}
			if sent.ExpiresAt.Equal(ends) != test.joins || !strings.Contains(r.stderr, test.told) || test.told == "" && strings.Contains(r.stderr, "leave out") {
				t.Errorf("sent until %s where %s was said:\n%s", sent.ExpiresAt, ends, r.stderr)
			}
		})
	}
}

func TestALaterEndThatIsProposedAlreadyIsNotProposedAnew(t *testing.T) {
	p := &api.Plugin{Digest: "sha256:" + strings.Repeat("a", 64), Brand: "meizu", State: core.PluginApproved, Proposed: &api.PluginProposal{}}
	if next := renewCommand(p); strings.Contains(next, "--expires") {
		t.Errorf("next is %s", next)
	}
}

func TestWhereNoServerAnswersNoOtherCommandIsNamed(t *testing.T) {
	r := do(t, "review", "show", "sha256:"+strings.Repeat("a", 64), "--server", "http://127.0.0.1:1", "--key", "k")
	if r.code != exitFailed || !strings.Contains(r.stderr, "no server answers at http://127.0.0.1:1 (start one with") || strings.Contains(r.stderr, "next:") {
		t.Errorf("exit %d\n%s", r.code, r.stderr)
	}
}
