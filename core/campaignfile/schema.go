package campaignfile

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"time"

	"hotdrop/core"
)

//go:generate go test -run TestTheCommittedSchemaIsUpToDate -update .

// The spellings that the schema can check.
const (
	patternID       = `^[a-z0-9-]{1,63}$`
	patternName     = `^(?=.*[A-Za-z_-])[A-Za-z0-9_-]{1,63}$`
	patternSKU      = `^[A-Za-z0-9._-]{1,64}$`
	patternPlugin   = `^(sha256:[0-9a-f]{64}|(?=.*[A-Za-z_-])[A-Za-z0-9_-]{1,63})$`
	patternCurrency = `^[A-Z]{3}$`
	patternDuration = `^([0-9]+(\.[0-9]+)?(ns|us|µs|ms|s|m|h))+$`
)

// keywords are the keywords of one JSON Schema.
type keywords map[string]any

// Schema returns the JSON Schema (draft 2020-12) of campaign files, made from the types and their doc tags. It is for
// editors: what it accepts may still be refused by [Parse], what it refuses is.
func Schema() ([]byte, error) {
	s := &schema{defs: keywords{}}
	root := s.structure(reflect.TypeFor[core.Campaign]())
	root["$schema"] = "https://json-schema.org/draft/2020-12/schema"
	root["title"] = "hotdrop campaign file"
	root["$defs"] = s.defs
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(root); err != nil {
		return nil, fmt.Errorf("schema of campaign files: %w", err)
	}
	return text.Bytes(), nil
}

// schema collects the definitions of the types it meets.
type schema struct{ defs keywords }

// of returns the schema of a type, a reference for structs.
func (s *schema) of(t reflect.Type) keywords {
	switch t {
	case reflect.TypeFor[core.Text]():
		return s.define("Text", textSchema)
	case reflect.TypeFor[core.Input]():
		return s.define("Input", s.input)
	case reflect.TypeFor[time.Time]():
		return keywords{"type": "string", "format": "date-time"}
	case reflect.TypeFor[core.Duration]():
		return keywords{"type": "string", "pattern": patternDuration}
	case reflect.TypeFor[json.RawMessage](), reflect.TypeFor[core.Object]():
		return keywords{"type": "object"}
	}
	switch t.Kind() {
	case reflect.Struct:
		return s.define(t.Name(), func() keywords { return s.structure(t) })
	case reflect.Map:
		return keywords{"type": "object", "additionalProperties": s.of(t.Elem()), "propertyNames": keywords{"pattern": patternName}}
	case reflect.Slice:
		return keywords{"type": "array", "items": s.of(t.Elem())}
	case reflect.Bool:
		return keywords{"type": "boolean"}
	case reflect.Int64:
		return keywords{"type": "integer"}
	default:
		return keywords{"type": "string"}
	}
}

// define puts a type's schema among the definitions and returns a reference to it.
func (s *schema) define(name string, describe func() keywords) keywords {
	if _, done := s.defs[name]; !done {
		s.defs[name] = keywords{}
		s.defs[name] = describe()
	}
	return keywords{"$ref": "#/$defs/" + name}
}

func (s *schema) structure(t reflect.Type) keywords {
	properties, required := keywords{}, []string{}
	for _, f := range fieldsOf(t) {
		property := s.of(f.typ)
		property["description"] = f.doc
		maps.Copy(property, bounds(t.Name()+"."+f.name))
		properties[f.name] = property
		if !f.optional {
			required = append(required, f.name)
		}
	}
	out := keywords{"type": "object", "properties": properties, "additionalProperties": false}
	if len(required) > 0 {
		out["required"] = required
	}
	maps.Copy(out, bounds(t.Name()))
	return out
}

func textSchema() keywords { return textUpTo(core.MaxTitle) }

// textUpTo is a text of so many characters in each language.
func textUpTo(most int) keywords {
	text := keywords{"type": "string", "maxLength": most}
	return keywords{"oneOf": []keywords{text, {
		"type": "object", "properties": keywords{"en": text, "zh": text}, "additionalProperties": false, "minProperties": 1,
	}}}
}

// input is a field, told from a group of fields by its type being a string.
func (s *schema) input() keywords {
	field := s.of(reflect.TypeFor[core.Field]())
	return keywords{"oneOf": []keywords{field, {
		"type": "object", "additionalProperties": field, "propertyNames": keywords{"pattern": patternName}, "minProperties": 1,
	}}}
}

// bounds returns the keywords for what [core.Campaign.Validate] demands of a type or of one of its keys, as far as a
// schema can say it.
func bounds(key string) keywords {
	return map[string]keywords{
		"Campaign.campaign":          {"pattern": patternID},
		"Campaign.brand":             {"pattern": patternID},
		"Campaign.currency":          {"pattern": patternCurrency},
		"Campaign.items":             {"minItems": 1, "maxItems": core.MaxItems},
		"Campaign.quotas":            {"additionalProperties": upTo(core.MaxUnits)},
		"Campaign.ruleset":           {"maxItems": core.MaxBindings},
		"Campaign.stacking":          {"additionalProperties": keywords{"enum": []core.Stacking{core.StackAll, core.StackBest, core.StackFirst}}},
		"Phases":                     {"required": []core.Phase{core.PhaseSale, core.PhaseClosed}},
		"Item.sku":                   {"pattern": patternSKU},
		"Item.price":                 upTo(core.MaxAmount),
		"Item.min_price":             upTo(core.MaxAmount),
		"Item.stock":                 upTo(core.MaxUnits),
		"Item.limit":                 upTo(core.MaxLimit),
		"Field.type":                 {"enum": []string{"string", "integer", "boolean", "enum"}},
		"Field.of":                   {"minItems": 1, "maxItems": core.MaxEnumValues, "uniqueItems": true},
		"Campaign.voucher_pools":     {"maxProperties": core.MaxPools},
		"Campaign.draws":             {"maxProperties": core.MaxDraws},
		"WaitingRoom":                {"required": []string{"per_minute"}},
		"WaitingRoom.per_minute":     {"minimum": 1, "maximum": core.MaxPerMinute},
		"Campaign.templates":         {"maxProperties": core.MaxTemplates, "additionalProperties": textUpTo(core.MaxTemplate)},
		"Campaign.reminders":         {"maxItems": core.MaxReminders},
		"VoucherPool.count":          upTo(core.MaxUnits),
		"VoucherPool.value":          upTo(core.MaxAmount),
		"DrawTerms.winners":          {"minimum": 1, "maximum": core.MaxWinners},
		"DrawTerms.pool":             {"pattern": patternName},
		"DepositTerms.balance_at":    {"enum": []core.BalanceAt{core.BalanceOnline, core.BalanceDealer}},
		"DepositTerms.unpaid":        {"enum": []core.Unpaid{core.UnpaidRefund, core.UnpaidForfeit}},
		"Reminder.template":          {"pattern": patternName},
		"Reminder.to":                {"enum": []string{core.ToReservers}},
		"Guardrails.min_price":       upTo(core.MaxAmount),
		"Guardrails.max_discount":    upTo(core.MaxBudget),
		"Guardrails.discount_budget": upTo(core.MaxBudget),
		"Guards.spend_per_minute":    upTo(core.MaxBudget),
		"Guards.budget_share":        upTo(core.MaxShare),
		"Guards.error_rate":          upTo(core.MaxShare),
		"Guards.denial_rate":         upTo(core.MaxShare),
		"Guards.fuel_p99":            upTo(core.MaxFuel),
		"Guards.order_value_drop":    upTo(core.MaxShare),
		"Guards.min_orders":          upTo(core.MaxGuarded),
		"Guards.max_price_change":    upTo(core.MaxPriceMove),
		"Guards.max_money_change":    upTo(core.MaxPriceMove),
		"BreakerTerms.failures":      upTo(core.WholeShare),
		"BreakerTerms.min":           upTo(core.MaxGuarded),
		"Binding": {"oneOf": []keywords{
			{"required": []string{"mechanic"}}, {"required": []string{"rule"}}, {"required": []string{"plugin"}},
		}},
		"Binding.mechanic":   {"pattern": patternName},
		"Binding.plugin":     {"pattern": patternPlugin},
		"Binding.group":      {"pattern": patternName},
		"Binding.on_failure": {"enum": []core.FailurePolicy{core.FailDeny, core.FailSkip, core.FailLastGood}},
	}[key]
}

func upTo(most int64) keywords {
	return keywords{"minimum": 0, "maximum": most}
}
