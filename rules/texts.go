package rules

import (
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	"hotdrop/core"
)

// text returns a text that is written as a string or as {en, zh}.
func (c *compiler) text(path string, given any) core.Text {
	t, problem := textOf(given)
	if problem == "" && t.IsZero() {
		problem = "must not be empty"
	}
	if problem != "" {
		c.reportPathf(path, "", "%s", problem)
	}
	return t
}

// textOf returns the text, or what is wrong with it.
func textOf(given any) (t core.Text, problem string) {
	const want = "must be a text or {en: text, zh: text}"
	switch v := given.(type) {
	case string:
		return core.Text{EN: v}, ""
	case core.Object:
		for language, content := range v {
			s, ok := content.(string)
			switch {
			case ok && language == "en":
				t.EN = s
			case ok && language == "zh":
				t.ZH = s
			default:
				return core.Text{}, want
			}
		}
		return t, ""
	default:
		return core.Text{}, want
	}
}

// reply compiles the text of a reply. What stands in its braces is not an expression but a fact's path, which core
// replaces by the fact's value; the rule reads that fact.
func (c *compiler) reply(path string, p *plan, given any) {
	object, ok := given.(core.Object)
	_, isExpression := object["expr"]
	if !ok || isExpression {
		c.replyIn(path, p, inEnglish, given)
		return
	}
	for _, language := range slices.Sorted(maps.Keys(object)) {
		switch language {
		case "en":
			c.replyIn(path+".en", p, inEnglish, object[language])
		case "zh":
			c.replyIn(path+".zh", p, inChinese, object[language])
		default:
			c.reportPathf(path+"."+language, "", "must be a text, {expr: expression}, or {en, zh} of these")
		}
	}
	if len(object) == 0 {
		c.reportPathf(path, "", "must not be empty")
	}
}

func inEnglish(e *core.Effect) *string { return &e.Text.EN }

func inChinese(e *core.Effect) *string { return &e.Text.ZH }

// replyIn compiles the text in one language.
func (c *compiler) replyIn(path string, p *plan, to func(*core.Effect) *string, given any) {
	switch v := given.(type) {
	case string:
		c.literalReply(path, v)
		*to(&p.base) = v
		return
	case core.Object:
		if expression, ok := v["expr"].(string); ok && len(v) == 1 {
			c.computed(path, p, to, expression, maxString)
			return
		}
	}
	c.reportPathf(path, "", "must be a text or {expr: expression}")
}

func (c *compiler) literalReply(path, text string) {
	switch {
	case text == "":
		c.reportPathf(path, "", "must not be empty")
	case len(text) > maxString:
		c.reportPathf(path, "", "is longer than %d bytes", maxString)
	default:
		c.placeholders(path, text)
	}
}

// placeholders notes the facts that stand in the text's braces, and reports those that are nearly one: a shopper would
// read the braces.
func (c *compiler) placeholders(path, text string) {
	for at := 0; ; {
		_, after, found := strings.Cut(text[at:], "{")
		if !found {
			return
		}
		at = len(text) - len(after)
		name, _, closed := strings.Cut(after, "}")
		if closed && !strings.ContainsAny(name, "{ ") {
			c.placeholder(path, name, utf8.RuneCountInString(text[:at]))
		}
	}
}

func (c *compiler) placeholder(path, name string, offset int) {
	block, _, _ := strings.Cut(name, ".")
	problem := core.Problem{Path: path, Offset: offset}
	switch {
	case block == keyConfig:
		problem.Message, problem.Hint = "a text does not know the config", "write {expr: "+name+"} in place of the text"
	case core.KnownFact(name):
		c.read[name] = struct{}{}
		return
	case slices.Contains(c.blocks(), block):
		problem.Message, problem.Hint = "there is no "+name, c.nearest(name, block)
	default:
		return // any other braces are the author's
	}
	c.problem = append(c.problem, problem)
}
