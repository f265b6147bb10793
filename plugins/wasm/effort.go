package wasm

// The bounds of what a module may ask of the compiler, whose time grows with the square of the blocks of a function, and
// its memory with the values that are merged: wherever branches meet, each local and each parameter or result of the
// block can become a value of its own. Within [DefaultLimits] alone, a function of 10,000 loops takes 34 s, and a
// thousand locals under 400 blocks take 550 MB. Our Go guest merges 264,750 values, 3,991 of them in one function.
const (
	maxMerges       = 1 << 16 // of one function
	maxModuleMerges = 1 << 20
	maxSquares      = 1 << 24 // the sum, over a module's functions, of the squared number of blocks
)

// effort adds up what the functions of a module ask of the compiler.
type effort struct {
	merges, squares int
	overflow        int // the function that asks too much, -1: none
}

func (e *effort) add(function, merged, blocks int) {
	e.merges += merged
	e.squares += blocks * blocks
	if e.overflow < 0 && (merged > maxMerges || e.merges > maxModuleMerges || e.squares > maxSquares) {
		e.overflow = function
	}
}

// branches returns about how many blocks the compiler makes of an instruction, those of its metering included.
func branches(o Opcode) int {
	switch o {
	case OpBlock, OpIf, OpElse, OpBrIf, OpBrTable, OpMemoryCopy, OpMemoryInit, OpTableInit, OpTableCopy:
		return 1
	case OpLoop, OpMemoryFill, OpTableFill, OpTableGrow:
		return 2
	}
	return 0
}
