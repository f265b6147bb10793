// Package abi is version 1 of the contract between the plugin host and a guest, as constants: what a guest may import
// from the module [Module], what it must export, the caps on what it hands over, and how a decision can fail.
//
// A guest is a core WebAssembly module. It asks for single facts by dotted path and proposes effects by calling one
// import per effect; nothing is generated and no JSON has to be parsed in the guest. Strings are UTF-8, handed over as
// (pointer, length) into the guest's own memory. Amounts and weights are i64, counts are i32; both are signed. Structured
// data is the text of one JSON object. Facts and effects exist only while a hook runs: during [ExportInitialize] they
// trap with [CodeNotReady].
package abi

// Module is the module name of every import.
const Module = "hotdrop"

// The imports that read facts. A path outside the manifest traps with [CodeUndeclaredFact]; a list that is declared
// covers its length and its elements, path.0, path.1 and so on. Paths are at most [MaxName] bytes.
const (
	// FactKind is fact_kind(path_ptr, path_len: i32) -> i32: the kind of a fact, 0 absent, 1 integer, 2 string,
	// 3 boolean, 4 list. An empty string and an empty list are absent.
	FactKind = "fact_kind"
	// FactI64 is fact_i64(path_ptr, path_len: i32) -> i64: an integer, or a boolean as 0 or 1; absent is 0. Another kind
	// traps with [CodeWrongKind].
	FactI64 = "fact_i64"
	// FactStr is fact_str(path_ptr, path_len, buf, cap: i32) -> i32: writes min(length, cap) bytes of a string to buf and
	// returns its full length in bytes, -1 if it is absent. Another kind traps with [CodeWrongKind].
	FactStr = "fact_str"
	// FactLen is fact_len(path_ptr, path_len: i32) -> i32: the number of a list's elements; absent is 0. Another kind
	// traps with [CodeWrongKind].
	FactLen = "fact_len"
)

// The imports that are neither facts nor effects. Both are allowed during initialisation.
const (
	// Fail is fail(ptr, len: i32): ends the decision with [CodeFailed] and the text, at most [MaxString] bytes. It does
	// not return.
	Fail = "fail"
	// Log is log(ptr, len: i32): a line for the author, at most [MaxString] bytes; what goes beyond the policy's bytes of
	// one decision is dropped. Shoppers never see it.
	Log = "log"
)

// The imports that propose effects, one per effect and named like it. An effect that the manifest does not declare is
// refused when the plugin is loaded; one that the running hook may not use, and more of them than the policy allows,
// trap with [CodeBadEffect]. Names are at most [MaxName] bytes, labels at most [MaxLabel], texts, values and data at most
// [MaxString]. Whether an amount, a quota or the data make sense is judged by the engine, for rules and plugins alike.
const (
	// Deny is deny(reason_ptr, reason_len, text_ptr, text_len: i32): refuse; reason is a stable code, text is shown.
	Deny = "deny"
	// Discount is discount(amount: i64, label_ptr, label_len: i32): money off the order, minor units.
	Discount = "discount"
	// DiscountPercent is discount_percent(basis_points: i64, label_ptr, label_len: i32): hundredths of a percent off the
	// running total. i64, like an amount, so that no computed value is cut to something that looks right.
	DiscountPercent = "discount_percent"
	// Price is price(amount: i64, label_ptr, label_len: i32): this price per unit instead, minor units.
	Price = "price"
	// Add is add(sku_ptr, sku_len, units: i32, unit_price: i64, label_ptr, label_len: i32): another line.
	Add = "add"
	// Deposit is deposit(amount, credit: i64): pay amount now, the rest later; it counts for credit. Minor units.
	Deposit = "deposit"
	// Group is group(size, seconds: i32, price: i64): needs a group of size within seconds, at price per unit.
	Group = "group"
	// Take is take(quota_ptr, quota_len, units: i32): units of a named quota, atomically with the order.
	Take = "take"
	// Once is once(key_ptr, key_len: i32): at most once per campaign, key and shopper.
	Once = "once"
	// Oblige is oblige(kind_ptr, kind_len, data_ptr, data_len: i32): the order carries a duty; data is a JSON object.
	Oblige = "oblige"
	// Grant is grant(pool_ptr, pool_len, count: i32): vouchers from a pool.
	Grant = "grant"
	// Enter is enter(draw_ptr, draw_len: i32, weight: i64): entries into a draw.
	Enter = "enter"
	// Tag is tag(key_ptr, key_len, value_ptr, value_len: i32): customer data.
	Tag = "tag"
	// Notify is notify(template_ptr, template_len, data_ptr, data_len: i32): a message; data is a JSON object.
	Notify = "notify"
	// Reply is reply(text_ptr, text_len: i32): an answer to an inbox message.
	Reply = "reply"
)

// The exports. Hooks (reserve, share, quote, paid, message) are exported under their own names as () -> ().
const (
	// ExportVersion must be exported as () -> (). Its name is the version of the ABI; it is never called.
	ExportVersion = "hotdrop_abi_1"
	// ExportMemory is the guest's one memory, which must be exported if there is one.
	ExportMemory = "memory"
	// ExportInitialize may be exported as () -> (). It runs once, before the snapshot that every decision starts from.
	ExportInitialize = "_initialize"
)

// LanguageSeparator may stand once in a label or text: what is before it is English, what follows is Chinese. Without it
// the text is the same in both. U+001F, the unit separator, occurs in no text that people read.
const LanguageSeparator = "\x1f"

// ReservedPrefix begins the names that the host's rewriting exports. A module that exports such a name is refused.
const ReservedPrefix = "hotdrop."

// What a guest may hand over in one call.
const (
	MaxName   = 128  // bytes of a fact's path and of every name: reason, sku, quota, key, kind, pool, draw, template
	MaxLabel  = 256  // bytes of a label
	MaxString = 4096 // bytes of a text, a tag's value, JSON data, an error or a log line
)

// What one decision may use up unless the platform's policy says otherwise.
const (
	MaxEffects     = 64   // effects
	MaxLogBytes    = 4096 // bytes of log, with one for the end of each line
	MaxMemoryPages = 16   // pages of 64 KiB of memory
)

// How a decision fails: the codes of the errors that a plugin's Decide returns. The guest that failed is discarded.
const (
	CodeTrap           = "trap"            // the guest trapped: unreachable, a division by 0, an access out of bounds …
	CodeOutOfFuel      = "out_of_fuel"     // it ran longer than its fuel lasts
	CodeDepthLimit     = "depth_limit"     // it called itself deeper than the policy allows
	CodeMemoryLimit    = "memory_limit"    // it trapped after memory beyond the policy's was refused to it
	CodeFailed         = "failed"          // the guest called fail, or exited
	CodeUndeclaredFact = "undeclared_fact" // a path that the manifest does not declare
	CodeWrongKind      = "wrong_kind"      // a fact was read as another kind than it is
	CodeBadEffect      = "bad_effect"      // an effect that this hook may not use, or too many
	CodeBadString      = "bad_string"      // outside the memory, longer than its cap, or not UTF-8
	CodeNotReady       = "not_ready"       // a fact or an effect during initialisation
	CodeUnavailable    = "unavailable"     // the plugin was closed, or no guest could be instantiated
)

// How a module is refused before it may decide: the words that the problems of loading it begin with, beside
// [CodeMemoryLimit] and the failures of its initialisation.
const (
	CodeImportRefused  = "import_refused"   // an import that the ABI does not have, or with another signature
	CodeModuleTooLarge = "module_too_large" // beyond one of the bounds on its size and shape
	CodeDecode         = "decode_error"     // not a valid module; the offset follows
	CodeUnsupported    = "unsupported"      // a proposal that is not supported; its name follows
)
