//go:build wasip1

// Package hotdrop is the Go SDK for hotdrop plugins, ABI version 1: one file, nothing but the standard library.
//
// A plugin is a package main whose exported hooks are those its manifest names:
//
//	//go:wasmexport quote
//	func quote() {
//		defer hotdrop.FailOnPanic()
//		if hotdrop.Int("quantity") >= 2 {
//			hotdrop.Discount(hotdrop.Int("config.amount"), hotdrop.Both("For buying several", "多件优惠"))
//		}
//	}
//
//	func main() {} // a plugin has no main of its own; Go wants one
//
// build.sh beside this file builds it.
//
// Every decision starts from the same memory: nothing has to be freed or reset, and nothing can be kept. Amounts are minor
// units of the campaign's currency, times Unix milliseconds. What is wrong (a count out of range, data that is too long)
// ends the decision with [Fail]: nothing is ever cut off silently.
package hotdrop

import (
	"iter"
	"math"
	"strconv"
	"strings"
	"unsafe"
)

// MaxString is the cap of the ABI on a text, a tag's value, data, an error and a log line, in bytes.
const MaxString = 4096

// ---- imports: see plugins/abi. A string is handed over as its pointer and its length ----

//go:wasmimport hotdrop fact_kind
func importFactKind(path string) int32

//go:wasmimport hotdrop fact_i64
func importFactI64(path string) int64

//go:wasmimport hotdrop fact_str
func importFactStr(path string, buffer unsafe.Pointer, capacity int32) int32

//go:wasmimport hotdrop fact_len
func importFactLen(path string) int32

//go:wasmimport hotdrop fail
func importFail(text string)

//go:wasmimport hotdrop log
func importLog(text string)

//go:wasmimport hotdrop deny
func importDeny(reason, text string)

//go:wasmimport hotdrop discount
func importDiscount(amount int64, label string)

//go:wasmimport hotdrop discount_percent
func importDiscountPercent(basisPoints int64, label string)

//go:wasmimport hotdrop price
func importPrice(amount int64, label string)

//go:wasmimport hotdrop add
func importAdd(sku string, units int32, unitPrice int64, label string)

//go:wasmimport hotdrop deposit
func importDeposit(amount, credit int64)

//go:wasmimport hotdrop group
func importGroup(size, seconds int32, price int64)

//go:wasmimport hotdrop take
func importTake(quota string, units int32)

//go:wasmimport hotdrop once
func importOnce(key string)

//go:wasmimport hotdrop oblige
func importOblige(kind, data string)

//go:wasmimport hotdrop grant
func importGrant(pool string, count int32)

//go:wasmimport hotdrop enter
func importEnter(draw string, weight int64)

//go:wasmimport hotdrop tag
func importTag(key, value string)

//go:wasmimport hotdrop notify
func importNotify(template, data string)

//go:wasmimport hotdrop reply
func importReply(text string)

//go:wasmexport hotdrop_abi_1
func abiVersion() {}

// ---- ending and logging ----

// Fail ends the decision with an error text; it does not return.
func Fail(text string) {
	if len(text) > MaxString {
		text = strings.ToValidUTF8(text[:MaxString], "")
	}
	importFail(text)
}

// FailOnPanic, deferred in every hook, turns a panic into [Fail]. Without it a panic ends the decision as a trap.
func FailOnPanic() {
	switch cause := recover().(type) {
	case nil:
	case error:
		Fail("panic: " + cause.Error())
	case string:
		Fail("panic: " + cause)
	default:
		Fail("panic")
	}
}

// Log writes a line for the plugin's author.
func Log(text string) { importLog(text) }

// ---- facts ----

// Kind is the kind of a fact.
type Kind int32

// The kinds. An empty string and an empty list are absent.
const (
	Absent Kind = iota
	Integer
	Text
	Boolean
	List
)

// KindOf returns the kind of a fact.
func KindOf(path string) Kind { return Kind(importFactKind(path)) }

// Int returns an integer; 0 if it is absent.
func Int(path string) int64 { return importFactI64(path) }

// Bool returns a boolean; false if it is absent.
func Bool(path string) bool { return importFactI64(path) != 0 }

// Len returns the number of a list's elements; 0 if it is absent.
func Len(path string) int { return int(importFactLen(path)) }

// String returns a string; "" if it is absent.
func String(path string) string {
	buffer := make([]byte, 256)
	length := importFactStr(path, unsafe.Pointer(&buffer[0]), int32(len(buffer)))
	if int(length) > len(buffer) {
		buffer = make([]byte, length)
		importFactStr(path, unsafe.Pointer(&buffer[0]), length)
	}
	return unsafe.String(&buffer[0], max(length, 0))
}

// Strings ranges over a list of strings.
func Strings(path string) iter.Seq[string] { return elements(path, String) }

// Ints ranges over a list of integers.
func Ints(path string) iter.Seq[int64] { return elements(path, Int) }

func elements[T any](path string, read func(string) T) iter.Seq[T] {
	return func(yield func(T) bool) {
		for i := range Len(path) {
			if !yield(read(path + "." + strconv.Itoa(i))) {
				return
			}
		}
	}
}

// ---- data: a flat JSON object, written field by field ----

// Data is what [Oblige] and [Notify] hand over. Fields in the order of their names make the text canonical.
type Data struct{ text []byte }

// NewData returns an object without fields.
func NewData() *Data { return &Data{text: make([]byte, 0, 256)} }

// Str adds a field with a string.
func (d *Data) Str(name, value string) *Data {
	d.name(name)
	d.text = appendString(d.text, value)
	return d
}

// Int adds a field with an integer.
func (d *Data) Int(name string, value int64) *Data {
	d.name(name)
	d.text = strconv.AppendInt(d.text, value, 10)
	return d
}

// Bool adds a field with a boolean.
func (d *Data) Bool(name string, value bool) *Data {
	d.name(name)
	d.text = strconv.AppendBool(d.text, value)
	return d
}

func (d *Data) name(name string) {
	separator := byte(',')
	if len(d.text) == 0 {
		separator = '{'
	}
	d.text = append(appendString(append(d.text, separator), name), ':')
	d.fits(len(d.text))
}

// fits fails the decision if the text would be longer than the host takes.
func (d *Data) fits(length int) {
	if length > MaxString {
		Fail("JSON data is longer than 4096 bytes")
	}
}

// String returns the object's JSON text.
func (d *Data) String() string {
	if len(d.text) == 0 {
		return "{}"
	}
	d.fits(len(d.text) + 1)
	return string(d.text) + "}"
}

func appendString(text []byte, s string) []byte {
	const hex = "0123456789abcdef"
	text = append(text, '"')
	for i := range len(s) {
		switch c := s[i]; {
		case c == '"' || c == '\\':
			text = append(text, '\\', c)
		case c < ' ':
			text = append(text, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
		default:
			text = append(text, c)
		}
	}
	return append(text, '"')
}

// ---- effects. A label or text is English, or made by Both ----

// Both returns a label or text in both languages.
func Both(english, chinese string) string { return english + "\x1f" + chinese }

// count is a count as the ABI wants it; one that 32 bits do not hold fails the decision.
func count(n int64) int32 {
	if n < math.MinInt32 || n > math.MaxInt32 {
		Fail("a count does not fit 32 bits")
	}
	return int32(n)
}

// Deny refuses: reason is a stable code, text is shown.
func Deny(reason, text string) { importDeny(reason, text) }

// Discount takes money off the order.
func Discount(amount int64, label string) { importDiscount(amount, label) }

// DiscountPercent takes hundredths of a percent off the running total.
func DiscountPercent(basisPoints int64, label string) { importDiscountPercent(basisPoints, label) }

// Price sets this price per unit instead.
func Price(amount int64, label string) { importPrice(amount, label) }

// Add adds another line.
func Add(sku string, units, unitPrice int64, label string) {
	importAdd(sku, count(units), unitPrice, label)
}

// Deposit asks for amount now, the rest later; it counts for credit.
func Deposit(amount, credit int64) { importDeposit(amount, credit) }

// Group needs a group of size within seconds, at price per unit.
func Group(size, seconds, price int64) { importGroup(count(size), count(seconds), price) }

// Take takes units of a named quota, atomically with the order.
func Take(quota string, units int64) { importTake(quota, count(units)) }

// Once may happen at most once per campaign, key and shopper.
func Once(key string) { importOnce(key) }

// Oblige makes the order carry a duty.
func Oblige(kind string, data *Data) { importOblige(kind, data.String()) }

// Grant gives vouchers from a pool.
func Grant(pool string, vouchers int64) { importGrant(pool, count(vouchers)) }

// Enter makes entries into a draw.
func Enter(draw string, weight int64) { importEnter(draw, weight) }

// Tag keeps customer data.
func Tag(key, value string) { importTag(key, value) }

// Notify sends the shopper a message.
func Notify(template string, data *Data) { importNotify(template, data.String()) }

// Reply answers an inbox message.
func Reply(text string) { importReply(text) }
