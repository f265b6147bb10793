package event

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
)

// audit runs `hotdrop audit` on the servers' database while they run. There is no way to a database behind a server that
// ran already; nothing is audited then.
func (f *fleet) audit(ctx context.Context, config Config) (*Audit, error) {
	if f.store == remoteStore {
		return nil, nil //nolint:nilnil // nothing was audited
	}
	args := []string{"audit", "-o", "json", "--data", filepath.Dir(f.keys)}
	if config.Store != "" {
		args = append(args, "--database-url", config.Store)
	}
	cmd := exec.CommandContext(ctx, config.Binary, args...) //nolint:gosec // our own binary
	cmd.Env = environment()
	var out, talk bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &talk
	failed := cmd.Run()
	if _, ended := errors.AsType[*exec.ExitError](failed); failed != nil && !ended {
		return nil, fmt.Errorf("audit: %w", failed)
	}
	audit := &Audit{Rows: talk.String()}
	if err := json.Unmarshal(out.Bytes(), audit); err != nil {
		return nil, fmt.Errorf("audit: %w: %s%s", errors.Join(failed, err), out.Bytes(), talk.Bytes())
	}
	return audit, nil
}

// Audit is what `hotdrop audit` found in the database after the sale.
type Audit struct {
	Orders   int64  `json:"orders"`
	Findings int64  `json:"findings"`
	Stale    int64  `json:"stale_orders"` // orders that were decided under an earlier epoch than the swap before them
	Rows     string `json:"-"`            // the findings, one a line
}
