package api

import (
	"cmp"
	"encoding/json"
	"slices"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"hotdrop/core"
)

// Text is a text for people: a string when it exists in English only, {en, zh} otherwise.
type Text struct{ core.Text }

// Schema implements huma.SchemaProvider.
func (Text) Schema(huma.Registry) *huma.Schema {
	language := func(name string) *huma.Schema { return &huma.Schema{Type: huma.TypeString, Description: name} }
	return &huma.Schema{
		Description: "a text for people: a string when it exists in English only, {en, zh} otherwise",
		OneOf: []*huma.Schema{
			language("English"),
			{
				Type: huma.TypeObject, AdditionalProperties: false,
				Properties: map[string]*huma.Schema{"en": language("English"), "zh": language("Chinese")},
			},
		},
	}
}

// Page is one page of a list.
type Page[T any] struct {
	Data []T     `json:"data" nullable:"false" doc:"the rows"`
	Next *string `json:"next" doc:"cursor of the next page; null at the end"`
}

func pageOf[From, To any](page core.Page[From], view func(From) To) Page[To] {
	out := Page[To]{Data: make([]To, len(page.Data))}
	for i, row := range page.Data {
		out.Data[i] = view(row)
	}
	if page.Next != "" {
		out.Next = &page.Next
	}
	return out
}

// Order is an order as its shopper sees it. Amounts are minor units of Currency.
type Order struct {
	ID         string          `json:"id" doc:"the order's id" example:"trade-in.06fmxw9z3k8q7v5t2s1r0p4n6m"`
	Campaign   string          `json:"campaign" doc:"the campaign it was placed in" example:"trade-in"`
	State      core.OrderState `json:"state" doc:"where it stands" enum:"placed,paid,shipped,delivered,expired,cancelled,refunded"`
	Currency   string          `json:"currency" doc:"ISO 4217" example:"CNY"`
	Total      int64           `json:"total" doc:"the sum of the lines" example:"129900"`
	Shopper    string          `json:"shopper,omitempty" doc:"whose order it is; only staff see it" example:"alice"`
	Voucher    string          `json:"voucher,omitempty" doc:"the code of the voucher that it was placed with" example:"trade-in.06fmxw9z3k8q7v5t2s1r0p4n6m"`
	Group      string          `json:"group,omitempty" doc:"the group that it has a seat in; others join by this id" example:"trade-in.06fmxw9z3k8q7v5t2s1r0p4n6m"`
	Lines      []Line          `json:"lines" nullable:"false" doc:"what is bought"`
	Dues       []Due           `json:"dues" nullable:"false" doc:"what is to be paid, and when; a difference comes on top of the total"`
	Conditions []Condition     `json:"conditions" nullable:"false" doc:"what has to happen before it ships"`
	PlacedAt   time.Time       `json:"placed_at" doc:"when it was placed"`
	HoldUntil  time.Time       `json:"hold_until" doc:"a placed order expires after this"`
	Shipment   *Shipment       `json:"shipment,omitempty" doc:"how it was sent, once it was"`
	Offer      *Offer          `json:"offer,omitempty" doc:"what may be had in its place, after the price has changed; only its shopper sees it"`
}

// Offer is what a placed order would cost if it were placed now. It keeps its own price until its hold ends.
type Offer struct {
	Total   int64     `json:"total" doc:"send it as expect_total with an order that replaces this one" example:"99900"`
	Lines   []Line    `json:"lines" nullable:"false"`
	Ruleset int64     `json:"ruleset" doc:"the number of the ruleset that decided" example:"3"`
	Until   time.Time `json:"until" doc:"when the hold ends, and the offer with it"`
}

func offerView(o *core.Offer) *Offer {
	if o == nil {
		return nil
	}
	return &Offer{Total: o.Total, Lines: views(o.Lines, lineView), Ruleset: o.Ruleset, Until: timeOf(o.Until)}
}

// Shipment is how an order was sent.
type Shipment struct {
	Carrier     string     `json:"carrier" example:"SF Express"`
	Tracking    string     `json:"tracking" doc:"the carrier's number" example:"SF1357924680"`
	ShippedAt   time.Time  `json:"shipped_at"`
	DeliveredAt *time.Time `json:"delivered_at,omitempty" nullable:"false" doc:"when it has arrived"`
}

// Line is one position of an order or quote: amount = units × unit_price − discount.
type Line struct {
	SKU       string `json:"sku" example:"mx3"`
	Units     int64  `json:"units" example:"1"`
	UnitPrice int64  `json:"unit_price" doc:"minor units" example:"179900"`
	Discount  int64  `json:"discount" doc:"minor units" example:"50000"`
	Amount    int64  `json:"amount" doc:"minor units" example:"129900"`
	Labels    []Text `json:"labels" nullable:"false" doc:"why the price is what it is"`
}

// Due is one payment an order waits for.
type Due struct {
	Kind   string    `json:"kind" doc:"all; now and later; or what the full price costs more after a group has failed" enum:"full,deposit,balance,difference"`
	Amount int64     `json:"amount" doc:"minor units" example:"129900"`
	DueAt  time.Time `json:"due_at" doc:"when it has to be paid"`
	State  string    `json:"state" doc:"void: its order has ended before it was paid, and nobody can pay it any more" enum:"open,paid,refunded,forfeited,void"`
}

// Condition is a duty the order carries.
type Condition struct {
	Kind  string          `json:"kind" doc:"such as trade_in; group: as many as the group needs have paid" example:"trade_in"`
	Data  json.RawMessage `json:"data,omitempty" doc:"what the mechanic attached"`
	State string          `json:"state" doc:"it ships when none is open or failed" enum:"open,received,met,waived,failed"`
}

// Reservation is a shopper's sign-up for a campaign.
type Reservation struct {
	Campaign string    `json:"campaign" example:"phone"`
	Position int64     `json:"position" doc:"counts from 1 in the order of sign-up" example:"4711"`
	At       time.Time `json:"at" doc:"when the shopper signed up"`
}

// Quote is what an order would cost now. Amounts are minor units of Currency.
type Quote struct {
	Campaign   string      `json:"campaign" example:"trade-in"`
	Currency   string      `json:"currency" doc:"ISO 4217" example:"CNY"`
	Total      int64       `json:"total" doc:"send it as expect_total with the order" example:"129900"`
	List       int64       `json:"list" doc:"what it would cost without mechanics" example:"179900"`
	Lines      []Line      `json:"lines" nullable:"false"`
	Dues       []Due       `json:"dues" nullable:"false"`
	Conditions []Condition `json:"conditions" nullable:"false"`
	Group      *GroupTerms `json:"group,omitempty" doc:"the group that the order would open or join; only if the price is for a group"`
	Left       int64       `json:"left" doc:"units of the item left" example:"1203"`
}

// GroupTerms is what a price asks for that is for a group.
type GroupTerms struct {
	Size     int64     `json:"size" doc:"how many orders have to be paid" example:"3"`
	Joined   int64     `json:"joined" doc:"seats that are taken" example:"1"`
	ClosesAt time.Time `json:"closes_at" doc:"until when; by now if the order opens the group"`
}

func orderView(o *core.Order) Order {
	return Order{
		ID: o.ID, Campaign: o.Campaign, State: o.State, Currency: o.Currency, Total: o.Total,
		Lines: views(o.Lines, lineView), Dues: orderDues(o), Conditions: views(o.Conditions, conditionView),
		PlacedAt: timeOf(o.PlacedAt), HoldUntil: timeOf(o.HoldUntil), Shipment: shipmentView(o.Shipment),
		Voucher: claimed(o, core.ClaimVoucher), Group: claimed(o, core.ClaimGroup),
	}
}

// claimed returns the key of the order's claim of a kind of which it has at most one, or "".
func claimed(o *core.Order, kind core.ClaimKind) string {
	for i := range o.Claims {
		if o.Claims[i].Kind == kind {
			return o.Claims[i].Key
		}
	}
	return ""
}

func shipmentView(s *core.Shipment) *Shipment {
	if s == nil {
		return nil
	}
	return &Shipment{Carrier: s.Carrier, Tracking: s.Tracking, ShippedAt: timeOf(s.ShippedAt), DeliveredAt: pastTime(s.DeliveredAt)}
}

// pastTime turns Unix milliseconds into a time; nil for 0, which is never.
func pastTime(millis int64) *time.Time {
	if millis == 0 {
		return nil
	}
	at := timeOf(millis)
	return &at
}

func quoteView(q *core.Quote) Quote {
	view := Quote{
		Campaign: q.Campaign, Currency: q.Currency, Total: q.Total, List: q.List, Left: q.Left,
		Lines: views(q.Lines, lineView), Dues: views(q.Dues, dueView), Conditions: views(q.Conditions, conditionView),
	}
	if q.Group != nil {
		view.Group = &GroupTerms{Size: q.Group.Size, Joined: q.Group.Joined, ClosesAt: timeOf(q.Group.ClosesAt)}
	}
	return view
}

func lineView(l core.Line) Line {
	return Line{
		SKU: l.SKU, Units: l.Units, UnitPrice: l.UnitPrice, Discount: l.Discount, Amount: l.Amount,
		Labels: views(l.Labels, func(t core.Text) Text { return Text{t} }),
	}
}

func dueView(d core.Due) Due {
	return Due{Kind: d.Kind, Amount: d.Amount, DueAt: timeOf(d.DueAt), State: d.State}
}

func orderDues(o *core.Order) []Due {
	dues := views(o.Dues, dueView)
	for i := range dues {
		dues[i].State = o.DueState(&o.Dues[i])
	}
	return dues
}

func conditionView(c core.Condition) Condition {
	return Condition{Kind: c.Kind, Data: c.Data, State: c.State}
}

func reservationView(campaign string, r core.Reservation) Reservation {
	return Reservation{Campaign: campaign, Position: r.Position, At: timeOf(r.At)}
}

// views maps a list; the result is never nil, as lists in JSON are [] and not null.
func views[From, To any](from []From, view func(From) To) []To {
	to := make([]To, len(from))
	for i, one := range from {
		to[i] = view(one)
	}
	return to
}

// timeOf turns Unix milliseconds into the API's times, which are in UTC.
func timeOf(millis int64) time.Time { return time.UnixMilli(millis).UTC() }

// Campaign is a campaign as it stands, for everybody.
type Campaign struct {
	ID       string         `json:"id" example:"trade-in"`
	Brand    string         `json:"brand" example:"meizu"`
	Currency string         `json:"currency" doc:"ISO 4217; every amount is in its minor units" example:"CNY"`
	Title    Text           `json:"title"`
	Phase    core.Phase     `json:"phase" doc:"the phase now" enum:"before,teaser,reservation,sale,closed"`
	Phases   Phases         `json:"phases" doc:"when each phase starts"`
	Now      time.Time      `json:"now" doc:"the server's clock, for countdowns"`
	Reserved int64          `json:"reserved" doc:"shoppers who signed up so far" example:"1300000"`
	Items    []Item         `json:"items" nullable:"false" doc:"what is sold; shoppers see none before the teaser is over"`
	Inputs   map[string]any `json:"inputs" doc:"what a shopper may submit with an order: {type, …} by name, or a group of such"`
	Quotas   []Quota        `json:"quotas" nullable:"false" doc:"what mechanics may take from, sorted by name; shoppers see none before the teaser is over"`
	Pools    []VoucherPool  `json:"voucher_pools" nullable:"false" doc:"what vouchers are granted from, sorted by name; shoppers see none before the teaser is over"`
	Draws    []CampaignDraw `json:"draws" nullable:"false" doc:"what winners are drawn for, sorted by name; there from the start, so that the hashes are known before anybody enters"`
	Waiting  *WaitingRoom   `json:"waiting_room,omitempty" doc:"who orders in the sale has to be let in first; absent if nobody has to"`
	Groups   Groups         `json:"groups" doc:"what becomes of the members of a group that fails"`
	Deposits Deposits       `json:"deposits" doc:"what becomes of the balance of an order with a deposit"`
}

// Groups says what becomes of the members of a group that fails.
type Groups struct {
	OfferSeconds int64 `json:"offer_seconds" doc:"how long they may pay the difference to the full price before they are refunded" example:"86400"`
}

// Deposits says what becomes of the balance of an order with a deposit.
type Deposits struct {
	BalanceUntil *time.Time     `json:"balance_until,omitempty" nullable:"false" doc:"until when it may be paid; absent: until the campaign closes"`
	BalanceAt    core.BalanceAt `json:"balance_at" doc:"where it is paid" enum:"online,dealer"`
	Unpaid       core.Unpaid    `json:"unpaid" doc:"what becomes of the deposit if it is not" enum:"refund,forfeit"`
}

// Phases says when each phase starts; each lasts until the next one that is set.
type Phases struct {
	Teaser      *time.Time `json:"teaser,omitempty" nullable:"false"`
	Reservation *time.Time `json:"reservation,omitempty" nullable:"false"`
	Sale        *time.Time `json:"sale,omitempty" nullable:"false"`
	Closed      *time.Time `json:"closed,omitempty" nullable:"false"`
}

// Item is what is sold.
type Item struct {
	SKU              string     `json:"sku" example:"mx3"`
	Title            Text       `json:"title"`
	Price            int64      `json:"price" doc:"per unit, minor units" example:"179900"`
	Stock            int64      `json:"stock" doc:"units for sale in all" example:"2099"`
	Left             int64      `json:"left" doc:"units left, at most 100 ms old" example:"1203"`
	Limit            int64      `json:"limit" doc:"units per shopper; 0 means no limit" example:"1"`
	HoldSeconds      int64      `json:"hold_seconds" doc:"how long a placed order holds its stock" example:"900"`
	NeedsReservation bool       `json:"needs_reservation" doc:"only for shoppers who reserved"`
	Phase            core.Phase `json:"phase" doc:"the item's own phase now" enum:"before,teaser,reservation,sale,closed"`
	Phases           Phases     `json:"phases" doc:"the item's own windows"`
}

// campaignView renders a campaign. Its items are nobody's business before the teaser is over, except staff's.
func campaignView(v *core.CampaignView, showHidden bool) Campaign {
	definition := v.Record.Definition
	out := Campaign{
		ID: definition.ID, Brand: definition.Brand, Currency: definition.Currency, Title: Text{definition.Title},
		Phase: v.Phase, Phases: phasesView(definition.Phases), Now: v.Now.UTC(), Reserved: v.Reserved,
		Items: []Item{}, Inputs: map[string]any{}, Quotas: []Quota{}, Pools: []VoucherPool{}, Draws: []CampaignDraw{},
		Groups: Groups{OfferSeconds: int64(cmp.Or(time.Duration(definition.Groups.Offer), 24*time.Hour) / time.Second)}, // the file's default
		Deposits: Deposits{
			BalanceUntil: set(definition.Deposits.BalanceUntil), BalanceAt: cmp.Or(definition.Deposits.BalanceAt, core.BalanceOnline),
			Unpaid: cmp.Or(definition.Deposits.Unpaid, core.UnpaidRefund),
		},
	}
	if showHidden || !hidden(v.Phase) {
		out.Items = views(definition.Items, func(item core.Item) Item { return itemView(v, item) })
		for name, input := range definition.Inputs {
			out.Inputs[name] = input
		}
		out.Quotas, out.Pools = quotaViews(v), poolViews(v)
	}
	return out
}

func hidden(phase core.Phase) bool {
	return slices.Contains([]core.Phase{core.PhaseBefore, core.PhaseTeaser}, phase)
}

func itemView(v *core.CampaignView, item core.Item) Item {
	window := v.Record.Definition.Window(&item)
	return Item{
		SKU: item.SKU, Title: Text{item.Title}, Price: item.Price, Stock: item.Stock, Left: v.Left[item.SKU],
		Limit: item.Limit, HoldSeconds: int64(time.Duration(item.Hold) / time.Second),
		NeedsReservation: item.NeedsReservation, Phase: window.At(v.Now), Phases: phasesView(window),
	}
}

func phasesView(p core.Phases) Phases {
	return Phases{Teaser: set(p.Teaser), Reservation: set(p.Reservation), Sale: set(p.Sale), Closed: set(p.Closed)}
}

func set(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

// optionalText is a text that may be left out.
func optionalText(t core.Text) *Text {
	if t.IsZero() {
		return nil
	}
	return &Text{t}
}
