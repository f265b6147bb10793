package core

import (
	"bytes"
	"encoding/json"
	"errors"
	"strconv"
	"strings"
	"time"
)

// errErased says that a pinned decision has lost the facts that it was made about.
var errErased = errors.New("the shopper's facts were erased")

// erased says why the decision cannot be made again.
func (p *pinnedQuote) erased() string {
	return "the shopper's data was erased at " + time.UnixMilli(p.ErasedAt).UTC().Format(time.RFC3339) +
		", and with it the facts of this decision: what it came to stays, it cannot be decided again"
}

// erasedAt is when the facts of the pinned decision were erased, Unix milliseconds; 0 if they are there.
func erasedAt(quote json.RawMessage) int64 {
	if !bytes.Contains(quote, []byte(`"erased_at":`)) {
		return 0
	}
	var pinned struct {
		ErasedAt int64 `json:"erased_at"`
	}
	_ = json.Unmarshal(quote, &pinned) // what cannot be read has nothing to say
	return pinned.ErasedAt
}

// jsonObject is an object of which some members are changed, and the others stay as they are written.
type jsonObject map[string]json.RawMessage

func readObject(text []byte) (jsonObject, error) {
	var o jsonObject
	err := json.Unmarshal(text, &o)
	return o, err
}

// text is the object with sorted names and without spaces.
func (o jsonObject) text() json.RawMessage {
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	_ = encoder.Encode(o) // what was decoded always encodes
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}

// pin is the pinned decision without what it knew of its shopper: facts shopper.*, what the shopper submitted or wrote, and every
// text that a mechanic made of it. Effects keep their amounts, so that totals can still be told.
func (x *eraser) pin(quote json.RawMessage) (json.RawMessage, error) {
	if len(quote) == 0 || erasedAt(quote) > 0 {
		return quote, nil
	}
	pinned, err := readObject(quote)
	if err != nil {
		return nil, err
	}
	if facts, ok := pinned["facts"]; ok {
		if pinned["facts"], err = x.facts(facts); err != nil {
			return nil, err
		}
	}
	if pinned["bindings"], err = erasedSteps(pinned["bindings"]); err != nil {
		return nil, err
	}
	pinned["erased_at"] = strconv.AppendInt(nil, x.at, 10)
	return pinned.text(), nil
}

// facts are the facts without the shopper.
func (x *eraser) facts(text json.RawMessage) (json.RawMessage, error) {
	facts, err := readObject(text)
	if err != nil {
		return nil, err
	}
	delete(facts, "shopper")
	delete(facts, "input")
	delete(facts, "message")
	for name, change := range map[string]func(jsonObject){
		"order": func(o jsonObject) { delete(o, "tracking") },
		"group": func(o jsonObject) {
			if bytes.Equal(o["leader"], appendString(nil, x.shopper)) {
				o["leader"] = appendString(nil, x.tombstone)
			}
		},
	} {
		if facts[name] == nil {
			continue
		}
		part, err := readObject(facts[name])
		if err != nil {
			return nil, err
		}
		change(part)
		facts[name] = part.text()
	}
	return facts.text(), nil
}

// erasedSteps are the parts of a decision's bindings without their texts.
func erasedSteps(text json.RawMessage) (json.RawMessage, error) {
	var steps []jsonObject
	if len(text) == 0 {
		return json.RawMessage("[]"), nil
	}
	if err := json.Unmarshal(text, &steps); err != nil {
		return nil, err
	}
	for _, step := range steps {
		var effects []Effect
		if err := unmarshalMember(step, "effects", &effects); err != nil {
			return nil, err
		}
		for i := range effects {
			effects[i] = effects[i].erased()
		}
		step["effects"], _ = json.Marshal(append([]Effect{}, effects...)) // plain data always encodes
		var failure string
		if err := unmarshalMember(step, "failure", &failure); err != nil {
			return nil, err
		}
		if code, _, said := strings.Cut(failure, ": "); said {
			step["failure"] = appendString(nil, code)
		}
	}
	list := []byte{'['}
	for i, step := range steps {
		if i > 0 {
			list = append(list, ',')
		}
		list = append(list, step.text()...)
	}
	return append(list, ']'), nil
}

func unmarshalMember(o jsonObject, name string, into any) error {
	if o[name] == nil {
		return nil
	}
	return json.Unmarshal(o[name], into)
}

// erased is the effect without what a mechanic may have made of the facts: keys, values, data and texts.
func (e *Effect) erased() Effect {
	kept := Effect{Kind: e.Kind, Amount: e.Amount, Credit: e.Credit, Units: e.Units, Seconds: e.Seconds, Name: e.Name}
	switch e.Kind {
	case EffectOnce, EffectTag:
		kept.Name = ""
	case EffectOblige, EffectNotify:
		kept.Data = "{}"
	default:
	}
	return kept
}

// submitted are the texts and larger numbers of the facts that are the shopper's own, as a label may repeat them.
func submitted(quote json.RawMessage) []string {
	var pinned struct {
		Facts struct {
			Shopper json.RawMessage `json:"shopper"`
			Input   json.RawMessage `json:"input"`
			Message json.RawMessage `json:"message"`
		} `json:"facts"`
	}
	_ = json.Unmarshal(quote, &pinned) // what cannot be read is refused elsewhere
	var texts []string
	for _, part := range []json.RawMessage{pinned.Facts.Shopper, pinned.Facts.Input, pinned.Facts.Message} {
		decoder := json.NewDecoder(bytes.NewReader(part))
		decoder.UseNumber()
		var value any
		if decoder.Decode(&value) == nil {
			texts = appendTexts(texts, value)
		}
	}
	return texts
}

// leastRepeated is how long a text must be to say anything about somebody if a label has it.
const leastRepeated = 3

// appendTexts appends the texts and numbers of a JSON value.
func appendTexts(texts []string, value any) []string {
	switch v := value.(type) {
	case string:
		if len(v) >= leastRepeated {
			texts = append(texts, v)
		}
	case json.Number:
		if len(v) >= leastRepeated {
			texts = append(texts, v.String())
		}
	case []any:
		for _, element := range v {
			texts = appendTexts(texts, element)
		}
	case map[string]any:
		for _, member := range v {
			texts = appendTexts(texts, member)
		}
	}
	return texts
}
