//go:build !race

package core_test

// embeddedToo is whether tests of every store run on the embedded one, too.
const embeddedToo = true
