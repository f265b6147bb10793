package core

import (
	"context"
	"crypto/sha256"
	"maps"
	"time"
)

const (
	// staffKeysEvery is how often a node asks whether keys have changed: one small query.
	staffKeysEvery = 250 * time.Millisecond
	// staffKeysStale is how old the answer may be that a node lets a key in by. It is what makes a revocation reach every node
	// within a second, also one that the store does not answer: that one lets nobody in by the store's keys.
	staffKeysStale = time.Second
	// endedKeysKnown is how long a node remembers keys that have ended, to tell its log which it was.
	endedKeysKnown = 7 * 24 * time.Hour
	// staffKeysPage is how many changed keys are read at a time.
	staffKeysPage = 1000
)

// Find returns who shows the secret of this digest. It fails with not_found for a key that nobody knows, wrong_state for one
// that has expired or was revoked, and unavailable while the store does not say whether it still holds; the messages are for
// the log, as strangers are to learn nothing. Looking up costs the same for all of them: one map, no query.
func (k *StaffKeys) Find(ctx context.Context, digest [sha256.Size]byte) (*Principal, error) {
	key, asOf := k.recall(digest)
	now := k.now()
	if key != nil && key.State(now) == StaffKeyActive && now.Sub(asOf) > staffKeysStale {
		if err := k.refreshStale(ctx); err != nil {
			return nil, err
		}
		key, _ = k.recall(digest)
	}
	if key == nil {
		return nil, Errorf(CodeNotFound, "the key is not known")
	}
	if state := key.State(now); state != StaffKeyActive {
		return nil, Errorf(CodeWrongState, "the key %s of %s is %s since %s", key.ID, key.Person, state,
			time.UnixMilli(key.EndsAt()).UTC().Format(time.RFC3339))
	}
	return key.Principal(), nil
}

// recall returns the key of the digest, nil if there is none, and when the store was last asked.
func (k *StaffKeys) recall(digest [sha256.Size]byte) (*StaffKey, time.Time) {
	k.mu.RLock()
	defer k.mu.RUnlock()
	return k.byDigest[digest], k.asOf
}

// Start reads the keys. It fails when the store does.
func (k *StaffKeys) Start(ctx context.Context) error {
	k.refreshing.Lock()
	defer k.refreshing.Unlock()
	return k.refresh(ctx)
}

// Run learns of changes that other nodes make until ctx ends.
func (k *StaffKeys) Run(ctx context.Context) {
	ticker := time.NewTicker(staffKeysEvery)
	defer ticker.Stop()
	failing := false
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		err := k.Start(ctx)
		if err != nil && !failing && ctx.Err() == nil {
			k.log.Warn("staff keys of the store let nobody in until it answers", "error", err)
		}
		failing = err != nil
	}
}

// refreshStale asks the store unless somebody else has just done so, with an answer or without. It fails with unavailable.
func (k *StaffKeys) refreshStale(ctx context.Context) error {
	k.refreshing.Lock()
	defer k.refreshing.Unlock()
	now := k.now()
	if _, asOf := k.recall([sha256.Size]byte{}); now.Sub(asOf) <= staffKeysStale {
		return nil
	}
	if failed := now.Sub(k.failedAt); failed >= 0 && failed < staffKeysEvery {
		return storeError(ErrUnavailable)
	}
	ctx, cancel := context.WithTimeout(ctx, staffKeysStale)
	defer cancel()
	return k.refresh(ctx)
}

// refresh brings what the node knows up to date. The caller holds refreshing.
func (k *StaffKeys) refresh(ctx context.Context) error {
	asked := k.now()
	latest, err := k.store.StaffKeyRevision(ctx)
	for more := true; err == nil && more; {
		more, err = k.readChanges(ctx, asked, latest)
	}
	if err != nil {
		k.failedAt = k.now()
		return storeError(err)
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.revision, k.asOf = max(k.revision, latest), asked
	return nil
}

// readChanges reads one page of what has changed, and reports whether there is another.
func (k *StaffKeys) readChanges(ctx context.Context, asked time.Time, latest int64) (more bool, err error) {
	if k.revision >= latest { // only written under refreshing, which the caller holds
		return false, nil
	}
	changed, err := k.store.StaffKeysSince(ctx, k.revision, asked.Add(-endedKeysKnown).UnixMilli(), staffKeysPage)
	if err != nil {
		return false, err
	}
	k.remember(changed)
	k.forget(asked)
	if len(changed) == staffKeysPage {
		k.mu.Lock()
		defer k.mu.Unlock()
		k.revision = changed[len(changed)-1].Revision - 1 // a change of two keys may lie across the pages
		return true, nil
	}
	return false, nil
}

// remember makes the node act by these keys, unless it knows what became of them later.
func (k *StaffKeys) remember(keys []*StaffKey) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, key := range keys {
		if known := k.byDigest[key.SHA256]; known == nil || known.Revision < key.Revision {
			k.byDigest[key.SHA256] = key
		}
	}
}

// forget drops the keys that ended long ago.
func (k *StaffKeys) forget(now time.Time) {
	before := now.Add(-endedKeysKnown).UnixMilli()
	k.mu.Lock()
	defer k.mu.Unlock()
	maps.DeleteFunc(k.byDigest, func(_ [sha256.Size]byte, key *StaffKey) bool { return key.EndsAt() <= before })
}
