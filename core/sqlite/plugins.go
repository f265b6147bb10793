package sqlite

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"math"

	"hotdrop/core"
)

// PutPluginPart stores one part of an upload.
func (s *Store) PutPluginPart(ctx context.Context, part core.PluginPart) error {
	return s.write(ctx, func(c *conn) error {
		if err := c.extendUpload(part); err != nil {
			return err
		}
		_, err := c.exec(insertPluginPart, part.Brand, part.Upload, part.Number, part.Bytes)
		return err
	})
}

// extendUpload begins the upload with its first part, and refuses a part that is not the next one.
func (c *conn) extendUpload(part core.PluginPart) error {
	if part.Number == 0 {
		_, err := c.exec(beginPluginUpload, part.Brand, part.Upload, part.At)
		return err
	}
	changed, err := c.exec(extendPluginUpload, part.Brand, part.Upload, part.Number)
	if err == nil && changed != 1 {
		err = conflict("part %d does not continue the upload %s", part.Number, part.Upload)
	}
	return err
}

// CreatePlugin makes an upload a plugin.
func (s *Store) CreatePlugin(ctx context.Context, p *core.Plugin, entry core.StaffEntry) error {
	return s.write(ctx, func(c *conn) error {
		ended, err := c.exec(endPluginUpload, p.Brand, p.Upload)
		if err != nil {
			return err
		}
		if ended != 1 {
			return conflict("the upload %s is not there", p.Upload)
		}
		_, err = c.exec(insertPlugin, p.Brand, p.Digest, p.Size, string(p.State), p.Name, p.Upload, p.UploadedAt, p.UploadedBy,
			p.DecidedAt, p.DecidedBy, p.Reason, p.Lease.Holder, p.Lease.Until, p.Lease.Attempts, p.Revision, signedBy(p), signature(p))
		if err == nil {
			err = c.keepSenders(p, p.Senders)
		}
		if err != nil {
			return err
		}
		return c.log(&entry)
	})
}

// keepSenders writes down who sent the plugin; who stands there already stays as it is.
func (c *conn) keepSenders(p *core.Plugin, senders []core.PluginSender) error {
	for _, s := range senders {
		if _, err := c.exec(insertPluginSender, p.Brand, p.Digest, s.By, string(s.Deed), s.At); err != nil {
			return err
		}
	}
	return nil
}

// DropUpload removes an upload with its parts.
func (s *Store) DropUpload(ctx context.Context, brand, upload string) error {
	return s.write(ctx, func(c *conn) error {
		ended, err := c.exec(endPluginUpload, brand, upload)
		if err != nil || ended == 0 {
			return err
		}
		_, err = c.exec(dropPluginParts, brand, upload)
		return err
	})
}

// SweepUploads removes the uploads that began before.
func (s *Store) SweepUploads(ctx context.Context, before int64) (int, error) {
	var swept int64
	err := s.write(ctx, func(c *conn) (err error) {
		if _, err = c.exec(sweepPluginParts, before); err == nil {
			swept, err = c.exec(sweepPluginUploads, before)
		}
		return err
	})
	return int(swept), err
}

// FindPlugins lists plugins, the latest first.
func (s *Store) FindPlugins(ctx context.Context, f core.PluginFilter) ([]*core.Plugin, error) {
	after := core.PluginCursor{At: math.MaxInt64}
	if f.After != nil {
		after = *f.After
	}
	return s.plugins(ctx, findPlugins, f.Brand, f.Digest, f.Pending, after.At, after.Brand, after.Digest, f.Rules.Version, f.Document,
		int64(f.Limit), owned(f.Rules.Own), string(f.State), f.Expiring, f.Key)
}

// DuePlugins lists what needs vetting.
func (s *Store) DuePlugins(ctx context.Context, due core.PluginsDue) ([]*core.Plugin, error) {
	return s.plugins(ctx, duePlugins, due.Now, due.Rules.Version, int64(due.Limit), owned(due.Rules.Own))
}

// owned is the versions that count for single plugins, as the statements take them.
func owned(versions map[string]string) string {
	text, _ := json.Marshal(versions) // plain data always encodes
	return string(text)
}

// PluginUsage returns what the brand takes.
func (s *Store) PluginUsage(ctx context.Context, brand string) (usage core.PluginUsage, err error) {
	err = s.read(ctx, func(c *conn) error {
		return c.query(func(r *row) error {
			usage = core.PluginUsage{Modules: r.integer(), Reports: r.integer()}
			return nil
		}, pluginUsage, brand)
	})
	return usage, err
}

func (s *Store) plugins(ctx context.Context, query string, arguments ...any) (found []*core.Plugin, err error) {
	err = s.read(ctx, func(c *conn) error {
		return c.query(func(r *row) error {
			p, err := r.plugin()
			found = append(found, p)
			return err
		}, query, arguments...)
	})
	return found, err
}

// plugin reads a row of the columns that find_plugins.sql lists.
func (r *row) plugin() (*core.Plugin, error) {
	p := &core.Plugin{
		Brand: r.text(), Digest: r.text(), Size: r.integer(), State: core.PluginState(r.text()), Name: r.text(), Upload: r.text(),
		UploadedAt: r.integer(), UploadedBy: r.text(), DecidedAt: r.integer(), DecidedBy: r.text(), Reason: r.text(),
		Revision: r.integer(), Lease: core.PluginLease{Holder: r.text(), Until: r.integer(), Attempts: r.integer()},
	}
	p.Author = r.text()
	terms := r.text()
	signature := core.PluginSignature{Key: r.text(), Value: r.blob(), Public: r.blob(), RevokedAt: r.integer(), Registrar: r.text()}
	if signature.Key != "" {
		p.Signature = &signature
	}
	approvals, senders := r.text(), r.text()
	report := &core.PluginReport{Version: r.text(), Accepted: r.integer() != 0, At: r.integer()}
	if document := r.text(); document != "" {
		report.Document = json.RawMessage(document)
	}
	if report.Version != "" {
		p.Report = report
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
	return s.write(ctx, func(c *conn) error {
		p := change.Plugin
		changed, err := c.exec(savePlugin, p.Brand, p.Digest, string(p.State), p.Name, p.DecidedAt, p.DecidedBy, p.Reason,
			p.Lease.Holder, p.Lease.Until, p.Lease.Attempts, p.Revision, p.Upload, p.Author, p.TermsText(), p.ExpiresAt(), signedBy(p), signature(p))
		if err == nil && changed != 1 {
			err = conflict("the plugin %s is no longer at revision %d", p.Digest, p.Revision)
		}
		if err == nil {
			err = c.exchangeParts(change)
		}
		if err == nil {
			err = c.exchangeApprovals(change)
		}
		if err == nil {
			err = c.keepSenders(p, change.Senders)
		}
		if err == nil && change.Report != nil {
			r := change.Report
			_, err = c.exec(savePluginReport, p.Brand, p.Digest, r.Version, r.Accepted, r.At, string(r.Document))
		}
		if err == nil && change.Entry != nil {
			err = c.log(change.Entry)
		}
		return err
	})
}

// exchangeParts removes the parts that the change drops, and makes those that it adopts the plugin's.
func (c *conn) exchangeParts(change *core.PluginChange) error {
	p := change.Plugin
	if change.Drop != "" {
		if _, err := c.exec(dropPluginParts, p.Brand, change.Drop); err != nil {
			return err
		}
	}
	if !change.Adopt {
		return nil
	}
	ended, err := c.exec(endPluginUpload, p.Brand, p.Upload)
	if err == nil && ended != 1 {
		err = conflict("the upload %s is not there", p.Upload)
	}
	return err
}

// exchangeApprovals ends the approvals that the change voids, and adds those that it brings.
func (c *conn) exchangeApprovals(change *core.PluginChange) error {
	p := change.Plugin
	if v := change.Void; v != nil {
		if _, err := c.exec(voidPluginApprovals, p.Brand, p.Digest, v.At, v.Why, v.Person); err != nil {
			return err
		}
	}
	for _, a := range change.Approvals {
		_, err := c.exec(insertPluginApproval, p.Brand, p.Digest, cmp.Or(a.Revision, p.Revision+1), a.By, a.Credential,
			a.At, a.Reason, p.Terms.Text())
		if err != nil {
			return err
		}
	}
	return nil
}

// PluginPart returns the bytes of one part of a plugin, nil beyond the last.
func (s *Store) PluginPart(ctx context.Context, brand, digest string, number int64) (part []byte, err error) {
	err = s.read(ctx, func(c *conn) error {
		return c.query(func(r *row) error {
			part = r.blob()
			return nil
		}, loadPluginPart, brand, digest, number)
	})
	return part, err
}

// blob reads a column of bytes; the driver may use the row's memory again.
func (r *row) blob() []byte {
	b, _ := r.values[r.next].([]byte)
	r.next++
	return bytes.Clone(b)
}
