package main

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode"

	"hotdrop/api"
	"hotdrop/core/money"
)

// explanationText writes an explanation for people to read.
type explanationText struct {
	strings.Builder

	currency string
}

// explained is the explanation as a terminal shows it.
func explained(e *api.Explanation) string {
	t := &explanationText{currency: e.Currency}
	t.line("%s: hook %s, ruleset %d, engine %s, decided at %s", cmp.Or(e.Order, e.Campaign), e.Hook, e.Ruleset, e.Engine,
		e.At.UTC().Format(time.RFC3339))
	t.bindings(e.Bindings)
	t.price(e)
	t.refusal(e.Refusal)
	if e.Paid != nil {
		t.paid(e.Paid)
	}
	t.told(&e.Shopper)
	t.reproduced(e)
	return t.String()
}

// line writes a line. What strangers wrote is in it, so nothing of it moves a terminal's cursor or turns its text around.
func (t *explanationText) line(format string, args ...any) {
	text := strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return unicode.ReplacementChar
	}, fmt.Sprintf(format, args...))
	_, _ = t.WriteString(text + "\n") // never fails
}

// bindings writes each mechanic's part; they are counted from 1.
func (t *explanationText) bindings(bindings []api.ExplainedBinding) {
	if len(bindings) == 0 {
		t.line("no mechanics")
	}
	for i := range bindings {
		b := &bindings[i]
		t.line("%d. %s (%s): %s", i+1, b.Mechanic, strings.TrimSpace(b.Kind+" "+b.Version), t.outcome(b))
		for _, c := range b.Clauses {
			t.clause(&c)
		}
		for _, effect := range b.Effects {
			t.line("     asks for  %s", effect)
		}
		if b.Fuel > 0 {
			t.line("     fuel      %s", thousands(b.Fuel))
		}
	}
}

// outcome is what became of a mechanic, in words.
func (t *explanationText) outcome(b *api.ExplainedBinding) string {
	text := b.Outcome
	if b.Group != "" {
		text += ", in the stacking group " + b.Group
	}
	if b.LostTo != nil {
		text += fmt.Sprintf(", lost to %d", *b.LostTo+1)
	}
	if b.LastGood {
		text += ", decided by the ruleset before"
	}
	if b.Failure != "" {
		text += ": " + b.Failure
	}
	return text
}

func (t *explanationText) clause(c *api.Clause) {
	held := "false"
	if c.Held {
		held = "held"
	}
	t.line("     %-5s     %s", held, strings.Join(strings.Fields(c.Text), " "))
	for _, path := range slices.Sorted(maps.Keys(c.Values)) {
		t.line("               %s = %s", path, asJSON(c.Values[path]))
	}
}

// asJSON is a value as it came, on one line.
func asJSON(value any) []byte {
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	_ = encoder.Encode(value) // it came as JSON
	return bytes.TrimSpace(text.Bytes())
}

func (t *explanationText) money(amount int64) string { return money.Format(amount, t.currency) }

// price writes every step from the list price to the total, and the lines that it is spread over.
func (t *explanationText) price(e *api.Explanation) {
	if len(e.Price) == 0 {
		return
	}
	t.line("price")
	for _, step := range e.Price {
		what := step.What
		if step.Binding != nil {
			what += fmt.Sprintf(" by %d", *step.Binding+1)
		}
		switch {
		case step.Limit != nil:
			t.line("     %-22s %s, at least %s", what, t.money(step.After), t.money(*step.Limit))
		default:
			t.line("     %-22s %s", what, t.money(step.After))
		}
	}
	t.line("     %-22s %s", "total", t.money(e.Total))
	for _, l := range e.Lines {
		t.line("     %-22s %s%s", fmt.Sprintf("%d × %s", l.Units, l.SKU), t.money(l.Amount), inBrackets(l.Labels))
	}
}

// inBrackets are the texts after what they are about.
func inBrackets(texts []api.Text) string {
	if len(texts) == 0 {
		return ""
	}
	return " (" + labels(texts) + ")"
}

func labels(texts []api.Text) string {
	words := make([]string, 0, len(texts))
	for _, text := range texts {
		words = append(words, inWords(text))
	}
	return strings.Join(words, "; ")
}

// inWords is a text in English, and in Chinese where there is nothing else.
func inWords(text api.Text) string {
	if text.EN == "" {
		return text.ZH
	}
	return text.EN
}

func (t *explanationText) refusal(r *api.ExplainedRefusal) {
	if r == nil {
		return
	}
	by := r.Check
	if r.Binding != nil {
		by += fmt.Sprintf(" %d", *r.Binding+1)
	}
	t.line("refused by %s with %s: %s", by, r.Code, r.Cause)
}

// paid writes what the mechanics decided once the order was paid.
func (t *explanationText) paid(p *api.ExplainedPaid) {
	t.line("once paid, at %s: %s", p.At.UTC().Format(time.RFC3339), p.State)
	t.bindings(p.Bindings)
	t.refusal(p.Refusal)
	if p.Tries > 0 {
		t.line("     failed %s: %s", count(p.Tries, "time"), p.Failure)
	}
}

// told writes what the shopper may be told.
func (t *explanationText) told(s *api.Told) {
	said := []string{string(s.Code), s.Reason, s.Message, labels(s.Labels)}
	if s.Text != nil {
		said = append(said, inWords(*s.Text))
	}
	said = slices.DeleteFunc(said, func(part string) bool { return part == "" })
	t.line("the shopper was told: %s", cmp.Or(strings.Join(said, ", "), "nothing"))
}

func (t *explanationText) reproduced(e *api.Explanation) {
	if e.Reproduced {
		t.line("decided again, it is the same")
		return
	}
	t.line("decided again, it is not what the order pins:")
	for _, difference := range e.Differences {
		t.line("     %s", difference)
	}
}
