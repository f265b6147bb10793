//go:build amd64 || arm64

package plugins

import (
	"encoding/binary"
	"os"
	"runtime"
	"unsafe"

	"golang.org/x/sys/unix"
)

// reserve returns size bytes of zeros at an address that no garbage collection looks at. Nothing of it costs memory
// until it is touched.
func reserve(size int) ([]byte, error) {
	if size == 0 {
		return []byte{}, nil
	}
	return unix.Mmap(-1, 0, size, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS|unix.MAP_NORESERVE)
}

func release(reserved []byte) {
	if len(reserved) > 0 {
		_ = unix.Munmap(reserved) // fails only for what is not mapped
	}
}

// zero clears memory and, if it is much, gives it back to the system: a guest that once grew does not stay large.
func zero(b []byte) {
	const much = 256 << 10
	if len(b) < much || unix.Madvise(b, unix.MADV_DONTNEED) != nil {
		clear(b)
	}
}

// imageFile is a file in memory that holds an image; the zero value is none.
type imageFile struct {
	data    *os.File
	pagemap *os.File // tells which pages of this process are its own copies
}

// newImageFile returns no file where the system does not offer what it takes; the image is then copied.
func newImageFile(view []byte) imageFile {
	if len(view) == 0 {
		return imageFile{}
	}
	fd, err := unix.MemfdCreate("hotdrop-image", unix.MFD_CLOEXEC)
	if err != nil {
		return imageFile{}
	}
	f := imageFile{data: os.NewFile(uintptr(fd), "image")}
	if _, err = f.data.WriteAt(view, 0); err == nil {
		f.pagemap, err = os.Open("/proc/self/pagemap")
	}
	if err != nil {
		f.close()
		return imageFile{}
	}
	return f
}

func (f *imageFile) close() {
	for _, one := range []*os.File{f.data, f.pagemap} {
		if one != nil {
			_ = one.Close() // nothing was written that could be lost
		}
	}
	*f = imageFile{}
}

// mapping is a memory whose pages are those of an image's file until the guest writes to them; the zero value is none.
type mapping struct {
	pagemap uintptr // the descriptor of the image's, which outlives its mappings
	entries []byte  // of pagemap, read at every reset; nil without a mapping
}

// The bits of a page's entry in /proc/self/pagemap.
const (
	pagePresent = 1 << 63
	pageSwapped = 1 << 62
	pageOfFile  = 1 << 61
	pageEntry   = 8 // bytes
)

// readNow fills b from a file of the system's that never lets anybody wait. It does not tell the scheduler about the
// call, which would take longer than the call itself.
func readNow(file uintptr, b []byte, offset uintptr) bool {
	buffer := uintptr(unsafe.Pointer(&b[0])) //nolint:gosec // passed together with the length of what it points to
	n, _, failed := unix.RawSyscall6(unix.SYS_PREAD64, file, buffer, uintptr(len(b)), offset, 0, 0)
	runtime.KeepAlive(b)
	return failed == 0 && int(n) == len(b)
}

// mapImage maps the image's file over the memory, each page to be copied when it is first written.
func (l *linear) mapImage(im *image) bool {
	if im.file.data == nil {
		return false
	}
	address := unsafe.Pointer(&l.reserved[0]) //nolint:gosec // memory of ours that is as long as the limit, and so as the image
	_, err := unix.MmapPtr(int(im.file.data.Fd()), 0, address, uintptr(im.size),
		unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_FIXED)
	if err != nil {
		return false
	}
	l.mapped = mapping{pagemap: im.file.pagemap.Fd(), entries: make([]byte, im.size/os.Getpagesize()*pageEntry)}
	return true
}

// restore writes the image over every page that the guest has written since the memory was mapped, or drops those
// pages when they have become many. It reports false if the memory is not mapped or the system does not tell; the
// whole image is then to be copied.
//
// A page that was written once stays the guest's own and is written over each time, because that is cheaper than the
// fault that a dropped page costs at its next use, and a guest writes to the same few pages in every decision.
func (m *mapping) restore(view []byte, im *image) bool {
	if m.entries == nil {
		return false
	}
	size := os.Getpagesize()
	first := uintptr(unsafe.Pointer(&view[0])) / uintptr(size) //nolint:gosec // only the number of the page is wanted
	if !readNow(m.pagemap, m.entries, first*pageEntry) {
		return false
	}
	own, many := 0, max(64, len(m.entries)/pageEntry/4)
	for at := 0; at < len(m.entries); at += pageEntry {
		entry := binary.NativeEndian.Uint64(m.entries[at:])
		if entry&(pagePresent|pageSwapped) == 0 || entry&(pagePresent|pageOfFile) == pagePresent|pageOfFile {
			continue
		}
		if own++; own > many {
			return unix.Madvise(view, unix.MADV_DONTNEED) == nil
		}
		begin := at / pageEntry * size
		page := view[begin : begin+size]
		clear(page[copy(page, im.bytes[min(begin, len(im.bytes)):]):])
	}
	return true
}
