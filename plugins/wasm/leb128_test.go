package wasm

import (
	"bytes"
	"encoding/binary"
	"math"
	"testing"

	"pgregory.net/rapid"
)

func TestUnsignedNumbers(t *testing.T) {
	for _, c := range []struct {
		name  string
		bytes []byte
		want  uint32
		n     int
		err   numberError
	}{
		{"zero has one byte", []byte{0}, 0, 1, ""},
		{"127 is the largest of one byte", []byte{0x7f}, 127, 1, ""},
		{"128 has two bytes", []byte{0x80, 0x01}, 128, 2, ""},
		{"what follows is left alone", []byte{0xe5, 0x8e, 0x26, 0xff}, 624485, 3, ""},
		{"the largest has five bytes", []byte{0xff, 0xff, 0xff, 0xff, 0x0f}, math.MaxUint32, 5, ""},
		{"zeros may pad up to five bytes", []byte{0x83, 0x80, 0x80, 0x80, 0x00}, 3, 5, ""},
		{"nothing is no number", nil, 0, 0, numberEnds},
		{"a number must not end early", []byte{0x80, 0x80}, 0, 0, numberEnds},
		{"four bytes that go on need a fifth", []byte{0x80, 0x80, 0x80, 0x80}, 0, 0, numberEnds},
		{"six bytes are too many", []byte{0x83, 0x80, 0x80, 0x80, 0x80, 0x00}, 3, 5, numberLong},
		{"bit 32 is too large", []byte{0xff, 0xff, 0xff, 0xff, 0x1f}, math.MaxUint32, 5, numberRange},
		{"bits beyond 32 are too large though they are few", []byte{0x80, 0x80, 0x80, 0x80, 0x40}, 0, 5, numberRange},
	} {
		t.Run(c.name, func(t *testing.T) {
			v, n, err := readUnsigned(c.bytes)
			if err != c.err {
				t.Fatalf("error %q, want %q", err, c.err)
			}
			if err == "" && (v != c.want || n != c.n) {
				t.Errorf("read %d in %d bytes, want %d in %d", v, n, c.want, c.n)
			}
		})
	}
}

func TestSignedNumbers(t *testing.T) {
	for _, c := range []struct {
		name  string
		bytes []byte
		bits  int
		want  int64
		n     int
		err   numberError
	}{
		{"-1 has one byte", []byte{0x7f}, 32, -1, 1, ""},
		{"63 is the largest of one byte", []byte{0x3f}, 32, 63, 1, ""},
		{"64 needs a second byte for its sign", []byte{0xc0, 0x00}, 32, 64, 2, ""},
		{"-64 has one byte", []byte{0x40}, 64, -64, 1, ""},
		{"ones may pad a negative number", []byte{0xff, 0xff, 0xff, 0xff, 0x7f}, 32, -1, 5, ""},
		{"zeros may pad a positive number", []byte{0x81, 0x80, 0x80, 0x80, 0x00}, 32, 1, 5, ""},
		{"the smallest of 32 bits", []byte{0x80, 0x80, 0x80, 0x80, 0x78}, 32, math.MinInt32, 5, ""},
		{"the largest of 32 bits", []byte{0xff, 0xff, 0xff, 0xff, 0x07}, 32, math.MaxInt32, 5, ""},
		{"one beyond 32 bits", []byte{0x80, 0x80, 0x80, 0x80, 0x08}, 32, 0, 5, numberRange},
		{"a negative number whose padding is not its sign", []byte{0xff, 0xff, 0xff, 0xff, 0x0f}, 32, 0, 5, numberRange},
		{"a positive number whose padding is not its sign", []byte{0x80, 0x80, 0x80, 0x80, 0x70}, 32, 0, 5, numberRange},
		{"six bytes are too many for 32 bits", []byte{0x80, 0x80, 0x80, 0x80, 0x80, 0x00}, 32, 0, 5, numberLong},
		{"33 bits hold every index", []byte{0xff, 0xff, 0xff, 0xff, 0x0f}, 33, math.MaxUint32, 5, ""},
		{"one beyond 33 bits", []byte{0x80, 0x80, 0x80, 0x80, 0x10}, 33, 0, 5, numberRange},
		{"the smallest of 64 bits", []byte{0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x7f}, 64, math.MinInt64, 10, ""},
		{"the largest of 64 bits", []byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x00}, 64, math.MaxInt64, 10, ""},
		{"one beyond 64 bits", []byte{0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x01}, 64, 0, 10, numberRange},
		{"eleven bytes are too many", []byte{0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x00}, 64, 0, 10, numberLong},
		{"a number must not end early", []byte{0xff}, 64, 0, 0, numberEnds},
		{"nothing is no number", nil, 32, 0, 0, numberEnds},
	} {
		t.Run(c.name, func(t *testing.T) {
			v, n, err := readSigned(c.bytes, c.bits)
			if err != c.err {
				t.Fatalf("error %q, want %q", err, c.err)
			}
			if err == "" && (v != c.want || n != c.n) {
				t.Errorf("read %d in %d bytes, want %d in %d", v, n, c.want, c.n)
			}
		})
	}
}

func TestEveryNumberIsReadAsItWasWritten(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		u := rapid.Uint32().Draw(t, "u")
		b := appendUnsigned(nil, u)
		if v, n, err := readUnsigned(b); v != u || n != len(b) || err != "" {
			t.Errorf("%d read as %d in %d of %d bytes, %q", u, v, n, len(b), err)
		}
		if std := binary.AppendUvarint(nil, uint64(u)); !bytes.Equal(std, b) {
			t.Errorf("%d written as % x, encoding/binary writes % x", u, b, std)
		}
		i := rapid.Int64().Draw(t, "i")
		b = appendSigned(nil, i)
		if v, n, err := readSigned(b, 64); v != i || n != len(b) || err != "" {
			t.Errorf("%d read as %d in %d of %d bytes, %q", i, v, n, len(b), err)
		}
		s := int64(rapid.Int32().Draw(t, "s"))
		b = appendSigned(nil, s)
		if v, n, err := readSigned(b, 32); v != s || n != len(b) || err != "" {
			t.Errorf("%d read as %d in %d of %d bytes, %q", s, v, n, len(b), err)
		}
	})
}
