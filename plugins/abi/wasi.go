package abi

// ModuleWASI is the module name of the imports that some languages' runtimes cannot do without: the part of WASI
// preview 1 that Go (wasip1), Rust (wasm32-wasip1) and C with wasi-libc import by themselves. None of it reaches
// anything outside the decision; what is not in this list is refused when the plugin is loaded.
const ModuleWASI = "wasi_snapshot_preview1"

// The imports from WASI. Their results are error numbers: 0, [ErrnoBadFile] or [ErrnoInvalid]. A pointer outside the
// memory traps with [CodeBadString].
const (
	// ArgsGet is args_get(argv, buffer: i32) -> i32: there are no arguments, nothing is written.
	ArgsGet = "args_get"
	// ArgsSizesGet is args_sizes_get(count, size: i32) -> i32: 0 and 0.
	ArgsSizesGet = "args_sizes_get"
	// EnvironGet is environ_get(environ, buffer: i32) -> i32: there is no environment, nothing is written.
	EnvironGet = "environ_get"
	// EnvironSizesGet is environ_sizes_get(count, size: i32) -> i32: 0 and 0.
	EnvironSizesGet = "environ_sizes_get"
	// ClockTimeGet is clock_time_get(id: i32, precision: i64, time: i32) -> i32: the fact now in nanoseconds, and the same
	// at every call; 0 during initialisation and if the manifest does not declare now. The monotonic clock is at least 1:
	// Go stops at 0.
	ClockTimeGet = "clock_time_get"
	// RandomGet is random_get(buffer, length: i32) -> i32: bytes that depend on the plugin, the hook and the declared
	// facts alone, during initialisation on the module; at most [MaxString] of them.
	RandomGet = "random_get"
	// FdWrite is fd_write(fd, vectors, count, written: i32) -> i32: descriptors 1 and 2 are the log. It takes at most
	// [MaxVectors] vectors and [MaxString] bytes and says how many it took; there are no other descriptors.
	FdWrite = "fd_write"
	// FdClose is fd_close(fd: i32) -> i32: always [ErrnoBadFile].
	FdClose = "fd_close"
	// FdSeek is fd_seek(fd: i32, offset: i64, whence, position: i32) -> i32: always [ErrnoBadFile].
	FdSeek = "fd_seek"
	// FdFdstatGet is fd_fdstat_get(fd, stat: i32) -> i32: always [ErrnoBadFile].
	FdFdstatGet = "fd_fdstat_get"
	// ProcExit is proc_exit(code: i32): ends the decision with [CodeFailed]. It does not return.
	ProcExit = "proc_exit"
	// SchedYield is sched_yield() -> i32: does nothing.
	SchedYield = "sched_yield"
	// PollOneoff is poll_oneoff(in, out, count, events: i32) -> i32: every wait is over at once, and the clock has not
	// moved; for a descriptor the event says [ErrnoBadFile]. More than [MaxVectors] subscriptions are [ErrnoInvalid].
	PollOneoff = "poll_oneoff"
)

// MaxVectors is how many vectors one [FdWrite], and how many subscriptions one [PollOneoff] reads.
const MaxVectors = 16

// The error numbers of WASI that its imports return.
const (
	ErrnoBadFile = 8
	ErrnoInvalid = 28
)

// WASI returns every import from [ModuleWASI] with its signature.
func WASI() []Function {
	one, two, four := []Type{I32}, []Type{I32, I32}, []Type{I32, I32, I32, I32}
	return []Function{
		{ArgsGet, two, one, fuelCall},
		{ArgsSizesGet, two, one, fuelCall},
		{EnvironGet, two, one, fuelCall},
		{EnvironSizesGet, two, one, fuelCall},
		{ClockTimeGet, []Type{I32, I64, I32}, one, fuelCall},
		{RandomGet, two, one, fuelCall + 2*fuelString},
		{FdWrite, four, one, fuelCall + fuelString},
		{FdClose, one, one, fuelCall},
		{FdSeek, []Type{I32, I64, I32, I32}, one, fuelCall},
		{FdFdstatGet, two, one, fuelCall},
		{ProcExit, one, nil, fuelCall},
		{SchedYield, nil, one, fuelCall},
		{PollOneoff, four, one, fuelCall + fuelLabel},
	}
}
