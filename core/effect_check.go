package core

import (
	"cmp"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// The bounds of what an effect may say. They are the same for rules and plugins.
const (
	// maxEffects is how many effects one mechanic may ask for in one decision.
	maxEffects = 64
	// maxAmount bounds every amount an effect names, minor units: sums of 64 of them stay far from int64's end.
	maxAmount = 1_000_000_000_000_000
	maxName   = 128   // bytes of what an effect names
	maxText   = 4_096 // bytes of a text in one language, of a label, of data
	// maxBasisPoints is the whole: 100 %.
	maxBasisPoints = 10_000
	maxTagValue    = 256       // bytes
	maxGrant       = 100       // vouchers of one effect: each is a row of the transaction that grants it
	maxWeight      = 1_000_000 // entries into a draw of one effect
	minGroup       = 2
	maxGroup       = 100
	maxGroupTime   = 30 * 24 * 60 * 60 // seconds
)

// badEffect is the failure of a mechanic that asks for what none may ask for.
func badEffect(e *Effect, problem string) error {
	return &MechanicError{Code: "bad_effect", Message: string(e.Kind) + ": " + problem}
}

// checkEffects refuses what no mechanic may ask for, whatever it is, and what this campaign does not have; no campaign at
// all has everything.
func checkEffects(hook Hook, effects []Effect, c *Campaign) error {
	if err := judgeEffects(hook, effects); err != nil {
		return err
	}
	for i := range effects {
		if c == nil {
			break
		}
		if problem := effects[i].absence(c); problem != "" {
			return badEffect(&effects[i], problem)
		}
	}
	return nil
}

// judgeEffects refuses what no mechanic of any campaign may ask for. It makes the data of the effects canonical, in
// place, so that what is pinned and stored is canonical.
func judgeEffects(hook Hook, effects []Effect) error {
	if len(effects) > maxEffects {
		return &MechanicError{Code: "bad_effect", Message: "more than 64 effects"}
	}
	deposits, groups := 0, 0
	for i := range effects {
		e := &effects[i]
		switch e.Kind { //nolint:exhaustive // the effects that one mechanic may ask for once
		case EffectDeposit:
			deposits++
		case EffectGroup:
			groups++
		}
		problem := e.problem(hook)
		if problem == "" && max(deposits, groups) > 1 {
			problem = "it is asked for twice"
		}
		if problem == "" && deposits+groups > 1 {
			problem = "a deposit and a group cannot be asked for together"
		}
		if problem != "" {
			return badEffect(e, problem)
		}
	}
	return nil
}

// problem returns what is wrong with the effect in any campaign, or "".
func (e *Effect) problem(hook Hook) string {
	switch {
	case !e.Kind.Allowed(hook):
		return "is not allowed at the hook " + string(hook)
	case outOfRange(e.Amount) || outOfRange(e.Units) || outOfRange(e.Credit) || outOfRange(e.Seconds):
		return "the amount is out of range"
	case !isPlain(e.Name, maxName):
		return "the name is too long or not plain text"
	case e.Name == "" && e.Kind.named():
		return "the name is missing"
	case !isText(e.Text.EN) || !isText(e.Text.ZH):
		return "the text is too long or not UTF-8"
	default:
		return e.valueProblem()
	}
}

func outOfRange(n int64) bool { return n < 0 || n > maxAmount }

// isPlain reports whether s is at most that many bytes of UTF-8 without control characters.
func isPlain(s string, most int) bool {
	return len(s) <= most && utf8.ValidString(s) && !strings.ContainsFunc(s, unicode.IsControl)
}

func isText(s string) bool { return len(s) <= maxText && utf8.ValidString(s) }

// valueProblem returns what is wrong with the values of an effect of this kind, or "".
func (e *Effect) valueProblem() string {
	switch e.Kind {
	case EffectDeposit:
		return e.depositProblem()
	case EffectGroup:
		return cmp.Or(within("size", e.Units, minGroup, maxGroup), within("seconds", e.Seconds, 1, maxGroupTime))
	case EffectOblige:
		return e.dutyProblem()
	case EffectTag:
		return e.tagProblem()
	case EffectNotify:
		return e.dataProblem()
	case EffectReply:
		if e.Text.IsZero() {
			return "the text is missing"
		}
		return ""
	default:
		return e.countProblem()
	}
}

// countProblem is valueProblem of the effects that have one number to bound, or none.
func (e *Effect) countProblem() string {
	switch e.Kind {
	case EffectDiscountPercent:
		return within("basis_points", e.Amount, 0, maxBasisPoints)
	case EffectAdd:
		return within("units", e.Units, 1, maxQuantity)
	case EffectTake:
		return within("units", e.Units, 1, maxAmount)
	case EffectGrant:
		return within("count", e.Units, 1, maxGrant)
	case EffectEnter:
		return within("weight", e.Units, 1, maxWeight)
	default:
		return ""
	}
}

func within(what string, n, least, most int64) string {
	switch {
	case n == 0 && least == 1:
		return "no " + what
	case n < least || n > most:
		return fmt.Sprintf("%s is %d, must be %d to %d", what, n, least, most)
	default:
		return ""
	}
}

// named reports whether effects of the kind name something.
func (k EffectKind) named() bool {
	switch k {
	case EffectDiscount, EffectDiscountPercent, EffectPrice, EffectDeposit, EffectGroup, EffectReply:
		return false
	default:
		return true
	}
}

func (e *Effect) depositProblem() string {
	switch {
	case e.Amount == 0:
		return "no amount"
	case e.Credit < e.Amount:
		return fmt.Sprintf("the credit of %d is below the amount of %d", e.Credit, e.Amount)
	default:
		return ""
	}
}

func (e *Effect) dutyProblem() string {
	if e.Name == ConditionGroup {
		return `the kind "group" is the engine's own`
	}
	return e.dataProblem()
}

// tagProblem keeps tags apart: mechanics read them as "key=value", so that a key with "=" could pass for another's.
func (e *Effect) tagProblem() string {
	switch {
	case strings.Contains(e.Name, "="):
		return `the key has a "="`
	case !isPlain(e.Value, maxTagValue):
		return "the value is too long or not plain text"
	default:
		return ""
	}
}

// dataProblem makes the data canonical in place.
func (e *Effect) dataProblem() string {
	if e.Data == "" {
		return ""
	}
	if len(e.Data) > maxText {
		return "the data are too long"
	}
	canonical, err := CanonicalData(e.Data)
	if err != nil {
		return "the data is not a JSON object of integers, strings, booleans and lists"
	}
	e.Data = canonical
	return ""
}

// absence returns what the effect names that the campaign does not have, or "".
func (e *Effect) absence(c *Campaign) string {
	known := true
	switch e.Kind { //nolint:exhaustive // the effects that name something of the campaign file
	case EffectTake:
		_, known = c.Quotas[e.Name]
	case EffectGrant:
		_, known = c.VoucherPools[e.Name]
	case EffectEnter:
		_, known = c.Draws[e.Name]
	case EffectNotify:
		_, known = c.Templates[e.Name]
	case EffectAdd:
		known = c.Item(e.Name) != nil
	}
	if known {
		return ""
	}
	return fmt.Sprintf("there is no %s %q in this campaign", e.Kind.names(c).what, e.Name)
}
