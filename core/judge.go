package core

import "slices"

// JudgeEffects returns how the engine would fail a mechanic that asks for these effects at the hook, whatever the
// campaign: the *[MechanicError] of code bad_effect, or nil. What effects name (quotas, pools, draws, templates, items) is
// taken to exist. The effects stay as they are.
func JudgeEffects(hook Hook, effects []Effect) error {
	return judgeEffects(hook, slices.Clone(effects))
}
