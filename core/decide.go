package core

import (
	"errors"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// compiled is a ruleset that can decide.
type compiled struct {
	ruleset  Ruleset
	bindings []*bound
	groups   []stackGroup
}

// bound is one binding with its mechanic.
type bound struct {
	mechanic Mechanic
	fallback Mechanic // the same binding in the previous ruleset, for last_good
	policy   FailurePolicy
}

// stackGroup is the bindings that stack with each other, as indexes, in ruleset order.
type stackGroup struct {
	mode    Stacking
	members []int
}

// groupBindings returns the stacking groups in the order of their first binding; a binding without a group stands alone.
func groupBindings(bindings []Binding, stacking map[string]Stacking) []stackGroup {
	var groups []stackGroup
	at := map[string]int{}
	for i, b := range bindings {
		if n, ok := at[b.Group]; ok && b.Group != "" {
			groups[n].members = append(groups[n].members, i)
			continue
		}
		mode := stacking[b.Group]
		if mode == "" || b.Group == "" {
			mode = StackAll
		}
		at[b.Group] = len(groups)
		groups = append(groups, stackGroup{mode: mode, members: []int{i}})
	}
	return groups
}

// outcome is what became of one binding in a decision.
type outcome string

const (
	outcomeApplied outcome = "applied"  // its effects count
	outcomeNoMatch outcome = "no_match" // it asked for nothing
	outcomeStacked outcome = "stacked"  // another binding of its group won
	outcomeFailed  outcome = "failed"   // its mechanic failed, and the order with it
	outcomeSkipped outcome = "skipped"  // its mechanic failed and the policy is skip
)

// step is one binding's part in a decision.
type step struct {
	manifest *Manifest
	effects  []Effect
	usage    Usage
	outcome  outcome
	lastGood bool   // the mechanic failed and the previous ruleset's decided
	failure  string // why the mechanic failed; for logs and staff
}

// decision is what a ruleset decided for one set of facts.
type decision struct {
	guardrails Guardrails // what bounded the price
	budgetLeft int64      // of the discount budget when it was decided, minor units; −1 without one

	steps  []step
	price  price
	total  int64
	off    int64 // list price − total, when positive
	takes  []Take
	once   []string
	duties []Condition // what the order has to do before it ships

	deposit *depositTerms // nil unless a deposit is paid now and the rest later
	group   *groupTerms   // nil unless the order needs a group
	notes   []note        // effects that write documents: grant, enter, tag, notify and reply, of the steps that apply
}

// depositTerms are what a mechanic's deposit effect asks for, minor units.
type depositTerms struct {
	amount, credit int64
}

// note is an effect that writes a document, and the mechanic that asked for it.
type note struct {
	effect   Effect
	manifest *Manifest
}

// decide runs every binding that knows the hook once, stacks the effects and bounds the price. budgetLeft is what is
// left of the discount budget, negative for no budget. The error is the order's refusal.
func (r *compiled) decide(hook Hook, facts *Facts, c *Campaign, budgetLeft int64) (*decision, error) {
	d := &decision{
		guardrails: c.Guardrails, budgetLeft: budgetLeft,
		steps: make([]step, 0, len(r.bindings)),
		price: price{quantity: facts.Quantity, list: facts.Item.Price, unit: facts.Item.Price},
	}
	if err := d.ask(r.bindings, hook, facts, c); err != nil {
		return nil, err
	}
	if err := d.denial(); err != nil {
		return nil, err
	}
	if err := d.stack(r.groups); err != nil {
		return nil, failedPrice(err)
	}
	total, err := d.price.bound(c.Guardrails, budgetLeft)
	if err != nil {
		return nil, failedPrice(err)
	}
	list, err := d.price.listTotal()
	d.total, d.off = total, max(0, list-total)
	return d, failedPrice(err)
}

// ask runs every binding; one that fails, and whose policy lets the order fail with it, ends the decision.
func (d *decision) ask(bindings []*bound, hook Hook, facts *Facts, c *Campaign) error {
	effects := make([]Effect, 0, 4)
	for _, b := range bindings {
		var s step
		s, effects = b.run(hook, facts, effects, c)
		if s.outcome == outcomeFailed {
			return s.refusal()
		}
		d.steps = append(d.steps, s)
	}
	return nil
}

// refusal is the error of an order whose mechanic failed.
func (s *step) refusal() error {
	return &Error{
		Code: CodeMechanicFailed, Message: "a promotion of this campaign could not be decided",
		Err: errors.New(s.manifest.Name + ": " + s.failure),
	}
}

func failedPrice(err error) error {
	if err == nil {
		return nil
	}
	return &Error{Code: CodeMechanicFailed, Message: "the price could not be computed", Err: err}
}

// run asks the mechanic, then its fallback if the policy has one. The step's effects are appended to buffer, which is
// returned for the next binding.
func (b *bound) run(hook Hook, facts *Facts, buffer []Effect, c *Campaign) (step, []Effect) {
	s, extended := ask(b.mechanic, hook, facts, buffer, c)
	switch {
	case s.outcome != outcomeFailed:
	case b.policy == FailSkip:
		s.outcome = outcomeSkipped
	case b.policy == FailLastGood && b.fallback != nil:
		failure := s.failure
		s, extended = ask(b.fallback, hook, facts, buffer, c)
		s.lastGood, s.failure = true, failure
	}
	return s, extended
}

func ask(m Mechanic, hook Hook, facts *Facts, buffer []Effect, c *Campaign) (step, []Effect) {
	s := step{manifest: m.Manifest(), outcome: outcomeNoMatch}
	if !slices.Contains(s.manifest.Hooks, hook) {
		return s, buffer
	}
	extended, usage, err := m.Decide(hook, facts, buffer)
	s.usage = usage
	if err == nil {
		s.effects = slices.Clip(extended[len(buffer):])
		err = checkEffects(hook, s.effects, c)
	}
	if err != nil {
		s.outcome, s.failure, s.effects = outcomeFailed, err.Error(), nil
		return s, buffer
	}
	if len(s.effects) > 0 {
		s.outcome = outcomeApplied
	}
	return s, extended
}

const (
	// maxEffects is how many effects one mechanic may ask for in one decision.
	maxEffects = 64
	// maxAmount bounds every amount an effect names, minor units: sums of 64 of them stay far from int64's end.
	maxAmount = 1_000_000_000_000_000
	maxName   = 128
	// maxBasisPoints is the whole: 100 %.
	maxBasisPoints = 10_000
)

// checkEffects refuses what no mechanic may ask for, whatever it is.
func checkEffects(hook Hook, effects []Effect, c *Campaign) error {
	if len(effects) > maxEffects {
		return &MechanicError{Code: "bad_effect", Message: "more than 64 effects"}
	}
	for i := range effects {
		if problem := effects[i].problem(hook, c); problem != "" {
			return &MechanicError{Code: "bad_effect", Message: string(effects[i].Kind) + ": " + problem}
		}
	}
	return nil
}

// problem returns what is wrong with the effect, or "".
func (e *Effect) problem(hook Hook, c *Campaign) string {
	if !e.Kind.supported(hook) {
		return "is not allowed at the hook " + string(hook)
	}
	return e.valueProblem(c)
}

// valueProblem returns what is wrong with what the effect says, or "".
func (e *Effect) valueProblem(c *Campaign) string {
	switch {
	case e.Amount < 0 || e.Amount > maxAmount || e.Units < 0 || e.Units > maxAmount:
		return "the amount is out of range"
	case e.Kind == EffectDiscountPercent && e.Amount > maxBasisPoints:
		return "more than 10000 basis points"
	case len(e.Name) > maxName || strings.ContainsFunc(e.Name, unicode.IsControl) || !utf8.ValidString(e.Name):
		return "the name is too long or not plain text"
	default:
		return e.nameProblem(c)
	}
}

// nameProblem returns what is wrong with what the effect names, or "".
func (e *Effect) nameProblem(c *Campaign) string {
	switch e.Kind {
	case EffectTake:
		if _, ok := c.Quotas[e.Name]; !ok || e.Units == 0 {
			return "no such quota, or no units"
		}
	case EffectDeny, EffectOnce, EffectOblige:
		if e.Name == "" {
			return "the name is missing"
		}
		return e.dataProblem()
	}
	return ""
}

// dataProblem canonicalises the data in place, so that what is pinned and stored is canonical.
func (e *Effect) dataProblem() string {
	if e.Data == "" {
		return ""
	}
	canonical, err := CanonicalData(e.Data)
	if err != nil {
		return "the data is not a JSON object of integers, strings, booleans and lists"
	}
	e.Data = canonical
	return ""
}

// supported reports whether this engine carries the effect out at the hook. It is narrower than [EffectKind.Allowed]
// where the primitive that an effect needs does not exist yet; a campaign that needs one is refused when it is applied.
func (k EffectKind) supported(hook Hook) bool {
	switch hook {
	case HookQuote:
		switch k {
		case EffectDeny, EffectDiscount, EffectDiscountPercent, EffectPrice, EffectTake, EffectOnce, EffectOblige:
			return true
		}
	case HookReserve:
		return k == EffectDeny
	}
	return false
}

// denial returns the first deny effect as the refusal. A deny counts whatever the stacking: no group can vote it away.
func (d *decision) denial() error {
	for _, s := range d.steps {
		for i := range s.effects {
			if e := &s.effects[i]; e.Kind == EffectDeny {
				return &Error{Code: CodeDenied, Reason: e.Name, Text: e.Text, Message: denialText(e)}
			}
		}
	}
	return nil
}

func denialText(e *Effect) string {
	if text := e.Text.In("en"); text != "" {
		return text
	}
	return "this order is not possible: " + e.Name
}

// stack applies the groups in order.
func (d *decision) stack(groups []stackGroup) error {
	for _, g := range groups {
		winner, err := d.winner(g)
		if err != nil {
			return err
		}
		for _, i := range g.members {
			s := &d.steps[i]
			if s.outcome != outcomeApplied {
				continue
			}
			if g.mode != StackAll && i != winner {
				s.outcome = outcomeStacked
				continue
			}
			if err := d.apply(s); err != nil {
				return err
			}
		}
	}
	return nil
}

// winner returns the index of the one binding that applies in a best or first group, or -1.
func (d *decision) winner(g stackGroup) (int, error) {
	winner, lowest := -1, int64(0)
	for _, i := range g.members {
		if d.steps[i].outcome != outcomeApplied {
			continue
		}
		if g.mode != StackBest {
			return i, nil
		}
		trial := d.price
		for n := range d.steps[i].effects {
			if err := trial.apply(&d.steps[i].effects[n]); err != nil {
				return -1, err
			}
		}
		total, err := trial.total()
		if err != nil {
			return -1, err
		}
		if winner < 0 || total < lowest {
			winner, lowest = i, total
		}
	}
	return winner, nil
}

// apply takes a step's effects into the decision.
func (d *decision) apply(s *step) error {
	for i := range s.effects {
		e := &s.effects[i]
		if err := d.price.apply(e); err != nil {
			return err
		}
		switch e.Kind {
		case EffectTake:
			d.takes = append(d.takes, Take{Counter: QuotaCounter(e.Name), Units: e.Units})
		case EffectOnce:
			if !slices.Contains(d.once, e.Name) {
				d.once = append(d.once, e.Name)
			}
		case EffectOblige:
			d.duties = append(d.duties, Condition{Kind: e.Name, Data: appendData(nil, e.Data), State: ConditionOpen})
		}
	}
	return nil
}
