package core

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// PluginDeed is what somebody has sent of a plugin.
type PluginDeed string

// The deeds.
const (
	DeedUpload PluginDeed = "upload" // its bytes, whether or not they were there already
	DeedSign   PluginDeed = "sign"   // a signature of them
)

// why is the reason that the staff log has for the deed if nobody gave another.
func (d PluginDeed) why() string {
	if d == DeedSign {
		return "a signature of the bytes was sent"
	}
	return "the same bytes were sent again"
}

// PluginSender is a person who has sent a plugin's bytes, or a signature of them. It is remembered for as long as the plugin:
// none of the senders can approve it, whoever came first.
type PluginSender struct {
	By   string     `json:"by"`   // the person
	Deed PluginDeed `json:"deed"` // what the person sent first
	At   int64      `json:"at"`   // when that was, Unix milliseconds
}

// TakeSenders gives the plugin what a store has kept of who sent it: a JSON array in any order.
func (p *Plugin) TakeSenders(senders string) error {
	if err := json.Unmarshal([]byte(senders), &p.Senders); err != nil {
		return fmt.Errorf("the senders of the plugin %s: %w", p.Digest, err)
	}
	slices.SortFunc(p.Senders, func(a, b PluginSender) int {
		if a.At != b.At {
			return int(a.At - b.At)
		}
		return strings.Compare(a.By, b.By)
	})
	if len(p.Senders) == 0 {
		p.Senders = nil
	}
	return nil
}

// sent returns what the person has sent of the plugin, nil for nothing.
func (p *Plugin) sent(person string) *PluginSender {
	at := slices.IndexFunc(p.Senders, func(s PluginSender) bool { return samePerson(s.By, person) })
	if at < 0 {
		return nil
	}
	return &p.Senders[at]
}

// remember has the change keep that the actor has sent the plugin's bytes or a signature, and takes back what the actor has
// approved of it: nobody's word counts for what that person has brought.
func (r *PluginRegistry) remember(change *PluginChange, actor *Principal, deed PluginDeed, now int64) {
	p := change.Plugin
	if p.sent(actor.ID) != nil {
		return
	}
	sender := PluginSender{By: actor.ID, Deed: deed, At: now}
	p.Senders, change.Senders = append(slices.Clip(p.Senders), sender), []PluginSender{sender}
	r.withdraw(change, actor.ID, now)
}

// withdraw takes a person's approvals back, of what is in force and of what is proposed. Those of others stand; where they are
// too few the plugin is approved no more.
func (r *PluginRegistry) withdraw(change *PluginChange, person string, now int64) {
	const why = "who gave it has sent the plugin"
	p := change.Plugin
	if n := p.Proposed; n != nil {
		p.Proposed = n.without(person)
	}
	mine := p.approvalOf(p.Terms, person)
	if mine == nil {
		return
	}
	p.Notice = "your approval of it counts no more"
	left := without(p.Approvals, person)
	if proposed := p.Proposed; len(left) == 0 {
		change.void(now, why)
		r.succeed(change, proposed)
	} else {
		change.Void = &PluginVoid{At: now, Why: why, Person: mine.By}
		p.Approvals = left
	}
	if p.State == PluginApproved && len(p.Approvals) < r.needed {
		p.end(person, "one of those who approved it has sent it", now)
	}
}

// without is the proposal without the person's approval, nil where nobody else has approved it.
func (n *PluginProposal) without(person string) *PluginProposal {
	left := without(n.Approvals, person)
	if len(left) == 0 {
		return nil
	}
	return &PluginProposal{Terms: n.Terms, Approvals: left}
}

// without returns the approvals of everybody else.
func without(approvals []PluginApproval, person string) []PluginApproval {
	return slices.DeleteFunc(slices.Clone(approvals), func(a PluginApproval) bool { return samePerson(a.By, person) })
}

// sendAgain is the change by which somebody sends what is there already; nil where the person has sent it before.
func (r *PluginRegistry) sendAgain(actor *Principal, p *Plugin, deed PluginDeed) (*PluginChange, error) {
	if p.sent(actor.ID) != nil {
		return nil, nil //nolint:nilnil // nothing changes
	}
	before, now := *p, r.now().UnixMilli()
	change := &PluginChange{Plugin: p}
	r.remember(change, actor, deed, now)
	change.Entry = pluginEntry(now, *actor, "plugin."+string(deed), deed.why(), &before, p)
	if p.State == before.State {
		return change, nil
	}
	return change, p.moved(&before, PluginAction(deed))
}

// madeBy says what a person has to do with the plugin who therefore cannot approve it: that person has sent its bytes or a
// signature of them, has registered the key that it is signed by, or is named by its manifest as its author; "" for nothing.
// A manifest says what its author wants it to say.
func (p *Plugin) madeBy(person string) string {
	sender := p.sent(person)
	switch {
	case samePerson(person, p.UploadedBy), sender != nil && sender.Deed == DeedUpload:
		return "you have uploaded it"
	case sender != nil:
		return "you have signed it"
	case p.Signature != nil && samePerson(person, p.Signature.Registrar):
		return "you have registered the key that it is signed by"
	case names(p.Author, person):
		return "its manifest names you as its author"
	default:
		return ""
	}
}

// names reports whether the text has the name in it as words of their own, in whatever case.
func names(text, name string) bool {
	text, name = strings.ToLower(text), strings.ToLower(name)
	if name == "" {
		return false
	}
	for from := 0; ; {
		at := strings.Index(text[from:], name)
		if at < 0 {
			return false
		}
		from += at
		before, _ := utf8.DecodeLastRuneInString(text[:from])
		after, _ := utf8.DecodeRuneInString(text[from+len(name):])
		if !inWord(before) && !inWord(after) {
			return true
		}
		_, size := utf8.DecodeRuneInString(text[from:])
		from += size
	}
}

func inWord(r rune) bool {
	return r != utf8.RuneError && (unicode.IsLetter(r) || unicode.IsDigit(r) || unicode.IsMark(r))
}
