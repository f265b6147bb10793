package wasm

// The bounds of the stack. A function weighs what its frame can take: 1, and 1 more for every [weightSlots] values that
// it declares, receives from calls or merges, and for every [weightCode] bytes of its code, since the compiler may keep
// a place in the frame for every value that the code computes. Functions that can be entered again while they run are
// guarded: they take their weight from the depth global. All others together are on the stack at most once, and
// [maxUnguarded] bounds their weight; where a chain of calls would be heavier, functions in it are guarded too.
const (
	weightSlots  = 512
	weightCode   = 4 << 10
	maxUnguarded = 512
	// MaxDepth is the largest depth that [Policy] may ask for. With maxUnguarded it stays below the 2,000 frames after
	// which the interpreter gives up, so that both engines end a recursion at the same call.
	MaxDepth = 1_024
)

// callGraph says who may call whom. Its nodes are the functions that the module defines, and behind them one for each
// distinct function type: call_indirect goes to the node of its type, and from there to every function of that type
// that any table could hold.
type callGraph struct {
	module    *Module
	imported  []uint32 // the types of the imported functions
	functions int
	canonical []uint32 // for each of the module's types, the node's number among the distinct ones
	distinct  int
	first     []int // of each node: where its edges begin; one more at the end
	edges     []uint32
	taken     []bool   // functions, imports included, that are named outside of call
	weights   []uint32 // of the functions
	effort    effort
	refers    int // the first function whose code makes a reference, -1: none
}

// newCallGraph reads every body once; imported are the types of the imported functions.
func newCallGraph(m *Module, imported []uint32) *callGraph {
	g := &callGraph{
		module: m, imported: imported, functions: len(m.Functions),
		first: make([]int, 0, len(m.Functions)+len(m.Types)+1), weights: make([]uint32, len(m.Functions)), effort: effort{overflow: -1},
		refers: -1,
	}
	g.taken = make([]bool, len(imported)+g.functions)
	g.distinguishTypes()
	g.takeSegments()
	for i := range m.Bodies {
		g.first = append(g.first, len(g.edges))
		g.scan(i)
	}
	g.connectTypes()
	return g
}

func (g *callGraph) distinguishTypes() {
	seen := map[string]uint32{}
	for i := range g.module.Types {
		key := typeKey(&g.module.Types[i])
		number, ok := seen[key]
		if !ok {
			number = uint32(len(seen)) //nolint:gosec // bounded by the bytes
			seen[key] = number
		}
		g.canonical = append(g.canonical, number)
	}
	g.distinct = len(seen)
}

func typeKey(t *FuncType) string {
	key := make([]byte, 0, len(t.Params)+len(t.Results)+1)
	for _, p := range t.Params {
		key = append(key, byte(p))
	}
	key = append(key, 0)
	for _, r := range t.Results {
		key = append(key, byte(r))
	}
	return string(key)
}

func (g *callGraph) takeSegments() {
	for i := range g.module.Elements {
		for _, item := range g.module.Elements[i].Items {
			g.take(item)
		}
	}
	for i := range g.module.Globals {
		g.take(g.module.Globals[i].Init)
	}
}

func (g *callGraph) take(c Constant) {
	if c.Op == OpRefFunc {
		g.taken[c.Value] = true
	}
}

// scan adds the edges of one function and weighs it.
func (g *callGraph) scan(i int) {
	body := &g.module.Bodies[i]
	declared := g.declared(i)
	received, merged, blocks := 0, 0, 0
	for r := NewReader(body.Code); r.Next(); {
		in := r.Instruction()
		blocks += branches(in.Op)
		switch in.Op {
		case OpCall:
			if callee := int(in.Index) - len(g.imported); callee >= 0 {
				g.edges = append(g.edges, uint32(callee)) //nolint:gosec // an index
			}
			received += len(g.module.Types[g.typeOf(in.Index)].Results)
		case OpCallIndirect:
			g.edges = append(g.edges, uint32(g.functions)+g.canonical[in.Index]) //nolint:gosec // bounded by the bytes
			received += len(g.module.Types[in.Index].Results)
		case OpBlock, OpLoop, OpIf:
			merged += declared + g.arity(in.Block)
		case OpRefFunc:
			if g.refers < 0 {
				g.refers = i
			}
		}
	}
	g.effort.add(i, merged, blocks)
	weight := 1 + (declared+received+merged)/weightSlots + len(body.Code)/weightCode
	g.weights[i] = uint32(weight) //nolint:gosec // bounded by the bytes
}

// arity returns how many values a block takes along, in or out.
func (g *callGraph) arity(t BlockType) int {
	if t.Indexed {
		return max(len(g.module.Types[t.Index].Params), len(g.module.Types[t.Index].Results))
	}
	return min(1, int(t.Result))
}

// declared returns how many parameters and locals a function has.
func (g *callGraph) declared(i int) int {
	slots := len(g.module.Types[g.module.Functions[i]].Params)
	for _, group := range g.module.Bodies[i].Locals {
		slots += int(group.Count)
	}
	return slots
}

// typeOf returns the type of a function, imported or not.
func (g *callGraph) typeOf(function uint32) uint32 {
	if function < uint32(len(g.imported)) { //nolint:gosec // bounded by the bytes
		return g.imported[function]
	}
	return g.module.Functions[int(function)-len(g.imported)]
}

// connectTypes adds, for every distinct type, the edges to the functions that may be called through a table.
func (g *callGraph) connectTypes() {
	members := make([][]uint32, g.distinct)
	for i, taken := range g.taken[len(g.imported):] {
		if taken {
			t := g.canonical[g.module.Functions[i]]
			members[t] = append(members[t], uint32(i))
		}
	}
	for _, functions := range members {
		g.first = append(g.first, len(g.edges))
		g.edges = append(g.edges, functions...)
	}
	g.first = append(g.first, len(g.edges))
}

// guards returns for each function the weight that it takes from the depth when it is entered, 0 for those that need
// no guard.
func (g *callGraph) guards() []uint32 {
	w := &weighing{callGraph: g, guards: make([]uint32, g.functions), below: make([]uint32, len(g.first)-1)}
	components(g, w.component)
	return w.guards
}

// weighing goes through the groups of functions that call each other, callees first.
type weighing struct {
	*callGraph

	guards []uint32
	below  []uint32 // of each node: the heaviest chain of functions without a guard that a call of it can stack up
}

func (w *weighing) component(nodes []uint32) {
	heaviest := uint32(0)
	again := len(nodes) > 1
	for _, n := range nodes {
		for _, callee := range w.callees(n) {
			heaviest = max(heaviest, w.below[callee]) // 0 within the group: it is set below
			again = again || callee == n
		}
	}
	for _, n := range nodes {
		w.below[n] = heaviest
		if int(n) >= w.functions {
			continue
		}
		if again || heaviest+w.weights[n] > maxUnguarded {
			w.guards[n] = w.weights[n]
			continue
		}
		w.below[n] = heaviest + w.weights[n]
	}
}

func (g *callGraph) callees(node uint32) []uint32 { return g.edges[g.first[node]:g.first[node+1]] }

// visit is where the search for components stands at one node.
type visit struct {
	node uint32
	next int // of its callees
}

// search is Tarjan's search for strongly connected components, without recursion.
type search struct {
	graph *callGraph
	found func(nodes []uint32)
	order []uint32 // when a node was first seen, from 1; 0: not yet
	low   []uint32 // the earliest node that is reachable and still open
	open  []bool
	stack []uint32
	path  []visit
	count uint32
}

// components calls found with the nodes of each strongly connected component, those that it calls before itself.
func components(g *callGraph, found func(nodes []uint32)) {
	n := len(g.first) - 1
	s := &search{graph: g, found: found, order: make([]uint32, n), low: make([]uint32, n), open: make([]bool, n)}
	for node := range n {
		if s.order[node] == 0 {
			s.enter(uint32(node))
			s.run()
		}
	}
}

func (s *search) enter(node uint32) {
	s.count++
	s.order[node], s.low[node], s.open[node] = s.count, s.count, true
	s.stack = append(s.stack, node)
	s.path = append(s.path, visit{node: node})
}

func (s *search) run() {
	for len(s.path) > 0 {
		top := &s.path[len(s.path)-1]
		callees := s.graph.callees(top.node)
		if top.next == len(callees) {
			s.leave(top.node)
			continue
		}
		callee := callees[top.next]
		top.next++
		if s.order[callee] == 0 {
			s.enter(callee)
		} else if s.open[callee] {
			s.low[top.node] = min(s.low[top.node], s.order[callee])
		}
	}
}

func (s *search) leave(node uint32) {
	s.path = s.path[:len(s.path)-1]
	if len(s.path) > 0 {
		caller := s.path[len(s.path)-1].node
		s.low[caller] = min(s.low[caller], s.low[node])
	}
	if s.low[node] != s.order[node] {
		return
	}
	at := len(s.stack) - 1
	for s.stack[at] != node {
		at--
	}
	nodes := s.stack[at:]
	s.stack = s.stack[:at]
	for _, n := range nodes {
		s.open[n] = false
	}
	s.found(nodes)
}
