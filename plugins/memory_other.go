//go:build !linux || !(amd64 || arm64)

package plugins

// reserve returns size bytes of zeros; the system backs them where they are touched.
func reserve(size int) ([]byte, error) { return make([]byte, size), nil }

func release([]byte) {}

func zero(b []byte) { clear(b) }

// imageFile would be a file in memory that holds an image; here images are copied.
type imageFile struct{}

func newImageFile([]byte) imageFile { return imageFile{} }

func (f *imageFile) close() {}

// mapping would be a memory whose pages are those of an image's file.
type mapping struct{}

func (l *linear) mapImage(*image) bool { return false }

func (m *mapping) restore([]byte, *image) bool { return false }
