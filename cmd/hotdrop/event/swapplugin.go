package event

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"

	"hotdrop/core"
)

// swapPluginBytes is how large the plugin is that swapped rulesets bind.
const swapPluginBytes = 200 << 10

// admitPlugin has the campaign's brand upload the large plugin and the platform approve it, and returns its digest.
func (r *runner) admitPlugin(ctx context.Context) (digest string, err error) {
	module, err := r.config.Plugin(swapPluginBytes)
	if err != nil {
		return "", err
	}
	brand := core.Principal{ID: "event-author", Role: core.RoleBrand, Brand: r.sale.Brand}
	token, err := r.signer.Sign(brand, tokenLife)
	if err != nil {
		return "", err
	}
	u := &uploader{client: r.staff.nodes[0], token: token}
	if err := u.upload(ctx, module); err != nil {
		return "", err
	}
	digest = u.digests[0]
	waiting, done := context.WithTimeout(ctx, verdictPatience)
	defer done()
	if state, err := u.verdict(waiting, digest); err != nil || state != core.PluginVetted && state != core.PluginApproved {
		return "", fmt.Errorf("the plugin of %d bytes is %q: %w", len(module), state, err)
	}
	for _, person := range []string{"event-platform", "event-platform-2"} {
		if err := r.approve(ctx, digest, person); err != nil {
			return "", err
		}
	}
	return digest, nil
}

// approve has one person of the platform approve a plugin.
func (r *runner) approve(ctx context.Context, digest, person string) error {
	token, err := r.signer.Sign(core.Principal{ID: person, Role: core.RolePlatform}, tokenLife)
	if err != nil {
		return err
	}
	body, err := json.Marshal(map[string]string{"reason": "for the sale"})
	if err != nil {
		return err
	}
	answer, _, err := r.staff.nodes[0].Do(ctx, Request{
		Method: http.MethodPost, Path: "/v1/plugins/" + digest + "/approvals", Token: token, Body: body,
	})
	if err == nil && answer.Status >= 300 {
		err = fmt.Errorf("approve %s: status %d: %s", digest, answer.Status, answer.Body)
	}
	return err
}
