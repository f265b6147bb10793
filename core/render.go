package core

import (
	"iter"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"hotdrop/core/money"
)

// maxRendered is how many characters a text may have once its placeholders are filled in; what is beyond is cut off.
const maxRendered = 4_000

// render fills the placeholders of a text: {order.tracking} becomes the value of that fact, {data.carrier} that of the
// data that came with the effect. An amount (a path that ends in total, price or value) is written as money, a moment
// (now, at or a name that ends in _at) as date and time in the time zone of the campaign file, an absent fact as nothing.
// Chinese texts have yuan by their name and leave the zone out where it is Chinese time; English ones have codes and zones.
//
// Of the facts only those count that the manifest names, because a mechanic may not show what it may not read; without
// a manifest, for texts that the campaign file itself has, all do. Every other pair of braces stays as it is.
func render(def *Campaign, text Text, facts *Facts, m *Manifest, data Object) Text {
	r := renderer{def: def, facts: facts, manifest: m, data: data}
	zh := r
	zh.chinese = true
	return Text{EN: r.fill(text.EN), ZH: zh.fill(text.ZH)}
}

// notification is the text of a template of the campaign file, with the facts and the data of the effect that asks for
// it; false when the file has no such template.
func notification(def *Campaign, template string, facts *Facts, data Object) (Text, bool) {
	text, ok := def.Templates[template]
	if !ok {
		return Text{}, false
	}
	return render(def, text, facts, nil, data), true
}

// renderer knows what the placeholders of a text stand for.
type renderer struct {
	def      *Campaign
	facts    *Facts
	manifest *Manifest
	data     Object
	chinese  bool // whether the text is the Chinese one
}

func (r *renderer) fill(text string) string {
	if !strings.Contains(text, "{") {
		return text
	}
	var out strings.Builder
	rest := text
	for {
		before, name, after, found := nextPlaceholder(rest)
		out.WriteString(before)
		if !found {
			return cut(out.String(), maxRendered)
		}
		if value, ok := r.value(name); ok {
			out.WriteString(value)
		} else {
			out.WriteString("{" + name + "}")
		}
		rest = after
	}
}

// value returns what the placeholder stands for, and whether it stands for anything.
func (r *renderer) value(name string) (string, bool) {
	if path, ok := strings.CutPrefix(name, dataPrefix); ok {
		return r.write(path, r.data.Lookup(path)), r.data != nil
	}
	named := r.manifest == nil || slices.Contains(r.manifest.Facts, name)
	if r.facts == nil || !named || !KnownFact(name) || (strings.HasPrefix(name, "config.") && r.facts.Config == nil) {
		return "", false
	}
	return r.write(name, r.facts.Lookup(name)), true
}

// write renders one value as people read it.
func (r *renderer) write(path string, v Value) string {
	switch v.Kind {
	case ValueInteger:
		return r.writeInteger(path, v.Int)
	case ValueString:
		return v.Str
	case ValueBoolean:
		return strconv.FormatBool(v.Int == 1)
	case ValueList:
		parts := make([]string, v.Len())
		for i := range parts {
			parts[i] = r.write("", v.At(i))
		}
		return strings.Join(parts, ", ")
	default:
		return ""
	}
}

func (r *renderer) writeInteger(path string, n int64) string {
	name := path[strings.LastIndexByte(path, '.')+1:]
	switch {
	case name == "total" || name == "price" || name == "value":
		return r.writeAmount(n)
	case n != 0 && isMoment(name):
		return r.writeMoment(time.UnixMilli(n))
	default:
		return strconv.FormatInt(n, 10)
	}
}

// writeAmount writes minor units of the campaign's currency.
func (r *renderer) writeAmount(n int64) string {
	if r.chinese {
		return money.FormatChinese(n, r.def.Currency)
	}
	return money.Format(n, r.def.Currency)
}

// writeMoment writes date and time in the time zone of the campaign file.
func (r *renderer) writeMoment(at time.Time) string {
	at = at.In(r.def.Phases.Sale.Location())
	if _, east := at.Zone(); r.chinese && east == chineseTime {
		return at.Format("2006-01-02 15:04")
	}
	return at.Format("2006-01-02 15:04 -07:00")
}

// isMoment reports whether the facts of the name are moments, in Unix milliseconds.
func isMoment(name string) bool {
	return name == "now" || name == "at" || strings.HasSuffix(name, "_at") || name == "sale_opens" || name == "sale_closes"
}

// cut returns at most so many characters of the text.
func cut(text string, most int) string {
	if len(text) <= most || utf8.RuneCountInString(text) <= most {
		return text
	}
	return string([]rune(text)[:most])
}

// chineseTime is how far the clocks of China are ahead of UTC, in seconds.
const chineseTime = 8 * 60 * 60

// dataPrefix is what the placeholders of an effect's data begin with.
const dataPrefix = "data."

// placeholderAlphabet is what the names between braces are made of.
const placeholderAlphabet = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-"

// nextPlaceholder cuts the text around its first placeholder: a name between braces.
func nextPlaceholder(text string) (before, name, after string, found bool) {
	for from := 0; ; {
		opening := strings.IndexByte(text[from:], '{')
		if opening < 0 {
			return text, "", "", false
		}
		opening += from
		length := strings.IndexByte(text[opening:], '}')
		if length < 0 {
			return text, "", "", false
		}
		name := text[opening+1 : opening+length]
		if isSpelled(name, 2*maxName, placeholderAlphabet) {
			return text[:opening], name, text[opening+length+1:], true
		}
		from = opening + 1
	}
}

// placeholders returns the names that stand between braces in a text, each as often as it does.
func placeholders(text string) iter.Seq[string] {
	return func(yield func(string) bool) {
		for {
			_, name, after, found := nextPlaceholder(text)
			if !found || !yield(name) {
				return
			}
			text = after
		}
	}
}

// knownPlaceholder reports whether the name between braces can stand for anything in a template. Braces around a single
// word are taken for braces: they stay.
func knownPlaceholder(name string) bool {
	if key, ok := strings.CutPrefix(name, dataPrefix); ok {
		return key != ""
	}
	return !strings.Contains(name, ".") || KnownFact(name)
}
