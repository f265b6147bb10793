package plugins_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"

	"hotdrop/core"
	"hotdrop/plugins"
	"hotdrop/plugins/abi"
	"hotdrop/plugins/wasm"
)

// answer is a module that proposes a discount of the amount.
func answer(amount int64) []byte {
	m := newModule()
	return m.export("quote", i64(amount), m.text("x"), m.use(abi.Discount)).bytes()
}

// decides loads the module with a cache in dir and fails unless it proposes a discount of the amount.
func decides(t *testing.T, dir string, wasm []byte, amount int64) {
	t.Helper()
	plugin, err := newHost(t, plugins.Options{CacheDir: dir}).Load(t.Context(), everything(), wasm)
	if err != nil {
		t.Error(err)
		return
	}
	effects, _, err := bind(t, plugin, nil).Decide(core.HookQuote, &core.Facts{}, nil)
	if err != nil || len(effects) != 1 || effects[0].Amount != amount {
		t.Errorf("got %v, %v; want %d", effects, err, amount)
	}
}

// testKey seals the caches of tests.
func testKey() []byte { return bytes.Repeat([]byte{7}, plugins.CacheKeySize) }

// cached returns the entries of the cache.
func cached(t *testing.T, dir string) (entries []string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, f fs.DirEntry, err error) error {
		if err == nil && !f.IsDir() {
			entries = append(entries, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return entries
}

// entryOf returns the one entry of the cache.
func entryOf(t *testing.T, dir string) string {
	t.Helper()
	entries := cached(t, dir)
	if len(entries) != 1 {
		t.Fatalf("the cache holds %v", entries)
	}
	return entries[0]
}

func identity(t *testing.T, path string) os.FileInfo {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	return info
}

func TestCompiledCodeIsKeptAndUsedAgain(t *testing.T) {
	dir := t.TempDir()
	decides(t, dir, answer(1), 1)
	entry := entryOf(t, dir)
	before := identity(t, entry)
	decides(t, dir, answer(1), 1)
	if !os.SameFile(before, identity(t, entry)) {
		t.Error("it was compiled again")
	}
	decides(t, dir, answer(2), 2)
	if entries := cached(t, dir); len(entries) != 2 {
		t.Errorf("the cache of two modules holds %v", entries)
	}
}

func TestTheCacheIsKeyedByWhatWroteIt(t *testing.T) {
	host := newHost(t, plugins.Options{CacheDir: t.TempDir()})
	folder := filepath.Base(host.CacheFolder())
	want := "rewriter-" + wasm.Version + "-wazero-" + plugins.RuntimeVersion + "-" + runtime.GOOS + "-" + runtime.GOARCH
	if folder != want {
		t.Errorf("the folder is %s, want %s", folder, want)
	}
	mod, err := os.ReadFile("../go.mod")
	if err != nil {
		t.Fatal(err)
	}
	if !regexp.MustCompile(`wazero ` + regexp.QuoteMeta(plugins.RuntimeVersion) + `\n`).Match(mod) {
		t.Errorf("go.mod does not require wazero %s", plugins.RuntimeVersion)
	}
	for path := host.CacheFolder(); path != filepath.Dir(filepath.Dir(path)) && strings.HasPrefix(filepath.Base(path), "rewriter"); path = filepath.Dir(path) {
		if mode := identity(t, path).Mode().Perm(); mode != 0o700 {
			t.Errorf("%s has the mode %o", path, mode)
		}
	}
}

// TestDamagedCodeIsCompiledAgain damages a cached file in every way a disk can, a thousand single bits included.
func TestDamagedCodeIsCompiledAgain(t *testing.T) {
	dir := t.TempDir()
	decides(t, dir, answer(1), 1)
	path := entryOf(t, dir)
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	damaged := [][]byte{nil, whole[:1], whole[:32], whole[:33], whole[:34], whole[:len(whole)/2], whole[:len(whole)-1], append(slices.Clip(whole), 0)}
	for i := range 80 {
		flipped := append([]byte(nil), whole...)
		at := i // the seal, the length of the path, its first bytes; then all over the code
		if i >= 40 {
			at = (i - 40) * len(whole) / 40
		}
		flipped[at] ^= 1 << (i % 8)
		damaged = append(damaged, flipped)
	}
	for i, content := range damaged {
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		decides(t, dir, answer(1), 1)
		if now, err := os.ReadFile(path); err != nil || !bytes.Equal(now, whole) {
			t.Errorf("after damage %d the entry was not written again: %v", i, err)
		}
	}
}

// TestNobodyPutsOtherCodeInAnEntrysPlace has somebody who can write to the folder, but does not know the key, try to have
// the module that proposes 1 decided by the code of the one that proposes 2.
func TestNobodyPutsOtherCodeInAnEntrysPlace(t *testing.T) {
	for name, forge := range map[string]func(t *testing.T, mine, theirs string){
		"the entry of another module": func(t *testing.T, mine, theirs string) {
			copyFile(t, theirs, mine)
		},
		"the other's code, sealed for this module under another key": func(t *testing.T, mine, theirs string) {
			own, other := readAll(t, mine), readAll(t, theirs)
			body := slices.Concat(pathOf(own), codeOf(other))
			writeAll(t, mine, plugins.Forge(mine, bytes.Repeat([]byte{8}, plugins.CacheKeySize), body))
		},
		"the other's code behind this one's path and a seal without a key": func(t *testing.T, mine, theirs string) {
			own, other := readAll(t, mine), readAll(t, theirs)
			body := slices.Concat(pathOf(own), codeOf(other))
			seal := sha256.Sum256(body)
			writeAll(t, mine, append(seal[:], body...))
		},
		"the other's code behind this one's seal and path": func(t *testing.T, mine, theirs string) {
			own, other := readAll(t, mine), readAll(t, theirs)
			writeAll(t, mine, slices.Concat(own[:sha256.Size], pathOf(own), codeOf(other)))
		},
		"a link to the other's entry": func(t *testing.T, mine, theirs string) {
			if err := errors.Join(os.Remove(mine), os.Symlink(theirs, mine)); err != nil {
				t.Fatal(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			decides(t, dir, answer(1), 1)
			mine := entryOf(t, dir)
			genuine := readAll(t, mine)
			decides(t, dir, answer(2), 2)
			entries := cached(t, dir)
			theirs := entries[0]
			if theirs == mine {
				theirs = entries[1]
			}
			forge(t, mine, theirs)
			decides(t, dir, answer(1), 1)
			if info, err := os.Lstat(mine); err != nil || !info.Mode().IsRegular() || !bytes.Equal(readAll(t, mine), genuine) {
				t.Errorf("the entry was not replaced: %v, %v", info.Mode(), err)
			}
		})
	}
}

// TestAnEntryOfAnotherVersionIsNotUsed moves what was sealed in one version's folder into another's.
func TestAnEntryOfAnotherVersionIsNotUsed(t *testing.T) {
	dir := t.TempDir()
	decides(t, dir, answer(1), 1)
	entry := entryOf(t, dir)
	if !plugins.Sealed(entry, testKey()) {
		t.Fatal("an entry in its place is not used")
	}
	other := filepath.Join(t.TempDir(), "rewriter-0", filepath.Base(entry))
	if err := os.Mkdir(filepath.Dir(other), 0o700); err != nil {
		t.Fatal(err)
	}
	copyFile(t, entry, other)
	if plugins.Sealed(other, testKey()) {
		t.Error("it is used by another version")
	}
}

func TestAnEntryThatOthersMayWriteToIsNotUsed(t *testing.T) {
	dir := t.TempDir()
	decides(t, dir, answer(1), 1)
	entry := entryOf(t, dir)
	for _, mode := range []fs.FileMode{0o666, 0o620, 0o602} {
		if err := os.Chmod(entry, mode); err != nil {
			t.Fatal(err)
		}
		decides(t, dir, answer(1), 1)
		if got := identity(t, entry).Mode().Perm(); got != 0o600 {
			t.Errorf("an entry of the mode %o was replaced by one of %o", mode, got)
		}
	}
}

func TestWhatIsNoFileIsNotWaitedFor(t *testing.T) {
	dir := t.TempDir()
	decides(t, dir, answer(1), 1)
	entry := entryOf(t, dir)
	if err := errors.Join(os.Remove(entry), syscall.Mkfifo(entry, 0o600)); err != nil {
		t.Fatal(err)
	}
	decides(t, dir, answer(1), 1)
	if !identity(t, entry).Mode().IsRegular() {
		t.Error("the pipe is still there")
	}
}

// TestNothingOfTheRuntimesFoldersStays looks at the place where the runtime reads and writes what was sealed.
func TestNothingOfTheRuntimesFoldersStays(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	dir := t.TempDir()
	decides(t, dir, answer(1), 1)
	decides(t, dir, answer(1), 1)
	if left := cached(t, os.TempDir()); len(left) != 0 {
		t.Errorf("%v are left", left)
	}
	t.Setenv("TMPDIR", filepath.Join(dir, "none"))
	if _, err := plugins.NewHost(t.Context(), plugins.Options{CacheDir: dir, CacheKey: testKey()}); err == nil {
		t.Error("there is no place for the runtime to read from")
	}
}

func TestACacheNeedsAKey(t *testing.T) {
	for _, size := range []int{0, 1, plugins.CacheKeySize - 1} {
		_, err := plugins.NewHost(t.Context(), plugins.Options{CacheDir: t.TempDir(), CacheKey: make([]byte, size)})
		if err == nil || !strings.Contains(err.Error(), "needs 32") {
			t.Errorf("%d bytes: %v", size, err)
		}
	}
}

// pathOf is the part of an entry that says where the runtime keeps the code, with its length; codeOf is the code.
func pathOf(entry []byte) []byte {
	return entry[sha256.Size : sha256.Size+2+int(binary.BigEndian.Uint16(entry[sha256.Size:]))]
}

func codeOf(entry []byte) []byte { return entry[sha256.Size+len(pathOf(entry)):] }

func readAll(t *testing.T, path string) []byte {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return content
}

func writeAll(t *testing.T, path string, content []byte) {
	t.Helper()
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
}

func copyFile(t *testing.T, from, to string) {
	t.Helper()
	writeAll(t, to, readAll(t, from))
}

func TestACacheThatCannotBeWrittenStopsNobody(t *testing.T) {
	dir := t.TempDir()
	host := newHost(t, plugins.Options{CacheDir: dir})
	if err := os.RemoveAll(host.CacheFolder()); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(host.CacheFolder(), nil, 0o600); err != nil { // a file where the folder was
		t.Fatal(err)
	}
	if _, err := host.Load(t.Context(), everything(), answer(1)); err != nil {
		t.Error(err)
	}
}

func TestAFolderInAnEntrysPlaceIsReplaced(t *testing.T) {
	dir := t.TempDir()
	decides(t, dir, answer(1), 1)
	entry := entryOf(t, dir)
	if err := errors.Join(os.Remove(entry), os.Mkdir(entry, 0o700), os.WriteFile(filepath.Join(entry, "sum"), nil, 0o600)); err != nil {
		t.Fatal(err)
	}
	decides(t, dir, answer(1), 1)
	if !identity(t, entryOf(t, dir)).Mode().IsRegular() {
		t.Error("the folder is still there")
	}
}

func TestACacheWhereOthersMayPutCodeIsRefused(t *testing.T) {
	for name, c := range map[string]struct {
		above   int // which folder above the code gets the mode
		mode    fs.FileMode
		refused bool
	}{
		"its group may write to the folder":           {0, 0o770, true},
		"anybody may write to the folder":             {0, 0o707, true},
		"its group may rename the folder":             {1, 0o770, true},
		"anybody may rename the folder":               {1, 0o777, true},
		"a sticky folder that is anybody's":           {1, 0o777 | fs.ModeSticky, true},
		"anybody may rename a folder above":           {2, 0o777, true},
		"only owners may rename in the folder above":  {2, 0o777 | fs.ModeSticky, false},
		"the folder above is shared within its group": {2, 0o770, false},
		"others may look":                             {1, 0o755, false},
	} {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "data", "compiled")
			folder := newHost(t, plugins.Options{CacheDir: dir}).CacheFolder()
			for range c.above {
				folder = filepath.Dir(folder)
			}
			if err := os.Chmod(folder, c.mode); err != nil {
				t.Fatal(err)
			}
			host, err := plugins.NewHost(t.Context(), plugins.Options{CacheDir: dir, CacheKey: testKey()})
			if err == nil {
				_ = host.Close(t.Context()) // it has no plugins
			}
			if refused := err != nil && strings.Contains(err.Error(), "others than this user can write to "+folder); refused != c.refused {
				t.Errorf("refused: %v, %v", refused, err)
			}
		})
	}
}

func TestACacheBehindALinkIsCheckedWhereItLies(t *testing.T) {
	shared := filepath.Join(t.TempDir(), "shared")
	if err := os.Mkdir(shared, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(shared, 0o777); err != nil {
		t.Fatal(err)
	}
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(shared, link); err != nil {
		t.Fatal(err)
	}
	if _, err := plugins.NewHost(t.Context(), plugins.Options{CacheDir: filepath.Join(link, "compiled"), CacheKey: testKey()}); err == nil {
		t.Error("anybody can rename what the link points to")
	}
}
