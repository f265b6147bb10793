package plugins

import (
	"bytes"
	"fmt"
	"runtime"
	"testing"

	"pgregory.net/rapid"
)

// testLinear returns a memory in the state of an image that is mapped, if the system can, or copied.
func testLinear(tb testing.TB, limit int, view []byte, mapped bool) (*linear, *image) {
	tb.Helper()
	l, err := newLinear(limit)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(l.Free)
	im := newImage(view)
	tb.Cleanup(im.free)
	if !mapped {
		im.free()
	}
	l.Reallocate(uint64(len(view)))
	l.load(im)
	return l, im
}

func TestAMemoryIsPutBackWhateverWasWritten(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		pages, limit := rapid.IntRange(0, 12).Draw(rt, "pages"), 16
		view := make([]byte, pages*pageSize)
		for range rapid.IntRange(0, 20).Draw(rt, "initialised") {
			if len(view) > 0 {
				view[rapid.IntRange(0, len(view)-1).Draw(rt, "at")] = rapid.Byte().Draw(rt, "value")
			}
		}
		l, im := testLinear(t, limit*pageSize, view, rapid.Bool().Draw(rt, "mapped"))
		for range rapid.IntRange(1, 5).Draw(rt, "decisions") {
			size := rapid.IntRange(pages, limit).Draw(rt, "grown") * pageSize
			l.Reallocate(uint64(size))
			for range rapid.IntRange(0, 200).Draw(rt, "writes") {
				if size > 0 {
					l.reserved[rapid.IntRange(0, size-1).Draw(rt, "at")] = 0xff
				}
			}
			l.shrink, l.target = true, im.size
			l.Reallocate(0)
			l.shrink = false
			l.restore(im)
			if l.size != im.size || !bytes.Equal(l.reserved[:im.size], view) || len(bytes.TrimRight(l.reserved[im.size:], "\x00")) != 0 {
				rt.Fatalf("%d pages were not put back", pages)
			}
		}
	})
}

func TestAMemoryGrowsToItsLimitAndNotBeyond(t *testing.T) {
	l, _ := testLinear(t, 3*pageSize, make([]byte, pageSize), true)
	if got := l.Reallocate(3 * pageSize); len(got) != 3*pageSize || cap(got) != 3*pageSize {
		t.Errorf("%d bytes of %d", len(got), cap(got))
	}
	if l.Reallocate(4*pageSize) != nil || l.Reallocate(1<<32) != nil || l.size != 3*pageSize {
		t.Errorf("the memory has %d bytes", l.size)
	}
}

func TestImagesAreMappedWhereTheSystemCan(t *testing.T) {
	l, im := testLinear(t, pageSize, make([]byte, pageSize), true)
	if runtime.GOOS == "linux" && l.mapped.entries == nil && im.file != (imageFile{}) {
		t.Error("there is a file, and it is not mapped")
	}
}

// BenchmarkReset puts memories of several sizes back after a decision that wrote to a few pages, copied and mapped.
func BenchmarkReset(b *testing.B) {
	for _, size := range []int{64 << 10, 128 << 10, 256 << 10, 1 << 20, 2432 << 10} {
		for _, way := range []string{"copied", "mapped"} {
			b.Run(fmt.Sprintf("%dK/%s", size>>10, way), func(b *testing.B) {
				b.RunParallel(func(pb *testing.PB) {
					l, im := testLinear(b, size, bytes.Repeat([]byte{1}, size), way == "mapped")
					for pb.Next() {
						for page := range 4 {
							l.reserved[page<<12]++
						}
						l.restore(im)
					}
				})
			})
		}
	}
}
