package core

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"time"

	"hotdrop/core/money"
)

// Payment is money for one due of an order. Its id is derived from the order, so that it exists once however often it
// is asked for.
type Payment struct {
	ID       string
	Campaign string
	Order    string
	Shopper  string
	Brand    string
	Currency string
	Amount   int64 // minor units
	At       int64 // when it was asked for or, from a provider, charged, Unix milliseconds; 0 if that is not known
	// Request is the Idempotency-Key of the request that asked for it, so that whoever settles it can claim the key.
	Request string
}

// Provider moves money. Every method is idempotent by the payment's id and durable when it returns.
type Provider interface {
	// Charge takes the amount from the shopper; insufficient_funds if there is too little. It returns the Request that
	// the payment was charged for, an earlier one's if there was one.
	Charge(ctx context.Context, p Payment) (request string, err error)
	// Refund gives a charged payment back in full.
	Refund(ctx context.Context, p Payment) error
	// Settled tells that the order has taken note of the payment, or that it was refunded: it needs no further care.
	Settled(id string)
	// Unsettled returns up to limit payments charged before the given time (Unix milliseconds) that are not settled.
	Unsettled(ctx context.Context, before int64, limit int) ([]Payment, error)
}

// Wallet is the embedded payment provider: balances per shopper and currency on a double-entry ledger of its own.
type Wallet struct {
	ledger Ledger
	now    func() time.Time
	log    *slog.Logger
	posts  batcher[*posting]
	marks  batcher[string]
}

// posting is one transfer on its way into a batch, and then as the ledger has it.
type posting struct {
	transfer Transfer
	err      error
}

// NewWallet returns a wallet on the ledger. An [Engine] without a provider makes its own.
func NewWallet(ledger Ledger, now func() time.Time, log *slog.Logger) *Wallet {
	w := &Wallet{ledger: ledger, now: now, log: log}
	w.posts = batcher[*posting]{run: w.post, lanes: 1, most: maxBatch, bound: maxWaiting}
	w.marks = batcher[string]{run: w.mark, lanes: 1, most: maxBatch, bound: maxWaiting}
	return w
}

func (w *Wallet) drain() {
	w.posts.drain()
	w.marks.drain()
}

// Charge implements [Provider].
func (w *Wallet) Charge(ctx context.Context, p Payment) (request string, err error) {
	charged, err := w.move(ctx, Transfer{
		ID: p.ID, Kind: TransferPayment, From: ShopperAccount(p.Shopper), To: BrandAccount(p.Brand),
		Currency: p.Currency, Amount: p.Amount, Campaign: p.Campaign, Order: p.Order, At: w.now().UnixMilli(),
		Request: p.Request,
	})
	return charged.Request, err
}

// refundPrefix makes a refund's id from its payment's.
const refundPrefix = "refund/"

// Refund implements [Provider].
func (w *Wallet) Refund(ctx context.Context, p Payment) error {
	_, err := w.move(ctx, Transfer{
		ID: refundPrefix + p.ID, Kind: TransferRefund, From: BrandAccount(p.Brand), To: ShopperAccount(p.Shopper),
		Currency: p.Currency, Amount: p.Amount, Campaign: p.Campaign, Order: p.Order, At: w.now().UnixMilli(),
		Settled: true,
	})
	return err
}

// Settled implements [Provider]. The mark is written in the background: losing it costs one look by the jobs.
func (w *Wallet) Settled(id string) { w.marks.add(id) }

// Unsettled implements [Provider].
func (w *Wallet) Unsettled(ctx context.Context, before int64, limit int) ([]Payment, error) {
	transfers, err := w.ledger.Unsettled(ctx, before, limit)
	payments := make([]Payment, 0, len(transfers))
	for i := range transfers {
		t := &transfers[i]
		payments = append(payments, Payment{
			ID: t.ID, Campaign: t.Campaign, Order: t.Order, Currency: t.Currency, Amount: t.Amount, At: t.At, Request: t.Request,
			Shopper: strings.TrimPrefix(t.From, ShopperAccount("")), Brand: strings.TrimPrefix(t.To, BrandAccount("")),
		})
	}
	return payments, storeError(err)
}

// move posts one transfer in the current batch, waits for it, and returns it as the ledger has it.
func (w *Wallet) move(ctx context.Context, t Transfer) (Transfer, error) {
	p := &posting{transfer: t}
	done, ok := w.posts.add(p)
	if !ok {
		return t, overloaded()
	}
	select {
	case <-done:
		return p.transfer, p.err
	case <-ctx.Done():
		return t, storeError(ctx.Err())
	}
}

// post writes one batch of postings. The first try is optimistic; when the ledger refuses it, the batch is cut to what
// is new and covered by balances, and at last posted one by one.
func (w *Wallet) post(batch []*posting) {
	open := onceEach(batch)
	for range optimisticTries {
		err := w.ledger.Post(context.Background(), transfersOf(open))
		if err == nil {
			return
		}
		if !errors.Is(err, ErrConflict) && !errors.Is(err, ErrUnavailable) {
			failPostings(open, err)
			return
		}
		if open, err = w.affordable(open); err != nil {
			failPostings(batch, err)
			return
		}
		if len(open) == 0 {
			return
		}
	}
	for _, p := range open {
		w.postOne(p)
	}
}

// postOne posts a transfer alone. A conflict is then its own: it exists already or is not covered.
func (w *Wallet) postOne(p *posting) {
	err := w.ledger.Post(context.Background(), []Transfer{p.transfer})
	if errors.Is(err, ErrConflict) {
		open, readErr := w.affordable([]*posting{p})
		if readErr == nil && len(open) == 0 {
			return // it exists, or p says why it cannot be
		}
	}
	if err != nil {
		p.err = storeError(err)
	}
}

// onceEach returns the postings without repeated ids; a repeat shares the first one's fate only if bodies agree, and
// is told to come again otherwise.
func onceEach(batch []*posting) []*posting {
	seen := make(map[string]*posting, len(batch))
	open := make([]*posting, 0, len(batch))
	for _, p := range batch {
		if seen[p.transfer.ID] != nil {
			p.err = &Error{Code: CodeInFlight, Message: "this payment is being made", RetryAfter: retryAfter}
			continue
		}
		seen[p.transfer.ID] = p
		open = append(open, p)
	}
	return open
}

func transfersOf(batch []*posting) []Transfer {
	transfers := make([]Transfer, len(batch))
	for i, p := range batch {
		transfers[i] = p.transfer
	}
	return transfers
}

func failPostings(batch []*posting, err error) {
	for _, p := range batch {
		if p.err == nil {
			p.err = storeError(err)
		}
	}
}

// affordable returns the postings that are still to be written: not those that exist, which are done, nor those that
// the balance does not cover, which fail.
func (w *Wallet) affordable(batch []*posting) ([]*posting, error) {
	ids := make([]string, 0, len(batch))
	accounts := make([]Account, 0, len(batch))
	for _, p := range batch {
		ids = append(ids, p.transfer.ID)
		accounts = append(accounts, Account{p.transfer.From, p.transfer.Currency})
	}
	existing, err := w.ledger.Transfers(context.Background(), ids)
	if err != nil {
		return nil, err //nolint:wrapcheck // the caller turns it into a code
	}
	balances, err := w.ledger.Balances(context.Background(), accounts)
	if err != nil {
		return nil, err //nolint:wrapcheck // the caller turns it into a code
	}
	open := make([]*posting, 0, len(batch))
	for _, p := range batch {
		if prior, ok := existing[p.transfer.ID]; ok {
			p.err, p.transfer = sameTransfer(&prior, &p.transfer), prior
			continue
		}
		from := Account{p.transfer.From, p.transfer.Currency}
		if from.Name != AccountOutside && balances[from] < p.transfer.Amount {
			p.err = Errorf(CodeInsufficientFunds, "the wallet holds %d %s, %d are due", balances[from], from.Currency, p.transfer.Amount)
			continue
		}
		balances[from] -= p.transfer.Amount
		open = append(open, p)
	}
	return open, nil
}

func sameTransfer(prior, asked *Transfer) error {
	if prior.Amount != asked.Amount || prior.Currency != asked.Currency {
		return Errorf(CodeIdempotencyMismatch, "this Idempotency-Key was used with another body")
	}
	return nil
}

func (w *Wallet) mark(ids []string) {
	if err := w.ledger.Settle(context.Background(), ids); err != nil {
		w.log.Warn("payments could not be marked as settled; the jobs will look at them again", "payments", len(ids), "error", err)
	}
}

const maxTopUp = 1_000_000_000_000

// TopUp puts money into a shopper's wallet, once per Idempotency-Key, and returns the new balance in minor units.
func (e *Engine) TopUp(ctx context.Context, t TopUp) (int64, error) {
	if t.Key == "" {
		return 0, Errorf(CodeIdempotencyMissing, "this request needs an Idempotency-Key header")
	}
	if t.Amount < 1 || t.Amount > maxTopUp {
		return 0, Errorf(CodeInvalid, "amount must be between 1 and %d", int64(maxTopUp))
	}
	if _, known := money.Exponent(t.Currency); !known {
		return 0, Errorf(CodeInvalid, "currency must be a code of ISO 4217, such as CNY")
	}
	account := Account{ShopperAccount(t.Shopper), t.Currency}
	_, err := e.wallet.move(ctx, Transfer{
		ID: "topup/" + fingerprint(appendString(appendString(nil, t.Shopper), t.Key)), Kind: TransferTopUp,
		From: AccountOutside, To: account.Name,
		Currency: t.Currency, Amount: t.Amount, At: e.now().UnixMilli(), Settled: true,
	})
	if err != nil {
		return 0, err
	}
	balances, err := e.wallet.ledger.Balances(ctx, []Account{account})
	return balances[account], storeError(err)
}

// Wallet returns the shopper's balances in minor units by currency.
func (e *Engine) Wallet(ctx context.Context, shopper string) (map[string]int64, error) {
	balances, err := e.wallet.ledger.Wallet(ctx, ShopperAccount(shopper))
	return balances, storeError(err)
}
