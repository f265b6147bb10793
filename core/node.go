package core

import "context"

// Node is one serving process, as it says of itself. Times are Unix milliseconds of its own clock.
type Node struct {
	ID        string                   `json:"id"` // another one at each start
	StartedAt int64                    `json:"started_at"`
	SeenAt    int64                    `json:"seen_at"` // the last heartbeat
	Version   string                   `json:"version,omitempty"`
	Campaigns map[string]*NodeCampaign `json:"campaigns"` // by id
}

// NodeCampaign is how far a node follows a campaign.
type NodeCampaign struct {
	Revision   int64            `json:"revision"` // that it decides under
	Epoch      int64            `json:"epoch"`
	Rollout    int64            `json:"rollout"` // its number
	FollowedAt int64            `json:"followed_at"`
	Ready      []int64          `json:"ready"`              // the rulesets that it has compiled and warmed, sorted
	Refused    map[int64]string `json:"refused,omitempty"`  // the rulesets that it cannot compile, and why
	Asked      []int64          `json:"asked,omitempty"`    // the rulesets that somebody waits for there: every node prepares them first
	Unserved   string           `json:"unserved,omitempty"` // why it does not serve the campaign; "" if it does
}

// NodeStore is all that nodes know of one another.
type NodeStore interface {
	// SaveNode writes the node's row.
	SaveNode(ctx context.Context, n *Node) error
	// Nodes returns the nodes that were seen at since or later, sorted by id.
	Nodes(ctx context.Context, since int64) ([]*Node, error)
	// DropNodes forgets the nodes that were last seen before, and the node of that id if it is not "".
	DropNodes(ctx context.Context, before int64, id string) error
	// Notify tells every node that listens that the campaign has changed. It is a hint: it may be lost.
	Notify(ctx context.Context, campaign string) error
	// Listen calls heard for every campaign that others notify of, and once with "" whenever something may have been
	// missed, until ctx ends or the connection is lost, which is the error. It holds one connection.
	Listen(ctx context.Context, heard func(campaign string)) error
}

// Journal keeps what nodes measured and did not sell: it says nothing about money that orders do not say too.
type Journal interface {
	// SaveSamples writes the samples; one of the same campaign, second and node is replaced.
	SaveSamples(ctx context.Context, samples []Sample) error
	// Samples returns the campaign's samples of the seconds from ≤ second < until (Unix seconds), sorted by second and node.
	Samples(ctx context.Context, of CampaignKey, from, until int64) ([]Sample, error)
	// SaveReports writes the reports; one of the same campaign, subject and node is replaced.
	SaveReports(ctx context.Context, reports []Report) error
	// Reports returns every node's report of the subject, sorted by node.
	Reports(ctx context.Context, of CampaignKey, subject string) ([]Report, error)
	// AddRefusals appends to the log of refusals.
	AddRefusals(ctx context.Context, refusals []*RefusalRecord) error
	// Refusals returns up to limit of the campaign's refusals, the newest first, older than the one of the id after, unless
	// that is "".
	Refusals(ctx context.Context, of CampaignKey, after string, limit int) ([]*RefusalRecord, error)
	// Quotes calls visit with the pinned decision of every order of the campaign that comes after the id from in the order of
	// ids, which is that of time, until there are no more or visit fails, which is the error.
	Quotes(ctx context.Context, of CampaignKey, from string, visit func(q RecordedQuote) error) error
	// Forget deletes samples of seconds before samples (Unix seconds) and refusals from before refusals (Unix milliseconds).
	Forget(ctx context.Context, samples, refusals int64) error
}

// Sample is what one node counted of a campaign in one second.
type Sample struct {
	Campaign string
	Brand    string
	Second   int64 // Unix seconds
	Node     string
	Content  []byte // JSON, the meter's
}

// Report is what one node counted for a subject since it began, such as a shadow.
type Report struct {
	Campaign string
	Brand    string
	Subject  string // such as shadow/17: what it is about and the rollout that began it
	Node     string
	Content  []byte // JSON, the subject's
}

// RefusalRecord is one refused order request that was kept: they are counted all, and kept now and then.
type RefusalRecord struct {
	Campaign string
	ID       string // sorted by time within a campaign
	Brand    string
	At       int64 // Unix milliseconds
	Code     Code
	Reason   string // the mechanic's, if it denied
	Content  []byte // JSON: the decision as an order pins it, as far as it was made
}

// RecordedQuote is an order's pinned decision, as the log of decisions has it.
type RecordedQuote struct {
	Order string
	Quote []byte // canonical JSON, valid until visit returns
}
