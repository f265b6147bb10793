package plugins

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"time"

	"github.com/tetratelabs/wazero"

	"hotdrop/plugins/wasm"
)

// runtimeVersion is that of the runtime whose machine code the cache holds; a test compares it with go.mod.
const runtimeVersion = "v1.12.0"

// cacheEntries is how many modules' code the cache keeps; the ones that were not used for longest go first.
const cacheEntries = 256

// sumFile stands beside an entry's code and holds its SHA-256.
const sumFile = "sum"

// diskCache keeps machine code between runs: one folder per module under one folder per version of what wrote it. An
// entry appears whole or not at all, and is used only if it is what was once written: the runtime itself would believe
// the lengths of a damaged file. Whoever can write here can run code as the server; the folder is the server's own.
type diskCache struct{ folder string }

// openCache makes the folder of this version inside dir. One that others than this user may write to is refused; so is
// one that they could rename away and put another in its place, because they may write to a folder above it.
func openCache(dir string) (*diskCache, error) {
	folder := filepath.Join(dir, "rewriter-"+wasm.Version+"-wazero-"+runtimeVersion+"-"+runtime.GOOS+"-"+runtime.GOARCH)
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return nil, fmt.Errorf("make the folder of compiled plugins: %w", err)
	}
	folder, err := filepath.EvalSymlinks(folder)
	if err == nil {
		folder, err = filepath.Abs(folder)
	}
	if err != nil {
		return nil, fmt.Errorf("look at the folder of compiled plugins: %w", err)
	}
	d := &diskCache{folder: folder}
	if err := d.guarded(); err != nil {
		return nil, err
	}
	return d, nil
}

// guarded checks that the folder and the one it was made in are this user's alone, and that nobody else may rename what
// lies in the folders above.
func (d *diskCache) guarded() error {
	for path, depth := d.folder, 0; ; path, depth = filepath.Dir(path), depth+1 {
		info, err := os.Stat(path)
		if err != nil {
			return fmt.Errorf("look at the folder of compiled plugins: %w", err)
		}
		safe := unmovable
		if depth < 2 {
			safe = ours
		}
		if !safe(info) {
			return fmt.Errorf("compiled plugins in %s are run as they are, but others than this user can write to %s (%s)",
				d.folder, path, info.Mode())
		}
		if path == filepath.Dir(path) {
			return nil
		}
	}
}

// compile calls translate with the runtime's cache over this module's entry. Whatever is wrong with the disk, a module
// that can be translated is translated.
func (d *diskCache) compile(module []byte, translate func(wazero.CompilationCache) (*code, error)) (*code, error) {
	sum := sha256.Sum256(module)
	entry := filepath.Join(d.folder, hex.EncodeToString(sum[:]))
	if intact(entry) {
		if c, err := translateWith(entry, translate); err == nil {
			now := time.Now()
			_ = os.Chtimes(entry, now, now) // an entry that keeps its old time is only removed earlier
			return c, nil
		}
	}
	c, err := d.fill(entry, translate)
	if err != nil {
		return translate(nil)
	}
	return c, nil
}

func translateWith(folder string, translate func(wazero.CompilationCache) (*code, error)) (*code, error) {
	cache, err := wazero.NewCompilationCacheWithDir(folder)
	if err != nil {
		return nil, err
	}
	return translate(cache)
}

// fill translates into a folder beside the entry, which then takes the entry's place.
func (d *diskCache) fill(entry string, translate func(wazero.CompilationCache) (*code, error)) (*code, error) {
	made, err := os.MkdirTemp(d.folder, "new-*")
	if err != nil {
		return nil, err
	}
	c, err := translateWith(made, translate)
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(made))
	}
	if d.put(made, entry) != nil {
		_ = os.RemoveAll(made) // the code is in memory; the next start translates again
	}
	d.prune()
	return c, nil
}

// put writes the sum and moves the folder to the entry's place. Another process may have been faster: its entry stays,
// unless it is damaged.
func (d *diskCache) put(made, entry string) error {
	sum, err := sumOf(made)
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(made, sumFile), sum, 0o600); err != nil {
		return err
	}
	if err := os.Rename(made, entry); err == nil {
		return nil
	}
	if intact(entry) {
		return os.RemoveAll(made)
	}
	if err := os.RemoveAll(entry); err != nil {
		return err
	}
	return os.Rename(made, entry)
}

// intact reports whether an entry is there and is what was written.
func intact(entry string) bool {
	want, err := os.ReadFile(filepath.Join(entry, sumFile))
	if err != nil {
		return false
	}
	got, err := sumOf(entry)
	return err == nil && bytes.Equal(got, want)
}

// sumOf hashes the names and contents of an entry's files but the sum itself.
func sumOf(entry string) ([]byte, error) {
	root, err := os.OpenRoot(entry)
	if err != nil {
		return nil, err
	}
	defer root.Close() //nolint:errcheck // nothing was written
	sum := sha256.New()
	err = fs.WalkDir(root.FS(), ".", func(path string, f fs.DirEntry, err error) error {
		if err != nil || f.IsDir() || f.Name() == sumFile {
			return err
		}
		content, err := root.ReadFile(path)
		_, _ = fmt.Fprintf(sum, "%q %d\n", path, len(content)) // a hash takes everything
		_, _ = sum.Write(content)
		return err
	})
	return sum.Sum(nil), err
}

// prune removes the entries that were used least recently, beyond the number that is kept. Its errors are those of
// another process that does the same.
func (d *diskCache) prune() {
	entries, err := os.ReadDir(d.folder)
	if err != nil || len(entries) <= cacheEntries {
		return
	}
	type aged struct {
		path string
		used time.Time
	}
	all := make([]aged, 0, len(entries))
	for _, e := range entries {
		if info, err := e.Info(); err == nil {
			all = append(all, aged{filepath.Join(d.folder, e.Name()), info.ModTime()})
		}
	}
	slices.SortFunc(all, func(a, b aged) int { return b.used.Compare(a.used) })
	for _, old := range all[min(cacheEntries, len(all)):] {
		_ = os.RemoveAll(old.path)
	}
}
