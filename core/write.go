package core

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

const (
	// maxMessage is how many characters a shopper's message may have.
	maxMessage = 1_000
	// maxMessages is how many messages one shopper may write to one campaign.
	maxMessages = 200
	// maxReplies is how many replies one message may get; what mechanics say beyond that is not written.
	maxReplies = 16
)

// InboxKept is the only state of an inbox's record.
const InboxKept = "kept"

// Inbox is what a campaign remembers of a shopper's inbox beside the messages.
type Inbox struct {
	Sent int64 `json:"sent"` // how many messages the shopper has written
}

// errWritten tells that a message is in the store already: the commit whose answer was lost has written it.
var errWritten = errors.New("the message is written already")

// Write sends the campaign a message of the shopper's and returns it with the replies that mechanics gave at once; there
// may be none. Everything is written in one transaction, and durable when Write returns. It fails with invalid for an
// empty or too long text, and with limit_reached after 200 messages.
func (e *Engine) Write(
	ctx context.Context, campaignID string, shopper Principal, text string,
) (sent *MessageView, replies []*MessageView, err error) {
	text, err = checkMessage(text)
	if err != nil {
		return nil, nil, err
	}
	c, err := e.shopperCampaign(ctx, campaignID, &shopper)
	if err != nil {
		return nil, nil, err
	}
	for range maxDecisions {
		l, err := c.decideMessage(ctx, &shopper, text)
		if err != nil {
			return nil, nil, err
		}
		err = c.submit(ctx, l.intent)
		if err != nil && !errors.Is(err, errWritten) {
			return nil, nil, err
		}
		if l.intent.verdict != verdictAgain {
			return l.views[0], l.views[1:], nil
		}
		c.view.outdate()
	}
	return nil, nil, storeError(ErrConflict)
}

// checkMessage returns the text without the space around it, if it is one that can be sent.
func checkMessage(text string) (string, error) {
	text = strings.TrimSpace(text)
	isControl := func(r rune) bool { return unicode.IsControl(r) && r != '\n' && r != '\t' && r != '\r' }
	switch {
	case text == "":
		return "", Errorf(CodeInvalid, "a message must not be empty")
	case utf8.RuneCountInString(text) > maxMessage:
		return "", Errorf(CodeInvalid, "a message has at most %d characters", maxMessage)
	case !utf8.ValidString(text) || strings.ContainsFunc(text, isControl):
		return "", Errorf(CodeInvalid, "a message is plain text")
	}
	return text, nil
}

// letter is a message on its way into the inbox, with what is written because of it.
type letter struct {
	campaign string
	shopper  string
	now      time.Time
	intent   *intent
	views    []*MessageView // the message, then the replies
}

// add writes one more message. Its time is a millisecond after that of the one before, so that they sort as they were
// written.
func (l *letter) add(state string, text Text, answers string) {
	at := later(l.now, len(l.views))
	m, id := Message{At: at.UnixMilli(), Text: text, Reply: answers}, newID(l.campaign, at)
	l.views = append(l.views, m.view(l.campaign, id, state))
	l.intent.edits = append(l.intent.edits, messageEdit(id, l.shopper, m, state))
}

// decideMessage asks the mechanics about the message and returns what is to be written.
func (c *campaign) decideMessage(ctx context.Context, shopper *Principal, text string) (*letter, error) {
	snap, now := c.snapshot.Load(), c.engine.now()
	kept, noted := DocumentKey{DocumentInbox, shopper.ID}, DocumentKey{DocumentTags, shopper.ID}
	known, err := c.fetchAll(ctx, &load{shopper: shopper.ID, wanted: []DocumentKey{kept, noted}})
	if err != nil {
		return nil, err
	}
	l := &letter{campaign: c.id, shopper: shopper.ID, now: now, intent: &intent{epoch: snap.record.Epoch}}
	for _, key := range []DocumentKey{kept, noted} {
		if d := known.documents[key]; d != nil {
			l.intent.documents = append(l.intent.documents, d)
		}
	}
	l.add(MessageSent, Text{EN: text}, "")
	l.intent.edits = []edit{once(l.intent.edits[0]), countMessage(shopper.ID)}
	if !snap.asks(HookMessage) {
		return l, nil
	}
	order, err := c.latestOrder(ctx, known.state)
	if err != nil {
		return nil, err
	}
	facts := snap.messageFacts(now, text, shopper, known.state, order, l.intent.documents)
	c.reply(l, snap, &facts)
	return l, nil
}

// messageFacts are the facts of the hook message; order is nil without one, and documents hold the shopper's tags.
func (s *snapshot) messageFacts(
	now time.Time, text string, shopper *Principal, known *ShopperState, order *Order, documents []*Document,
) Facts {
	facts := Facts{
		Now: now.UnixMilli(), Campaign: s.campaignFacts(now), Message: MessageFacts{Text: text},
		Shopper: shopper.facts(known.count(ClaimOrder, "")),
	}
	facts.Shopper.Tags = append(slices.Clip(facts.Shopper.Tags), tagsOf(documents)...)
	if order != nil {
		facts.Order = orderFacts(order)
	}
	return facts
}

// reply asks the mechanics and adds what they say. One that fails must not cost the shopper the message: it is then
// written without replies.
func (c *campaign) reply(l *letter, snap *snapshot, facts *Facts) {
	def := snap.definition()
	ruleset, _ := snap.arm(&facts.Shopper)
	d, err := ruleset.decide(HookMessage, facts, def, -1)
	if err != nil {
		c.engine.log.Warn("nobody could answer a message", "campaign", c.id, "message", l.views[0].ID, "error", err)
		return
	}
	c.remarkSteps(HookMessage, d)
	for i := range d.notes {
		switch n := &d.notes[i]; {
		case n.effect.Kind == EffectTag:
			l.intent.edits = append(l.intent.edits, tagEdit(l.shopper, n.effect.Name, n.effect.Value))
		case n.effect.Kind == EffectReply && len(l.views) <= maxReplies:
			l.add(MessageReceived, render(def, n.effect.Text, facts, n.manifest, nil), l.views[0].ID)
		}
	}
}

// once makes an insertion fail with errWritten if the document is there: whatever else is to be written with it is
// written then, too.
func once(e edit) edit {
	return edit{key: e.key, apply: func(current *Document) (*Document, error) {
		if current != nil {
			return nil, errWritten
		}
		return e.apply(nil)
	}}
}

// countMessage counts one more message of the shopper's and refuses when there are too many.
func countMessage(shopper string) edit {
	key := DocumentKey{DocumentInbox, shopper}
	return edit{key: key, apply: func(current *Document) (*Document, error) {
		inbox, d := &Inbox{}, &Document{Kind: key.Kind, ID: key.ID, Shopper: shopper}
		if current != nil {
			var err error
			if inbox, err = read[Inbox](current); err != nil {
				return nil, err
			}
			d = current
		}
		if inbox.Sent >= maxMessages {
			return nil, Errorf(CodeLimitReached, "at most %d messages per shopper and campaign", maxMessages)
		}
		return d.write(InboxKept, 0, Inbox{Sent: inbox.Sent + 1}), nil
	}}
}
