package core

import (
	"bytes"
	"maps"
	"slices"
	"strconv"
	"strings"

	"hotdrop/core/drawing"
)

// eraser makes of what a campaign keeps about a shopper what it shall keep.
type eraser struct {
	*shopperRows

	erasing   *erasing
	tombstone string
	at        int64                // Unix milliseconds
	keys      map[claimName]string // of claims whose key may say something about the shopper
	kept      map[string]int64
	deleted   map[string]int64
}

// claimName tells a shopper's claims apart.
type claimName struct {
	kind ClaimKind
	key  string
}

func newEraser(rows *shopperRows, x *erasing) *eraser {
	return &eraser{
		shopperRows: rows, erasing: x, tombstone: x.out.Tombstone, at: x.out.At,
		keys: map[claimName]string{}, kept: map[string]int64{}, deleted: map[string]int64{},
	}
}

// plan is everything that is to be written.
func (x *eraser) plan() (*Erasure, error) {
	c := x.campaign
	e := &Erasure{
		Campaign: c.id, Brand: c.brand, Shopper: x.shopper, Tombstone: x.tombstone, Arrival: x.tombstone,
	}
	var err error
	if x.known.Arrival != nil {
		if e.Arrival, err = x.arrival(); err != nil {
			return nil, err
		}
		x.kept["arrivals"]++
	}
	if x.known.Reservation != nil {
		x.kept["reservations"]++
	}
	for i := range x.known.Claims {
		from := x.known.Claims[i]
		e.Claims = append(e.Claims, ErasedClaim{From: from, To: x.claim(from)})
		x.kept["claims"]++
	}
	if e.Orders, err = x.allOrders(); err != nil {
		return nil, err
	}
	if e.Documents, err = x.documents(); err != nil {
		return nil, err
	}
	for _, r := range x.refusals {
		e.Refusals = append(e.Refusals, r.ID)
		x.deleted["refusals"]++
	}
	for _, r := range x.reports {
		r.Content = casesWithout(&r, namesShopper(x.shopper))
		e.Reports = append(e.Reports, r)
		x.deleted["cases of reports"]++
	}
	e.Entry = x.erasing.entry(c.brand, c.id, x.kept, x.deleted)
	return e, nil
}

// arrival is what an arrival in the waiting room has for its shopper: by it the arrival keeps its place.
func (x *eraser) arrival() (string, error) {
	room, err := x.campaign.storedRoom()
	if err != nil {
		return "", err
	}
	return erasedArrival + drawing.ArrivalNamer(room.seed, x.campaign.id)(x.shopper).String(), nil
}

// claim is the claim as it shall be. The keys of requests are what clients made up, and those of once effects what mechanics
// did: both may have anything in them.
func (x *eraser) claim(c Claim) Claim {
	next := Claim{Shopper: c.Shopper, Kind: c.Kind, Key: c.Key, Owner: c.Owner}
	if c.Shopper == x.shopper {
		next.Shopper = x.tombstone
	}
	if c.Owner == x.shopper { // a sign-up's
		next.Owner = x.tombstone
	}
	switch c.Kind {
	case ClaimOnce, ClaimOrder, ClaimPay, ClaimCancel:
		next.Key = x.key(c)
	default:
	}
	return next
}

// key is the same for the same claim, wherever it stands.
func (x *eraser) key(c Claim) string {
	name := claimName{c.Kind, c.Key}
	if x.keys[name] == "" {
		x.keys[name] = "erased/" + strconv.Itoa(len(x.keys)+1)
	}
	return x.keys[name]
}

// allOrders are the shopper's orders, and those of others that name the shopper, sorted by id.
func (x *eraser) allOrders() ([]*Order, error) {
	var list []*Order
	for _, o := range x.orders {
		next, err := x.order(o)
		if err != nil {
			return nil, err
		}
		list = append(list, next)
		x.kept["orders"]++
	}
	for _, o := range x.named {
		next := *o
		next.Quote = bytes.ReplaceAll(o.Quote, x.leader(x.shopper), x.leader(x.tombstone))
		list = append(list, &next)
		x.kept["orders of others in the shopper's groups"]++
	}
	slices.SortFunc(list, func(a, b *Order) int { return strings.Compare(a.ID, b.ID) })
	return list, nil
}

// leader is how a pinned decision names a group's leader.
func (x *eraser) leader(shopper string) []byte { return appendString([]byte(`"leader":`), shopper) }

// order is one of the shopper's orders as it shall be.
func (x *eraser) order(o *Order) (*Order, error) {
	next := o.copied()
	next.Shopper = x.tombstone
	next.Claims = make([]Claim, len(o.Claims))
	for i, claim := range o.Claims {
		next.Claims[i] = x.claim(claim)
	}
	repeated := submitted(o.Quote)
	next.Lines = slices.Clone(o.Lines)
	for i := range next.Lines {
		next.Lines[i].Labels = slices.DeleteFunc(slices.Clone(o.Lines[i].Labels), func(label Text) bool {
			return slices.ContainsFunc(repeated, func(text string) bool {
				return strings.Contains(label.EN, text) || strings.Contains(label.ZH, text)
			})
		})
	}
	for i := range next.Conditions {
		if next.Conditions[i].Kind != ConditionGroup {
			next.Conditions[i].Data = nil
		}
	}
	if o.Shipment != nil {
		shipment := *o.Shipment
		shipment.Tracking = ""
		next.Shipment = &shipment
	}
	var err error
	next.Quote, err = x.pin(o.Quote)
	return next, err
}

// documents are what a plan has to write of documents.
func (x *eraser) documents() ([]*Document, error) {
	record := ErasureRecord{At: x.at, ShopperSHA256: ShopperHash(x.campaign.brand, x.shopper)}
	done := &Document{Kind: DocumentErasure, ID: x.tombstone}
	list := []*Document{done.write(ErasureDone, x.at, record)}
	for _, d := range x.known.Documents {
		next, err := x.document(d)
		if err != nil {
			return nil, err
		}
		list = append(list, next...)
	}
	for _, g := range x.groups {
		if g.Leader == x.shopper {
			g.Leader = x.tombstone
			state, due := g.document.State, g.document.Due
			if g.deserted() { // nobody else can: and whoever came in now would have been told who leads it
				state, due, g.Settled = GroupFailed, 0, true
			}
			list = append(list, g.document.write(state, due, g.Group))
		}
	}
	for name, draw := range x.draws {
		if next := x.draw(name, draw); next != nil {
			list = append(list, next)
		}
	}
	return list, nil
}

// document is what becomes of one document.
func (x *eraser) document(d *Document) ([]*Document, error) {
	switch d.Kind {
	case DocumentVoucher, DocumentShare:
		next := *d
		next.Shopper = x.tombstone
		x.kept[string(d.Kind)+"s"]++
		return []*Document{&next}, nil
	case DocumentEntry:
		x.kept["entries"]++
		return x.entry(d)
	case DocumentSignup:
		x.kept["sign-ups"]++
		return x.signup(d)
	default:
		x.deleted[string(d.Kind)]++
		return []*Document{gone(d)}, nil
	}
}

// entry is an entry into a draw under another id, that says under which it was drawn from.
func (x *eraser) entry(d *Document) ([]*Document, error) {
	entry, err := read[Entry](d)
	if err != nil {
		return nil, err
	}
	name, _, _ := strings.Cut(d.ID, "/")
	entry.Erased = x.draws[name].name(x.campaign.id, name)(x.shopper)
	next := &Document{Kind: d.Kind, ID: entryID(name, x.tombstone), Shopper: x.tombstone}
	return []*Document{gone(d), next.write(d.State, d.Due, entry)}, nil
}

// signup is what a reservation took, under another id.
func (x *eraser) signup(d *Document) ([]*Document, error) {
	signup, err := read[Signup](d)
	if err != nil {
		return nil, err
	}
	for i, claim := range signup.Claims {
		claim.Shopper = claim.Kind.scope(x.shopper, claim.Key)
		signup.Claims[i] = x.claim(claim)
	}
	if signup.Decision, err = x.pin(signup.Decision); err != nil {
		return nil, err
	}
	next := &Document{Kind: d.Kind, ID: x.tombstone, Shopper: x.tombstone}
	return []*Document{gone(d), next.write(d.State, d.Due, signup)}, nil
}

// draw is the draw with something else for the shopper among its winners; nil if the shopper did not win.
func (x *eraser) draw(name string, draw *storedDraw) *Document {
	place := slices.Index(draw.Winners, x.shopper)
	if place < 0 {
		return nil
	}
	content := draw.Draw
	content.Winners = slices.Clone(draw.Winners)
	content.Winners[place] = x.tombstone
	content.Erased = map[string]drawing.ID{x.tombstone: draw.name(x.campaign.id, name)(x.shopper)}
	maps.Copy(content.Erased, draw.Erased)
	return x.drawn[name].write(draw.state, x.drawn[name].Due, content)
}
