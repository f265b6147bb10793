package core

import "strings"

// auditedLink is what claims say of a link.
type auditedLink struct {
	owner   string // the shopper whose claim says that it is theirs
	visits  int64
	socials int64 // two for each repost: the event's and the account's
}

// noteLink counts the claim for its link, whose document comes later.
func (a *audit) noteLink(c Claim) {
	link := a.links[c.Owner]
	if link == nil {
		link = &auditedLink{}
		a.links[c.Owner] = link
	}
	switch c.Kind {
	case ClaimShare:
		link.owner = c.Shopper
	case ClaimVisit:
		link.visits++
	default:
		link.socials++
	}
}

// VisitDocument implements [BookVisitor]. Draws come before their entries.
func (a *audit) VisitDocument(d *Document) {
	a.summary.Documents++
	var err error
	switch d.Kind {
	case DocumentVoucher:
		err = visit(d, a.visitVoucher)
	case DocumentGroup:
		err = visit(d, a.visitGroup)
	case DocumentShare:
		err = visit(d, a.visitShare)
	case DocumentDraw:
		err = visit(d, a.visitDraw)
	case DocumentEntry:
		err = visit(d, a.visitEntry)
	case DocumentSignup:
		err = visit(d, a.visitSignup)
	case DocumentTask:
		err = visit(d, a.visitTask)
	case DocumentRoom:
		err = visit(d, a.visitRoom)
	default: // nothing else is counted anywhere
	}
	if err != nil {
		a.find(string(d.Kind), d.ID, "its content cannot be read: %v", err)
	}
}

// visit reads the document and has its content visited.
func visit[T any](d *Document, content func(d *Document, content *T)) error {
	c, err := read[T](d)
	if err == nil {
		content(d, c)
	}
	return err
}

func (a *audit) visitVoucher(d *Document, v *Voucher) {
	a.taken[PoolCounter(v.Pool)]++
	claim := claimKey{voucherScope(d.ID), ClaimVoucher, d.ID}
	voiding, refunded := a.refunded[v.Source]
	switch claimant, claimed := a.vouchers[d.ID]; {
	case d.State == VoucherVoid && (a.loose[claim] != v.Source || !refunded):
		a.find(string(d.Kind), d.ID, "void, and the order %s that it was granted for is not refunded, or does not claim it", v.Source)
	case d.State == VoucherVoid:
		delete(a.loose, claim)
	case d.State == VoucherGranted && refunded && !voiding && !claimed:
		a.find(string(d.Kind), d.ID, "granted, and the order %s that it was granted for is refunded", v.Source)
	case claimed && claimant == v.Source:
		a.find(string(d.Kind), d.ID, "%s, and the order %s that it was granted for claims it", d.State, v.Source)
	}
	delete(a.vouchers, d.ID)
}

// visitGroup checks that the members are orders that wait, or waited, for this group.
func (a *audit) visitGroup(d *Document, g *Group) {
	kind := string(d.Kind)
	if int64(len(g.Members)) > g.Size || d.State == GroupComplete && int64(len(g.Members)) != g.Size {
		a.find(kind, d.ID, "%s, %d of %d seats are taken", d.State, len(g.Members), g.Size)
	}
	for _, order := range g.Members {
		seat, known := a.seats[order]
		switch {
		case !known || seat.group != d.ID:
			a.find(kind, d.ID, "order %s has a seat, and does not exist, does not wait for it, or has two", order)
		case d.State == GroupComplete && !seat.paid():
			a.find(kind, d.ID, "complete, and its member %s is %s", order, seat.state)
		case d.State == GroupComplete && seat.open:
			a.find(kind, d.ID, "complete, and its member %s still waits for it", order)
		}
		delete(a.seats, order)
	}
}

// paid reports whether the order was paid, whatever has become of it since.
func (s *auditedSeat) paid() bool {
	switch s.state {
	case OrderPaid, OrderShipped, OrderDelivered, OrderRefunded:
		return true
	default:
		return false
	}
}

// visitShare holds a link's counts against the claims of who came through it, or reposted it.
func (a *audit) visitShare(d *Document, s *Share) {
	link := a.links[d.ID]
	delete(a.links, d.ID)
	if link == nil {
		link = &auditedLink{}
	}
	if link.owner != d.Shopper {
		a.find(string(d.Kind), d.ID, "it is the link of %q, and claimed by %q", d.Shopper, link.owner)
	}
	if link.visits != s.Visitors || link.socials != 2*s.Reposts {
		a.find(string(d.Kind), d.ID, "%d visitors with %d claims, %d reposts with %d claims, which should be two each",
			s.Visitors, link.visits, s.Reposts, link.socials)
	}
}

func (a *audit) visitDraw(d *Document, draw *Draw) {
	a.draws[d.ID] = struct{}{}
	a.taken[DrawCounter(d.ID)] += draw.Rest
	for _, shopper := range draw.Winners {
		id := entryID(d.ID, shopper)
		if _, twice := a.winners[id]; twice {
			a.find(string(d.Kind), d.ID, "%s won twice", shopper)
		}
		a.winners[id] = struct{}{}
	}
	if int64(len(draw.Winners)) > draw.Places {
		a.find(string(d.Kind), d.ID, "%d won, and there are %d places", len(draw.Winners), draw.Places)
	}
}

func (a *audit) visitEntry(d *Document, e *Entry) {
	draw, _, _ := strings.Cut(d.ID, "/")
	delete(a.winners, d.ID)
	if _, ok := a.draws[draw]; !ok {
		a.find(string(d.Kind), d.ID, "the draw does not exist")
	}
	if e.Weight < 1 {
		a.find(string(d.Kind), d.ID, "its weight is %d", e.Weight)
	}
	a.taken[DrawCounter(draw)] += e.Weight
}

// visitSignup counts what a sign-up took.
func (a *audit) visitSignup(d *Document, s *Signup) {
	a.take(s.Takes)
	for _, claim := range s.Claims {
		claim.Shopper = claim.Kind.scope(d.Shopper, claim.Key)
		if owner, ok := a.loose[claim.id()]; !ok || owner != d.ID {
			a.find("claim", claim.Shopper+" "+claim.Key, "the sign-up says that it holds it, its owner is %q", owner)
		}
		delete(a.loose, claim.id())
	}
}

// visitTask remembers that money is on its way back, and vouchers are about to become void.
func (a *audit) visitTask(d *Document, t *Task) {
	switch t.What { //nolint:exhaustive // the others leave nothing undone that the books show
	case taskRefund:
	case taskVoid:
		a.refunded[t.Subject] = true
		return
	default:
		return
	}
	payment := a.payments[paymentID(t.Subject, t.Due)]
	if payment == nil || payment.state != DueRefunded {
		a.find(string(d.Kind), d.ID, "it gives back what order %s does not call refunded", t.Subject)
		return
	}
	payment.returning = true
}

// finishDocuments checks what only all documents show.
func (a *audit) finishDocuments() {
	for code, order := range a.vouchers {
		a.find(string(DocumentVoucher), code, "order %s redeems it, and it does not exist", order)
	}
	for code := range a.links {
		a.find(string(DocumentShare), code, "claims name it, and it does not exist")
	}
	for order, seat := range a.seats {
		if seat.open {
			a.find("order", order, "it waits for the group %s and has no seat in it", seat.group)
		}
	}
	for entry := range a.winners {
		a.find(string(DocumentEntry), entry, "it won, and does not exist")
	}
}
