package vet

import (
	"errors"
	"maps"
	"slices"

	"hotdrop/core"
	"hotdrop/core/money"
	"hotdrop/plugins/abi"
)

// findings are what the decisions on hostile facts are warned about: by code, the first sample and how many there were.
type findings struct {
	byCode map[string]*finding
}

type finding struct {
	place, message string
	count          int
}

func (f *findings) add(code string, s *sample, message string) {
	if f.byCode == nil {
		f.byCode = map[string]*finding{}
	}
	one := f.byCode[code]
	if one == nil {
		one = &finding{place: s.name, message: message}
		f.byCode[code] = one
	}
	one.count++
}

// judge looks at one decision as the engine would.
func (f *findings) judge(s *sample, got *outcome) {
	switch {
	case got.binding != nil:
	case got.code == abi.CodeUndeclaredFact: // refuses
	case got.code != "":
		f.add(got.code, s, got.message)
	default:
		f.judgeEffects(s, got.effects)
	}
}

func (f *findings) judgeEffects(s *sample, effects []core.Effect) {
	if failure, ok := errors.AsType[*core.MechanicError](core.JudgeEffects(s.hook, effects)); ok {
		f.add(failure.Code, s, failure.Message)
		return
	}
	if message := aboveLine(&s.facts, effects); message != "" {
		f.add(CodeAboveLine, s, message)
	}
}

// aboveLine returns what a shopper or a brand would be surprised by: discounts of more than the order costs, a price
// above the list price. Facts that no order has, an item without a price among them, say nothing about that.
func aboveLine(facts *core.Facts, effects []core.Effect) string {
	list, err := money.Mul(facts.Item.Price, facts.Quantity)
	if err != nil || facts.Item.Price <= 0 || facts.Quantity <= 0 {
		return ""
	}
	var off int64
	for _, e := range effects {
		switch {
		case e.Kind == core.EffectDiscount:
			off += e.Amount // at most 64 times the most that an effect may name
		case e.Kind == core.EffectPrice && e.Amount > facts.Item.Price:
			return "it asks for a price above the list price, which no guardrail bounds"
		case e.Kind == core.EffectAdd && e.Name == facts.Item.SKU && e.Amount > facts.Item.Price:
			return "it adds a line above the list price, which no guardrail bounds"
		}
	}
	if off > list {
		return "it asks for more off than the order costs, which the guardrails bound"
	}
	return ""
}

// reasons renders the findings, by code.
func (f *findings) reasons() []Reason {
	var list []Reason
	for _, code := range slices.Sorted(maps.Keys(f.byCode)) {
		one := f.byCode[code]
		list = append(list, reasonf(code, one.place, "%s; %s like it", one.message, counted(one.count, "decision")))
	}
	return list
}
