package core

import "slices"

// JudgeEffects returns how the engine would fail a mechanic that asks for these effects at the hook, whatever the
// campaign: the *[MechanicError] of code bad_effect, or nil. Quotas are taken to exist, and an effect that the hooks table
// allows is judged even where this engine cannot carry it out yet. The effects stay as they are.
func JudgeEffects(hook Hook, effects []Effect) error {
	if len(effects) > maxEffects {
		return &MechanicError{Code: "bad_effect", Message: "more than 64 effects"}
	}
	for _, e := range slices.Clone(effects) {
		c := &Campaign{Quotas: map[string]int64{e.Name: 1}}
		problem := e.valueProblem(c)
		if !e.Kind.Allowed(hook) {
			problem = "is not allowed at the hook " + string(hook)
		}
		if problem != "" {
			return &MechanicError{Code: "bad_effect", Message: string(e.Kind) + ": " + problem}
		}
	}
	return nil
}
