package corpus

import (
	"strings"

	"hotdrop/core"
	"hotdrop/plugins/abi"
)

// pointing are modules that hand over strings and buffers which are not theirs, or not text.
func pointing() []Module {
	logging := func(pointer, length int) *module {
		m := plain()
		return m.on("quote", i32(pointer)+i32(length)+m.use(abi.Log))
	}
	saying := func(call, text string, more ...string) *module {
		m := plain()
		return m.on("quote", strings.Join(more, "")+m.says(text)+m.use(call))
	}
	buffered := func(buffer, capacity int) *module {
		m := plain()
		return m.on("quote", m.says("shopper.id")+i32(buffer)+i32(capacity)+m.use(abi.FactStr)+drop)
	}
	failing := func(title, attack string, m *module) Module {
		return running(abi.CodeBadString, "string-"+title, attack, m)
	}
	none := logging(0, 4)
	none.pages = ""
	return []Module{
		failing("behind-memory", "Hands over a string behind its memory.", logging(1<<20, 4)),
		failing("across-the-end", "Hands over a string that goes on behind its memory.", logging(65_534, 4)),
		failing("wrapping", "Hands over a string whose end wraps around 2^32.", logging(-1, 4)),
		failing("negative-length", "Hands over a string of length -1.", logging(0, -1)),
		failing("length-2g", "Hands over a string of 2 GB.", logging(0, 1<<31-1)),
		failing("without-memory", "Hands over a string, but has no memory.", none),
		failing("too-long", "Hands over a string a byte longer than is taken.", logging(0, abi.MaxString+1)),
		failing("label-too-long", "Hands over a label that fills the screen.",
			saying(abi.Discount, strings.Repeat("%", abi.MaxLabel+1), i64(1))),
		failing("name-too-long", "Hands over a key as long as a short novel.", saying(abi.Once, strings.Repeat("k", abi.MaxName+1))),
		failing("not-text", "Hands over bytes that are not UTF-8.", saying(abi.Once, "\xff\xfe")),
		failing("half-a-character", "Hands over half of a character.", saying(abi.Once, "\xe5\xa5")),
		failing("surrogate", "Hands over half of a UTF-16 pair as if it were UTF-8.", saying(abi.Once, "\xed\xa0\x80")),
		failing("overlong-text", "Hands over a slash in two bytes, which some readers accept.", saying(abi.Once, "\xc0\xaf")),
		failing("buffer-behind-memory", "Wants a fact written behind its memory.", buffered(1<<20, 64)),
		failing("buffer-across-the-end", "Wants a fact written across the end of its memory.", buffered(65_535, 1000)),
		failing("buffer-wrapping", "Wants a fact written where the buffer's end wraps around 2^32.", buffered(-4, 1000)),
		failing("buffer-negative", "Wants a fact written to a buffer of negative size.", buffered(0, -1)),
		failing("fail-not-text", "Fails with a text that is not UTF-8.", saying(abi.Fail, "\xff")),
	}
}

// floods are modules that hand over more than anybody wants to have.
func floods() []Module {
	repeated := func(count int, call, text string) *module {
		m := plain()
		return m.on("quote", strings.Repeat(m.says(text)+m.use(call), count))
	}
	return []Module{
		running(abi.CodeBadEffect, "effects-65", "Proposes one effect more than is allowed.", repeated(65, abi.Once, "k")),
		running(abi.CodeBadEffect, "effects-10000", "Proposes 10,000 effects in a loop.", func() *module {
			m := plain()
			body := times(0, 10_000, m.says("k")+m.use(abi.Once))
			return m.export("quote", kindFunc, m.function("", "", []string{locals(1, tI32)}, body))
		}()),
		running(abi.CodeBadEffect, "effects-large", "Proposes duties of 4,000 bytes each until it is stopped.", func() *module {
			m := plain()
			return m.on("quote", forever(m.says("k")+m.says(`{"a":"`+strings.Repeat("x", 3_900)+`"}`)+m.use(abi.Oblige)))
		}()),
		running(abi.CodeFailed, "fail-flood", "Fails with the longest text there is.", repeated(1, abi.Fail, strings.Repeat("!", abi.MaxString))),
		running(abi.CodeFailed, "fail-forged", "Fails with a text that looks like a line of the server's log, or an order.",
			repeated(1, abi.Fail, "x\nlevel=ERROR msg=\"store lost\"\x1b[2J\x1b]0;root\x07")),
		running(abi.CodeFailed, "fail-and-on", "Fails and goes on as if it had not.", func() *module {
			m := plain()
			return m.on("quote", m.says("stop")+m.use(abi.Fail)+forever(""))
		}()),
		running(abi.CodeFailed, "exit", "Exits the process.", func() *module {
			m := plain()
			return m.on("quote", i32(0)+m.imports(abi.ModuleWASI, abi.ProcExit, tI32, "")+forever(""))
		}()),
		harmless("log-lines", "Logs 100 lines, more than anybody reads.", repeated(100, abi.Log, strings.Repeat("look at me ", 10))),
		harmless("log-forged", "Logs what looks like a line of the server's own log.",
			repeated(1, abi.Log, "x\ntime=2012-12-21 level=ERROR msg=\"store lost\"\x1b[2J")),
		harmless("log-wasi", "Floods the standard output through WASI.", func() *module {
			m := plain()
			write := m.imports(abi.ModuleWASI, abi.FdWrite, tI32+tI32+tI32+tI32, tI32)
			vectors := i32(0) + i32(textAt) + store32 + i32(4) + i32(4_000) + store32
			return m.on("quote", vectors, strings.Repeat(i32(1)+i32(0)+i32(1)+i32(16)+write+drop, 20))
		}()),
	}
}

// paths are modules that ask for facts that are none of their business.
func paths() []Module {
	asking := func(title, attack, path string) Module {
		m := plain()
		m.on("quote", m.says(path)+m.use(abi.FactKind)+drop)
		return running(abi.CodeUndeclaredFact, "path-"+title, attack, m)
	}
	wrong := plain()
	wrong.on("quote", wrong.says("item.sku")+wrong.use(abi.FactI64)+drop)
	list := plain()
	list.on("quote", list.says("shopper.tags")+i32(0)+i32(10)+list.use(abi.FactStr)+drop)
	return []Module{
		asking("undeclared", "Reads a fact that its manifest does not declare.", "shopper.tier"),
		asking("wildcard", "Reads everything about the shopper.", "shopper.*"),
		asking("parent", "Reads the object above a fact that it declared.", "shopper"),
		asking("root", "Reads everything.", ""),
		asking("star", "Reads everything by a star.", "*"),
		asking("another-shopper", "Reads another shopper by an index.", "shopper.1.id"),
		asking("dots", "Reads a declared fact's neighbour through an empty part.", "item..price"),
		asking("upwards", "Climbs out of the facts.", "item.sku/../../shopper.tier"),
		asking("trailing-dot", "Asks with a dot at the end.", "item.sku."),
		asking("case", "Asks in capitals.", "ITEM.SKU"),
		asking("zero-byte", "Ends the path early for a reader in C.", "item.sku\x00.tier"),
		asking("other-quota", "Reads a quota that it did not declare.", "quota.other"),
		asking("config", "Reads a parameter that its manifest does not have.", "config.secret"),
		asking("prototype", "Asks for what every object of another language has.", "input.__proto__"),
		asking("negative-index", "Asks for the element before the first.", "shopper.tags.-1"),
		asking("index-with-zeros", "Asks for an element by an index with leading zeros.", "shopper.tags.00"),
		asking("index-beyond-64-bits", "Asks for an element by an index beyond 64 bits.", "shopper.tags.99999999999999999999"),
		asking("element-of-element", "Asks for an element of an element.", "shopper.tags.0.0"),
		running(abi.CodeWrongKind, "kind-string-as-number", "Reads a string as a number.", wrong),
		running(abi.CodeWrongKind, "kind-list-as-string", "Reads a list as a string.", list),
	}
}

// otherHooks are modules whose effects the hook that runs may not use, though another of their hooks may.
func otherHooks() []Module {
	proposing := func(title, attack string, hook core.Hook, call string, push func(m *module) string) Module {
		other := core.HookPaid
		if !core.EffectKind(call).Allowed(other) {
			other = core.HookMessage
		}
		if !core.EffectKind(call).Allowed(other) {
			other = core.HookQuote
		}
		m := plain()
		m.on(string(hook), push(m)+m.use(call)).on(string(other))
		module := running(abi.CodeBadEffect, "hook-"+title, attack, m)
		module.Manifest = manifest(hook)
		module.Manifest.Hooks = append(module.Manifest.Hooks, other)
		module.Manifest.Effects = []core.EffectKind{core.EffectKind(call)}
		return module
	}
	return []Module{
		proposing("grant-at-quote", "Grants vouchers whenever somebody asks for a price.", core.HookQuote, abi.Grant,
			func(m *module) string { return m.says("pool") + i32(1_000) }),
		proposing("enter-at-quote", "Enters a draw whenever somebody asks for a price.", core.HookQuote, abi.Enter,
			func(m *module) string { return m.says("draw") + i64(1<<62) }),
		proposing("reply-at-quote", "Answers a message that nobody wrote.", core.HookQuote, abi.Reply,
			func(m *module) string { return m.says("you won") }),
		proposing("discount-at-paid", "Gives a discount after the order was paid.", core.HookPaid, abi.Discount,
			func(m *module) string { return i64(1) + m.says("late") }),
		proposing("take-at-share", "Takes a quota whenever somebody shares.", core.HookShare, abi.Take,
			func(m *module) string { return m.says("q") + i32(1) }),
	}
}
