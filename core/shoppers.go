package core

import (
	"context"
	"strings"
)

const (
	// shoppersChunk is how many shoppers' tags are read at a time, and shoppersScan how many a page looks at before it
	// ends: a tag that few have must not make one request read a million rows.
	shoppersChunk = 500
	shoppersScan  = 5_000
)

// ShopperView is what a campaign knows of a shopper whom a mechanic has noted something about.
type ShopperView struct {
	ID         string
	Tags       Tags
	ReservedAt int64 // Unix milliseconds; 0 for one who has not reserved
	Orders     int64 // that were ever placed in the campaign
}

// Shoppers returns a page of the shoppers of whom the campaign's mechanics keep tags, sorted by id: of those with the tag,
// which is "key" for any value of it and "key=value" for one, or of all if it is "". The cursor is Next of the page
// before, "" for the first page. A page may be shorter than limit, or empty, and not be the last: only Next says so. A
// campaign that is not of the staff's brand is not_found.
func (e *Engine) Shoppers(
	ctx context.Context, campaignID, tag, cursor string, limit int, staff Principal,
) (Page[*ShopperView], error) {
	page := Page[*ShopperView]{Data: []*ShopperView{}}
	c, err := e.servedCampaign(ctx, campaignID, &staff)
	if err != nil {
		return page, err
	}
	if !isStorable(cursor) {
		return page, foreignCursor()
	}
	q := DocumentQuery{Campaign: campaignID, Brand: c.brand, Kind: DocumentTags, After: cursor, Limit: shoppersChunk}
	if tag == "" {
		q.Limit = limit + 1 // every row counts
	}
	for range shoppersScan / shoppersChunk {
		documents, err := e.store.ListDocuments(ctx, q)
		if err != nil {
			return page, storeError(err)
		}
		views, err := tagged(documents, tag)
		if err != nil {
			return page, err
		}
		page.Data = append(page.Data, views...)
		if len(page.Data) > limit {
			page.Data = page.Data[:limit]
			page.Next = page.Data[limit-1].ID
			return page, c.complete(page.Data)
		}
		if len(documents) < q.Limit {
			return page, c.complete(page.Data)
		}
		q.After = documents[q.Limit-1].ID
	}
	page.Next = q.After
	return page, c.complete(page.Data)
}

// tagged returns the shoppers whose documents have the tag.
func tagged(documents []*Document, tag string) ([]*ShopperView, error) {
	var views []*ShopperView
	for _, d := range documents {
		tags, err := read[Tags](d)
		if err != nil {
			return nil, storeError(err)
		}
		if tags.have(tag) {
			views = append(views, &ShopperView{ID: d.ID, Tags: *tags})
		}
	}
	return views, nil
}

// have reports whether the tag, "key" or "key=value", is among them; "" always is.
func (t Tags) have(tag string) bool {
	key, value, exact := strings.Cut(tag, "=") // no key has a "="
	kept, ok := t[key]
	return tag == "" || ok && (!exact || kept == value)
}

// complete adds to the shoppers what else the campaign knows of them.
func (c *campaign) complete(views []*ShopperView) error {
	q := Query{Campaign: c.id, Brand: c.brand}
	for _, v := range views {
		q.Shoppers = append(q.Shoppers, v.ID)
	}
	state, err := c.query(q)
	if err != nil {
		return err
	}
	for _, v := range views {
		known := state.Shoppers[v.ID]
		if known == nil {
			continue
		}
		if known.Reservation != nil {
			v.ReservedAt = known.Reservation.At
		}
		for i := range known.Claims {
			if known.Claims[i].Kind == ClaimOrder {
				v.Orders++
			}
		}
	}
	return nil
}

// servedCampaign returns the running campaign, if it is the staff's business.
func (e *Engine) servedCampaign(ctx context.Context, id string, staff *Principal) (*campaign, error) {
	c, err := e.campaign(ctx, id)
	if err != nil {
		return nil, err
	}
	if !staff.serves(c.brand) {
		return nil, Errorf(CodeNotFound, "there is no campaign %q", id)
	}
	return c, nil
}
