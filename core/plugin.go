package core

import (
	"context"
	"encoding/json"
)

// The sizes of an uploaded plugin, bytes.
const (
	// MaxPluginBytes is the longest module that the platform takes at all; what a plugin may have is the policy's business.
	MaxPluginBytes = 4 << 20
	// PluginPartBytes is how much of a module one row of a store holds; only the last part is shorter.
	PluginPartBytes = 256 << 10
)

// PluginState is where an uploaded plugin stands.
type PluginState string

// The states; [PluginMoves] has the ways between them.
const (
	PluginUploaded PluginState = "uploaded" // stored; waits for vetting
	PluginVetting  PluginState = "vetting"  // a node vets it
	PluginVetted   PluginState = "vetted"   // found fit; waits for the platform
	PluginRefused  PluginState = "refused"  // found unfit, or vetting could not be done
	PluginApproved PluginState = "approved" // may be bound and loaded
	PluginRejected PluginState = "rejected" // the platform does not want it
	PluginRevoked  PluginState = "revoked"  // was approved, and is no longer
)

// Plugin is a WebAssembly module that a brand uploaded: what is known of it, without its bytes. Brand and digest name it;
// times are Unix milliseconds.
type Plugin struct {
	Brand      string
	Digest     string // "sha256:<hex>" over its bytes
	Size       int64  // bytes
	State      PluginState
	Name       string // the mechanic's, as its manifest has it; "" before a verdict
	Author     string // as its manifest has it, which nobody vouches for; "" before a verdict
	Upload     string // names its parts in the store; "" where its bytes are not kept any more
	UploadedAt int64
	UploadedBy string         // who sent it first
	Senders    []PluginSender // everybody who sent it or a signature of it, in the order that they came
	DecidedAt  int64          // when it was last decided about, or its approvals were ended; 0 for never
	DecidedBy  string         // who did: a person, or system where its time was over or what it was bound to changed
	Reason     string         // why it is in its state: staff's words, or why vetting could not be done
	Revision   int64          // rises with every change; the ETag
	Lease      PluginLease
	Report     *PluginReport // by the version of the rules that was asked for; nil while there is none

	Terms     *PluginTerms     // what has been approved, or is about to be; nil while nobody has approved anything
	Approvals []PluginApproval // on these terms, in the order that they came
	Proposed  *PluginProposal  // other terms beside those in force; nil while nobody has approved any
	Signature *PluginSignature // nil while nobody has signed it
	Needed    int              // how many people have to approve it: the registry's, no part of what is stored
	Notice    string           // what a decision did beside what it was asked to: no part of what is stored
}

// PluginLease says who vets a plugin now. A lease that is not renewed runs out, so that a dead node's work is taken over.
type PluginLease struct {
	Holder   string // names one attempt of one node; "" for nobody
	Until    int64  // nobody else begins before this
	Attempts int64  // begun since the last verdict, but for those that their node has given back
}

// PluginReport is what vetting found, by one version of its rules.
type PluginReport struct {
	Version  string // of the rules; see [Vetter]
	Accepted bool
	Document json.RawMessage // for people and programs; nil where a list leaves it out
	At       int64
}

// PluginPart is a piece of an upload that is under way.
type PluginPart struct {
	Brand  string
	Upload string
	Number int64 // from 0, without gaps
	Bytes  []byte
	At     int64 // when the upload began
}

// PluginFilter says which plugins are asked for. Empty fields allow everything.
type PluginFilter struct {
	Brand    string
	Digest   string
	State    PluginState   // only those in this state
	Pending  bool          // only those that are uploaded or being vetted
	Expiring int64         // only those with approvals that end by then, Unix milliseconds; 0: all, also those without
	Key      string        // only those that are signed by the key of this id
	After    *PluginCursor // only those behind this one
	Limit    int
	Rules    PluginRules // whose report comes along
	Document bool        // with the report's document
}

// PluginRules name the rules that a report must have been made by, so that it counts.
type PluginRules struct {
	Version string            // of all plugins but those of Own
	Own     map[string]string // by digest: of plugins that are judged by rules of their own
}

// Of returns the version that counts for the plugin of the digest.
func (r PluginRules) Of(digest string) string {
	if version, own := r.Own[digest]; own {
		return version
	}
	return r.Version
}

// PluginCursor is a plugin's place in a list, which is sorted by time of upload, then brand, then digest, all descending.
type PluginCursor struct {
	At            int64
	Brand, Digest string
}

// PluginsDue asks for plugins that need vetting and are under no lease: those that are uploaded or being vetted, and those
// that are vetted or approved but have no report by the rules.
type PluginsDue struct {
	Now   int64
	Rules PluginRules
	Limit int
}

// PluginChange is a new state of a plugin with what is written in the same transaction.
type PluginChange struct {
	// Plugin holds the new values. Its Revision is the one that was read; the row gets Revision + 1.
	Plugin *Plugin
	Report *PluginReport // to be kept under its version, replacing one of that version; nil for none
	Void   *PluginVoid   // what happens to the approvals so far; nil: they stand
	// Approvals are added to those that stand, on the plugin's terms; a person who has one already is ErrConflict.
	Approvals []PluginApproval
	Senders   []PluginSender // are added to those that there are, but for people who are there already
	Entry     *StaffEntry    // nil when nobody is to answer for it
	Drop      string         // the upload whose parts are removed; "" for none
	Adopt     bool           // Plugin.Upload is a finished upload, which becomes this plugin's; if it is not there: ErrConflict
}

// PluginUsage is what a brand takes of the store, bytes.
type PluginUsage struct {
	Modules int64 // whose parts are kept, those of uploads under way included
	Reports int64 // the documents, of every version
}

// PluginParts holds the bytes of plugins. Its errors are those of [PluginStore].
type PluginParts interface {
	// PutPluginPart stores a part. Part 0 begins the upload; any other must follow the one before.
	PutPluginPart(ctx context.Context, part PluginPart) error
	// DropUpload removes an upload that is not finished, if it is there.
	DropUpload(ctx context.Context, brand, upload string) error
	// SweepUploads removes the uploads that began before and are not finished, and returns how many.
	SweepUploads(ctx context.Context, before int64) (int, error)
	// PluginPart returns the bytes of one part of a plugin, nil beyond the last.
	PluginPart(ctx context.Context, brand, digest string, number int64) ([]byte, error)
	// PluginUsage returns what the brand takes.
	PluginUsage(ctx context.Context, brand string) (PluginUsage, error)
}

// PluginStore holds uploaded plugins. Its errors are those of [Store]; a change of something that is no longer as it was
// read is ErrConflict.
type PluginStore interface {
	PluginParts
	SigningKeyStore

	// CreatePlugin makes a finished upload visible as a plugin of revision 1, with its senders and its staff entry. A plugin of that brand
	// and digest, or an upload that is not (any more), is ErrConflict.
	CreatePlugin(ctx context.Context, p *Plugin, entry StaffEntry) error
	// FindPlugins lists plugins: see [PluginCursor] for the order.
	FindPlugins(ctx context.Context, f PluginFilter) ([]*Plugin, error)
	// DuePlugins lists what needs vetting: what is approved first, then by turns the brands whose last turn was the longest
	// ago, of each brand the oldest.
	DuePlugins(ctx context.Context, due PluginsDue) ([]*Plugin, error)
	// SavePlugin commits the change in one transaction, if the revision is still the one that was read.
	SavePlugin(ctx context.Context, change *PluginChange) error
}

// Vetter judges modules. It is safe for concurrent use.
type Vetter interface {
	// Version names the rules that it judges by. A verdict counts for that version only: under another one a plugin is
	// vetted again before it is loaded.
	Version() string
	// Limits are what the plugin is granted on this node, JSON that is the same for the same limits. An approval holds only
	// for those that were granted when it was given.
	Limits(p *Plugin) json.RawMessage
	// Vet judges the module. An error means that it could not be judged, which says nothing about the module.
	Vet(ctx context.Context, p *Plugin, wasm []byte) (*Verdict, error)
}

// Verdict is what a [Vetter] found.
type Verdict struct {
	Accepted bool
	Name     string          // the mechanic's, "" if the module does not tell
	Author   string          // the same of whoever the manifest says made it
	Document json.RawMessage // the report
}
