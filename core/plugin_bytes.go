package core

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"io"
)

// Wasm returns the plugin's bytes, checked against its digest.
func (r *PluginRegistry) Wasm(ctx context.Context, p *Plugin) ([]byte, error) {
	var wasm bytes.Buffer
	wasm.Grow(int(p.Size))
	if err := r.WriteWasm(ctx, p, &wasm); err != nil {
		return nil, err
	}
	return wasm.Bytes(), nil
}

// WriteWasm writes the plugin's bytes, with one part in memory. The last part is written only if the whole is what the
// digest says: what is damaged in the store never arrives whole.
func (r *PluginRegistry) WriteWasm(ctx context.Context, p *Plugin, to io.Writer) error {
	if p.Upload == "" {
		return Errorf(CodeWrongState, "the plugin is %s and its bytes are not kept", p.State)
	}
	sum, size := sha256.New(), int64(0)
	for number := int64(0); ; number++ {
		part, err := r.store.PluginPart(ctx, p.Brand, p.Digest, number)
		if err != nil {
			return storeError(err)
		}
		_, _ = sum.Write(part) // never fails
		size += int64(len(part))
		last := len(part) == 0 || size >= p.Size
		if got := digestOf([sha256.Size]byte(sum.Sum(nil))); last && got != p.Digest {
			return &Error{Code: CodeInternal, Message: "the stored plugin is damaged", Err: fmt.Errorf("%s reads as %s", p.Digest, got)}
		}
		if _, err := to.Write(part); err != nil || last {
			return err
		}
	}
}
