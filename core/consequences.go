package core

import (
	"errors"
	"fmt"
	"time"
)

// errNoDraw is why an entry is left out whose draw has left the campaign file.
var errNoDraw = errors.New("the campaign has no such draw any more")

// consequences are what a decision writes beside an order or a reservation: documents, and takes from the counters that
// bound them.
type consequences struct {
	edits   []edit
	takes   []Take
	entered int64 // the weight of the entries into draws
	closed  bool  // a draw that was to be entered takes no more entries
}

func (c *consequences) add(e edit) { c.edits = append(c.edits, e) }

// consequences turns the notes of a decision about the shopper into what is to be written. source is what vouchers are
// granted for: an order's id, or what else the decision was about. It fails when a pool can no longer grant, or is gone, for
// somebody may bring it back. Left out are entries into a draw that is closed or gone, and messages that nobody can write
// any more.
func (c *campaign) consequences(
	snap *snapshot, facts *Facts, notes []note, shopper, source string, now time.Time,
) (consequences, error) {
	var out consequences
	for i := range notes {
		if err := c.consequence(&out, snap.definition(), facts, &notes[i], shopper, source, now); err != nil {
			return consequences{}, err
		}
	}
	return out, nil
}

func (c *campaign) consequence(
	out *consequences, def *Campaign, facts *Facts, n *note, shopper, source string, now time.Time,
) error {
	switch e := &n.effect; e.Kind {
	case EffectGrant:
		edits, take, err := grantEdits(def, e.Name, e.Units, shopper, source, now)
		if err != nil {
			return err
		}
		out.edits, out.takes = append(out.edits, edits...), append(out.takes, take)
	case EffectEnter:
		if !c.isOpen(def, e.Name, e.Units, now) {
			out.closed = true
			if _, ok := def.Draws[e.Name]; !ok {
				c.remark("an effect is left out", string(e.Kind)+"/"+e.Name, errNoDraw)
			}
			return nil
		}
		entered, take := enterEdit(e.Name, shopper, e.Units, now.UnixMilli())
		out.entered += e.Units
		out.add(entered)
		out.takes = append(out.takes, take)
	case EffectTag:
		out.add(tagEdit(shopper, e.Name, e.Value))
	case EffectNotify, EffectReply:
		message, err := writeMessage(def, facts, n, now)
		if err != nil {
			c.remark("an effect is left out", string(e.Kind)+"/"+e.Name, err)
			return nil
		}
		out.add(messageEdit(newID(c.id, now), shopper, message, MessageReceived))
	}
	return nil
}

// writeMessage renders a notification by its template, or a reply.
func writeMessage(def *Campaign, facts *Facts, n *note, now time.Time) (Message, error) {
	m := Message{At: now.UnixMilli()}
	if n.effect.Kind == EffectReply {
		m.Text = render(def, n.effect.Text, facts, n.manifest, nil)
		return m, nil
	}
	data := Object{}
	if n.effect.Data != "" {
		if err := data.UnmarshalJSON([]byte(n.effect.Data)); err != nil {
			return m, fmt.Errorf("the data of %s: %w", n.effect.Name, err)
		}
	}
	m.Template = n.effect.Name
	text, ok := notification(def, n.effect.Name, facts, data)
	if !ok {
		return m, fmt.Errorf("there is no template %q in this campaign any more", n.effect.Name)
	}
	m.Text = text
	return m, nil
}
