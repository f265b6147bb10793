package core

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// TombstonePrefix begins what stands for a shopper whose data was erased. 26 random characters follow it.
const TombstonePrefix = "erased_"

// The states of the record of an erasure.
const (
	ErasureOpen = "open" // it has begun, and not all campaigns are done; id: "open/" and the shopper's hash
	ErasureDone = "done" // in this campaign
)

// erasureHeard is for how long nodes look for an erasure, to forget the shopper too.
const erasureHeard = 10 * time.Minute

// maxObstacles is how many of the things that are in the way of an erasure are named.
const maxObstacles = 10

// ErasureRecord is the content of what a campaign remembers of an erasure.
type ErasureRecord struct {
	At            int64  `json:"at"`                  // Unix milliseconds
	ShopperSHA256 string `json:"shopper_sha256"`      // see [ShopperHash]
	Tombstone     string `json:"tombstone,omitempty"` // of one that is open
}

// ShopperHash is what the staff log names an erased shopper by: the SHA-256, in hex digits, of the brand, a newline and the
// shopper's id. Who has the id can tell that it was erased.
func ShopperHash(brand, shopper string) string {
	sum := sha256.Sum256([]byte(brand + "\n" + shopper))
	return hex.EncodeToString(sum[:])
}

// EraseRequest asks for the erasure of what is kept about a shopper.
type EraseRequest struct {
	Brand   string // whose campaigns; "" for all, which staff of no brand alone may ask for
	Shopper string
	Actor   Principal
	Reason  string
}

// Erased says what an erasure has done.
type Erased struct {
	Tombstone string           `json:"tombstone" doc:"what stands for the shopper from now on" example:"erased_4k0m8zq1v7c2n5x9r3t6w8y0b1"`
	At        int64            `json:"-"`
	Campaigns []string         `json:"campaigns" nullable:"false" doc:"those that kept something"`
	Kept      map[string]int64 `json:"kept" doc:"rows that stay without their shopper, by kind"`
	Deleted   map[string]int64 `json:"deleted" doc:"rows that are gone, by kind"`
}

// erasing is an erasure under way.
type erasing struct {
	engine    *Engine
	request   *EraseRequest
	campaigns []*campaign
	out       *Erased
}

// EraseShopper erases what is kept about a shopper. What the books need stays, under a random name that nobody can derive:
// orders with what they cost and took, claims, entries into draws, transfers. It is refused with wrong_state while the
// shopper takes part in something, and changes nothing then. Each campaign is a transaction; an erasure that a crash
// interrupted goes on with the next call. not_found if nothing is kept, as for other brands' shoppers.
func (e *Engine) EraseShopper(ctx context.Context, req EraseRequest) (*Erased, error) {
	if err := req.check(); err != nil {
		return nil, err
	}
	x, err := e.erasing(ctx, &req)
	if err != nil {
		return nil, err
	}
	money, err := e.shopperWallet(ctx, req.Brand, req.Shopper)
	if err != nil {
		return nil, err
	}
	found, err := x.look(ctx, money)
	if err != nil {
		return nil, err
	}
	begun, err := x.begin(ctx, found)
	if err != nil {
		return nil, err
	}
	for _, c := range x.campaigns {
		if err := x.erase(ctx, c); err != nil {
			return nil, err
		}
	}
	if err := x.eraseWallet(ctx, money); err != nil {
		return nil, err
	}
	return x.out, begun.end()
}

// check refuses what cannot be asked for.
func (r *EraseRequest) check() error {
	if err := checkReason(r.Reason); err != nil {
		return err
	}
	switch {
	case r.Actor.Role == RoleShopper || !r.Actor.serves(r.Brand):
		return noShopper()
	case r.Shopper == "" || !isStorable(r.Shopper) || strings.HasPrefix(r.Shopper, TombstonePrefix):
		return noShopper()
	case strings.Contains(r.Reason, r.Shopper):
		return shopperInReason()
	}
	return nil
}

func noShopper() error { return Errorf(CodeNotFound, "nothing is kept about such a shopper") }

// erasing finds the campaigns of the brand, sorted by id.
func (e *Engine) erasing(ctx context.Context, req *EraseRequest) (*erasing, error) {
	campaigns, err := e.campaignsOf(ctx, req.Brand)
	return &erasing{engine: e, request: req, campaigns: campaigns, out: &Erased{
		At: e.now().UnixMilli(), Campaigns: []string{}, Kept: map[string]int64{}, Deleted: map[string]int64{},
	}}, err
}

// campaignsOf returns every campaign of the brand, or of all if it is "", sorted by id; also those that are over.
func (e *Engine) campaignsOf(ctx context.Context, brand string) ([]*campaign, error) {
	if e.shoppers == nil {
		return nil, Errorf(CodeInternal, "this engine was made without what finds shoppers")
	}
	versions, err := e.campaigns.Campaigns(ctx)
	if err != nil {
		return nil, storeError(err)
	}
	var found []*campaign
	for _, v := range versions {
		if brand != "" && v.Brand != brand {
			continue
		}
		c, err := e.campaign(ctx, v.ID)
		if err != nil {
			return nil, err
		}
		found = append(found, c)
	}
	return found, nil
}

// look refuses an erasure that is not of anybody, or that something is in the way of.
func (x *erasing) look(ctx context.Context, money *shopperWallet) (found bool, err error) {
	obstacles := money.obstacles()
	found = money.isOwn
	for _, c := range x.campaigns {
		rows, err := c.shopperRows(ctx, x.request.Shopper)
		if err != nil {
			return false, err
		}
		found = found || !rows.isEmpty()
		obstacles = append(obstacles, rows.obstacles()...)
	}
	if found {
		err = inTheWay(obstacles)
	}
	return found, err
}

// inTheWay is the refusal of an erasure; nil if nothing is in its way.
func inTheWay(obstacles []string) error {
	if len(obstacles) == 0 {
		return nil
	}
	more := ""
	if len(obstacles) > maxObstacles {
		more = fmt.Sprintf("; and %d more", len(obstacles)-maxObstacles)
		obstacles = obstacles[:maxObstacles]
	}
	return Errorf(CodeWrongState, "the shopper still takes part in something: %s%s; end that first, nothing was erased",
		strings.Join(obstacles, "; "), more)
}

// beginning is the open record of an erasure: it keeps the tombstone until every campaign has it.
type beginning struct {
	campaign *campaign // nil if there is no campaign to keep it in
	key      DocumentKey
}

// begin finds the tombstone of an erasure that was interrupted, or makes one and writes it down.
func (x *erasing) begin(ctx context.Context, found bool) (*beginning, error) {
	for range maxDecisions {
		if b, err := x.interrupted(ctx); b != nil || err != nil {
			return b, err
		}
		if !found {
			return nil, noShopper()
		}
		b, err := x.write()
		if !errors.Is(err, ErrConflict) {
			return b, storeError(err)
		}
	}
	return nil, storeError(ErrConflict)
}

// interrupted finds the tombstone of an erasure that was interrupted; nil if there is none.
func (x *erasing) interrupted(ctx context.Context) (*beginning, error) {
	for _, c := range x.campaigns {
		b := &beginning{c, DocumentKey{DocumentErasure, "open/" + ShopperHash(c.brand, x.request.Shopper)}}
		d, err := b.load(ctx)
		if err != nil {
			return nil, err
		}
		if d == nil {
			continue
		}
		record, err := read[ErasureRecord](d)
		if err != nil {
			return nil, storeError(err)
		}
		x.out.Tombstone = record.Tombstone
		return b, nil
	}
	return nil, nil
}

// write writes down the tombstone of an erasure that begins.
func (x *erasing) write() (*beginning, error) {
	var raw [16]byte
	_, _ = rand.Read(raw[:]) // never fails: crypto/rand ends the process instead
	x.out.Tombstone = string(appendBase32([]byte(TombstonePrefix), raw))
	if len(x.campaigns) == 0 {
		return &beginning{}, nil
	}
	c := x.campaigns[0]
	hash := ShopperHash(c.brand, x.request.Shopper)
	b := &beginning{c, DocumentKey{DocumentErasure, "open/" + hash}}
	d := &Document{Kind: b.key.Kind, ID: b.key.ID}
	record := ErasureRecord{At: x.out.At, ShopperSHA256: hash, Tombstone: x.out.Tombstone}
	return b, c.apply(&Plan{Campaign: c.id, Brand: c.brand, Documents: []*Document{d.write(ErasureOpen, 0, record)}})
}

func (b *beginning) load(ctx context.Context) (*Document, error) {
	state, err := b.campaign.engine.store.Load(ctx, Query{
		Campaign: b.campaign.id, Brand: b.campaign.brand, Documents: []DocumentKey{b.key},
	})
	if err != nil {
		return nil, storeError(err)
	}
	return state.Documents[b.key], nil
}

// end forgets the record: nothing is left to do.
func (b *beginning) end() error {
	if b.campaign == nil {
		return nil
	}
	d, err := b.load(context.Background())
	if err != nil || d == nil {
		return err
	}
	err = b.campaign.apply(&Plan{Campaign: b.campaign.id, Brand: b.campaign.brand, Documents: []*Document{gone(d)}})
	if errors.Is(err, ErrConflict) {
		return nil // the other of two calls has ended it
	}
	return storeError(err)
}

// erase erases what one campaign keeps, in one transaction.
func (x *erasing) erase(ctx context.Context, c *campaign) error {
	for range maxDecisions {
		rows, err := c.shopperRows(ctx, x.request.Shopper)
		if err != nil || rows.isEmpty() {
			return err
		}
		if err := inTheWay(rows.obstacles()); err != nil {
			return err
		}
		one := newEraser(rows, x)
		plan, err := one.plan()
		if err != nil {
			return storeError(err)
		}
		err = c.engine.shoppers.Erase(ctx, plan)
		if err == nil {
			x.add(one)
			c.forgetShopper(x.out.Tombstone, ShopperHash(c.brand, x.request.Shopper))
			return nil
		}
		if !errors.Is(err, ErrConflict) {
			return storeError(err)
		}
	}
	return storeError(ErrConflict)
}

// add counts what was done in one campaign.
func (x *erasing) add(one *eraser) {
	x.out.Campaigns = append(x.out.Campaigns, one.campaign.id)
	for kind, n := range one.kept {
		x.out.Kept[kind] += n
	}
	for kind, n := range one.deleted {
		x.out.Deleted[kind] += n
	}
}

// entry is the staff log's row of what was done: with the hash of whom it was about.
func (x *erasing) entry(brand, campaign string, kept, deleted map[string]int64) *StaffEntry {
	entry := x.request.Actor.entry(x.out.At, "shopper.erase", brand, campaign, x.request.Reason)
	entry.After, _ = json.Marshal(struct { // plain data always encodes
		ShopperSHA256 string           `json:"shopper_sha256"`
		Tombstone     string           `json:"tombstone"`
		Kept          map[string]int64 `json:"kept,omitempty"`
		Deleted       map[string]int64 `json:"deleted,omitempty"`
	}{ShopperHash(brand, x.request.Shopper), x.out.Tombstone, kept, deleted})
	return &entry
}

// erasureDue lets this node forget a shopper that any node has erased, and the sweep the record, when all have had the time to.
func (c *campaign) erasureDue(ctx context.Context, d *Document) error {
	record, err := read[ErasureRecord](d)
	if err != nil {
		return err
	}
	c.forgetShopper(d.ID, record.ShopperSHA256)
	if c.engine.now().Before(time.UnixMilli(record.At).Add(erasureHeard)) {
		return nil
	}
	return c.amend(ctx, edit{key: d.Key(), apply: func(current *Document) (*Document, error) {
		if current == nil || current.Due == 0 {
			return current, nil
		}
		return current.write(ErasureDone, 0, record), nil
	}}, d)
}

// forgetShopper drops what this node remembers of a shopper who was erased, once.
func (c *campaign) forgetShopper(tombstone, hash string) {
	if _, again := c.forgotten.LoadOrStore(tombstone, struct{}{}); again {
		return
	}
	c.memory.forget()
	if shadow := c.comparing.shadow.Load(); shadow != nil {
		shadow.forget(func(one *keptCase) bool {
			return slices.ContainsFunc(one.shoppers(), func(id string) bool { return ShopperHash(c.brand, id) == hash })
		})
	}
}

// shoppers are those that the case is about.
func (k *keptCase) shoppers() []string {
	var facts struct {
		Shopper struct {
			ID string `json:"id"`
		} `json:"shopper"`
		Group struct {
			Leader string `json:"leader"`
		} `json:"group"`
	}
	_ = json.Unmarshal(k.Facts, &facts) // what this node wrote
	return []string{facts.Shopper.ID, facts.Group.Leader}
}

// namesShopper reports of a case whether it is about the shopper.
func namesShopper(shopper string) func(*keptCase) bool {
	return func(one *keptCase) bool { return slices.Contains(one.shoppers(), shopper) }
}

// casesWithout returns the report's content without the cases that are about somebody; nil if it has none of these.
func casesWithout(r *Report, about func(*keptCase) bool) []byte {
	content, err := readObject(r.Content)
	var cases map[CaseKind][]keptCase
	if err != nil || unmarshalMember(content, "cases", &cases) != nil {
		return nil // the report of something that keeps no cases
	}
	dropped := false
	for kind, list := range cases {
		kept := slices.DeleteFunc(slices.Clone(list), func(one keptCase) bool { return about(&one) })
		dropped = dropped || len(kept) < len(list)
		cases[kind] = kept
	}
	if !dropped {
		return nil
	}
	content["cases"], _ = json.Marshal(cases) // plain data always encodes
	return content.text()
}
