package corpus

import (
	"math"
	"slices"
	"strings"

	"hotdrop/core"
	"hotdrop/plugins/abi"
)

// The campaign that the modules here attack: see Campaign.
const (
	listPrice   = 100_000
	minPrice    = 10_000
	maxDiscount = 50_000
	budget      = 80_000
	quotaUnits  = 5
)

// deputised is a module that the host runs without complaint, as its effects are well formed: what they ask for is the
// engine's to judge.
func deputised(want, title, attack string, build func(m *module) string) Module {
	m := plain()
	body := build(m)
	m.on("quote", body)
	declared := quoting()
	declared.Effects = slices.DeleteFunc(declared.Effects, func(kind core.EffectKind) bool {
		return !slices.Contains(m.used, string(kind))
	})
	module := Module{Name: "deputy-" + title, Attack: attack, Stage: StageCore, Want: want, Manifest: declared, Wasm: m.bytes}
	if want == string(core.CodeMechanicFailed) {
		module.Vetted = abi.CodeBadEffect
	}
	return module
}

// bounded is one whose order is placed, at the price that the guardrails leave.
func bounded(total int64, title, attack string, build func(m *module) string) Module {
	m := deputised(Bounded, title, attack, build)
	m.Total = total
	return m
}

// amount returns code that proposes a discount, percentage or price.
func amount(call string, n int64) func(m *module) string {
	return func(m *module) string { return i64(n) + m.says("sale") + m.use(call) }
}

// prices are effects on the price: each order must cost what the guardrails say, or not be placed.
func prices() []Module {
	refused := func(title, attack, call string, n int64) Module {
		return deputised(string(core.CodeMechanicFailed), title, attack, amount(call, n))
	}
	const bound = listPrice - maxDiscount
	dearer := deputised(AboveLine, "price-and-discount", "Raises the price tenfold to make a large discount look like a gift.",
		func(m *module) string {
			return amount(abi.Price, listPrice*10)(m) + amount(abi.Discount, listPrice*5)(m)
		})
	dearer.Total = listPrice * 5
	repeated := func(count int, one func(m *module) string) func(m *module) string {
		return func(m *module) string { return strings.Repeat(one(m), count) }
	}
	return []Module{
		bounded(bound, "discount-above-the-line", "Gives a discount larger than the price.", amount(abi.Discount, listPrice*3)),
		bounded(bound, "discount-above-the-cap", "Gives a fen more off than one order may get.", amount(abi.Discount, maxDiscount+1)),
		bounded(bound, "discount-64-times", "Gives the largest discount there is 64 times.",
			repeated(64, amount(abi.Discount, 1_000_000_000_000_000))),
		bounded(bound, "percent-100", "Gives everything off.", amount(abi.DiscountPercent, 10_000)),
		bounded(bound, "percent-64-times", "Gives half off 64 times.", repeated(64, amount(abi.DiscountPercent, 5_000))),
		bounded(bound, "price-0", "Sells for nothing.", amount(abi.Price, 0)),
		bounded(bound, "price-1", "Sells for a fen.", amount(abi.Price, 1)),
		dearer,
		refused("discount-negative", "Gives a negative discount, which is a surcharge.", abi.Discount, -1),
		refused("discount-minimum", "Gives the discount that has no positive counterpart.", abi.Discount, math.MinInt64),
		refused("discount-maximum", "Gives a discount that any sum with it overflows.", abi.Discount, math.MaxInt64),
		refused("percent-101", "Gives more than everything off.", abi.DiscountPercent, 10_100),
		refused("percent-negative", "Gives a negative percentage.", abi.DiscountPercent, -5_000),
		refused("percent-maximum", "Gives the largest percentage that 64 bits hold.", abi.DiscountPercent, math.MaxInt64),
		refused("price-negative", "Pays the shopper.", abi.Price, -1),
		refused("price-minimum", "Sells for the smallest number there is.", abi.Price, math.MinInt64),
		refused("price-maximum", "Sells for the largest number there is: times two it is negative.", abi.Price, math.MaxInt64),
	}
}

// unwritable is a module whose effects no vector file can hold, so that its vectors have to say something else.
func unwritable(m Module) Module {
	m.Vetted = codeVector
	return m
}

// unseen is a module that vetting has to accept, as only the campaign says what is wrong with it.
func unseen(m Module) Module {
	m.Vetted = Accepted
	return m
}

// claims are effects on what is scarce, or somebody else's.
func claims() []Module {
	failed := func(title, attack string, build func(m *module) string) Module {
		return deputised(string(core.CodeMechanicFailed), title, attack, build)
	}
	took := func(quota string, units int) func(m *module) string {
		return func(m *module) string { return m.says(quota) + i32(units) + m.use(abi.Take) }
	}
	once := func(key string) func(m *module) string {
		return func(m *module) string { return m.says(key) + m.use(abi.Once) }
	}
	return []Module{
		deputised(string(core.CodeQuotaExhausted), "quota-all", "Takes more of a quota than there is.", took("q", 6)),
		deputised(string(core.CodeQuotaExhausted), "quota-maximum", "Takes as much of a quota as 32 bits hold.", took("q", math.MaxInt32)),
		failed("quota-negative", "Takes a negative number of units, which would fill the quota up.", took("q", -1)),
		failed("quota-nothing", "Takes no units.", took("q", 0)),
		unseen(failed("quota-foreign", "Takes from a quota that the campaign does not have.", took("other", 1))),
		unseen(failed("quota-stock", "Takes the stock itself, by the name of its counter.", took("../stock/phone", 1))),
		unseen(failed("quota-budget", "Takes the discount budget, by the name of its counter.", took("budget", 1))),
		bounded(listPrice, "once-of-another", "Claims the once-only key of another shopper, to lock him out.", once("shopper-2")),
		bounded(listPrice, "once-of-the-store", "Claims a key that looks like one of the store's.", once("limit/phone/shopper-2/1")),
		failed("once-without-key", "Claims an empty key.", once("")),
		unwritable(failed("once-with-zero-byte", "Claims a key that ends early for a reader in C.", once("a\x00b"))),
		unwritable(failed("once-with-escape", "Claims a key that moves the operator's cursor.", once("\x1b[2J"))),
		deputised(string(core.CodeDenied), "deny-everybody", "Refuses every order.", func(m *module) string {
			return m.says("closed") + m.says("<script>alert(1)</script>") + m.use(abi.Deny)
		}),
		failed("deny-without-reason", "Refuses without a reason.", func(m *module) string { return m.says("") + m.says("x") + m.use(abi.Deny) }),
	}
}

// promises are effects that would have the engine give, or keep, what it must not.
func promises() []Module {
	refused := func(title, attack string, build func(m *module) string) Module {
		return deputised(string(core.CodeMechanicFailed), title, attack, build)
	}
	adding := func(sku string, units int, unitPrice int64) func(m *module) string {
		return func(m *module) string {
			return m.says(sku) + i32(units) + i64(unitPrice) + m.says("gift") + m.use(abi.Add)
		}
	}
	depositing := func(amount, credit int64) func(m *module) string {
		return func(m *module) string { return i64(amount) + i64(credit) + m.use(abi.Deposit) }
	}
	grouping := func(size, seconds int, unitPrice int64) func(m *module) string {
		return func(m *module) string { return i32(size) + i32(seconds) + i64(unitPrice) + m.use(abi.Group) }
	}
	dearer := deputised(AboveLine, "add-dear", "Adds a case for twice the price of the phone, which nobody asked for.",
		adding("case", 1, listPrice*2))
	dearer.Total = listPrice * 3
	return []Module{
		dearer,
		unseen(refused("add-foreign-sku", "Adds an item that the campaign does not sell, for nothing.", adding("other-brands-phone", 1, 0))),
		refused("add-negative", "Adds a negative number of units, which would be money back.", adding("phone", -1_000, listPrice)),
		refused("add-all", "Adds more units than one order may have.", adding("phone", 101, 0)),
		bounded(listPrice, "add-99-for-nothing", "Adds 99 phones for nothing.", adding("phone", 99, 0)),
		bounded(listPrice, "add-beyond-the-cap", "Adds one phone for nothing, which is more off than one order may get.", adding("phone", 1, 0)),
		refused("deposit-credit", "Asks for a deposit of a fen that counts for the largest number there is.", depositing(1, math.MaxInt64)),
		refused("deposit-shrinks", "Asks for a deposit that counts for less than it is.", depositing(listPrice, 1)),
		bounded(listPrice-maxDiscount, "deposit-counts-for-all", "Asks for a deposit of a fen that counts for everything.",
			depositing(1, listPrice)),
		refused("group-negative", "Wants a group of a negative size, for nothing.", grouping(-1, -1, 0)),
		refused("group-of-one", "Wants a group of one, which is complete at once.", grouping(1, 60, 1)),
		bounded(listPrice, "tag-of-staff", "Tags the shopper as staff.", func(m *module) string {
			return m.says("role") + m.says("operator") + m.use(abi.Tag)
		}),
		refused("tag-of-another-key", "Tags the shopper under a key that reads like another one with its value.", func(m *module) string {
			return m.says("role=operator") + m.says("") + m.use(abi.Tag)
		}),
		refused("oblige-group", "Has the order wait for a group that does not exist.", func(m *module) string {
			return m.says("group") + m.says("{}") + m.use(abi.Oblige)
		}),
	}
}

// duties are effects that carry JSON.
func duties() []Module {
	obliging := func(kind, data string) func(m *module) string {
		return func(m *module) string { return m.says(kind) + m.says(data) + m.use(abi.Oblige) }
	}
	failed := func(title, attack, data string) Module {
		return unwritable(deputised(string(core.CodeMechanicFailed), title, attack, obliging("trade_in", data)))
	}
	return []Module{
		failed("json-broken", "A duty's data are not JSON.", `{"a":`),
		failed("json-list", "A duty's data are a list.", `[1,2]`),
		failed("json-null", "A duty's data have a null.", `{"a":null}`),
		failed("json-float", "A duty's data have a float.", `{"price":0.1}`),
		failed("json-large-number", "A duty's data have a number beyond 64 bits.", `{"a":9223372036854775808}`),
		failed("json-exponent", "A duty's data have a number of a billion digits, in ten bytes.", `{"a":1e999999999}`),
		failed("json-two-documents", "A duty's data go on behind their end.", `{"a":1}{"b":2}`),
		failed("json-tail", "A duty's data are followed by something else.", `{"a":1}; DROP TABLE orders`),
		deputised(string(core.CodeMechanicFailed), "json-without-kind", "A duty has no kind.", obliging("", `{"a":1}`)),
		unwritable(bounded(listPrice, "json-deep", "A duty's data are 600 lists inside each other.", obliging("trade_in",
			`{"a":`+strings.Repeat("[", 600)+strings.Repeat("]", 600)+`}`))),
		unwritable(bounded(listPrice, "json-wide", "A duty's data have 500 keys, the same one each time.", obliging("trade_in",
			`{`+strings.Repeat(`"a":1,`, 499)+`"a":2}`))),
		bounded(listPrice, "json-large", "A duty's data are as long as is taken.", obliging("trade_in",
			`{"a":"`+strings.Repeat("x", abi.MaxString-8)+`"}`)),
	}
}
