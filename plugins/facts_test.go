package plugins_test

import (
	"strings"
	"testing"

	"hotdrop/core"
	"hotdrop/plugins/abi"
)

func someFacts() *core.Facts {
	return &core.Facts{
		Now:     1395799200000,
		Item:    core.ItemFacts{SKU: "mx3", Price: -5},
		Shopper: core.ShopperFacts{Tags: []string{"gold", "beta"}},
		Quota:   map[string]int64{"trade-in": 9},
		Input:   core.Object{"note": "退烧", "fair": true, "long": strings.Repeat("x", 5000)},
	}
}

func declared() *core.Manifest {
	m := everything("now", "item.sku", "item.price", "shopper.tags", "quota.trade-in", "input.note", "input.fair",
		"input.long", "order.id", "config.amount", "config.ids")
	m.Config = map[string]core.Param{
		"amount": {Type: "integer", Default: int64(70)},
		"ids":    {Type: "list", Of: "integer", Default: []any{int64(8), int64(-9)}},
	}
	return m
}

// asked returns what a numeric import answers for a path: the guest reports it as the amount of a discount.
func asked(t *testing.T, name, path string) (int64, error) {
	t.Helper()
	m := newModule()
	call := [][]byte{m.text(path), m.use(name)}
	if name != abi.FactI64 {
		call = append(call, extend)
	}
	m.export("quote", append(call, m.text("answer"), m.use(abi.Discount))...)
	effects, err := quote(t, m, declared(), someFacts())
	if err != nil {
		return 0, err
	}
	return effects[0].Amount, nil
}

func TestFactKind(t *testing.T) {
	for path, want := range map[string]core.ValueKind{
		"now": core.ValueInteger, "item.sku": core.ValueString, "input.fair": core.ValueBoolean,
		"shopper.tags": core.ValueList, "shopper.tags.1": core.ValueString, "shopper.tags.2": core.ValueAbsent,
		"order.id": core.ValueAbsent, "config.amount": core.ValueInteger, "config.ids": core.ValueList,
		"item.sku.0": core.ValueAbsent,
	} {
		if got, err := asked(t, abi.FactKind, path); err != nil || got != int64(want) {
			t.Errorf("%s is %d, %v; want %s", path, got, err, want)
		}
	}
}

func TestFactI64(t *testing.T) {
	for path, want := range map[string]int64{
		"now": 1395799200000, "item.price": -5, "input.fair": 1, "quota.trade-in": 9, "order.id": 0,
		"config.amount": 70, "config.ids.1": -9, "config.ids.2": 0,
	} {
		if got, err := asked(t, abi.FactI64, path); err != nil || got != want {
			t.Errorf("%s = %d, %v; want %d", path, got, err, want)
		}
	}
}

func TestFactLen(t *testing.T) {
	for path, want := range map[string]int64{"shopper.tags": 2, "config.ids": 2, "order.id": 0} {
		if got, err := asked(t, abi.FactLen, path); err != nil || got != want {
			t.Errorf("%s has %d elements, %v; want %d", path, got, err, want)
		}
	}
}

// TestFactStr reads into a buffer of a given capacity; the guest replies with the bytes of the buffer up to 6 and the
// length it was told.
func TestFactStr(t *testing.T) {
	for name, c := range map[string]struct {
		path           string
		capacity, want int64
		buffer         string
	}{
		"a string that fits":                    {"item.sku", 100, 3, "mx3..."},
		"a string that just fits":               {"input.note", 6, 6, "退烧"},
		"a string that does not fit":            {"input.note", 3, 6, "退..."},
		"only its length":                       {"input.note", 0, 6, "......"},
		"a string beyond every cap of effects":  {"input.long", 6, 5000, "xxxxxx"},
		"an absent string leaves the buffer":    {"order.id", 6, -1, "......"},
		"an absent element leaves the buffer":   {"shopper.tags.9", 6, -1, "......"},
		"an element of a list":                  {"shopper.tags.1", 4, 4, "beta.."},
		"an empty string is absent, not length": {"input.note.0", 4, -1, "......"},
	} {
		t.Run(name, func(t *testing.T) {
			m := newModule()
			buffer := m.text("......")
			pointer := buffer[:len(buffer)-2]
			m.export("quote",
				i32(0), m.text(c.path), pointer, i32(c.capacity), m.use(abi.FactStr), extend, store64,
				i32(0), load64, buffer, m.use(abi.Discount))
			effects, err := quote(t, m, declared(), someFacts())
			if err != nil {
				t.Fatal(err)
			}
			if got := effects[0]; got.Amount != c.want || got.Text.EN != c.buffer {
				t.Errorf("length %d, buffer %q; want %d, %q", got.Amount, got.Text.EN, c.want, c.buffer)
			}
		})
	}
}

func TestReadingAFactAsAnotherKindTraps(t *testing.T) {
	for path, imports := range map[string][]string{
		"item.sku":     {abi.FactI64, abi.FactLen},
		"shopper.tags": {abi.FactI64},
		"now":          {abi.FactLen},
	} {
		for _, name := range imports {
			_, err := asked(t, name, path)
			wantCode(t, err, abi.CodeWrongKind)
		}
	}
	m := newModule()
	m.export("quote", m.text("now"), i32(0), i32(8), m.use(abi.FactStr), drop)
	_, err := quote(t, m, declared(), someFacts())
	wantCode(t, err, abi.CodeWrongKind)
	if want := "wrong_kind: now is integer, not string"; err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

func TestAFactThatIsNotDeclaredTraps(t *testing.T) {
	for _, path := range []string{
		"quantity", "shopper.id", "quota.other", "input.note.brand", "input", "", ".", "shopper.tags.x", "shopper.tags.01",
		"shopper.tags.-1", "shopper.tags.0.0", "shopper.tags.1000000000", "shopper.tags.", "config.other", "nothing\x00",
	} {
		_, err := asked(t, abi.FactKind, path)
		wantCode(t, err, abi.CodeUndeclaredFact)
	}
}

func TestABadStringTraps(t *testing.T) {
	pathTo := func(pointer, length int64) func(m *module) [][]byte {
		return func(m *module) [][]byte { return [][]byte{i32(pointer), i32(length), m.use(abi.FactKind), drop} }
	}
	readInto := func(buffer, capacity int64) func(m *module) [][]byte {
		return func(m *module) [][]byte {
			return [][]byte{m.text("item.sku"), i32(buffer), i32(capacity), m.use(abi.FactStr), drop}
		}
	}
	label := func(s string) func(m *module) [][]byte {
		return func(m *module) [][]byte { return [][]byte{i64(1), m.text(s), m.use(abi.Discount)} }
	}
	for name, body := range map[string]func(m *module) [][]byte{
		"a path past the end of the memory":     pathTo(65530, 10),
		"a path at a pointer far away":          pathTo(-4, 8),
		"a path of negative length":             pathTo(0, -1),
		"a path beyond 128 bytes":               pathTo(0, abi.MaxName+1),
		"a buffer past the end of the memory":   readInto(65534, 10),
		"a buffer of negative capacity":         readInto(0, -1),
		"a label beyond 256 bytes":              label(strings.Repeat("x", abi.MaxLabel+1)),
		"a label that is not UTF-8":             label("\xff"),
		"a label that ends in half a character": label("退"[:2]),
		"a name beyond 128 bytes":               func(m *module) [][]byte { return [][]byte{m.text(strings.Repeat("k", 129)), m.use(abi.Once)} },
		"an error text beyond 4096 bytes":       func(m *module) [][]byte { return [][]byte{i32(0), i32(abi.MaxString + 1), m.use(abi.Fail)} },
		"a log line past the end of the memory": func(m *module) [][]byte { return [][]byte{i32(65535), i32(2), m.use(abi.Log)} },
		"JSON data beyond 4096 bytes": func(m *module) [][]byte {
			return [][]byte{m.text("k"), i32(0), i32(abi.MaxString + 1), m.use(abi.Oblige)}
		},
		"a string of a guest that has no memory": func(m *module) [][]byte { m.pages = 0; return [][]byte{i32(0), i32(1), m.use(abi.Once)} },
	} {
		t.Run(name, func(t *testing.T) {
			m := newModule()
			m.export("quote", body(m)...)
			_, err := quote(t, m, declared(), someFacts())
			wantCode(t, err, abi.CodeBadString)
		})
	}
}

func TestConfigIsTheBindingsOwn(t *testing.T) {
	m := newModule()
	m.export("quote", m.text("config.amount"), m.use(abi.FactI64), m.text("x"), m.use(abi.Discount))
	plugin := load(t, declared(), m.bytes())
	dear, cheap := bind(t, plugin, core.Object{"amount": int64(900)}), bind(t, plugin, nil)
	facts := &core.Facts{Config: core.Object{"amount": int64(1)}}
	for mechanic, want := range map[core.Mechanic]int64{dear: 900, cheap: 70} {
		effects, _, err := mechanic.Decide(core.HookQuote, facts, nil)
		if err != nil || effects[0].Amount != want {
			t.Errorf("got %v, %v; want the binding's %d", effects, err, want)
		}
	}
	if facts.Config["amount"] != int64(1) || len(facts.Config) != 1 {
		t.Error("the caller's facts were changed")
	}
}
