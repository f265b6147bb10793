package core

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"slices"
	"time"
)

// The states of a message: who wrote it.
const (
	MessageSent     = "sent"     // the shopper
	MessageReceived = "received" // the campaign
)

// Message is the content of a message in a shopper's inbox.
type Message struct {
	At       int64  `json:"at"` // Unix milliseconds
	Text     Text   `json:"text"`
	Template string `json:"template,omitempty"` // of a notification
	Reply    string `json:"reply,omitempty"`    // the message that it answers
}

// MessageView is a message as its shopper sees it.
type MessageView struct {
	ID       string
	Campaign string
	State    string // sent by the shopper, or received
	At       int64  // Unix milliseconds
	Text     Text
	Template string // of a notification or reminder; "" for others
	Reply    string // the id of the message that it answers; "" for others
}

// messageEdit puts a message into the shopper's inbox. Messages are told apart by their ids, which sort by time
// ([newID]); one that is there already stays as it is.
func messageEdit(id, shopper string, m Message, state string) edit {
	d := Document{Kind: DocumentMessage, ID: id, Shopper: shopper}
	return insert(d.write(state, 0, m))
}

// Inbox returns a page of the shopper's messages in every campaign, the newest first, and among them the reminders of
// those campaigns that the shopper reserved in. The cursor is the last id of the previous page, "" for the first page.
func (e *Engine) Inbox(ctx context.Context, shopper, cursor string, limit int) (Page[*MessageView], error) {
	page := Page[*MessageView]{Data: []*MessageView{}}
	if _, err := e.startOf(cursor); err != nil {
		return page, err
	}
	for _, id := range e.CampaignIDs() {
		c, err := e.campaign(ctx, id)
		if err != nil {
			return page, err
		}
		messages, err := c.inbox(ctx, shopper, cursor, limit+1)
		if err != nil {
			return page, err
		}
		page.Data = append(page.Data, messages...)
	}
	slices.SortFunc(page.Data, func(a, b *MessageView) int { return newestFirst(a.ID, b.ID) })
	if len(page.Data) > limit {
		page.Data = page.Data[:limit]
		page.Next = page.Data[limit-1].ID
	}
	return page, nil
}

// newestFirst orders ids of any campaigns: their own parts sort by time.
func newestFirst(a, b string) int {
	return cmp.Or(cmp.Compare(b[len(b)-idLength:], a[len(a)-idLength:]), cmp.Compare(a, b))
}

// inbox returns the shopper's messages in the campaign that come after the cursor, in no order: of those that are stored
// the first so many, and every reminder.
func (c *campaign) inbox(ctx context.Context, shopper, cursor string, limit int) ([]*MessageView, error) {
	messages, err := c.reminders(ctx, shopper)
	if err != nil {
		return nil, err
	}
	q := DocumentQuery{Campaign: c.id, Brand: c.brand, Kind: DocumentMessage, Shopper: shopper, Descending: true, Limit: limit}
	if cursor != "" {
		messages = slices.DeleteFunc(messages, func(m *MessageView) bool { return newestFirst(m.ID, cursor) <= 0 })
		q.Before = c.id + cursor[len(cursor)-idLength-1:]
	}
	documents, err := c.engine.store.ListDocuments(ctx, q)
	if err != nil {
		return nil, storeError(err)
	}
	for _, d := range documents {
		m, err := read[Message](d)
		if err != nil {
			return nil, storeError(err)
		}
		messages = append(messages, m.view(c.id, d.ID, d.State))
	}
	return messages, nil
}

func (m *Message) view(campaign, id, state string) *MessageView {
	return &MessageView{
		ID: id, Campaign: campaign, State: state, At: m.At, Text: m.Text, Template: m.Template, Reply: m.Reply,
	}
}

// reminders returns the reminders of the campaign file that have come for the shopper: those after the reservation. They
// are no rows: a million shoppers are reminded by a clock. In a demo, whose times jump, a reservation may look later than
// it was, so there every reminder that has come counts.
func (c *campaign) reminders(ctx context.Context, shopper string) ([]*MessageView, error) {
	snap, now := c.snapshot.Load(), c.engine.now()
	def := snap.definition()
	if !slices.ContainsFunc(def.Reminders, func(r Reminder) bool { return !now.Before(r.At) }) {
		return nil, nil
	}
	known, err := c.fetch(ctx, shopper, "")
	if err != nil || known.state == nil || known.state.Reservation == nil {
		return nil, err
	}
	var messages []*MessageView
	for _, r := range def.Reminders {
		reserved := snap.record.Demo || known.state.Reservation.At < r.At.UnixMilli()
		if now.Before(r.At) || !reserved {
			continue
		}
		facts := Facts{Now: r.At.UnixMilli(), Campaign: snap.campaignFacts(r.At), Shopper: ShopperFacts{ID: shopper}}
		facts.Reservation.At, facts.Reservation.Position = known.state.Reservation.At, known.state.Reservation.Position
		m := Message{At: r.At.UnixMilli(), Text: render(def, def.Templates[r.Template], &facts, nil, nil), Template: r.Template}
		messages = append(messages, m.view(c.id, reminderID(c.id, r), MessageReceived))
	}
	return messages, nil
}

// reminderID is the same on every node and at every time, and sorts among the ids of messages.
func reminderID(campaign string, r Reminder) string {
	var raw [16]byte
	var stamp [8]byte
	binary.BigEndian.PutUint64(stamp[:], uint64(r.At.UnixMilli()))
	sum := sha256.Sum256([]byte("reminder/" + r.Template))
	copy(raw[:6], stamp[2:])
	copy(raw[6:], sum[:])
	return string(appendBase32([]byte(campaign+"."), raw))
}

// orderFacts returns the facts order.* of an order as it stands.
func orderFacts(o *Order) OrderFacts {
	facts := OrderFacts{ID: o.ID, Total: o.Total, State: string(o.State), PaidAt: o.paidAt()}
	if len(o.Lines) > 0 {
		facts.SKU = o.Lines[0].SKU
	}
	if o.Shipment != nil {
		facts.Carrier, facts.Tracking = o.Shipment.Carrier, o.Shipment.Tracking
	}
	return facts
}

// latestOrder returns the shopper's last order in the campaign, nil if there is none.
func (c *campaign) latestOrder(ctx context.Context, known *ShopperState) (*Order, error) {
	latest := ""
	if known != nil {
		for i := range known.Claims {
			if known.Claims[i].Kind == ClaimOrder {
				latest = max(latest, known.Claims[i].Owner)
			}
		}
	}
	if latest == "" {
		return nil, nil //nolint:nilnil // nothing was ordered
	}
	loaded, err := c.fetch(ctx, "", latest)
	if err != nil {
		return nil, err
	}
	return loaded.found, nil
}

// later returns ids' time for the n-th of several messages of one moment, so that they sort in their order.
func later(now time.Time, n int) time.Time { return now.Add(time.Duration(n) * time.Millisecond) }
