package plugins_test

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
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

// cached returns the files of the cache: code and sums.
func cached(t *testing.T, dir string) (code, sums []string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, f fs.DirEntry, err error) error {
		switch {
		case err != nil || f.IsDir():
		case f.Name() == "sum":
			sums = append(sums, path)
		default:
			code = append(code, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return code, sums
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
	code, sums := cached(t, dir)
	if len(code) != 1 || len(sums) != 1 {
		t.Fatalf("the cache holds %v and %v", code, sums)
	}
	before := identity(t, code[0])
	decides(t, dir, answer(1), 1)
	if !os.SameFile(before, identity(t, code[0])) {
		t.Error("it was compiled again")
	}
	decides(t, dir, answer(2), 2)
	if code, sums = cached(t, dir); len(code) != 2 || len(sums) != 2 {
		t.Errorf("the cache of two modules holds %v and %v", code, sums)
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
	code, sums := cached(t, dir)
	for _, path := range append(code, sums...) {
		whole, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		damaged := [][]byte{nil, whole[:1], whole[:len(whole)/2], whole[:len(whole)-1], append(slices.Clip(whole), 0)}
		for i := range 40 {
			flipped := append([]byte(nil), whole...)
			flipped[i*len(whole)/40] ^= 1 << (i % 8)
			damaged = append(damaged, flipped)
		}
		for i, content := range damaged {
			if err := os.WriteFile(path, content, 0o600); err != nil {
				t.Fatal(err)
			}
			decides(t, dir, answer(1), 1)
			if now, err := os.ReadFile(path); err != nil || !bytes.Equal(now, whole) {
				t.Errorf("after damage %d to %s the file was not written again: %v", i, filepath.Base(path), err)
			}
		}
	}
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

func TestAnEntryThatIsNoFolderIsReplaced(t *testing.T) {
	dir := t.TempDir()
	decides(t, dir, answer(1), 1)
	_, sums := cached(t, dir)
	entry := filepath.Dir(sums[0])
	if err := os.RemoveAll(entry); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(entry, []byte("not a folder"), 0o600); err != nil {
		t.Fatal(err)
	}
	decides(t, dir, answer(1), 1)
	if code, _ := cached(t, entry); len(code) != 1 {
		t.Errorf("the entry holds %v", code)
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
			host, err := plugins.NewHost(t.Context(), plugins.Options{CacheDir: dir})
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
	if _, err := plugins.NewHost(t.Context(), plugins.Options{CacheDir: filepath.Join(link, "compiled")}); err == nil {
		t.Error("anybody can rename what the link points to")
	}
}
