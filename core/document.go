package core

import (
	"encoding/json"
	"fmt"
	"maps"
)

// DocumentKind separates the key spaces of documents.
type DocumentKind string

// The kinds of documents. Each has its content in the file that is named after it.
const (
	DocumentVoucher DocumentKind = "voucher" // [Voucher]; id: its code
	DocumentGroup   DocumentKind = "group"   // [Group]; id: what members join it by
	DocumentShare   DocumentKind = "share"   // [Share]; id: the code of the link
	DocumentDraw    DocumentKind = "draw"    // [Draw]; id: its name in the campaign file
	DocumentEntry   DocumentKind = "entry"   // [Entry]; id: "<draw>/<shopper>"
	DocumentTags    DocumentKind = "tags"    // [Tags]; id: the shopper
	DocumentMessage DocumentKind = "message" // [Message]; id: sorts by time
	DocumentInbox   DocumentKind = "inbox"   // [Inbox]; id: the shopper
	DocumentTask    DocumentKind = "task"    // [Task]; id: what it is for
	DocumentSignup  DocumentKind = "signup"  // [Signup]; id: the shopper
	DocumentLockout DocumentKind = "lockout" // [Lockout]; id: the shopper
	DocumentRoom    DocumentKind = "room"    // [Room], the waiting room; there is one
	DocumentErasure DocumentKind = "erasure" // [ErasureRecord]; id: the tombstone
)

// Document is one thing of a campaign that lives a life of its own beside the orders: a row with a state, a revision
// that changes compare and swap on, perhaps a moment at which the engine has to look at it, and a content that only core
// understands. A document whose State is "" does not exist: a plan that writes one deletes it.
type Document struct {
	Kind     DocumentKind
	ID       string
	Shopper  string          // whose it is; "" for nobody's
	State    string          // depends on the kind
	Due      int64           // when the sweep has to look at it, Unix milliseconds; 0 for never
	Revision int64           // the one that was read, 0 if there was none; the row gets Revision + 1
	Content  json.RawMessage // JSON, depends on the kind
}

// DocumentKey identifies a document within a campaign.
type DocumentKey struct {
	Kind DocumentKind
	ID   string
}

// shopperKinds are the kinds of documents that are a shopper's.
func shopperKinds() []DocumentKind {
	return []DocumentKind{
		DocumentVoucher, DocumentShare, DocumentEntry, DocumentTags, DocumentMessage, DocumentInbox, DocumentSignup, DocumentLockout,
	}
}

// Key returns the document's key.
func (d *Document) Key() DocumentKey { return DocumentKey{d.Kind, d.ID} }

// DocumentQuery lists documents of one kind in the order of their ids.
type DocumentQuery struct {
	Campaign   string
	Brand      string // whose campaign it is
	Kind       DocumentKind
	Shopper    string // only this shopper's; "" for everybody's
	Prefix     string // only ids that begin with it
	After      string // only ids after it
	Before     string // only ids before it; "" for no bound
	Descending bool   // the last id first
	Limit      int
}

// read decodes a document's content.
func read[T any](d *Document) (*T, error) {
	content := new(T)
	if err := json.Unmarshal(d.Content, content); err != nil {
		return nil, fmt.Errorf("the %s %s: %w", d.Kind, d.ID, err)
	}
	return content, nil
}

// write returns the document with another state and content.
func (d *Document) write(state string, due int64, content any) *Document {
	next := *d
	next.State, next.Due = state, due
	next.Content, _ = json.Marshal(content) // plain data always encodes
	return &next
}

// edit is a change of one document that a plan is to make. apply gets the document as it stands, nil if there is none,
// and returns it as it shall be, the very same if there is nothing to change, or an error that refuses the whole intent.
// It may run several times, on other versions, so it must not change what it gets.
type edit struct {
	key   DocumentKey
	apply func(current *Document) (*Document, error)
}

// drafts are the documents of one batch as the edits before left them. The zero value knows none.
type drafts map[DocumentKey]*draft

// draft is a document on its way through a batch.
type draft struct {
	revision int64     // in the store, as far as the batch knows; 0 for none
	now      *Document // nil while there is none
	edited   bool
}

// know takes in documents as they were read; the later revision counts.
func (d *drafts) know(documents []*Document) {
	if *d == nil && len(documents) > 0 {
		*d = drafts{}
	}
	for _, one := range documents {
		if known := (*d)[one.Key()]; known == nil || known.revision < one.Revision {
			(*d)[one.Key()] = &draft{revision: one.Revision, now: one}
		}
	}
}

// edit applies all of the edits, or none if one of them refuses.
func (d *drafts) edit(edits []edit) error {
	if len(edits) == 0 {
		return nil
	}
	if *d == nil {
		*d = drafts{}
	}
	changed := make(drafts, len(edits))
	for _, e := range edits {
		before := changed[e.key]
		if before == nil {
			before = (*d)[e.key]
		}
		next := draft{}
		if before != nil {
			next = *before
		}
		now, err := e.apply(next.now)
		if err != nil {
			return err
		}
		if now != next.now { // an edit that returns what it got has nothing to write
			now.Kind, now.ID, next.edited = e.key.Kind, e.key.ID, true
			if next.now = now; now.State == "" {
				next.now = nil
			}
		}
		changed[e.key] = &next
	}
	maps.Copy(*d, changed)
	return nil
}

// changed returns what a plan has to write.
func (d *drafts) changed() []*Document {
	var documents []*Document
	for key, one := range *d {
		switch {
		case !one.edited || one.now == nil && one.revision == 0:
		case one.now == nil:
			documents = append(documents, &Document{Kind: key.Kind, ID: key.ID, Revision: one.revision})
		default:
			written := *one.now
			written.Revision = one.revision
			documents = append(documents, &written)
		}
	}
	return documents
}

// insert is the edit by which a new document comes to be; one that is there stays as it is.
func insert(d *Document) edit {
	return edit{key: d.Key(), apply: func(current *Document) (*Document, error) {
		if current != nil {
			return current, nil
		}
		return d, nil
	}}
}

// remove is the edit by which a document goes.
func remove(key DocumentKey) edit {
	return edit{key: key, apply: func(*Document) (*Document, error) { return &Document{}, nil }}
}
