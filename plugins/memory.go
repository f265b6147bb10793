package plugins

import (
	"bytes"

	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/experimental"
)

// pageSize is WebAssembly's page, bytes.
const pageSize = 1 << 16

// linear is one guest's memory. The runtime asks it for every byte it has, so it decides how large the memory may
// become, and it can make it small again, which the runtime by itself cannot. Its address never changes.
type linear struct {
	reserved []byte // as long as the limit; what was never part of the memory is zero
	size     int    // bytes the memory has now
	highest  int    // bytes it had at most since it was put back
	shrink   bool   // the next Reallocate makes it target bytes, whatever was asked for
	target   int
	mapped   mapping
}

// newLinear reserves address space for limit bytes; the system backs it with memory where it is touched.
func newLinear(limit int) (*linear, error) {
	reserved, err := reserve(limit)
	if err != nil {
		return nil, err
	}
	return &linear{reserved: reserved}, nil
}

// Allocate implements [experimental.MemoryAllocator]: a module has one memory, and this is it.
func (l *linear) Allocate(_, _ uint64) experimental.LinearMemory { return l }

// Reallocate implements [experimental.LinearMemory]; nil refuses.
func (l *linear) Reallocate(size uint64) []byte {
	switch {
	case l.shrink:
		size = uint64(l.target) //nolint:gosec // a length
	case size > uint64(len(l.reserved)):
		return nil
	}
	l.size = int(size) //nolint:gosec // at most the length of what is reserved
	l.highest = max(l.highest, l.size)
	return l.reserved[:size:size]
}

// Free implements [experimental.LinearMemory]. Freeing again does nothing.
func (l *linear) Free() {
	if l.reserved != nil {
		release(l.reserved)
		l.reserved, l.mapped = nil, mapping{}
	}
}

// resize gives the memory the size, whether that is more or less than it has. It reports whether the runtime did it.
func (l *linear) resize(memory api.Memory, size int) bool {
	if l.size == size {
		return true
	}
	// The runtime asks its allocator only when a memory grows, by a page at least. It takes whatever size it then gets.
	l.shrink, l.target = true, size
	_, ok := memory.Grow(1)
	l.shrink = false
	return ok && l.size == size
}

// image is what a memory holds when a decision begins.
type image struct {
	size  int    // bytes
	bytes []byte // without the trailing zeros: most of a small guest's page, and clearing is faster than copying
	file  imageFile
}

// newImage copies a memory, where the system allows it into a file that every guest maps: a guest then holds only the
// pages that it has written, and only those have to be put back (BenchmarkReset).
func newImage(view []byte) *image {
	return &image{size: len(view), bytes: bytes.Clone(bytes.TrimRight(view, "\x00")), file: newImageFile(view)}
}

func (im *image) free() { im.file.close() }

// load gives a new memory of the image's size the image's contents.
func (l *linear) load(im *image) {
	l.wipe(im.size)
	if !l.mapImage(im) {
		l.copyImage(im)
	}
}

// restore puts a loaded memory of the image's size back into the image's contents.
func (l *linear) restore(im *image) {
	l.wipe(im.size)
	if !l.mapped.restore(l.reserved[:im.size], im) {
		l.copyImage(im)
	}
}

// wipe zeroes what the memory had beyond the size.
func (l *linear) wipe(size int) {
	if l.highest > size {
		zero(l.reserved[size:l.highest])
		l.highest = size
	}
}

func (l *linear) copyImage(im *image) {
	view := l.reserved[:im.size]
	clear(view[copy(view, im.bytes):])
}
