package vet

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"hotdrop/core"
	"hotdrop/plugins"
	"hotdrop/plugins/abi"
	"hotdrop/plugins/wasm"
)

// reports are the cases of the golden files.
func reports(t *testing.T) map[string]*Report {
	t.Helper()
	accepted := tripping(7, trap)
	accepted.m.Customs = []wasm.Custom{{Name: sectionProducers, Bytes: []byte(clangProducers)}}
	packed, err := plugins.Pack(accepted.bytes(), []byte(someManifest), []byte(someVectors))
	if err != nil {
		t.Fatal(err)
	}
	foreign := importing("env", "abort").bytes()
	return map[string]*Report{
		"accepted":       vetted(t, Options{Child: as(asChild)}, nil, packed, ""),
		"inspected":      Inspect(packed, plugins.DefaultLimits()),
		"refused-vector": vetted(t, quick(), quoting("item.price"), tripping(1_000, trap).bytes(), strings.ReplaceAll(someVectors, "price: 1000", "price: 1001")+anotherVector),
		"refused-static": vetted(t, quick(), quoting(), foreign, someVectors),
		"refused-lost":   lost(t),
	}
}

const anotherVector = `  - name: a cheap order
    hook: quote
    facts: {item: {sku: phone, price: 3}, quantity: 1}
    effects: [{discount: {amount: 3, label: off}}]
`

// lost is the report on a module whose child did not come back.
func lost(t *testing.T) *Report {
	t.Helper()
	r := Inspect(nil, plugins.DefaultLimits())
	r.Verdict, r.Reasons = "", nil
	c := &child{options: &NewVetter(Options{}).options}
	r.adopt(c.died(stageCompile, "the child did not finish within 2m0s"))
	return r
}

func TestReportsReadAsTheyShould(t *testing.T) {
	for name, r := range reports(t) {
		t.Run(name, func(t *testing.T) {
			if r.Examination != nil {
				r.Examination.Cost = Cost{Milliseconds: 120, PeakBytes: 20 << 20}
			}
			golden(t, name+".txt", r.Text())
			text, err := json.MarshalIndent(r, "", "  ")
			if err != nil {
				t.Fatal(err)
			}
			golden(t, name+".json", string(text)+"\n")
		})
	}
}

func TestAReportIsReadAsItWasStored(t *testing.T) {
	for name, r := range reports(t) {
		text, err := json.Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		again := &Report{}
		if err := json.Unmarshal(text, again); err != nil || again.Text() != r.Text() {
			t.Errorf("%s: %v\n%s\n%s", name, err, again.Text(), r.Text())
		}
	}
}

func TestAModuleCannotMakeItsReportLong(t *testing.T) {
	g := newGuest()
	for i := range 900 {
		g.function(strings.Repeat("\x1b[2J", 20) + string(rune('a'+i%26)) + strings.Repeat("n", i))
	}
	manifest := quoting(slices.Repeat([]string{"nobody.knows"}, 250)...)
	manifest.Name, manifest.Author = strings.Repeat("\u202e", 1_000), strings.Repeat("a", 100_000)
	r := vetted(t, quick(), manifest, g.bytes(), someVectors)
	text, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	if r.Verdict != Refused || len(text) > 100_000 || len(r.Text()) > 50_000 || strings.ContainsAny(r.Text(), "\x1b\u202e") {
		t.Errorf("%d bytes of JSON, %d of text", len(text), len(r.Text()))
	}
}

func TestFloatsAreCounted(t *testing.T) {
	g := newGuest()
	g.function("quote", []byte{0x43, 0, 0, 0, 0, 0x43, 0, 0, 0, 0, 0x92}, drop) // two constants, f32.add
	packed, err := plugins.Pack(g.bytes(), []byte(someManifest), nil)
	if err != nil {
		t.Fatal(err)
	}
	r := Inspect(packed, plugins.DefaultLimits())
	if r.Code.Floats == 0 || !strings.Contains(r.Text(), "with floats") {
		t.Errorf("%+v", r.Code)
	}
	if none := Inspect(fiveOff().bytes(), plugins.DefaultLimits()); none.Code.Floats != 0 || !strings.Contains(none.Text(), "no floats") {
		t.Errorf("%+v", none.Code)
	}
}

func TestNumbersAreGroupedAndBytesRounded(t *testing.T) {
	for want, got := range map[string]string{
		"0": grouped(0), "999": grouped(999), "1,000": grouped(1_000), "-1,234,567": grouped(-1_234_567), "12,345": grouped(12_345),
		"1 MiB": bytesText(1 << 20), "3 KiB": bytesText(3 << 10), "1,025 bytes": bytesText(1_025), "0 bytes": bytesText(0),
		"1 set": counted(1, "set"), "2 sets": counted(2, "set"), "none failed": failuresText(nil),
		"failed: 1,000 failed, 2 trap": failuresText(map[string]int{"trap": 2, "failed": 1_000}),
	} {
		if got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func TestTheProblemsOfLoadingKeepTheirCodes(t *testing.T) {
	for message, want := range map[string]Reason{
		"decode_error at offset 12: the section ends early": {Code: abi.CodeDecode, Place: "offset 12", Message: "the section ends early"},
		"import_refused: is not an import of the ABI":       {Code: abi.CodeImportRefused, Message: "is not an import of the ABI"},
		"failed: out_of_fuel: 5 fuel were not enough":       {Code: abi.CodeOutOfFuel, Message: "5 fuel were not enough"},
		"failed: it changes a table":                        {Code: abi.CodeFailed, Message: "it changes a table"},
		"has the signature (i32) -> (), not () -> ()":       {Code: "other", Message: "has the signature (i32) -> (), not () -> ()"},
		"nobody_knows: this code":                           {Code: "other", Message: "nobody_knows: this code"},
	} {
		list := &core.Problems{}
		list.Add("", "%s", message)
		got := problems("other", "", list)[0]
		if got.Hint = ""; got != want {
			t.Errorf("%q is %+v, want %+v", message, got, want)
		}
	}
}
