package core

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
)

// ShopperData is everything that a brand's campaigns keep about one shopper. Amounts are minor units, times Unix milliseconds.
type ShopperData struct {
	Shopper   string                `json:"shopper" example:"s_obsq4hituyoii4754gmgp2k7j2"`
	At        int64                 `json:"at" doc:"when it was read"`
	Campaigns []ShopperCampaignData `json:"campaigns" nullable:"false"`
	Wallet    *ShopperWalletData    `json:"wallet,omitempty" doc:"absent if there is none, or if it has moved money of other brands"`
}

// ShopperCampaignData is what one campaign keeps about a shopper.
type ShopperCampaignData struct {
	Campaign    string              `json:"campaign" example:"phone"`
	Brand       string              `json:"brand" example:"xiaomi"`
	Reservation *ShopperReservation `json:"reservation,omitempty"`
	Arrival     *ShopperArrival     `json:"arrival,omitempty" doc:"the last one in the waiting room"`
	Orders      []ShopperOrder      `json:"orders" nullable:"false"`
	Claims      []ShopperClaim      `json:"claims" nullable:"false" doc:"the once-only keys: limits, requests, seats, visits"`
	Documents   []ShopperDocument   `json:"documents" nullable:"false" doc:"vouchers, links, entries into draws, tags, messages and the like"`
	Groups      []string            `json:"groups" nullable:"false" doc:"groups that the shopper leads"`
	Wins        []string            `json:"wins" nullable:"false" doc:"draws that the shopper won"`
	Refusals    []ShopperRefusal    `json:"refusals" nullable:"false" doc:"refused requests that were kept"`
	Reports     []ShopperReport     `json:"reports" nullable:"false" doc:"reports that have cases of the shopper's"`
}

// ShopperReservation is a shopper's sign-up.
type ShopperReservation struct {
	At       int64 `json:"at"`
	Position int64 `json:"position" doc:"from 1, in the order of sign-up"`
}

// ShopperArrival is a shopper's place in the order of coming.
type ShopperArrival struct {
	At     int64 `json:"at"`
	Number int64 `json:"number" doc:"from 1, in the order of coming"`
}

// ShopperOrder is one of the shopper's orders.
type ShopperOrder struct {
	ID         string          `json:"id" example:"phone.01jfq3v9x2k7m5n8p4r6t0w1yz"`
	State      OrderState      `json:"state"`
	Currency   string          `json:"currency" example:"CNY"`
	Total      int64           `json:"total"`
	Lines      json.RawMessage `json:"lines" doc:"what was bought, as it is stored"`
	Dues       json.RawMessage `json:"dues" doc:"what was to be paid; what was open when the order ended is void"`
	Conditions json.RawMessage `json:"conditions" doc:"what the order waited for, as it is stored"`
	Shipment   json.RawMessage `json:"shipment,omitempty" doc:"how it was sent, as it is stored"`
	PlacedAt   int64           `json:"placed_at"`
	Decision   json.RawMessage `json:"decision" doc:"what the price was decided from, as it is pinned, without the brand's own figures"`
}

// ShopperClaim is a once-only key of the shopper's.
type ShopperClaim struct {
	Kind  ClaimKind `json:"kind" example:"limit"`
	Key   string    `json:"key" example:"mi2/1"`
	Owner string    `json:"owner" doc:"what it belongs to"`
}

// ShopperDocument is something else that the campaign keeps about the shopper.
type ShopperDocument struct {
	Kind    DocumentKind    `json:"kind" example:"voucher"`
	ID      string          `json:"id"`
	State   string          `json:"state" example:"granted"`
	Content json.RawMessage `json:"content" doc:"as it is stored, without the brand's own figures"`
}

// ShopperRefusal is a refused request of the shopper's that was kept.
type ShopperRefusal struct {
	ID      string          `json:"id"`
	At      int64           `json:"at"`
	Code    Code            `json:"code" example:"sold_out"`
	Reason  string          `json:"reason,omitempty"`
	Content json.RawMessage `json:"content" doc:"as it is stored, without the brand's own figures"`
}

// ShopperReport is a report that has cases of the shopper's.
type ShopperReport struct {
	Subject string `json:"subject" example:"shadow/17"`
	Node    string `json:"node"`
}

// ShopperWalletData is what the wallet's ledger has of a shopper.
type ShopperWalletData struct {
	Balances  map[string]int64  `json:"balances" doc:"by currency"`
	Transfers []ShopperTransfer `json:"transfers" nullable:"false"`
}

// ShopperTransfer is money of the shopper's that moved.
type ShopperTransfer struct {
	ID       string       `json:"id"`
	Kind     TransferKind `json:"kind" example:"payment"`
	From     string       `json:"from" example:"shopper/alice"`
	To       string       `json:"to" example:"brand/xiaomi"`
	Currency string       `json:"currency" example:"CNY"`
	Amount   int64        `json:"amount"`
	Campaign string       `json:"campaign,omitempty"`
	Order    string       `json:"order,omitempty"`
	At       int64        `json:"at"`
	Request  string       `json:"request,omitempty" doc:"the Idempotency-Key of the request that it was made for"`
	// Reference is what [Transfer] keeps as the request of a payout.
	Reference string `json:"reference,omitempty" doc:"where the money of a payout went" example:"bank transfer 2012-311"`
}

// ShopperDataRequest asks for what is kept about a shopper.
type ShopperDataRequest struct {
	Brand   string // whose campaigns; "" for all, which staff of no brand alone may ask for
	Shopper string
	Actor   Principal
	Reason  string
}

// check refuses what cannot be asked for.
func (r *ShopperDataRequest) check() error {
	if r.Actor.Role == RoleShopper || !r.Actor.serves(r.Brand) || r.Shopper == "" || !isStorable(r.Shopper) {
		return noShopper()
	}
	if strings.Contains(r.Reason, r.Shopper) {
		return shopperInReason()
	}
	return checkReason(r.Reason)
}

// shopperInReason refuses a reason that would keep what an erasure is to erase.
func shopperInReason() error {
	return Errorf(CodeInvalid, "the reason names the shopper, and the staff log keeps it for ever: say why without the id")
}

// ShopperData returns everything that the campaigns of the brand, "" for all, keep about a shopper, and makes that a row of the
// staff log. not_found if nothing is kept, as for other brands' shoppers.
func (e *Engine) ShopperData(ctx context.Context, req ShopperDataRequest) (*ShopperData, error) {
	if err := req.check(); err != nil {
		return nil, err
	}
	brand, shopper := req.Brand, req.Shopper
	campaigns, err := e.campaignsOf(ctx, brand)
	if err != nil {
		return nil, err
	}
	money, err := e.shopperWallet(ctx, brand, shopper)
	if err != nil {
		return nil, err
	}
	data := &ShopperData{Shopper: shopper, At: e.now().UnixMilli(), Campaigns: []ShopperCampaignData{}}
	for _, c := range campaigns {
		rows, err := c.shopperRows(ctx, shopper)
		if err != nil {
			return nil, err
		}
		if !rows.isEmpty() {
			data.Campaigns = append(data.Campaigns, rows.data())
		}
	}
	if len(data.Campaigns) == 0 && !money.isOwn {
		return nil, noShopper()
	}
	if money.isAsked() {
		data.Wallet = money.data()
	}
	entry := req.Actor.entry(data.At, "shopper.export", brand, "", req.Reason)
	entry.After, _ = json.Marshal(map[string]string{"shopper_sha256": ShopperHash(brand, shopper)}) // plain data always encodes
	return data, storeError(e.shoppers.AppendStaffEntry(ctx, &entry))
}

// data is what the campaign keeps, as it is handed out.
func (r *shopperRows) data() ShopperCampaignData {
	d := ShopperCampaignData{
		Campaign: r.campaign.id, Brand: r.campaign.brand, Orders: []ShopperOrder{}, Claims: []ShopperClaim{},
		Documents: []ShopperDocument{}, Groups: []string{}, Wins: []string{}, Refusals: []ShopperRefusal{}, Reports: []ShopperReport{},
	}
	if one := r.known.Reservation; one != nil {
		d.Reservation = &ShopperReservation{At: one.At, Position: one.Position}
	}
	if one := r.known.Arrival; one != nil {
		d.Arrival = &ShopperArrival{At: one.At, Number: one.Number}
	}
	for _, o := range r.orders {
		d.Orders = append(d.Orders, o.data())
	}
	for _, one := range r.known.Claims {
		d.Claims = append(d.Claims, ShopperClaim{Kind: one.Kind, Key: one.Key, Owner: one.Owner})
	}
	d.Documents = append(d.Documents, r.documents()...)
	for id, g := range r.groups {
		if g.Leader == r.shopper {
			d.Groups = append(d.Groups, id)
		}
	}
	for name, draw := range r.draws {
		if draw.state == DrawDrawn && slices.Contains(draw.Winners, r.shopper) {
			d.Wins = append(d.Wins, name)
		}
	}
	slices.Sort(d.Groups)
	slices.Sort(d.Wins)
	for _, one := range r.refusals {
		d.Refusals = append(d.Refusals, ShopperRefusal{
			ID: one.ID, At: one.At, Code: one.Code, Reason: one.Reason, Content: shownPin(one.Content),
		})
	}
	for _, one := range r.reports {
		d.Reports = append(d.Reports, ShopperReport{Subject: one.Subject, Node: one.Node})
	}
	return d
}

// documents are those of the shopper as they are handed out.
func (r *shopperRows) documents() []ShopperDocument {
	var all []ShopperDocument
	for _, one := range r.known.Documents {
		content := one.Content
		if one.Kind == DocumentSignup {
			content = shownMember(content, "decision", shownPin)
		}
		all = append(all, ShopperDocument{Kind: one.Kind, ID: one.ID, State: one.State, Content: content})
	}
	return all
}

// data is the order as it is handed out.
func (o *Order) data() ShopperOrder {
	shown := *o
	shown.Dues = slices.Clone(o.Dues)
	for i := range shown.Dues {
		shown.Dues[i].State = o.DueState(&o.Dues[i])
	}
	columns := shown.Columns()
	return ShopperOrder{
		ID: o.ID, State: o.State, Currency: o.Currency, Total: o.Total, Lines: json.RawMessage(columns.Lines),
		Dues: json.RawMessage(columns.Dues), Conditions: json.RawMessage(columns.Conditions), Shipment: json.RawMessage(columns.Shipment),
		PlacedAt: o.PlacedAt, Decision: shownPin(o.Quote),
	}
}

// data is the wallet as it is handed out.
func (w *shopperWallet) data() *ShopperWalletData {
	d := &ShopperWalletData{Balances: w.balances, Transfers: []ShopperTransfer{}}
	for _, t := range w.transfers {
		one := ShopperTransfer{
			ID: t.ID, Kind: t.Kind, From: t.From, To: t.To, Currency: t.Currency, Amount: t.Amount, Campaign: t.Campaign,
			Order: t.Order, At: t.At, Request: t.Request,
		}
		if t.Kind == TransferPayout {
			one.Request, one.Reference = "", t.Request
		}
		d.Transfers = append(d.Transfers, one)
	}
	return d
}
