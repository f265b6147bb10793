package vet

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// Child is what the vetting child does: it confines itself as its first input says, before it reads the rest, then
// examines the module and writes what it found. Its end without an answer is an answer too, so nothing that happens to it
// needs handling beyond telling its parent how far it got.
//
// The error is that of a parent that does not keep the protocol.
func Child(ctx context.Context, stdin io.Reader, stdout io.Writer) error {
	text, err := readOnly(stdin, frameConfinement, maxConfinement)
	if err != nil {
		return fmt.Errorf("read the confinement: %w", err)
	}
	var confinement Confinement
	if err := json.Unmarshal(text, &confinement); err != nil {
		return fmt.Errorf("read the confinement: %w", err)
	}
	confined, err := confinement.complete().confine()
	if err != nil {
		return err
	}
	q, err := readRequest(stdin)
	if err != nil {
		return err
	}
	x := &examiner{request: q, found: &Examination{Confinement: confined}, began: func(s stage) error {
		if s == stageFirst { // every image that a guest starts from has been written
			if err := writeNoFiles(); err != nil {
				return err
			}
		}
		return writeFrame(stdout, frameStage, []byte(s))
	}}
	if err := x.run(ctx); err != nil {
		return err
	}
	x.found.Cost.PeakBytes = peakBytes()
	x.found.clean()
	result, err := json.Marshal(x.found)
	return errors.Join(err, writeFrame(stdout, frameResult, result))
}
