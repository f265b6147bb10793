package core

// facts reads what Facts.appendJSON writes.
func (s *quoteScan) facts(r *recording) bool {
	f := &r.facts
	return s.object(func(name string) (ok bool) {
		switch name {
		case "now":
			return s.intInto(&f.Now)
		case "quantity":
			return s.intInto(&f.Quantity)
		case "campaign":
			return s.campaignFacts(&f.Campaign)
		case "group":
			return s.groupFacts(&f.Group)
		case "input":
			f.Input, ok = s.inputs(maxScanDepth)
			return ok
		case "item":
			return s.itemFacts(&f.Item)
		case "quota":
			r.quota, ok = s.counts(r.quota)
			f.Quota = r.quota
			return ok
		case "reservation":
			return s.reservationFacts(&f.Reservation)
		case "shares":
			return s.sharesFacts(&f.Shares)
		case "shopper":
			return s.shopperFacts(&f.Shopper, r)
		case "voucher":
			return s.voucherFacts(&f.Voucher)
		default: // order and message are no facts of a quote
			return false
		}
	})
}

func (s *quoteScan) campaignFacts(c *CampaignFacts) bool {
	return s.object(func(name string) bool {
		switch name {
		case "brand":
			return s.strInto(&c.Brand)
		case "currency":
			return s.strInto(&c.Currency)
		case "id":
			return s.strInto(&c.ID)
		case "phase":
			return s.strInto(&c.Phase)
		case "sale_closes":
			return s.intInto(&c.SaleCloses)
		case "sale_opens":
			return s.intInto(&c.SaleOpens)
		default:
			return false
		}
	})
}

func (s *quoteScan) itemFacts(i *ItemFacts) bool {
	return s.object(func(name string) bool {
		switch name {
		case "left":
			return s.intInto(&i.Left)
		case "price":
			return s.intInto(&i.Price)
		case "sku":
			return s.strInto(&i.SKU)
		case "sold":
			return s.intInto(&i.Sold)
		case "stock":
			return s.intInto(&i.Stock)
		default:
			return false
		}
	})
}

func (s *quoteScan) groupFacts(g *GroupFacts) bool {
	return s.object(func(name string) bool {
		switch name {
		case "closes_at":
			return s.intInto(&g.ClosesAt)
		case "id":
			return s.strInto(&g.ID)
		case "joined":
			return s.intInto(&g.Joined)
		case "leader":
			return s.strInto(&g.Leader)
		case "size":
			return s.intInto(&g.Size)
		default:
			return false
		}
	})
}

func (s *quoteScan) reservationFacts(r *ReservationFacts) bool {
	return s.object(func(name string) bool {
		switch name {
		case "at":
			return s.intInto(&r.At)
		case "position":
			return s.intInto(&r.Position)
		default:
			return false
		}
	})
}

func (s *quoteScan) sharesFacts(f *SharesFacts) bool {
	return s.object(func(name string) bool {
		switch name {
		case "counted":
			return s.strInto(&f.Counted)
		case "reposts":
			return s.intInto(&f.Reposts)
		case "reservations":
			return s.intInto(&f.Reservations)
		case "visitors":
			return s.intInto(&f.Visitors)
		default:
			return false
		}
	})
}

func (s *quoteScan) shopperFacts(f *ShopperFacts, r *recording) bool {
	ok := s.object(func(name string) bool {
		switch name {
		case "id":
			return s.strInto(&f.ID)
		case "orders":
			return s.intInto(&f.Orders)
		case "region":
			return s.strInto(&f.Region)
		case "registered_at":
			return s.intInto(&f.RegisteredAt)
		case "tags":
			return s.array(func() bool {
				tag, ok := s.str()
				r.tags = append(r.tags, tag)
				return ok
			})
		case "tier":
			return s.strInto(&f.Tier)
		default:
			return false
		}
	})
	f.Tags = r.tags
	return ok
}

func (s *quoteScan) voucherFacts(v *VoucherFacts) bool {
	return s.object(func(name string) bool {
		switch name {
		case "code":
			return s.strInto(&v.Code)
		case "pool":
			return s.strInto(&v.Pool)
		case "state":
			return s.strInto(&v.State)
		case "value":
			return s.intInto(&v.Value)
		default:
			return false
		}
	})
}

// inputs reads an [Object].
func (s *quoteScan) inputs(depth int) (Object, bool) {
	if depth == 0 {
		return nil, false
	}
	o := Object{}
	return o, s.object(func(name string) bool {
		value, ok := s.value(depth)
		o[name] = value
		return ok
	})
}

// value reads one value of an [Object].
func (s *quoteScan) value(depth int) (any, bool) {
	if s.at == len(s.text) {
		return nil, false
	}
	switch s.text[s.at] {
	case '{':
		return s.inputs(depth - 1)
	case '[':
		return nil, false // no input is a list; what is one is left to encoding/json
	case '"':
		return s.str()
	case 't', 'f':
		return s.boolean()
	default:
		return s.integer()
	}
}
