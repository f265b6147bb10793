package wasm

// The numbers of the binary format: little-endian base 128. The readers refuse more bytes than the type can need and
// bits that do not fit it, as the specification does; zeros (or sign bits) that pad within those bytes are allowed.

type numberError string

const (
	numberEnds  numberError = "the number ends early"
	numberLong  numberError = "the number has more bytes than its type allows"
	numberRange numberError = "the number does not fit its type"
)

// readUnsigned reads a number of at most 32 bits from the start of b and returns how many bytes it has.
func readUnsigned(b []byte) (v uint32, n int, err numberError) {
	if len(b) > 0 && b[0] < 0x80 { // nearly all of them
		return uint32(b[0]), 1, ""
	}
	for i, c := range b {
		if i == 4 {
			return v | uint32(c)<<28, 5, checkLast(c, c > 0x0f)
		}
		v |= uint32(c&0x7f) << (7 * i)
		if c < 0x80 {
			return v, i + 1, ""
		}
	}
	return 0, 0, numberEnds
}

// readSigned reads a signed number of 32, 33 or 64 bits from the start of b and returns how many bytes it has.
func readSigned(b []byte, bits int) (v int64, n int, err numberError) {
	last := (bits - 1) / 7 // index of the last byte that may follow
	for i, c := range b {
		v |= int64(c&0x7f) << (7 * i)
		if i == last {
			return v << (64 - bits) >> (64 - bits), i + 1, checkLast(c, !extendsSign(c, bits-7*last))
		}
		if c < 0x80 {
			unused := 64 - 7*(i+1)
			return v << unused >> unused, i + 1, ""
		}
	}
	return 0, 0, numberEnds
}

func checkLast(c byte, outside bool) numberError {
	switch {
	case c >= 0x80:
		return numberLong
	case outside:
		return numberRange
	}
	return ""
}

// extendsSign reports whether the bits of c above the number's own are copies of its sign bit.
func extendsSign(c byte, bits int) bool {
	v := int8(c<<1) >> 1 //nolint:gosec // its seven bits are a signed number
	v >>= bits - 1
	return v == 0 || v == -1
}

// appendUnsigned appends v in as few bytes as possible.
func appendUnsigned(b []byte, v uint32) []byte {
	for v >= 0x80 {
		b = append(b, byte(v)|0x80)
		v >>= 7
	}
	return append(b, byte(v))
}

// appendSigned appends v in as few bytes as possible.
func appendSigned(b []byte, v int64) []byte {
	for v < -0x40 || v >= 0x40 {
		b = append(b, byte(v&0x7f|0x80)) //nolint:gosec // seven bits
		v >>= 7
	}
	return append(b, byte(v&0x7f))
}
