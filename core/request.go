package core

import "time"

// Role is what a principal may be.
type Role string

// The roles.
const (
	RoleShopper  Role = "shopper"
	RoleBrand    Role = "brand"
	RolePlatform Role = "platform"
	RoleOperator Role = "operator"
	RoleAuditor  Role = "auditor" // reads everything, changes nothing
	RoleAdmin    Role = "admin"
)

// Principal is who asks. The fields after Brand are facts about a shopper, as the brand's identity provider states them,
// and those after them say how a request came, for the staff log.
type Principal struct {
	ID           string // a person, also where that person has several credentials
	Role         Role
	Brand        string // the brand a staff principal is scoped to, or whose shopper it is; "" for every brand
	Tier         string
	Tags         []string
	Region       string
	RegisteredAt int64 // Unix milliseconds

	Credential string // of staff: the id of the API key or session that was shown; "" where there was none
	Address    string // the IP address that the request came from; "" where it came from inside
	ExpiresAt  int64  // when the credential ends, Unix milliseconds; 0: nobody has said
}

// entry begins the staff log's row of what the principal does at that moment, Unix milliseconds.
func (p *Principal) entry(at int64, action, brand, campaign, reason string) StaffEntry {
	return StaffEntry{
		At: at, Actor: p.ID, Role: string(p.Role), Credential: p.Credential, Address: p.Address,
		Brand: brand, Campaign: campaign, Action: action, Reason: reason,
	}
}

// OrderRequest asks for a quote or an order.
type OrderRequest struct {
	Campaign    string
	Shopper     Principal
	SKU         string
	Quantity    int64
	Voucher     string
	Group       string
	Input       Object
	ExpectTotal *int64 // refuse with price_changed if the total is another, minor units
	Replaces    string // an order of the shopper's that this one takes the place of, in one step; see [Offer]
	Key         string // Idempotency-Key; unused by quotes
	QueueToken  string // what the waiting room gave; unused by quotes and where there is none

	replaced *Order // as it was read; nil until then
}

// OrderAction pays or cancels an order.
type OrderAction struct {
	Order   string
	Shopper string
	Key     string // Idempotency-Key
}

// TopUp puts money into a shopper's wallet (demo only).
type TopUp struct {
	Shopper  string
	Currency string
	Amount   int64 // minor units, 1 … 10^12
	Key      string
}

// Quote is what an order would cost now.
type Quote struct {
	Campaign   string
	Currency   string
	Total      int64 // minor units
	List       int64 // what it would cost without mechanics
	Lines      []Line
	Conditions []Condition
	Group      *QuotedGroup // nil unless the price is for a group
	Dues       []Due
	Ruleset    int64
	Left       int64 // units of the item left
}

// QuotedGroup is the group that an order would open or join.
type QuotedGroup struct {
	Size     int64 // how many orders it needs
	Joined   int64 // seats taken so far
	ClosesAt int64 // Unix milliseconds
}

// ApplyRequest replaces a campaign's definition, or creates it.
type ApplyRequest struct {
	Definition *Campaign
	IfMatch    int64 // the revision the caller has seen; 0 means any, -1 means that it must not exist
	Actor      Principal
	Reason     string
	DryRun     bool // check and compile everything, write nothing
	Demo       bool // mark the campaign as one whose windows demo mode may shift
	Jump       bool // the file's times jump, as they do in a demo: draws close when they say, also earlier than was promised
}

// CampaignView is a campaign as it stands now.
type CampaignView struct {
	Record   *CampaignRecord
	Phase    Phase
	Now      time.Time
	Left     map[string]int64 // units left by SKU, at most 100 ms old
	Quotas   map[string]int64 // units left by quota, as old as that
	Pools    map[string]int64 // vouchers left to be granted by pool, as old as that
	Reserved int64            // reservations so far
}

// Page is one page of a list.
type Page[T any] struct {
	Data []T
	Next string // cursor of the next page; "" at the end
}
