package plugins_test

import (
	"bytes"
	"encoding/binary"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"hotdrop/core"
	"hotdrop/plugins"
	"hotdrop/plugins/library"
)

// bare is a module of nothing but the preamble.
const bare = "\x00asm\x01\x00\x00\x00"

// custom is a custom section.
func custom(name, content string) string {
	body := append(binary.AppendUvarint(nil, uint64(len(name))), name+content...)
	return string(append(binary.AppendUvarint([]byte{0}, uint64(len(body))), body...))
}

func TestAPackedModuleCarriesItsFilesAsTheyWereWritten(t *testing.T) {
	for name, c := range map[string]struct{ manifest, vectors []byte }{
		"both":          {[]byte("name: x\n"), []byte("mechanic: x\n")},
		"no vectors":    {[]byte("name: x\n"), nil},
		"no manifest":   {nil, []byte("mechanic: x\n")},
		"neither":       {nil, nil},
		"an empty file": {[]byte{}, nil},
		"the longest":   {bytes.Repeat([]byte("#"), plugins.MaxManifest), bytes.Repeat([]byte("\n"), plugins.MaxVectors)},
	} {
		t.Run(name, func(t *testing.T) {
			packed, err := plugins.Pack([]byte(bare+custom("name", "\x00\x01m")), c.manifest, c.vectors)
			if err != nil {
				t.Fatal(err)
			}
			manifest, vectors, err := plugins.Unpack(packed)
			if err != nil || !bytes.Equal(manifest, c.manifest) || !bytes.Equal(vectors, c.vectors) {
				t.Errorf("got %.20q, %.20q, %v", manifest, vectors, err)
			}
			if (manifest == nil) != (c.manifest == nil) || (vectors == nil) != (c.vectors == nil) {
				t.Errorf("a file that was left out is an empty one, or the other way round: %v, %v", manifest, vectors)
			}
		})
	}
}

func TestPackingTouchesNothingButItsTwoSections(t *testing.T) {
	other := custom("name", "\x00\x01m") + "\x01\x84\x80\x00\x01\x60\x00\x00" // the type section's length is not the shortest form
	module := bare + custom(plugins.SectionVectors, "old") + other + custom(plugins.SectionManifest, "old") + custom("producers", "\x00")
	packed, err := plugins.Pack([]byte(module), []byte("m"), []byte("v"))
	want := bare + other + custom("producers", "\x00") + custom(plugins.SectionManifest, "m") + custom(plugins.SectionVectors, "v")
	if err != nil || string(packed) != want {
		t.Errorf("got  %q, %v\nwant %q", packed, err, want)
	}
	stripped, err := plugins.Pack(packed, nil, nil)
	if err != nil || string(stripped) != bare+other+custom("producers", "\x00") {
		t.Errorf("without the files it is %q, %v", stripped, err)
	}
}

func TestPackingIsReproducible(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		file := rapid.SliceOfN(rapid.Byte(), 0, 300)
		module := []byte(bare)
		for range rapid.IntRange(0, 5).Draw(t, "sections") {
			name := rapid.SampledFrom([]string{"name", "", plugins.SectionManifest}).Draw(t, "name")
			module = append(module, custom(name, string(file.Draw(t, "content")))...)
		}
		manifest, vectors := file.Draw(t, "manifest"), file.Draw(t, "vectors")
		packed, err := plugins.Pack(slices.Clone(module), manifest, vectors)
		if err != nil {
			t.Fatal(err)
		}
		again, err := plugins.Pack(module, manifest, vectors)
		if err != nil || !bytes.Equal(packed, again) {
			t.Fatalf("packed twice it differs: %v", err)
		}
		repacked, err := plugins.Pack(packed, manifest, vectors)
		if err != nil || !bytes.Equal(packed, repacked) {
			t.Fatalf("packing what was packed differs: %v", err)
		}
	})
}

func TestWhatCannotBePackedOrUnpackedSaysWhy(t *testing.T) {
	for name, c := range map[string]struct{ module, want string }{
		"nothing":                        {"", "decode_error at offset 0"},
		"no module":                      {"\x7fELF\x01\x00\x00\x00", "decode_error at offset 0"},
		"a component":                    {"\x00asm\x0d\x00\x01\x00", "decode_error at offset 0"},
		"a section without a length":     {bare + "\x00", "decode_error at offset 8"},
		"a section longer than the file": {bare + custom("a", "b") + "\x01\x7f", "decode_error at offset 13"},
		"a length of more than 32 bits":  {bare + "\x00\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", "decode_error at offset 8"},
		"a length that never ends":       {bare + "\x00" + strings.Repeat("\xff", 12), "decode_error at offset 8"},
		"a name longer than its section": {bare + "\x00\x02\x05a", "decode_error at offset 8: the name"},
	} {
		t.Run(name, func(t *testing.T) {
			if _, _, err := plugins.Unpack([]byte(c.module)); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("unpacking it fails with %v, want %q", err, c.want)
			}
			if _, err := plugins.Pack([]byte(c.module), nil, nil); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("packing it fails with %v, want %q", err, c.want)
			}
		})
	}
	t.Run("two manifests", func(t *testing.T) {
		twice := custom(plugins.SectionManifest, "a")
		_, _, err := plugins.Unpack([]byte(bare + twice + twice))
		if core.CodeOf(err) != core.CodeInvalid || !strings.Contains(err.Error(), "twice") {
			t.Errorf("%v", err)
		}
	})
	t.Run("a file longer than anybody reads", func(t *testing.T) {
		for name, most := range map[string]int{plugins.SectionManifest: plugins.MaxManifest, plugins.SectionVectors: plugins.MaxVectors} {
			files := map[string][]byte{name: make([]byte, most+1)}
			_, packing := plugins.Pack([]byte(bare), files[plugins.SectionManifest], files[plugins.SectionVectors])
			_, _, unpacking := plugins.Unpack([]byte(bare + custom(name, string(files[name]))))
			for _, err := range []error{packing, unpacking} {
				if core.CodeOf(err) != core.CodeInvalid || !strings.Contains(err.Error(), name+": is ") {
					t.Errorf("%v", err)
				}
			}
		}
	})
}

func TestTheManifestIsReadFromThePackedModule(t *testing.T) {
	entry, err := library.Open("trade-in")
	if err != nil {
		t.Fatal(err)
	}
	packed, err := plugins.Pack(entry.Wasm, []byte("name: trade-in\nhooks: [quote]\nfacts: [quantity]\n"), entry.Vectors)
	if err != nil {
		t.Fatal(err)
	}
	manifest, err := plugins.ManifestOf(packed)
	if err != nil || manifest.Name != "trade-in" || !slices.Equal(manifest.Facts, []string{"quantity"}) {
		t.Errorf("%+v, %v", manifest, err)
	}
	for name, c := range map[string]struct{ module, want string }{
		"no manifest":        {bare, "hotdrop mechanic pack"},
		"a misspelled key":   {bare + custom(plugins.SectionManifest, "nam: x"), "did you mean name?"},
		"no module":          {"x", "decode_error"},
		"a manifest of YAML": {bare + custom(plugins.SectionManifest, "- a"), "needs a mapping"},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := plugins.ManifestOf([]byte(c.module)); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v, want %q", err, c.want)
			}
		})
	}
}

// FuzzUnpack holds that whatever can be unpacked can be packed again to the same files, and that nothing panics.
func FuzzUnpack(f *testing.F) {
	f.Add([]byte(bare))
	f.Add([]byte(bare + custom(plugins.SectionManifest, "m") + "\x01\x04\x01\x60\x00\x00" + custom(plugins.SectionVectors, "v")))
	f.Add([]byte(bare + "\x00\x85\x80\x80\x80\x00\x04name"))
	f.Add([]byte(bare + "\x0a\xff\xff\xff\xff\x0f"))
	f.Fuzz(func(t *testing.T, module []byte) {
		manifest, vectors, err := plugins.Unpack(module)
		if err != nil {
			return
		}
		packed, err := plugins.Pack(module, manifest, vectors)
		if err != nil {
			t.Fatal(err)
		}
		m, v, err := plugins.Unpack(packed)
		if err != nil || !bytes.Equal(m, manifest) || !bytes.Equal(v, vectors) {
			t.Fatalf("%q, %q, %v after packing %q, %q", m, v, err, manifest, vectors)
		}
	})
}
