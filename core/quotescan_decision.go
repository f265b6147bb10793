package core

// decision reads what decision.pin writes.
func (s *quoteScan) decision(r *recording) bool {
	return s.object(func(name string) (ok bool) {
		switch name {
		case "added":
			start := s.at
			r.added, ok = s.counts(r.added)
			r.terms.added = s.text[start:s.at]
			return ok
		case "bindings":
			return s.array(func() bool { return s.step(r) })
		case "budget_left":
			return s.intInto(&r.budget)
		case "engine":
			return s.strInto(&r.engine)
		case "facts":
			start := s.at
			ok = s.facts(r)
			r.factsText = s.text[start:s.at]
			return ok
		case "floors":
			r.terms.floors, ok = s.raw()
			return ok
		case "guardrails":
			return s.guardrails(&r.terms.guardrails)
		case "epoch", "fuel_schedule", "refusal":
			return s.skip(2)
		case "last_good":
			return s.intInto(&r.lastGood)
		case "ruleset":
			return s.intInto(&r.decided.ruleset)
		case "total":
			return s.intInto(&r.decided.total)
		default:
			return false
		}
	})
}

func (s *quoteScan) guardrails(g *Guardrails) bool {
	return s.object(func(name string) bool {
		switch name {
		case "discount_budget":
			return s.intInto(&g.DiscountBudget)
		case "max_discount":
			return s.intInto(&g.MaxDiscount)
		case "min_price":
			return s.intInto(&g.MinPrice)
		default:
			return false
		}
	})
}

// step reads one binding's part. Its outcome comes after its effects.
func (s *quoteScan) step(r *recording) bool {
	var step scannedStep
	ok := s.object(func(name string) (ok bool) {
		switch name {
		case "digest", "mechanic":
			return s.skip(1)
		case "effects":
			return s.array(func() bool { return s.effect(&step, r) })
		case "failure":
			var failure string
			ok = s.strInto(&failure)
			step.failed = failure != ""
			return ok
		case "fuel":
			return s.intInto(&step.fuel)
		case "last_good":
			_, ok = s.boolean()
			return ok
		case "outcome":
			return s.strInto(&step.outcome)
		default:
			return false
		}
	})
	return ok && r.take(&step) == nil
}

// effect reads {kind: {field: value}}, what people are shown left out.
func (s *quoteScan) effect(step *scannedStep, r *recording) bool {
	var e Effect
	ok := s.object(func(kind string) bool {
		if e.Kind != "" {
			return false
		}
		e.Kind = EffectKind(kind)
		return s.object(func(field string) bool { return s.effectField(&e, field) })
	})
	return ok && e.Kind.isKnown() && step.take(&e, r.added) == nil
}

// isKnown reports whether there is such an effect.
func (k EffectKind) isKnown() bool {
	switch k { //nolint:exhaustive // those that hold something are the others
	case EffectDiscount, EffectDiscountPercent, EffectPrice, EffectDeny:
		return true
	default:
		return (&Effect{Kind: k}).holding() != 0
	}
}

// effectField reads one field; the same name never means two things but in different effects.
func (s *quoteScan) effectField(e *Effect, field string) (ok bool) {
	switch field {
	case "label", "text":
		return s.skip(2)
	case "amount", "basis_points", "price", "unit_price":
		return s.intInto(&e.Amount)
	case "credit":
		return s.intInto(&e.Credit)
	case "seconds":
		return s.intInto(&e.Seconds)
	case "count", "size", "units", "weight":
		return s.intInto(&e.Units)
	case "draw", "key", "kind", "pool", "quota", "reason", "sku", "template":
		return s.strInto(&e.Name)
	case "value":
		return s.strInto(&e.Value)
	case "data":
		e.Data, ok = s.raw()
		return ok
	default:
		return false
	}
}
