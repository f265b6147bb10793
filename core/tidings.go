package core

import (
	"time"

	"hotdrop/core/money"
)

// tidings is what a shopper is told about an order: by the campaign file's template of that name, or in these words.
type tidings struct {
	template string
	en, zh   string
}

// tell puts the tidings about the order into its shopper's inbox, in the transaction of what they are about.
func (m *moves) tell(o *Order, t tidings) {
	facts := &Facts{Now: m.at(), Shopper: ShopperFacts{ID: o.Shopper}, Order: orderFacts(o)}
	text, ok := notification(m.def, t.template, facts, nil)
	if !ok {
		text = Text{EN: t.en, ZH: t.zh}
	}
	d := Document{Kind: DocumentMessage, ID: newID(m.def.ID, m.now), Shopper: o.Shopper}
	message := Message{At: m.at(), Text: text, Template: t.template}
	m.plan.Documents = append(m.plan.Documents, d.write(MessageReceived, 0, message))
}

// tellRefund tells that the order was refunded.
func (m *moves) tellRefund(o *Order) {
	sum := int64(0)
	for i := range o.Dues {
		if o.Dues[i].State == DueRefunded {
			sum += o.Dues[i].Amount
		}
	}
	en, zh := amountIn(sum, o.Currency)
	m.tell(o, tidings{
		template: "refunded",
		en:       "Order " + o.ID + " was refunded: you get " + en + " back.",
		zh:       "订单 " + o.ID + " 已退款：" + zh + "。",
	})
}

// amountIn writes an amount for both texts of tidings.
func amountIn(amount int64, currency string) (en, zh string) {
	return money.Format(amount, currency), money.FormatChinese(amount, currency)
}

// momentIn writes a moment for both texts of tidings, in the time zone of the campaign file, as placeholders do.
func momentIn(def *Campaign, at time.Time) (en, zh string) {
	english, chinese := renderer{def: def}, renderer{def: def, chinese: true}
	return english.writeMoment(at), chinese.writeMoment(at)
}
