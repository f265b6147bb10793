package postgres

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"math"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"hotdrop/core"
)

// PutPluginPart stores one part of an upload. The upload's row is written first: it orders this before a sweep, or after.
func (s *Store) PutPluginPart(ctx context.Context, part core.PluginPart) error {
	return s.checked(ctx, nil, func(b *pgx.Batch) {
		if part.Number == 0 {
			b.Queue(beginPluginUpload, part.Brand, part.Upload, part.At)
			return
		}
		b.Queue(extendPluginUpload, part.Brand, part.Upload, part.Number).
			Exec(one("part %d does not continue the upload %s", part.Number, part.Upload))
	}, func(b *pgx.Batch) { b.Queue(insertPluginPart, part.Brand, part.Upload, part.Number, part.Bytes) })
}

// one requires that a statement changes one row; anything else is the conflict described.
func one(format string, arguments ...any) func(pgconn.CommandTag) error {
	return func(tag pgconn.CommandTag) error {
		if tag.RowsAffected() != 1 {
			return conflict(format, arguments...)
		}
		return nil
	}
}

// CreatePlugin makes an upload a plugin.
func (s *Store) CreatePlugin(ctx context.Context, p *core.Plugin, entry core.StaffEntry) error {
	return s.checked(ctx, &entry, func(b *pgx.Batch) {
		b.Queue(endPluginUpload, p.Brand, p.Upload).Exec(one("the upload %s is not there", p.Upload))
		b.Queue(insertPlugin, p.Brand, p.Digest, p.Size, string(p.State), p.Name, p.Upload, p.UploadedAt, p.UploadedBy,
			p.DecidedAt, p.DecidedBy, p.Reason, p.Lease.Holder, p.Lease.Until, p.Lease.Attempts, p.Revision, signedBy(p), signature(p))
	}, func(b *pgx.Batch) { keepSenders(b, p, p.Senders) })
}

// keepSenders writes down who sent the plugin; who stands there already stays as it is.
func keepSenders(b *pgx.Batch, p *core.Plugin, senders []core.PluginSender) {
	for _, s := range senders {
		b.Queue(insertPluginSender, p.Brand, p.Digest, s.By, string(s.Deed), s.At)
	}
}

// checked runs first, then rest, and appends the staff log's row if there is one, all in one transaction. Unless every
// statement of first changed what it had to, nothing is written: a pipeline would commit before its answers are read.
func (s *Store) checked(ctx context.Context, entry *core.StaffEntry, first, rest func(b *pgx.Batch)) error {
	return s.transact(ctx, first, func(b *pgx.Batch) (bool, *core.StaffEntry, error) {
		rest(b)
		return true, entry, nil
	})
}

// DropUpload removes an upload with its parts.
func (s *Store) DropUpload(ctx context.Context, brand, upload string) error {
	b := newWrite()
	b.Queue(dropPluginUpload, brand, upload)
	return s.write(ctx, b)
}

// SweepUploads removes the uploads that began before.
func (s *Store) SweepUploads(ctx context.Context, before int64) (swept int, err error) {
	b := newWrite()
	single(sweepPluginUploads, func(row pgx.CollectableRow) error { return row.Scan(&swept) }, before).queue(b)
	err = s.write(ctx, b)
	return swept, err
}

// FindPlugins lists plugins, the latest first.
func (s *Store) FindPlugins(ctx context.Context, f core.PluginFilter) ([]*core.Plugin, error) {
	after := core.PluginCursor{At: math.MaxInt64}
	if f.After != nil {
		after = *f.After
	}
	return s.plugins(ctx, findPlugins, f.Brand, f.Digest, f.Pending, after.At, after.Brand, after.Digest, f.Rules.Version, f.Document, f.Limit,
		owned(f.Rules.Own), string(f.State), f.Expiring, f.Key)
}

// DuePlugins lists what needs vetting.
func (s *Store) DuePlugins(ctx context.Context, due core.PluginsDue) ([]*core.Plugin, error) {
	return s.plugins(ctx, duePlugins, due.Now, due.Rules.Version, due.Limit, owned(due.Rules.Own))
}

// owned is the versions that count for single plugins, as the statements take them.
func owned(versions map[string]string) string {
	text, _ := json.Marshal(versions) // plain data always encodes
	return string(text)
}

// PluginUsage returns what the brand takes.
func (s *Store) PluginUsage(ctx context.Context, brand string) (usage core.PluginUsage, err error) {
	err = s.read(ctx, single(pluginUsage, func(row pgx.CollectableRow) error { return row.Scan(&usage.Modules, &usage.Reports) }, brand))
	return usage, err
}

func (s *Store) plugins(ctx context.Context, query string, arguments ...any) (found []*core.Plugin, err error) {
	err = s.read(ctx, single(query, func(row pgx.CollectableRow) error {
		p, err := scanPlugin(row)
		found = append(found, p)
		return err
	}, arguments...))
	return found, err
}

// scanPlugin reads a row of the columns that find_plugins.sql lists.
func scanPlugin(row pgx.CollectableRow) (*core.Plugin, error) {
	p, report := &core.Plugin{}, &core.PluginReport{}
	signature := core.PluginSignature{}
	var document, terms, approvals, senders string
	err := row.Scan(
		&p.Brand, &p.Digest, &p.Size, (*string)(&p.State), &p.Name, &p.Upload, &p.UploadedAt, &p.UploadedBy, &p.DecidedAt,
		&p.DecidedBy, &p.Reason, &p.Revision, &p.Lease.Holder, &p.Lease.Until, &p.Lease.Attempts,
		&p.Author, &terms, &signature.Key, &signature.Value, (*[]byte)(&signature.Public), &signature.RevokedAt, &signature.Registrar,
		&approvals, &senders,
		&report.Version, &report.Accepted, &report.At, &document,
	)
	if err != nil {
		return nil, err
	}
	if document != "" {
		report.Document = json.RawMessage(document)
	}
	if report.Version != "" {
		p.Report = report
	}
	if signature.Key != "" {
		p.Signature = &signature
	}
	return p, errors.Join(p.TakeTerms(terms, approvals), p.TakeSenders(senders))
}

// signedBy is the id of the key that signed the plugin, "" for none.
func signedBy(p *core.Plugin) string {
	if p.Signature == nil {
		return ""
	}
	return p.Signature.Key
}

// signature is the plugin's signature, no bytes for none.
func signature(p *core.Plugin) []byte {
	if p.Signature == nil {
		return []byte{}
	}
	return p.Signature.Value
}

// SavePlugin commits the change.
func (s *Store) SavePlugin(ctx context.Context, change *core.PluginChange) error {
	p := change.Plugin
	return s.checked(ctx, change.Entry, func(b *pgx.Batch) {
		b.Queue(savePlugin, p.Brand, p.Digest, string(p.State), p.Name, p.DecidedAt, p.DecidedBy, p.Reason, p.Lease.Holder,
			p.Lease.Until, p.Lease.Attempts, p.Revision, p.Upload, p.Author, p.TermsText(), p.ExpiresAt(), signedBy(p), signature(p)).
			Exec(one("the plugin %s is no longer at revision %d", p.Digest, p.Revision))
		if change.Adopt {
			b.Queue(endPluginUpload, p.Brand, p.Upload).Exec(one("the upload %s is not there", p.Upload))
		}
	}, func(b *pgx.Batch) {
		if change.Drop != "" {
			b.Queue(dropPluginParts, p.Brand, change.Drop)
		}
		if v := change.Void; v != nil {
			b.Queue(voidPluginApprovals, p.Brand, p.Digest, v.At, v.Why, v.Person)
		}
		for _, a := range change.Approvals {
			b.Queue(insertPluginApproval, p.Brand, p.Digest, cmp.Or(a.Revision, p.Revision+1), a.By, a.Credential, a.At, a.Reason, p.Terms.Text())
		}
		keepSenders(b, p, change.Senders)
		if r := change.Report; r != nil {
			b.Queue(savePluginReport, p.Brand, p.Digest, r.Version, r.Accepted, r.At, string(r.Document))
		}
	})
}

// PluginPart returns the bytes of one part of a plugin, nil beyond the last.
func (s *Store) PluginPart(ctx context.Context, brand, digest string, number int64) (part []byte, err error) {
	err = s.read(ctx, single(loadPluginPart, func(row pgx.CollectableRow) error { return row.Scan(&part) }, brand, digest, number))
	return part, err
}
