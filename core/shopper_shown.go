package core

import "encoding/json"

// shownPin is a pinned decision as a shopper may read it: without what it says of the brand's budget, limits and stock, which are
// not about the shopper.
func shownPin(pin json.RawMessage) json.RawMessage {
	pin = withoutMembers(pin, "budget_left", "floors", "guardrails")
	return shownMember(pin, "facts", func(facts json.RawMessage) json.RawMessage {
		facts = withoutMembers(facts, "quota")
		return shownMember(facts, "item", func(item json.RawMessage) json.RawMessage { return withoutMembers(item, "left", "sold", "stock") })
	})
}

// withoutMembers is the object without some of its members. Of a text that is no object nothing is known to be the shopper's: it is null.
func withoutMembers(text json.RawMessage, names ...string) json.RawMessage {
	o, err := readObject(text)
	if err != nil {
		return json.RawMessage("null")
	}
	for _, name := range names {
		delete(o, name)
	}
	return o.text()
}

// shownMember is the object with one of its members as show makes it; without that member it stays as it is.
func shownMember(text json.RawMessage, name string, show func(json.RawMessage) json.RawMessage) json.RawMessage {
	o, err := readObject(text)
	if err != nil || o[name] == nil {
		return text
	}
	o[name] = show(o[name])
	return o.text()
}
