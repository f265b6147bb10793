package wasm

import "fmt"

// The codes of [Error].
const (
	CodeDecode      = "decode_error"     // malformed or invalid by the core specification
	CodeTooLarge    = "module_too_large" // beyond one of the [Limits]
	CodeMemory      = "memory_limit"     // its memory starts larger than [Limits].MemoryPages
	CodeUnsupported = "unsupported"      // uses a proposal that is not supported; the message begins with its name
)

// Error is why a module was refused.
type Error struct {
	Code    string // one of the codes above
	Offset  int    // the byte in the module where the refused thing begins
	Message string
}

// Error returns the code, the offset and the message.
func (e *Error) Error() string {
	return fmt.Sprintf("%s at offset %d: %s", e.Code, e.Offset, e.Message)
}

func failAt(offset int, format string, args ...any) *Error {
	return &Error{Code: CodeDecode, Offset: offset, Message: fmt.Sprintf(format, args...)}
}

func unsupportedAt(offset int, proposal string) *Error {
	return &Error{Code: CodeUnsupported, Offset: offset, Message: proposal + " are not supported"}
}

func tooLargeAt(offset int, count uint64, what string, limit int) *Error {
	return &Error{Code: CodeTooLarge, Offset: offset, Message: fmt.Sprintf("%d %s, the limit is %d", count, what, limit)}
}
