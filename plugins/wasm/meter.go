package wasm

// A segment is a set of instructions that are executed equally often whenever nothing traps: they are charged together,
// where the first of them stands. It is at least a basic block. Code behind a block, loop or if belongs to the segment
// before it unless something inside leaves it for somewhere else.
type segment struct {
	at    int   // in the code without charges, bytes
	cost  int64 // fuel
	check bool  // stops here once the fuel is below 0
}

// frame is an open block, loop, if, or the function itself, which is frame 0.
type frame struct {
	op      Opcode
	before  int  // the segment that it stands in
	start   int  // of a loop: the segment that its head begins
	reach   int  // the outermost frame that a branch inside goes to
	joined  bool // something other than falling through gets to what follows
	hasElse bool
	repeats bool // a branch goes back to the loop's head
}

// segments walks through a function's live code and tells its segments apart.
type segments struct {
	list    []segment
	current int // the one that the next instruction belongs to
	frames  []frame
	dead    bool
	skipped int // blocks open in dead code
	calls   bool
}

// begin opens the function. The first segment is checked until the function turns out to be a cheap leaf.
func (s *segments) begin() {
	s.list = append(s.list, segment{check: true})
	s.frames = append(s.frames, frame{op: OpBlock})
}

// charge adds to the cost of the current segment.
func (s *segments) charge(fuel int64) { s.list[s.current].cost += fuel }

// split begins a new segment.
func (s *segments) split(at int, check bool) {
	s.current = len(s.list)
	s.list = append(s.list, segment{at: at, check: check})
}

// skip reports whether the instruction is dead code, and follows its nesting if it is.
func (s *segments) skip(o Opcode) bool {
	if !s.dead {
		return false
	}
	switch o {
	case OpBlock, OpLoop, OpIf:
		s.skipped++
	case OpElse:
		return s.skipped > 0
	case OpEnd:
		if s.skipped == 0 {
			return false
		}
		s.skipped--
	}
	return true
}

// open enters a block. A loop's head and the first arm of an if are segments of their own; at is where they begin.
func (s *segments) open(o Opcode, at int) {
	f := frame{op: o, before: s.current, reach: len(s.frames)}
	if o != OpBlock {
		s.split(at, o == OpLoop)
		f.start = s.current
	}
	s.frames = append(s.frames, f)
}

// turn goes from the first to the second arm of an if.
func (s *segments) turn(at int) {
	top := &s.frames[len(s.frames)-1]
	top.joined = top.joined || !s.dead
	top.hasElse = true
	s.dead = false
	s.split(at, false)
}

// branch notes that the current instruction may go to a label.
func (s *segments) branch(label uint32) {
	target := len(s.frames) - 1 - int(label)
	top := &s.frames[len(s.frames)-1]
	top.reach = min(top.reach, target)
	if s.frames[target].op == OpLoop {
		s.frames[target].repeats = true
		return
	}
	s.frames[target].joined = true
}

// returns is the label that stands for the function itself.
func (s *segments) returns() uint32 {
	return uint32(len(s.frames) - 1) //nolint:gosec // bounded by the nesting
}

// close leaves a block and says which segment the code behind it, which begins at, belongs to.
func (s *segments) close(at int) {
	index := len(s.frames) - 1
	f := s.frames[index]
	s.frames = s.frames[:index]
	if f.op == OpLoop && !f.repeats {
		s.list[f.start].check = false
	}
	joined := f.joined || f.op == OpIf && !f.hasElse
	fallsThrough := !s.dead
	s.dead = !joined && !fallsThrough
	if index == 0 {
		return
	}
	parent := &s.frames[index-1]
	parent.reach = min(parent.reach, f.reach)
	switch {
	case s.dead:
	case f.reach >= index: // nothing inside goes elsewhere: whoever came in comes out here
		s.current = f.before
	case joined:
		s.split(at, false)
	}
}

// settle decides where to check once the whole function is known.
func (s *segments) settle() {
	total := int64(0)
	for i := range s.list {
		total += s.list[i].cost
		s.list[i].check = s.list[i].check || s.list[i].cost >= checkedCost
	}
	if !s.calls && total <= uncheckedLeafCost {
		s.list[0].check = false
	}
}
