package core

// Facts is all that a mechanic may know, the same vocabulary for rules and plugins. A fact's path is the dotted path of
// its tags ("reservation.position"). Amounts are minor units, times Unix milliseconds. A fact that is absent reads as
// 0, "", false or an empty list.
type Facts struct {
	Now         int64            `json:"now" expr:"now"`
	Campaign    CampaignFacts    `json:"campaign" expr:"campaign"`
	Item        ItemFacts        `json:"item" expr:"item"`
	Quantity    int64            `json:"quantity" expr:"quantity"`
	Shopper     ShopperFacts     `json:"shopper" expr:"shopper"`
	Reservation ReservationFacts `json:"reservation,omitzero" expr:"reservation"`
	Shares      SharesFacts      `json:"shares,omitzero" expr:"shares"`
	Voucher     VoucherFacts     `json:"voucher,omitzero" expr:"voucher"`
	Group       GroupFacts       `json:"group,omitzero" expr:"group"`
	Quota       map[string]int64 `json:"quota,omitempty" expr:"quota"` // units left, by quota name
	Order       OrderFacts       `json:"order,omitzero" expr:"order"`
	Message     MessageFacts     `json:"message,omitzero" expr:"message"`
	Input       Object           `json:"input,omitempty" expr:"input"` // what the shopper submitted, as the campaign declares it
	Config      Object           `json:"-" expr:"config"`              // the binding's parameters
}

// CampaignFacts are the facts campaign.*.
type CampaignFacts struct {
	ID         string `json:"id" expr:"id"`
	Brand      string `json:"brand" expr:"brand"`
	Currency   string `json:"currency" expr:"currency"`
	Phase      string `json:"phase" expr:"phase"`
	SaleOpens  int64  `json:"sale_opens" expr:"sale_opens"`
	SaleCloses int64  `json:"sale_closes" expr:"sale_closes"`
}

// ItemFacts are the facts item.*. Left and Sold are hints: what must hold at commit is a take.
type ItemFacts struct {
	SKU   string `json:"sku" expr:"sku"`
	Price int64  `json:"price" expr:"price"`
	Stock int64  `json:"stock" expr:"stock"`
	Left  int64  `json:"left" expr:"left"`
	Sold  int64  `json:"sold" expr:"sold"`
}

// ShopperFacts are the facts shopper.*. Orders counts the shopper's orders in this campaign, whatever their state.
type ShopperFacts struct {
	ID           string   `json:"id" expr:"id"`
	Tier         string   `json:"tier,omitempty" expr:"tier"`
	Tags         []string `json:"tags,omitempty" expr:"tags"`
	Region       string   `json:"region,omitempty" expr:"region"`
	RegisteredAt int64    `json:"registered_at,omitempty" expr:"registered_at"`
	Orders       int64    `json:"orders,omitempty" expr:"orders"`
}

// ReservationFacts are the facts reservation.*; Position counts from 1 in the order of sign-up.
type ReservationFacts struct {
	At       int64 `json:"at" expr:"at"`
	Position int64 `json:"position" expr:"position"`
}

// SharesFacts are the facts shares.*: how often the shopper's link was reposted, and how many others came through it
// and signed up through it. Counted is present at the hook share: which of the counts has just risen, repost, visitor
// or reservation.
type SharesFacts struct {
	Reposts      int64  `json:"reposts" expr:"reposts"`
	Visitors     int64  `json:"visitors" expr:"visitors"`
	Reservations int64  `json:"reservations" expr:"reservations"`
	Counted      string `json:"counted,omitempty" expr:"counted"`
}

// VoucherFacts are the facts voucher.*.
type VoucherFacts struct {
	Code  string `json:"code" expr:"code"`
	Pool  string `json:"pool" expr:"pool"`
	Value int64  `json:"value" expr:"value"`
	State string `json:"state" expr:"state"`
}

// GroupFacts are the facts group.*.
type GroupFacts struct {
	ID       string `json:"id" expr:"id"`
	Size     int64  `json:"size" expr:"size"`
	Joined   int64  `json:"joined" expr:"joined"`
	ClosesAt int64  `json:"closes_at" expr:"closes_at"`
	Leader   string `json:"leader" expr:"leader"`
}

// OrderFacts are the facts order.*, present at the hook paid, and at the hook message as the shopper's latest order in
// the campaign. State is one of placed, paid, shipped, delivered, expired, cancelled and refunded; Carrier and Tracking
// are known once the order has shipped.
type OrderFacts struct {
	ID       string `json:"id" expr:"id"`
	SKU      string `json:"sku" expr:"sku"`
	Total    int64  `json:"total" expr:"total"`
	PaidAt   int64  `json:"paid_at" expr:"paid_at"`
	State    string `json:"state,omitempty" expr:"state"`
	Carrier  string `json:"carrier,omitempty" expr:"carrier"`
	Tracking string `json:"tracking,omitempty" expr:"tracking"`
}

// MessageFacts are the facts message.*, present at the hook message.
type MessageFacts struct {
	Text string `json:"text" expr:"text"`
}
