// Package wasm reads, checks, rewrites and writes WebAssembly modules that strangers send.
//
// [Decode] is the border. It never allocates by what a module claims, only by what the module's bytes can back, and it
// validates everything the core specification asks for before anybody rewrites a byte: an index that is invalid in the
// module as uploaded could become valid once a global or a function is appended. What it accepts is the MVP with sign
// extension, saturating conversions, bulk memory, multiple values, mutable globals and reference types; every other
// proposal is refused by its name.
package wasm
