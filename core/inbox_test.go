package core_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"hotdrop/core"
)

// answering replies to what is asked about an order and notes who asked; everything else it leaves alone.
func answering() promotions {
	reads := []string{"message.text", "order.id", "order.state", "order.total", "order.tracking", "shopper.tags"}
	return promoting([]core.Hook{core.HookMessage}, reads, func(_ core.Hook, f *core.Facts) []core.Effect {
		switch {
		case f.Message.Text == "tags?":
			return []core.Effect{{Kind: core.EffectReply, Text: core.Text{EN: "{shopper.tags}"}}}
		case f.Message.Text == "many":
			return slices.Repeat([]core.Effect{{Kind: core.EffectReply, Text: core.Text{EN: "again"}}}, 20)
		case f.Message.Text == "nonsense":
			return []core.Effect{{Kind: core.EffectPrice, Amount: 1}}
		case !strings.Contains(f.Message.Text, "order"):
			return nil
		case f.Order.ID == "":
			return []core.Effect{{Kind: core.EffectReply, Text: core.Text{EN: "You have no order yet", ZH: "您还没有订单"}}}
		}
		return []core.Effect{
			{Kind: core.EffectReply, Text: core.Text{EN: "{order.id} of {order.total} is {order.state} {shopper.id}"}},
			{Kind: core.EffectReply, Text: core.Text{EN: "Tracking: {order.tracking}"}},
			{Kind: core.EffectTag, Name: "asked", Value: f.Order.State},
		}
	})
}

func shopper(id string) core.Principal {
	return core.Principal{ID: id, Role: core.RoleShopper, Tags: []string{"vip"}}
}

func (d *drop) write(id, text string) (*core.MessageView, []*core.MessageView) {
	d.t.Helper()
	sent, replies, err := d.Write(d.t.Context(), "phone", shopper(id), text)
	must(d.t, err)
	return sent, replies
}

// inbox reads the whole inbox in pages of the size.
func (d *drop) inbox(e *core.Engine, id string, size int) []*core.MessageView {
	d.t.Helper()
	var all []*core.MessageView
	for cursor, more := "", true; more; more = cursor != "" {
		page, err := e.Inbox(d.t.Context(), id, cursor, size)
		must(d.t, err)
		all = append(all, page.Data...)
		cursor = page.Next
	}
	return all
}

func textsOf(messages []*core.MessageView) []string {
	texts := make([]string, len(messages))
	for i, m := range messages {
		texts[i] = m.Text.EN
	}
	return texts
}

func wantTexts(t *testing.T, messages []*core.MessageView, want ...string) {
	t.Helper()
	if got := textsOf(messages); !slices.Equal(got, want) {
		t.Errorf("messages are %q, want %q", got, want)
	}
}

func TestAMessageIsAnsweredFromTheShoppersLatestOrder(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		d, other := newPromotion(t, s, answering(), nil)
		sent, replies := d.write("ann", "  where is my order? \n")
		wantTexts(t, replies, "You have no order yet")
		if sent.State != core.MessageSent || sent.Text.EN != "where is my order?" || replies[0].Reply != sent.ID ||
			replies[0].State != core.MessageReceived || replies[0].Text.ZH != "您还没有订单" {
			t.Errorf("sent %+v, answered %+v", sent, replies[0])
		}
		d.place("ann")
		d.clock.advance(time.Second)
		latest, _, err := d.Place(t.Context(), buy("ann", "second"))
		must(t, err)
		d.clock.advance(time.Second)
		_, replies = d.write("ann", "my order")
		answer := latest.ID + " of 1999.00 CNY is placed {shopper.id}"
		wantTexts(t, replies, answer, "Tracking: ")
		d.clock.advance(time.Second)
		_, replies, err = other.Write(t.Context(), "phone", shopper("ann"), "tags?") // noted with the answer
		must(t, err)
		wantTexts(t, replies, "vip, asked=placed")
		d.clock.advance(time.Second)
		_, replies = d.write("ann", "thank you")
		wantTexts(t, replies)
		for _, size := range []int{1, 2, 3, 100} {
			all := d.inbox(other, "ann", size)
			wantTexts(t, all[:1], "thank you")
			wantTexts(t, all[3:], "Tracking: ", answer, "my order", "You have no order yet", "where is my order?")
		}
		if got := d.inbox(d.Engine, "bob", 10); len(got) != 0 {
			t.Errorf("bob reads %+v", got)
		}
	})
}

func TestAMessageIsKeptWhateverItsMechanicDoes(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		d, _ := newPromotion(t, s, answering(), nil)
		_, replies := d.write("ann", "nonsense")
		wantTexts(t, replies)
		wantTexts(t, d.inbox(d.Engine, "ann", 10), "nonsense")
		d.clock.advance(time.Second)
		_, replies = d.write("ann", "many")
		if len(replies) != 16 {
			t.Errorf("%d replies", len(replies))
		}
	})
}

func TestWhatIsNoMessageIsRefused(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		d, _ := newPromotion(t, s, answering(), nil)
		for name, text := range map[string]string{
			"nothing": "", "only space": " \n\t ", "too long": strings.Repeat("单", 1001), "a control character": "a\x00b", "no UTF-8": "a\xffb",
		} {
			_, _, err := d.Write(t.Context(), "phone", shopper("ann"), text)
			if core.CodeOf(err) != core.CodeInvalid {
				t.Errorf("%s: %v", name, err)
			}
		}
		_, _, err := d.Write(t.Context(), "nope", shopper("ann"), "hello")
		wantCode(t, err, core.CodeNotFound)
		d.write("ann", strings.Repeat("单", 1000))
		d.clock.advance(time.Second)
		d.write("ann", "a\nb\tc\r\nd")
		if got := d.inbox(d.Engine, "ann", 10); len(got) != 2 {
			t.Errorf("%d messages", len(got))
		}
	})
}

// TestAShopperWrites200MessagesAtMost lets 260 of them arrive at two nodes at once.
func TestAShopperWrites200MessagesAtMost(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		d, other := newPromotion(t, s, answering(), nil)
		var written atomic.Int64
		var rush sync.WaitGroup
		for i := range 260 {
			rush.Go(func() {
				_, _, err := []*core.Engine{d.Engine, other}[i%2].Write(context.Background(), "phone", shopper("ann"), fmt.Sprint("message ", i))
				switch core.CodeOf(err) {
				case "":
					written.Add(1)
				case core.CodeLimitReached:
				default:
					t.Errorf("message %d: %v", i, err)
				}
			})
		}
		rush.Wait()
		all := d.inbox(d.Engine, "ann", 70)
		if written.Load() != 200 || len(all) != 200 {
			t.Errorf("%d written, %d in the inbox", written.Load(), len(all))
		}
		slices.SortFunc(all, func(a, b *core.MessageView) int { return strings.Compare(a.ID, b.ID) })
		if unique := slices.CompactFunc(all, func(a, b *core.MessageView) bool { return a.ID == b.ID }); len(unique) != 200 {
			t.Errorf("%d different ones", len(unique))
		}
		_, _, err := other.Write(t.Context(), "phone", shopper("ann"), "one more")
		wantCode(t, err, core.CodeLimitReached)
		d.write("bob", "nobody else")
	})
}

func TestRemindersComeByTheClockToThoseWhoReserved(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		d, other := newPromotion(t, s, answering(), func(c *core.Campaign) {
			c.Templates = map[string]core.Text{
				"soon": {EN: "Number {reservation.position}, it opens at {campaign.sale_opens}", ZH: "即将开抢"}, "now": {EN: "Now, {shopper.id}"},
			}
			c.Reminders = []core.Reminder{
				{Template: "soon", At: opening.Add(-20 * time.Minute)}, {Template: "now", At: opening, To: core.ToReservers},
			}
		})
		d.clock.advance(-30 * time.Minute)
		_, _, err := d.Reserve(t.Context(), "phone", shopper("ann"), "")
		must(t, err)
		d.write("ann", "hello")
		d.clock.advance(10*time.Minute - time.Millisecond)
		wantTexts(t, d.inbox(d.Engine, "ann", 10), "hello")
		d.clock.advance(time.Millisecond)
		_, _, err = d.Reserve(t.Context(), "phone", shopper("late"), "") // not before the first, but before the second
		must(t, err)
		wantTexts(t, d.inbox(other, "ann", 10), "Number 1, it opens at 2012-12-21 12:00 +00:00", "hello")
		d.clock.advance(20 * time.Minute)
		for _, size := range []int{1, 2, 3} {
			wantTexts(t, d.inbox(other, "ann", size), "Now, ann", "Number 1, it opens at 2012-12-21 12:00 +00:00", "hello")
		}
		wantTexts(t, d.inbox(d.Engine, "late", 10), "Now, late")
		wantTexts(t, d.inbox(d.Engine, "bob", 10))
		first := d.inbox(d.Engine, "ann", 10)[1]
		if first.Template != "soon" || first.State != core.MessageReceived || first.At != opening.Add(-20*time.Minute).UnixMilli() || !core.ValidOrderID(first.ID) {
			t.Errorf("the reminder is %+v", first)
		}
	})
}

func TestAnInboxIsOneForAllCampaigns(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		d, _ := newPromotion(t, s, answering(), nil)
		_, err := d.apply(d.with(func(c *core.Campaign) { c.ID = "another" }))
		must(t, err)
		want := []string{}
		for i := range 7 {
			text := fmt.Sprint("message ", i)
			_, _, err := d.Write(t.Context(), []string{"phone", "another"}[i%2], shopper("ann"), text)
			must(t, err)
			want = append([]string{text}, want...)
			d.clock.advance(time.Second)
		}
		for _, size := range []int{1, 2, 3, 7, 8} {
			wantTexts(t, d.inbox(d.Engine, "ann", size), want...)
		}
	})
}

// unheard loses the first answer about documents, after the commit.
type unheard struct {
	core.Store

	silent atomic.Bool
}

func (f *unheard) Apply(ctx context.Context, plan *core.Plan) (*core.Applied, error) {
	applied, err := f.Store.Apply(ctx, plan)
	if err == nil && len(plan.Documents) > 0 && !f.silent.Swap(true) {
		return nil, fmt.Errorf("connection reset: %w", core.ErrUnavailable)
	}
	return applied, err
}

func TestAMessageWhoseAnswerWasLostIsWrittenOnce(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		d, _ := newPromotion(t, s, answering(), nil)
		l := &unheard{Store: s}
		e := d.engine(answering(), func(o *core.Options) { o.Store = l })
		_, replies, err := e.Write(t.Context(), "phone", shopper("ann"), "my order")
		must(t, err)
		wantTexts(t, replies, "You have no order yet")
		wantTexts(t, d.inbox(d.Engine, "ann", 10), "You have no order yet", "my order")
		if !l.silent.Load() {
			t.Error("no answer was lost")
		}
		key := core.DocumentKey{Kind: core.DocumentInbox, ID: "ann"}
		state, err := s.Load(t.Context(), core.Query{Campaign: "phone", Brand: "xiaomi", Documents: []core.DocumentKey{key}})
		must(t, err)
		if got := string(state.Documents[key].Content); got != `{"sent":1}` {
			t.Errorf("counted are %s", got)
		}
	})
}

// flood is a drop in which every repost of a link brings its owner a notification.
func flood(t *testing.T, s store) *life {
	t.Helper()
	notifies := shows{"flood": {core.HookShare: asking(core.Effect{Kind: core.EffectNotify, Name: "hi"})}}
	return newLife(t, s, notifies, func(c *core.Campaign) {
		c.Templates = map[string]core.Text{"hi": {EN: strings.Repeat("x", 900), ZH: "x"}}
	})
}

func TestWhatOthersRepostFillsNobodysInbox(t *testing.T) {
	l := flood(t, sqliteStore(t))
	code := l.link("ann")
	for round := range 3 {
		var events []core.SocialEvent
		for i := range 500 {
			id := fmt.Sprint(round, "-", i)
			events = append(events, repost("event"+id, "account"+id, code))
		}
		_, err := l.Social(t.Context(), "weibo", events)
		must(t, err)
		l.clock.advance(time.Second)
	}
	if got := len(l.inbox(l.Engine, "ann", 1000)); got != 1000 {
		t.Errorf("1500 reposts brought %d notifications", got)
	}
	link, _, err := l.Share(t.Context(), "phone", aShopper("ann"))
	must(t, err)
	if link.Reposts != 1500 {
		t.Errorf("%d of 1500 reposts count", link.Reposts)
	}
	l.audit()
}

// reading notes how many documents the store is asked for.
type reading struct {
	core.Store

	most int
}

func (r *reading) ListDocuments(ctx context.Context, q core.DocumentQuery) ([]*core.Document, error) {
	r.most = max(r.most, q.Limit)
	return r.Store.ListDocuments(ctx, q)
}

func TestAPageOfTheInboxReadsNoMoreThanThePage(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		d, _ := newPromotion(t, s, answering(), nil)
		asked := &reading{Store: s}
		e := d.engine(answering(), func(o *core.Options) { o.Store = asked })
		for i := range 50 {
			d.clock.advance(time.Millisecond)
			d.write("ann", fmt.Sprint("message ", i))
			d.write("bob", "of somebody else")
		}
		got := textsOf(d.inbox(e, "ann", 7))
		for i, text := range got {
			if want := fmt.Sprint("message ", 49-i); text != want {
				t.Errorf("message %d is %q, not %q", i, text, want)
			}
		}
		if len(got) != 50 || asked.most != 8 {
			t.Errorf("%d messages, of which %d were asked for at once", len(got), asked.most)
		}
	})
}
