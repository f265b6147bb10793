package core

// Render lets a test fill the placeholders of a text.
func Render(def *Campaign, text Text, facts *Facts, m *Manifest, data Object) Text {
	return render(def, text, facts, m, data)
}

// FactsOfOrder lets a test see what mechanics are told of an order.
func FactsOfOrder(o *Order) OrderFacts { return orderFacts(o) }
