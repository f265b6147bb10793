package plugins

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
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

const (
	// cacheEntries is how many modules' code the cache keeps; the ones that were not used for longest go first.
	cacheEntries = 256
	// maxCode bounds what is read of an entry, bytes: some ten times the code of the longest module that is admitted.
	maxCode = 256 << 20
	// CacheKeySize is the least that [Options.CacheKey] may have, bytes: the output of SHA-256.
	CacheKeySize = sha256.Size
)

// sealPurpose begins everything that is sealed, so that a seal is never one of something else under the same key.
const sealPurpose = "hotdrop compiled code v1"

// diskCache keeps machine code between runs: one file per module in one folder per version of what wrote it. An entry is
// sealed under a key that does not lie in the folder: who can write there, and does not know the key, can have modules
// compiled again, and nothing else. An entry appears whole or not at all.
type diskCache struct {
	folder string
	key    []byte
}

// openCache makes the folder of this version inside dir. One that others than this user may write to is refused; so is
// one that they could rename away and put another in its place, because they may write to a folder above it.
func openCache(dir string, key []byte) (*diskCache, error) {
	if len(key) < CacheKeySize {
		return nil, fmt.Errorf("the key that seals compiled plugins has %d bytes, needs %d", len(key), CacheKeySize)
	}
	folder := filepath.Join(dir, "rewriter-"+wasm.Version+"-wazero-"+runtimeVersion+"-"+runtime.GOOS+"-"+runtime.GOARCH)
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return nil, fmt.Errorf("make the folder of compiled plugins: %w", err)
	}
	folder, err := resolved(folder)
	if err != nil {
		return nil, fmt.Errorf("look at the folder of compiled plugins: %w", err)
	}
	temporary, err := resolved(os.TempDir())
	if err != nil {
		return nil, fmt.Errorf("look at the folder of temporary files: %w", err)
	}
	if err := errors.Join(guarded(folder, 2), guarded(temporary, 0)); err != nil {
		return nil, err
	}
	return &diskCache{folder, slices.Clone(key)}, nil
}

// resolved is where a path leads, without links.
func resolved(path string) (string, error) {
	path, err := filepath.EvalSymlinks(path)
	if err != nil {
		return "", err
	}
	return filepath.Abs(path)
}

// guarded checks that the folder, with so many in all from it upwards, is this user's alone, and that nobody else may
// rename what lies in the folders above.
func guarded(folder string, own int) error {
	for path, depth := folder, 0; ; path, depth = filepath.Dir(path), depth+1 {
		info, err := os.Stat(path)
		if err != nil {
			return fmt.Errorf("look at the folder of compiled plugins: %w", err)
		}
		safe := unmovable
		if depth < own {
			safe = ours
		}
		if !safe(info) {
			return fmt.Errorf("compiled plugins pass through %s, but others than this user can write to %s (%s)", folder, path, info.Mode())
		}
		if path == filepath.Dir(path) {
			return nil
		}
	}
}

// translator compiles a module with a cache of the runtime's, or without one.
type translator func(wazero.CompilationCache) (*code, error)

// compile translates the module, or takes the translation from its entry. Whatever is wrong with the disk, a module that
// can be translated is translated.
func (d *diskCache) compile(module []byte, translate translator) (*code, error) {
	sum := sha256.Sum256(module)
	entry := filepath.Join(d.folder, hex.EncodeToString(sum[:]))
	if kept := d.read(entry, sum); kept != nil {
		if c, _, err := translateWith(kept, translate); err == nil {
			now := time.Now()
			_ = os.Chtimes(entry, now, now) // an entry that keeps its old time is only removed earlier
			return c, nil
		}
	}
	c, made, err := translateWith(nil, translate)
	if err != nil {
		return translate(nil)
	}
	if made != nil && d.put(entry, sum, made) == nil { // else the code is in memory; the next start translates again
		d.prune()
	}
	return c, nil
}

// compiledFile is what the runtime writes of one module: its path below the runtime's folder, and its content.
type compiledFile struct {
	path    string
	content []byte
}

// translateWith translates with a folder for the runtime that nobody else can write to, so that what was looked at is what
// is read, and what was written is what is kept. The folder holds the kept file if there is one; it is gone afterwards.
// made is what the runtime wrote there, nil if nothing was to be written or could be read.
func translateWith(kept *compiledFile, translate translator) (c *code, made *compiledFile, err error) {
	private, err := os.MkdirTemp("", "hotdrop-code-*")
	if err != nil {
		return nil, nil, err
	}
	defer func() { _ = os.RemoveAll(private) }() // what is left of it is nobody's to read
	if kept != nil {
		if err := kept.write(private); err != nil {
			return nil, nil, err
		}
	}
	cache, err := wazero.NewCompilationCacheWithDir(private)
	if err != nil {
		return nil, nil, err
	}
	if c, err = translate(cache); err != nil || kept != nil {
		return c, nil, err
	}
	made, err = fileIn(private)
	if err != nil {
		made = nil // there is nothing to keep; the code is in memory
	}
	return c, made, nil
}

// write puts the file into a folder of the runtime's.
func (f *compiledFile) write(folder string) error {
	if !filepath.IsLocal(f.path) {
		return fmt.Errorf("%q is no path of an entry", f.path)
	}
	path := filepath.Join(folder, f.path)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	return os.WriteFile(path, f.content, 0o600)
}

// fileIn reads the one file that the runtime wrote.
func fileIn(folder string) (*compiledFile, error) {
	var found []string
	err := filepath.WalkDir(folder, func(path string, f fs.DirEntry, err error) error {
		if err == nil && !f.IsDir() {
			found = append(found, path)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	if len(found) != 1 {
		return nil, fmt.Errorf("the runtime wrote %d files, not one", len(found))
	}
	content, err := os.ReadFile(found[0])
	if err != nil {
		return nil, err
	}
	path, err := filepath.Rel(folder, found[0])
	return &compiledFile{path, content}, err
}

// seal is the MAC over an entry: which module it is of, what wrote it, and every byte.
func (d *diskCache) seal(module [sha256.Size]byte, body []byte) []byte {
	mac := hmac.New(sha256.New, d.key)
	for _, part := range [][]byte{[]byte(sealPurpose), []byte(filepath.Base(d.folder)), module[:], body} {
		_ = binary.Write(mac, binary.BigEndian, uint64(len(part))) // a hash takes everything
		_, _ = mac.Write(part)
	}
	return mac.Sum(nil)
}

// encode returns an entry: its seal, the length of the path in two bytes, the path, and the content.
func (d *diskCache) encode(module [sha256.Size]byte, f *compiledFile) ([]byte, error) {
	if len(f.path) > 1<<15 || len(f.content) > maxCode {
		return nil, fmt.Errorf("the code of %d bytes is not kept", len(f.content))
	}
	body := binary.BigEndian.AppendUint16(nil, uint16(len(f.path))) //nolint:gosec // it was just bounded
	body = append(append(body, f.path...), f.content...)
	return append(d.seal(module, body), body...), nil
}

// read returns what the entry of the module holds, or nil if there is none that this key has sealed for this module.
func (d *diskCache) read(entry string, module [sha256.Size]byte) *compiledFile {
	file, err := openRegular(entry)
	if err != nil {
		return nil
	}
	defer func() { _ = file.Close() }() // only read
	text, err := io.ReadAll(io.LimitReader(file, maxCode+1<<16))
	if err != nil || len(text) < sha256.Size {
		return nil
	}
	seal, body := text[:sha256.Size], text[sha256.Size:]
	if !hmac.Equal(seal, d.seal(module, body)) || len(body) < 2 {
		return nil
	}
	length, body := int(binary.BigEndian.Uint16(body)), body[2:]
	if length > len(body) {
		return nil
	}
	return &compiledFile{string(body[:length]), body[length:]}
}

// openRegular opens a file that only its owner, who is this user, may write to. A link is not followed, and what is no file
// is not waited for.
func openRegular(path string) (*os.File, error) {
	file, err := os.OpenFile(path, os.O_RDONLY|unfollowed, 0)
	if err != nil {
		return nil, err
	}
	info, err := file.Stat()
	if err == nil && (!info.Mode().IsRegular() || !ours(info)) {
		err = fmt.Errorf("%s is not a file of this user's alone (%s)", path, info.Mode())
	}
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return file, nil
}

// put writes the entry beside its place and moves it there, over whatever stands in the way.
func (d *diskCache) put(entry string, module [sha256.Size]byte, f *compiledFile) error {
	text, err := d.encode(module, f)
	if err != nil {
		return err
	}
	file, err := os.CreateTemp(d.folder, "new-*") // mode 0600
	if err != nil {
		return err
	}
	_, err = io.Copy(file, bytes.NewReader(text))
	if err = errors.Join(err, file.Close()); err == nil {
		err = moveTo(file.Name(), entry)
	}
	if err != nil {
		return errors.Join(err, os.Remove(file.Name()))
	}
	return nil
}

// moveTo renames a file to a place where a folder may stand, as earlier versions made them.
func moveTo(file, place string) error {
	if err := os.Rename(file, place); err == nil {
		return nil
	}
	if err := os.RemoveAll(place); err != nil {
		return err
	}
	return os.Rename(file, place)
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
