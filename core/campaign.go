package core

import (
	"encoding/json"
	"slices"
	"time"
)

// Phase is one of a campaign's windows in time.
type Phase string

// The phases, in their order. Before is what a campaign is in until its first phase starts.
const (
	PhaseBefore      Phase = "before"
	PhaseTeaser      Phase = "teaser"
	PhaseReservation Phase = "reservation"
	PhaseSale        Phase = "sale"
	PhaseClosed      Phase = "closed"
)

// Campaign is the content of a campaign file. JSON and YAML share the shape; amounts are minor units of Currency.
type Campaign struct {
	ID           string                 `json:"campaign" doc:"id, unique in the deployment"`
	Brand        string                 `json:"brand" doc:"the brand whose sale it is"`
	Currency     string                 `json:"currency" doc:"ISO 4217 code; every amount is in its minor units"`
	Title        Text                   `json:"title" doc:"what shoppers read, {en, zh}"`
	Phases       Phases                 `json:"phases" doc:"when each phase starts, RFC 3339, half-open, in order"`
	Items        []Item                 `json:"items" doc:"what is sold"`
	Inputs       map[string]Input       `json:"inputs,omitempty" doc:"what a shopper may submit; anything else is refused"`
	Quotas       map[string]int64       `json:"quotas,omitempty" doc:"named bounded quantities mechanics may take from"`
	VoucherPools map[string]VoucherPool `json:"voucher_pools,omitempty" doc:"pools of voucher codes"`
	Draws        map[string]DrawTerms   `json:"draws,omitempty" doc:"draws that mechanics may enter shoppers into"`
	Deposits     DepositTerms           `json:"deposits,omitzero" doc:"what becomes of the balance of an order with a deposit"`
	Groups       GroupTerms             `json:"groups,omitzero" doc:"what becomes of the members of a group that fails"`
	Templates    map[string]Text        `json:"templates,omitempty" doc:"texts of notifications, {en, zh}, with placeholders such as {order.id} and {data.key}"`
	Reminders    []Reminder             `json:"reminders,omitempty" doc:"messages to everyone who reserved"`
	Guardrails   Guardrails             `json:"guardrails,omitzero" doc:"what no mechanic can get past"`
	Guards       Guards                 `json:"guards,omitzero" doc:"what takes a ruleset back by itself, and when a mechanic that fails is not asked for a while"`
	WaitingRoom  WaitingRoom            `json:"waiting_room,omitzero" doc:"who orders in the sale has to be let in first"`
	Ruleset      []Binding              `json:"ruleset,omitempty" doc:"the mechanics, in the order they run"`
	Stacking     map[string]Stacking    `json:"stacking,omitempty" doc:"how each stacking group combines: all, best or first"`
}

// Phases says when each phase starts. Windows are half-open: a phase lasts until the next one that is set. A zero time
// means that the campaign (or item) does not have that phase. Sale and Closed are required.
type Phases struct {
	Teaser      time.Time `json:"teaser,omitzero" doc:"the item is announced, hidden or not"`
	Reservation time.Time `json:"reservation,omitzero" doc:"shoppers sign up"`
	Sale        time.Time `json:"sale,omitzero" doc:"orders are placed"`
	Closed      time.Time `json:"closed,omitzero" doc:"nothing is sold any more"`
}

// phaseStart is one phase with its start; zero when the phase does not exist.
type phaseStart struct {
	phase Phase
	at    time.Time
}

// starts returns the phases that are set with their starts, in order.
func (p Phases) starts() []phaseStart {
	all := p.all()
	return slices.DeleteFunc(all[:], func(s phaseStart) bool { return s.at.IsZero() })
}

// all returns every phase with its start, zero or not, without allocating: At is on every order's way.
func (p Phases) all() [4]phaseStart {
	return [...]phaseStart{
		{PhaseTeaser, p.Teaser}, {PhaseReservation, p.Reservation}, {PhaseSale, p.Sale}, {PhaseClosed, p.Closed},
	}
}

// At returns the phase at now.
func (p Phases) At(now time.Time) Phase {
	current := PhaseBefore
	for _, s := range p.all() {
		if !s.at.IsZero() && !now.Before(s.at) {
			current = s.phase
		}
	}
	return current
}

// Item is what is sold.
type Item struct {
	SKU              string   `json:"sku" doc:"unique in the campaign"`
	Title            Text     `json:"title" doc:"what shoppers read"`
	Price            int64    `json:"price" doc:"per unit, minor units"`
	Stock            int64    `json:"stock" doc:"units for sale"`
	MinPrice         int64    `json:"min_price,omitempty" doc:"the least a unit may cost, minor units, in place of guardrails.min_price"`
	Limit            int64    `json:"limit,omitempty" doc:"units per shopper; 0 means no limit"`
	Hold             Duration `json:"hold" doc:"how long a placed order holds its stock, such as 15m"`
	NeedsReservation bool     `json:"needs_reservation,omitempty" doc:"only for shoppers who reserved"`
	Phases           Phases   `json:"phases,omitzero" doc:"a window of its own: sale and closed, inside the campaign's"`
}

// Duration is a time.Duration that reads and writes as "15m".
type Duration time.Duration

// MarshalText renders the duration as Go does, without trailing zero units ("15m", not "15m0s").
func (d Duration) MarshalText() ([]byte, error) {
	s := time.Duration(d).String()
	for _, zero := range []string{"m0s", "h0m"} {
		if len(s) > 2 && s[len(s)-len(zero):] == zero {
			s = s[:len(s)-2]
		}
	}
	return []byte(s), nil
}

// UnmarshalText parses what [time.ParseDuration] does.
func (d *Duration) UnmarshalText(text []byte) error {
	parsed, err := time.ParseDuration(string(text))
	*d = Duration(parsed)
	return err
}

// Input is a value a shopper may submit: a field, or a group of fields (depth 2).
type Input struct {
	Field
	Fields map[string]Field
}

// Field is the type of one submitted value.
type Field struct {
	Type     string   `json:"type" doc:"string, integer, boolean or enum"`
	Max      int64    `json:"max,omitempty" doc:"longest string in characters (at most 1024), or largest integer"`
	Min      int64    `json:"min,omitempty" doc:"smallest integer"`
	Of       []string `json:"of,omitempty" doc:"the values of an enum"`
	Required bool     `json:"required,omitempty" doc:"an order without it is refused"`
}

// MarshalJSON renders a field as {type, …} and a group as {name: {type, …}}.
func (in Input) MarshalJSON() ([]byte, error) {
	if in.Fields != nil {
		return json.Marshal(in.Fields)
	}
	return json.Marshal(in.Field)
}

// UnmarshalJSON tells a field from a group by its type being a string.
func (in *Input) UnmarshalJSON(data []byte) error {
	*in = Input{}
	var probe struct {
		Type json.RawMessage `json:"type"`
	}
	if err := json.Unmarshal(data, &probe); err != nil {
		return err
	}
	if len(probe.Type) > 0 && probe.Type[0] == '"' {
		return json.Unmarshal(data, &in.Field)
	}
	return json.Unmarshal(data, &in.Fields)
}

// VoucherPool is a pool of voucher codes that mechanics may grant from.
type VoucherPool struct {
	Count   int64     `json:"count" doc:"codes in the pool"`
	Value   int64     `json:"value" doc:"what one is worth, minor units"`
	Expires time.Time `json:"expires,omitzero" doc:"when codes stop being worth anything"`
}

// DrawTerms are what the campaign file says of a draw.
type DrawTerms struct {
	Title   Text      `json:"title" doc:"what shoppers read"`
	Closes  time.Time `json:"closes" doc:"when entries close and the winners are drawn"`
	Winners int64     `json:"winners" doc:"how many win"`
	Pool    string    `json:"pool,omitempty" doc:"the voucher pool that each winner is granted a code from"`
}

// DepositTerms are what becomes of the balance of an order with a deposit.
type DepositTerms struct {
	BalanceUntil time.Time `json:"balance_until,omitzero" doc:"until when the balance may be paid, not before the last item closes; default: when the campaign closes"`
	BalanceAt    BalanceAt `json:"balance_at,omitempty" doc:"where the balance is paid: online (default) or dealer, where staff confirm it"`
	Unpaid       Unpaid    `json:"unpaid,omitempty" doc:"what becomes of the deposit if the balance is not paid: refund (default) or forfeit"`
}

// BalanceAt says where a balance is paid.
type BalanceAt string

// The places where a balance is paid. The default is online.
const (
	BalanceOnline BalanceAt = "online"
	BalanceDealer BalanceAt = "dealer" // at the counter; staff confirm it
)

// Unpaid says what becomes of a deposit whose balance was not paid in time.
type Unpaid string

// What may become of it. The default is refund.
const (
	UnpaidRefund  Unpaid = "refund"
	UnpaidForfeit Unpaid = "forfeit"
)

// GroupTerms are what becomes of the members of a group that fails.
type GroupTerms struct {
	Offer Duration `json:"offer,omitempty" doc:"how long they may pay the difference to the full price before they are refunded; default 24h"`
}

// Reminder is a message that everyone who reserved before a moment finds in the inbox from that moment on.
type Reminder struct {
	Template string    `json:"template" doc:"the name of the template"`
	At       time.Time `json:"at" doc:"when it appears, RFC 3339"`
	To       string    `json:"to,omitempty" doc:"reservers (default)"`
}

// Guardrails bound what mechanics can do to money. Zero means no bound, except MinPrice, whose zero allows a total of 0.
type Guardrails struct {
	MinPrice       int64 `json:"min_price,omitempty" doc:"the least a unit may cost, minor units"`
	MaxDiscount    int64 `json:"max_discount,omitempty" doc:"the most one order's total may fall below its list price, minor units"`
	DiscountBudget int64 `json:"discount_budget,omitempty" doc:"the most the campaign may give away, minor units"`
}

// Stacking says how the bindings of one stacking group combine.
type Stacking string

// The ways to stack. A group that is not named in the campaign file stacks all.
const (
	StackAll   Stacking = "all"   // every binding's effects apply
	StackBest  Stacking = "best"  // the binding with the lowest total applies; ties go to the earlier one
	StackFirst Stacking = "first" // the first binding that has effects applies
)

// FailurePolicy says what happens to an order when a binding's mechanic fails.
type FailurePolicy string

// The failure policies. The default is deny.
const (
	FailDeny     FailurePolicy = "deny"      // the order is refused
	FailSkip     FailurePolicy = "skip"      // the order goes on without this binding
	FailLastGood FailurePolicy = "last_good" // the same binding of the previous live ruleset decides
)

// Binding binds a mechanic into a ruleset: exactly one of Mechanic, Rule and Plugin is set.
type Binding struct {
	// Brand is whose campaign it is, and so whose plugins it may name, and Campaign is its id, for plugins that are approved
	// for some campaigns only. The engine sets both before it compiles; they are no part of the file, nor of what is stored.
	Brand     string          `json:"-"`
	Campaign  string          `json:"-"`
	Mechanic  string          `json:"mechanic,omitempty" doc:"a shipped rule by name"`
	Rule      json.RawMessage `json:"rule,omitempty" doc:"a rule, inline"`
	Plugin    string          `json:"plugin,omitempty" doc:"a plugin: sha256:… or the name of a shipped one"`
	Config    Object          `json:"config,omitempty" doc:"parameters, typed by the mechanic"`
	Group     string          `json:"group,omitempty" doc:"stacking group"`
	OnFailure FailurePolicy   `json:"on_failure,omitempty" doc:"deny (default), skip or last_good"`
}

// Item returns the item with the SKU, or nil.
func (c *Campaign) Item(sku string) *Item {
	for i := range c.Items {
		if c.Items[i].SKU == sku {
			return &c.Items[i]
		}
	}
	return nil
}

// minPrice returns the least that a unit of the item may cost, minor units: its own floor, or the campaign's.
func (c *Campaign) minPrice(sku string) int64 {
	if item := c.Item(sku); item != nil && item.MinPrice > 0 {
		return item.MinPrice
	}
	return c.Guardrails.MinPrice
}

// Window returns the phases that hold for the item: its own where it has any, the campaign's otherwise.
func (c *Campaign) Window(item *Item) Phases {
	if item.Phases != (Phases{}) {
		return item.Phases
	}
	return c.Phases
}

// Limits returns the limit of every counter that the campaign file asks for, by counter key.
func (c *Campaign) Limits() map[string]int64 {
	limits := map[string]int64{CounterReservations: Unbounded, CounterOrders: Unbounded}
	for _, item := range c.Items {
		limits[StockCounter(item.SKU)] = item.Stock
	}
	for name, limit := range c.Quotas {
		limits[QuotaCounter(name)] = limit
	}
	for name, pool := range c.VoucherPools {
		limits[PoolCounter(name)] = pool.Count
	}
	for name := range c.Draws {
		limits[DrawCounter(name)] = Unbounded
	}
	if c.Guardrails.DiscountBudget > 0 {
		limits[CounterBudget] = c.Guardrails.DiscountBudget
	}
	if c.WaitingRoom.isOn() {
		limits[CounterQueue] = Unbounded
	}
	return limits
}
