package api

import (
	"context"
	"time"

	"hotdrop/core"
	"hotdrop/core/drawing"
)

// Engine is what the API needs of the core.
type Engine interface {
	Shopping
	Campaigns
	Desk
	Explainer
	Operations
}

// Shopping is what shoppers do.
type Shopping interface {
	Shop
	Sales
	Queue
	Offers
	Wallet
	Sharing
	Draws
	Belongings
}

// Operations is what operators do and see while a sale runs.
type Operations interface {
	Rollouts
	Nodes
	Comparer
	Watcher
	Decisions
	Privacy
}

// Privacy is what a brand owes a single shopper.
type Privacy interface {
	// ShopperData returns everything that is kept about a shopper.
	ShopperData(ctx context.Context, request core.ShopperDataRequest) (*core.ShopperData, error)
	// EraseShopper erases it, and keeps the books.
	EraseShopper(ctx context.Context, request core.EraseRequest) (*core.Erased, error)
	// PayOut books money of a shopper's wallet as paid out.
	PayOut(ctx context.Context, request core.PayoutRequest) (*core.Payout, error)
}

// Shop sells.
type Shop interface {
	// Reserve signs the shopper up; created is false when the shopper had signed up before.
	Reserve(ctx context.Context, campaign string, shopper core.Principal, share string) (r core.Reservation, created bool, err error)
	// Quote says what an order would cost now.
	Quote(ctx context.Context, request core.OrderRequest) (*core.Quote, error)
	// Place orders; a replayed order is returned as it was placed.
	Place(ctx context.Context, request core.OrderRequest) (order *core.Order, replayed bool, err error)
	// Order returns one of the shopper's orders.
	Order(ctx context.Context, id, shopper string) (*core.Order, error)
	// Orders lists the shopper's orders, the newest first.
	Orders(ctx context.Context, shopper, cursor string, limit int) (core.Page[*core.Order], error)
	// Pay pays what is due of an order.
	Pay(ctx context.Context, action core.OrderAction) (*core.Order, error)
	// Cancel cancels an order and gives back what it took.
	Cancel(ctx context.Context, action core.OrderAction) (*core.Order, error)
	// Group returns a group that orders join, if the shopper may join one there.
	Group(ctx context.Context, id string, shopper core.Principal) (*core.GroupView, error)
}

// Sales knows what is on sale.
type Sales interface {
	// Sells reports whether this node serves the campaign, and to that shopper. It asks no store.
	Sells(campaign string, shopper *core.Principal) bool
}

// Queue keeps waiting rooms.
type Queue interface {
	// WaitingRoom returns the campaign's waiting room, nil if it has none.
	WaitingRoom(ctx context.Context, campaign string) (*core.WaitingRoomView, error)
	// Join lets the shopper join; created is false for one who waits or is let in already.
	Join(ctx context.Context, campaign string, shopper core.Principal) (place *core.QueuePlace, created bool, err error)
	// QueuePlace returns the shopper's own place.
	QueuePlace(ctx context.Context, campaign string, shopper core.Principal) (*core.QueuePlace, error)
	// Shuffle returns the order of those who came before the opening; it fails with wrong_state before that.
	Shuffle(ctx context.Context, campaign string) (*drawing.Shuffle, error)
}

// Sharing counts what comes of shoppers' links.
type Sharing interface {
	// Share returns the shopper's link, and makes it the first time.
	Share(ctx context.Context, campaign string, shopper core.Principal) (link core.ShareView, created bool, err error)
	// Visit counts that the visitor came through the link; counted is false for one who had come before.
	Visit(ctx context.Context, code string, visitor core.Principal) (counted bool, err error)
	// Social takes in what a social platform reports, each event once.
	Social(ctx context.Context, source string, events []core.SocialEvent) ([]core.SocialResult, error)
}

// Draws shows draws.
type Draws interface {
	// Draw returns a draw as it stands.
	Draw(ctx context.Context, campaign, draw string) (*core.DrawView, error)
	// DrawExport returns all that it takes to draw again; it fails with wrong_state before the draw is drawn.
	DrawExport(ctx context.Context, campaign, draw string) (*core.DrawExport, error)
	// DrawEntry returns the shopper's own entry.
	DrawEntry(ctx context.Context, campaign, draw string, shopper core.Principal) (*core.EntryView, error)
}

// Belongings are what shoppers were given and told.
type Belongings interface {
	// Vouchers lists the vouchers that were granted to the shopper, by campaign, the newest first within one.
	Vouchers(ctx context.Context, shopper, cursor string, limit int) (core.Page[*core.VoucherView], error)
	// Inbox lists the messages to and from the shopper, the latest first.
	Inbox(ctx context.Context, shopper, cursor string, limit int) (core.Page[*core.MessageView], error)
	// Write sends a message to a campaign and returns it with what the campaign's mechanics answered.
	Write(ctx context.Context, campaign string, shopper core.Principal, text string) (
		sent *core.MessageView, replies []*core.MessageView, err error)
}

// Desk is where staff look after orders and shoppers. What is not of the principal's brand does not exist for it.
type Desk interface {
	// StaffOrder returns one order.
	StaffOrder(ctx context.Context, id string, staff core.Principal) (*core.Order, error)
	// StaffOrders lists a campaign's orders, the newest first; state "" means any.
	StaffOrders(ctx context.Context, campaign, state, cursor string, limit int, staff core.Principal) (core.Page[*core.Order], error)
	// Shoppers lists the shoppers that a campaign keeps tags of, sorted by id; tag "" means any.
	Shoppers(ctx context.Context, campaign, tag, cursor string, limit int, staff core.Principal) (core.Page[*core.ShopperView], error)
	// MoveCondition moves a duty that the order carries.
	MoveCondition(ctx context.Context, action core.StaffAction) (*core.Order, error)
	// ConfirmDue notes that a due was paid elsewhere.
	ConfirmDue(ctx context.Context, action core.StaffAction) (*core.Order, error)
	// Ship notes that the order was sent.
	Ship(ctx context.Context, action core.StaffAction) (*core.Order, error)
	// Deliver notes that the order has arrived.
	Deliver(ctx context.Context, action core.StaffAction) (*core.Order, error)
	// RefundOrder gives back all that was paid for the order.
	RefundOrder(ctx context.Context, action core.StaffAction) (*core.Order, error)
}

// Explainer says what mechanics decided, or would decide, and why.
type Explainer interface {
	// Explain derives the decision of an order once more from what is pinned.
	Explain(ctx context.Context, order string, staff core.Principal) (*core.Explanation, error)
	// ExplainRequest decides a request as it would be decided now, also one that is refused. It takes nothing.
	ExplainRequest(ctx context.Context, request core.OrderRequest, staff core.Principal) (*core.Explanation, error)
	// ExplainHook decides at a hook where nothing is ordered, as it would be decided now. It takes nothing.
	ExplainHook(ctx context.Context, request core.HookRequest, staff core.Principal) (*core.Explanation, error)
	// ExplainReservation derives the decision of a sign-up once more from what is pinned.
	ExplainReservation(ctx context.Context, campaign, shopper string, staff core.Principal) (*core.Explanation, error)
}

// Rules checks rules that are not bound to anything yet.
type Rules interface {
	// CheckRule reads a rule file, YAML or JSON, and binds it to the config. The error is a *[core.Problems] with the place
	// of each problem in the file; those of the config have none.
	CheckRule(file []byte, config core.Object) (*core.Manifest, error)
}

// Wallet is the embedded payment provider, as its owner sees it.
type Wallet interface {
	// Wallet returns the shopper's balances by currency, minor units.
	Wallet(ctx context.Context, shopper string) (map[string]int64, error)
	// TopUp adds money and returns the new balance, minor units.
	TopUp(ctx context.Context, topUp core.TopUp) (balance int64, err error)
}

// Campaigns reads and changes campaigns.
type Campaigns interface {
	// Campaigns returns every campaign as it stands, sorted by id.
	Campaigns(ctx context.Context) ([]*core.CampaignView, error)
	// Campaign returns one campaign as it stands.
	Campaign(ctx context.Context, id string) (*core.CampaignView, error)
	// Record returns one campaign as it is stored.
	Record(ctx context.Context, id string) (*core.CampaignRecord, error)
	// ApplyCampaign replaces a campaign's definition, or creates it.
	ApplyCampaign(ctx context.Context, request core.ApplyRequest) (*core.CampaignRecord, error)
}

// Rollouts changes which ruleset decides for whom. Every change is committed when it returns.
type Rollouts interface {
	// AddRuleset compiles and stores a ruleset that is not to decide yet. What is wrong with it is a *[core.Problems] with
	// paths into a campaign file.
	AddRuleset(ctx context.Context, request core.RulesetRequest) (*core.Ruleset, error)
	// ChangeRollout makes a ruleset live, canary or shadow, now or later, or ends canary and shadow.
	ChangeRollout(ctx context.Context, request core.RolloutRequest) (*core.Swapped, error)
	// Undo brings the rollout before back.
	Undo(ctx context.Context, request core.UndoRequest) (*core.Swapped, error)
	// StopCampaign stops a campaign, or lets it go on.
	StopCampaign(ctx context.Context, request core.StopRequest) (*core.Swapped, error)
	// ApproveRollout makes the change that waits for somebody other than who asked for it.
	ApproveRollout(ctx context.Context, request core.ApprovalRequest) (*core.Swapped, error)
	// RolloutHistory returns up to limit changes of the campaign with revisions below the given one, or any if that is 0, the
	// newest first.
	RolloutHistory(ctx context.Context, campaign string, below int64, limit int, staff core.Principal) ([]core.RolloutEntry, error)
	// IdleBindings returns the bindings that decide in the campaign and whose mechanics this node does not ask now.
	IdleBindings(ctx context.Context, campaign string) ([]core.IdleBinding, error)
}

// Nodes knows the serving processes.
type Nodes interface {
	// Nodes returns the nodes that are alive, sorted by id.
	Nodes(ctx context.Context) ([]*core.Node, error)
	// Lost returns the nodes that were seen within the last minute and are no longer alive, sorted by id.
	Lost(ctx context.Context) ([]*core.Node, error)
	// AwaitFollowed waits until every node that is alive decides under the campaign's revision or a later one, or the time is
	// over, and says of each when it began to.
	AwaitFollowed(ctx context.Context, campaign string, revision int64, wait time.Duration) ([]core.NodeFollowed, error)
}

// Rulesets keeps every ruleset a campaign ever had; the campaign store does.
type Rulesets interface {
	// Ruleset returns one ruleset of a campaign, or nil when there is none.
	Ruleset(ctx context.Context, of core.CampaignKey, number int64) (*core.Ruleset, error)
}

// Readiness says whether requests can be served.
type Readiness interface {
	// Ready fails while the store does not answer or campaigns are not loaded.
	Ready(ctx context.Context) error
}
