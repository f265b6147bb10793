package corpus

import (
	"fmt"
	"strings"

	"hotdrop/plugins"
)

// What vetting answers about the files that a module brings along.
const (
	codeManifestMissing = "manifest_missing"
	codeManifestInvalid = "manifest_invalid"
	codeVectorsInvalid  = "vectors_invalid"
	codeVector          = "vector_failed"
	codeCompile         = "compile_failed"
)

// honest is a manifest that is as it should be.
const honest = "name: hostile\nversion: 1.0.0\nauthor: stranger\nhooks: [quote]\nfacts: []\neffects: []\n"

// carrying is a module that brings sections of its own and no manifest beside it: what the module says of itself is read
// before it is judged.
func carrying(want, title, attack string, sections func() string) Module {
	return Module{Name: title, Attack: attack, Stage: StageSections, Want: want, Wasm: func() []byte {
		m := plain().on("quote")
		m.extra = sections()
		return m.bytes()
	}}
}

// manifested carries the text as its manifest.
func manifested(want, title, attack, text string) Module {
	return carrying(want, "manifest-"+title, attack, func() string { return custom(plugins.SectionManifest, text) })
}

// vectored carries an honest manifest and the text as its vectors.
func vectored(title, attack, text string) Module {
	return carrying(codeVectorsInvalid, "vectors-"+title, attack, func() string {
		return custom(plugins.SectionManifest, honest) + custom(plugins.SectionVectors, text)
	})
}

// yamlBombs are files that are small, and large or slow once they are read.
func yamlBombs() []Module {
	var indented, parameters strings.Builder
	for i := range 170 {
		indented.WriteString(strings.Repeat(" ", i) + "a:\n")
	}
	for i := range 700 {
		fmt.Fprintf(&parameters, "  k%d: {type: integex}\n", i)
	}
	const doubled = "a: &a [x, x, x, x, x, x, x, x]\n"
	bomb := func(title, attack, text string) Module { return manifested(codeManifestInvalid, title, attack, text) }
	return append(yamlFloods(),
		bomb("aliases", "Its manifest is a bomb of aliases that is billions of strings when expanded.", doubled+aliases()+honest),
		bomb("merge", "Its manifest takes keys from an anchor that a reader of the text does not see.", "x: &x {hooks: [paid]}\n<<: *x\n"+honest),
		bomb("anchors", "Its manifest has 5,400 anchors.", honest+strings.Repeat("&a ", 5_400)),
		bomb("huge", "Its manifest has 900 KB.", honest+"# "+strings.Repeat("x", 900_000)),
		bomb("keys", "Its manifest has 3,200 keys that do not exist.", honest+strings.Repeat("k: 1\n", 3_200)),
		bomb("keys-in-a-line", "Its manifest has the same key 8,000 times in one mapping.", honest+"x: {"+strings.Repeat("a,", 8_000)+"}\n"),
		bomb("list", "Its manifest has a list of 8,000 numbers.", honest+"x: ["+strings.Repeat("1,", 8_000)+"]\n"),
		bomb("deep", "Its manifest is 16,000 lists inside each other.", "name: "+strings.Repeat("[", 16_000)),
		bomb("indented", "Its manifest is 170 mappings inside each other.", indented.String()),
		bomb("facts", "Its manifest declares 700 facts that do not exist, each almost like one that does.",
			strings.ReplaceAll(honest, "facts: []", "facts: ["+strings.Repeat("shopper.registered_ax,", 700)+"now]")),
		bomb("effects", "Its manifest declares 1,800 effects that do not exist, each almost like one that does.",
			strings.ReplaceAll(honest, "effects: []", "effects: ["+strings.Repeat("discounx,", 1_800)+"take]")),
		bomb("parameters", "Its manifest has 700 parameters of a type that does not exist.", honest+"config:\n"+parameters.String()),
		vectored("aliases", "Its vectors are a bomb of aliases.", "a: &a [x, x]\n"+aliases()+"mechanic: hostile\nvectors: []\n"),
		vectored("keys-in-a-line", "Its vectors have the same key 32,000 times in one mapping.",
			"mechanic: hostile\nvectors: []\nx: {"+strings.Repeat("a,", 32_000)+"}\n"),
		vectored("huge", "Its vectors have 900 KB.", "mechanic: hostile\nvectors: []\n# "+strings.Repeat("x", 900_000)),
	)
}

// yamlFloods are files that say little, much of it wrong: each mistake must cost less than it takes to make.
func yamlFloods() []Module {
	const few = "mechanic: hostile\nvectors:\n"
	deep := strings.Repeat("{"+strings.Repeat("k", 126)+": ", 30)
	numbered := func(format string, count int) string {
		var b strings.Builder
		for i := range count {
			fmt.Fprintf(&b, format, i)
		}
		return b.String()
	}
	head, _, _ := strings.Cut(honest, "facts")
	flood := func(title, attack, text string) Module { return manifested(codeManifestInvalid, title, attack, text) }
	return []Module{
		flood("near-parameters", "Its manifest declares 64 long parameters and 130 facts of config, each almost one of them.",
			head+"effects: []\nconfig:\n"+
				numbered(" "+strings.Repeat("pq", 30)+"%02d: {type: integer}\n", 64)+"facts:\n"+
				numbered("- config."+strings.Repeat("qp", 29)+"%03d\n", 130)),
		flood("near-values", "Its manifest has a default of 900 values, none of which is one of the 900 allowed.",
			honest+"config: {a: {type: list, of: string, values: ["+numbered("alpha%d,", 900)+"x], default: ["+numbered("alpah%d,", 800)+"x]}}\n"),
		flood("hooks", "Its manifest declares 2,400 hooks.", strings.ReplaceAll(honest, "[quote]", "["+numbered("h%d,", 2_400)+"quote]")),
		vectored("empty-in-a-line", "Its vectors are 21,000 empty ones in one line.",
			"mechanic: hostile\nvectors: ["+strings.Repeat("{},", 21_000)+"{}]\n"),
		vectored("empty-on-lines", "Its vectors are 13,000 empty ones.", few+strings.Repeat("- {}\n", 13_000)),
		vectored("many", "It has 1,900 vectors, each as it should be.", few+numbered("- {name: a %d, hook: quote}\n", 1_900)),
		vectored("effects", "Its only vector expects 3,600 effects.",
			few+"- {name: a, hook: quote, effects: ["+strings.Repeat("{once: {key: k}},", 3_600)+"]}\n"),
		vectored("deep-list", "Its vectors have a list of 29,000 numbers at a path of 4,000 characters.",
			"mechanic: hostile\nvectors: []\nx: "+deep+"["+strings.Repeat("1,", 29_000)+"]"+strings.Repeat("}", 30)+"\n"),
		vectored("directives", "Its vectors begin with 4,600 directives.", numbered("%%TAG !%d! x\n", 4_600)+"---\n"+few),
	}
}

// lyingManifests are files that say what is not so.
func lyingManifests() []Module {
	instead := func(old, text string) string { return strings.ReplaceAll(honest, old, text) }
	unread := func(title, attack, text string) Module { return manifested(codeManifestInvalid, title, attack, text) }
	return []Module{
		carrying(codeManifestMissing, "manifest-missing", "Says nothing about itself.", func() string { return "" }),
		carrying(codeManifestInvalid, "manifest-twice", "Has two manifests, one for who approves and one for who runs it.", func() string {
			return custom(plugins.SectionManifest, honest) + custom(plugins.SectionManifest, instead("quote", "paid"))
		}),
		unread("binary", "Its manifest is not text.", "\x00\x01\x02\xff"),
		unread("empty", "Its manifest is empty.", ""),
		unread("two-documents", "Its manifest has a second document behind the first.", honest+"---\n"+honest),
		unread("tag", "Its manifest wants an object of another language to be made.", "name: !!python/object/apply:os.system [id]\n"),
		unread("wildcard", "Its manifest declares every fact by a star.", instead("facts: []", "facts: ['*']")),
		unread("wildcard-of-a-block", "Its manifest declares all that is known about the shopper.", instead("facts: []", "facts: ['shopper.*']")),
		unread("block", "Its manifest declares a whole block of facts.", instead("facts: []", "facts: [shopper]")),
		unread("unknown-effect", "Its manifest declares an effect that does not exist.", instead("effects: []", "effects: [refund]")),
		unread("unknown-hook", "Its manifest declares a hook that does not exist.", instead("[quote]", "[quote, boot]")),
		unread("forged-digest", "Its manifest says which digest it has, that of an approved plugin.",
			honest+"digest: sha256:"+strings.Repeat("0", 64)+"\n"),
		unread("name-of-a-path", "Its name is a path.", instead("name: hostile", "name: ../../trade-in")),
		vectored("foreign", "Its vectors are another mechanic's.", "mechanic: trade-in\nvectors:\n  - {name: a, hook: quote}\n"),
	}
}

// aliases are ten lists, each of ten times the one before it.
func aliases() string {
	var b strings.Builder
	for c := 'b'; c < 'l'; c++ {
		b.WriteString(string(c) + ": &" + string(c) + " [" + strings.TrimSuffix(strings.Repeat("*"+string(c-1)+", ", 10), ", ") + "]\n")
	}
	return b.String()
}
