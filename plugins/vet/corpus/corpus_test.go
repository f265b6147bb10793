package corpus

import (
	"bytes"
	"os"
	"slices"
	"strings"
	"testing"

	"hotdrop/core"
	"hotdrop/plugins"
	"hotdrop/plugins/abi"
)

func TestEveryModuleSaysWhatItIs(t *testing.T) {
	const least, letters = 120, "abcdefghijklmnopqrstuvwxyz0123456789-"
	modules := Modules()
	if len(modules) < least {
		t.Errorf("%d modules, want at least %d", len(modules), least)
	}
	seen := map[string]string{}
	for _, m := range modules {
		if m.Name == "" || strings.Trim(m.Name, letters) != "" {
			t.Errorf("%q is not a name", m.Name)
		}
		if !strings.HasSuffix(m.Attack, ".") || strings.ContainsAny(m.Attack, "\n|") {
			t.Errorf("%s: %q is not a sentence", m.Name, m.Attack)
		}
		if !slices.Contains(Stages(), m.Stage) || m.Want == "" {
			t.Errorf("%s: stage %q, verdict %q", m.Name, m.Stage, m.Want)
		}
		if other, again := seen[m.Name]; again {
			t.Errorf("two modules are called %s: %q and %q", m.Name, other, m.Attack)
		}
		seen[m.Name] = m.Attack
	}
}

func TestEveryModuleIsAnotherOneAndTheSameEachTime(t *testing.T) {
	first, second, seen := Modules(), Modules(), map[string]string{}
	for i := range first {
		b := first[i].Wasm()
		if !bytes.Equal(b, first[i].Wasm()) || !bytes.Equal(b, second[i].Wasm()) {
			t.Errorf("%s is made differently each time", first[i].Name)
		}
		key := string(b)
		if first[i].Manifest != nil {
			key += first[i].Manifest.Name
		}
		if other, again := seen[key]; again {
			t.Errorf("%s is the same module as %s", first[i].Name, other)
		}
		seen[key] = first[i].Name
	}
}

// The control: what is refused above is refused for what is hostile about it, and not because the builder, or the caps,
// let nothing through.
func TestModulesThatAreNotHostileAreAccepted(t *testing.T) {
	host := newHost(t, plugins.Options{Guests: 1})
	for name, m := range peaceful() {
		t.Run(name, func(t *testing.T) {
			plugin, err := host.Load(t.Context(), quoting(), m.bytes())
			if err != nil {
				t.Fatal(err)
			}
			mechanic, err := plugin.Bind(nil)
			if err != nil {
				t.Fatal(err)
			}
			if _, _, err := mechanic.Decide(core.HookQuote, Facts(), nil); err != nil {
				t.Error(err)
			}
		})
	}
}

// peaceful are modules that do what a hostile one does, but stay within the rules.
func peaceful() map[string]*module {
	global := plain()
	global.global(true)
	global.on("quote", i64(1)+globalSet(0)+globalGet(0)+drop)
	table := plain()
	table.add(tables, tFunc+"\x00"+leb(4_096))
	table.add(elements, "\x00"+i32(4_095)+end+vector("\x00"))
	table.function("", "", nil, "")
	table.on("quote", i32(4_095)+callIndirect(0))
	locals1000 := plain()
	locals1000.export("quote", kindFunc, locals1000.function("", "", []string{locals(mostLocals, tI64)}, localGet(999)+drop))
	large := plain()
	large.pages = "\x00" + leb(memoryPages)
	large.on("quote", i32(memoryPages<<16-8)+load64+drop)
	deep := plain()
	deep.on("quote", i32(500)+call(1))
	deep.function(tI32, "", nil, localGet(0)+when+localGet(0)+i32(-1)+add32+call(1)+end)
	segmented := code(i32(0), i32(0), i32(1), memoryInit, dataDrop)
	segmented.counted = true
	segmented.add(segments, "\x01"+name("x"))
	functions := plain()
	functions.lists[types] = []string{"\x60\x00\x00"}
	for range mostFunctions - 2 {
		functions.function("", "", nil, "")
	}
	return map[string]*module{
		"nothing at all":                     plain().on("quote"),
		"a custom section":                   {lists: plain().on("quote").lists, pages: "\x00\x01", extra: custom("x", "y")},
		"a global that it has":               global,
		"a call of what it has":              code(call(1)),
		"a call through a full table":        table,
		"a data segment that is dropped":     segmented,
		"as many functions as are granted":   functions.on("quote"),
		"as many locals as are granted":      locals1000,
		"as much memory as is granted":       large,
		"calls as deep as are granted":       deep,
		"blocks as deep as are granted":      code(strings.Repeat(block, mostNesting-1) + strings.Repeat(end, mostNesting-1)),
		"a br_table as long as is granted":   code(block, i32(0), brTable(mostTargets, 0), end),
		"as many effects as are granted":     proposing(abi.MaxEffects, "k"),
		"a key as long as is granted":        proposing(1, strings.Repeat("k", abi.MaxName)),
		"a value that is dropped":            code(i32(1), drop),
		"a loop that ends":                   counting(),
		"a memory with a maximum of its own": limits("\x01\x01\x02"),
	}
}

func proposing(count int, key string) *module {
	m := plain()
	return m.on("quote", strings.Repeat(m.says(key)+m.use(abi.Once), count))
}

func counting() *module {
	m := plain()
	return m.export("quote", kindFunc, m.function("", "", []string{locals(1, tI32)}, times(0, 10_000, "")))
}

func TestTheTableIsUpToDate(t *testing.T) {
	written, err := os.ReadFile("CORPUS.md")
	if err != nil {
		t.Fatal(err)
	}
	rest, found := strings.CutPrefix(string(written), Head())
	if !found {
		t.Fatal("the text above the table is another one: write CORPUS.md again, as it says itself")
	}
	lines := strings.Split(strings.TrimSuffix(rest, "\n"), "\n")
	modules := Modules()
	if len(lines) != len(modules) {
		t.Fatalf("the table has %d lines, the corpus %d modules: write CORPUS.md again, as it says itself", len(lines), len(modules))
	}
	for i, m := range modules {
		if !strings.HasPrefix(lines[i], m.Row()) {
			t.Errorf("got  %s\nwant %s", lines[i], m.Row())
		}
	}
}
