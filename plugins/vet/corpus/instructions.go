package corpus

import "strings"

// Instructions without immediates, or with the only ones that are needed here.
const (
	trap        = "\x00"
	nop         = "\x01"
	block       = "\x02\x40" // () -> ()
	loop        = "\x03\x40"
	when        = "\x04\x40" // if
	otherwise   = "\x05"     // else
	end         = "\x0b"
	again       = "\x0d\x00" // br_if to the innermost block, or loop
	back        = "\x0f"     // return
	drop        = "\x1a"
	memorySize  = "\x3f\x00"
	memoryGrow  = "\x40\x00"
	load32      = "\x28\x02\x00"
	load8       = "\x31\x00\x00" // zero-extended to i64
	load16      = "\x33\x00\x00" // the same
	load64      = "\x29\x03\x00"
	store32     = "\x36\x02\x00"
	store64     = "\x37\x03\x00"
	add32       = "\x6a"
	and32       = "\x71"
	add64       = "\x7c"
	equal32     = "\x46"
	equal64     = "\x51"
	divide64    = "\x7f"
	extend      = "\xac" // i32 → i64, signed
	nullFunc    = "\xd0\x70"
	tableGet    = "\x25\x00"
	tableSet    = "\x26\x00"
	memoryInit  = "\xfc\x08\x00\x00"
	dataDrop    = "\xfc\x09\x00"
	memoryCopy  = "\xfc\x0a\x00\x00"
	memoryFill  = "\xfc\x0b\x00"
	elemDrop    = "\xfc\x0d\x00"
	tableInit   = "\xfc\x0c\x00\x00"
	tableCopy   = "\xfc\x0e\x00\x00"
	tableGrow   = "\xfc\x0f\x00"
	tableSize   = "\xfc\x10\x00"
	tableFill   = "\xfc\x11\x00"
	negate64    = "\x9a"
	sqrt64      = "\x9f"
	bitsOfF64   = "\xbd" // i64.reinterpret_f64
	f64OfBits   = "\xbf" // f64.reinterpret_i64
	divideF64   = "\xa3"
	memoryPages = 16 // what the policy grants by default
)

func i32(n int) string           { return "\x41" + sleb(int64(n)) }
func i64(n int64) string         { return "\x42" + sleb(n) }
func call(index int) string      { return "\x10" + leb(index) }
func br(depth int) string        { return "\x0c" + leb(depth) }
func localGet(index int) string  { return "\x20" + leb(index) }
func localSet(index int) string  { return "\x21" + leb(index) }
func localTee(index int) string  { return "\x22" + leb(index) }
func globalGet(index int) string { return "\x23" + leb(index) }
func globalSet(index int) string { return "\x24" + leb(index) }

// callIndirect calls what the table holds at the index on the stack, as a function of the type.
func callIndirect(signature int) string { return "\x11" + leb(signature) + "\x00" }

// brTable branches to one of count+1 times the depth.
func brTable(count int, depth int) string {
	return "\x0e" + leb(count) + strings.Repeat(leb(depth), count+1)
}

// forever runs the body again and again.
func forever(body string) string { return loop + body + br(0) + end }

// times runs the body n times, counting down in the i32 local.
func times(local, n int, body string) string {
	return i32(n) + localSet(local) + loop + body + localGet(local) + i32(-1) + add32 + localTee(local) + again + end
}
