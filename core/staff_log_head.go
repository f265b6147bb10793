package core

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"
)

// LogKey signs heads of the staff log. Its text is the base64 of an Ed25519 seed, 32 bytes.
type LogKey struct{ private ed25519.PrivateKey }

// LogPublicKey checks what a [LogKey] signed. Its text is the base64 of 32 bytes.
type LogPublicKey struct{ key ed25519.PublicKey }

// NewLogKey makes a key of a seed of 32 random bytes.
func NewLogKey(seed []byte) (*LogKey, error) {
	if len(seed) != ed25519.SeedSize {
		return nil, fmt.Errorf("a log key has %d bytes, not %d", ed25519.SeedSize, len(seed))
	}
	return &LogKey{ed25519.NewKeyFromSeed(seed)}, nil
}

// Public returns the key's other half.
func (k *LogKey) Public() *LogPublicKey {
	public, _ := k.private.Public().(ed25519.PublicKey) // its documentation says that it is one
	return &LogPublicKey{public}
}

// ParseLogPublicKey reads the text of a public key.
func ParseLogPublicKey(text string) (*LogPublicKey, error) {
	key, err := base64.StdEncoding.DecodeString(text)
	if err != nil || len(key) != ed25519.PublicKeySize {
		return nil, errors.New("a log's public key is the base64 of 32 bytes")
	}
	return &LogPublicKey{key}, nil
}

// String is the key's text.
func (k *LogPublicKey) String() string { return base64.StdEncoding.EncodeToString(k.key) }

// ID names the key: the first 16 hex digits of its SHA-256.
func (k *LogPublicKey) ID() string {
	sum := sha256.Sum256(k.key)
	return hex.EncodeToString(sum[:8])
}

// SignedHead says where the staff log of a deployment ended at an instant. Kept where the database's administrators cannot
// write, it is what a log is held against that they could write anew.
type SignedHead struct {
	Deployment string `json:"deployment" doc:"the database, and its copies"`
	Seq        int64  `json:"seq" doc:"the number of the last row"`
	Hash       string `json:"hash" doc:"the hash of the last row, 64 hex digits"`
	At         string `json:"at" format:"date-time" doc:"when it was signed"`
	Key        string `json:"key" doc:"the id of the key: the first 16 hex digits of the SHA-256 of the public key"`
	Signature  string `json:"signature" doc:"Ed25519, base64"`
}

// text is what is signed.
func (h *SignedHead) text() []byte {
	return []byte("hotdrop log head v1\ndeployment " + h.Deployment + "\nseq " + strconv.FormatInt(h.Seq, 10) +
		"\nhash " + h.Hash + "\nat " + h.At + "\nkey " + h.Key + "\n")
}

// Sign returns the head, signed at the instant.
func (k *LogKey) Sign(deployment string, head LogHead, at time.Time) *SignedHead {
	h := &SignedHead{
		Deployment: deployment, Seq: head.Seq, Hash: head.Hash, At: at.UTC().Format(time.RFC3339), Key: k.Public().ID(),
	}
	h.Signature = base64.StdEncoding.EncodeToString(ed25519.Sign(k.private, h.text()))
	return h
}

// What is wrong with a signed head.
var (
	// ErrHeadUnreadable means a text that is not a head at all.
	ErrHeadUnreadable = errors.New("it is not a signed head")
	// ErrHeadUnsigned means a head without a signature.
	ErrHeadUnsigned = errors.New("it is not signed")
	// ErrHeadOtherKey means a head that names another key than the one it is checked with.
	ErrHeadOtherKey = errors.New("it is signed with another key")
	// ErrHeadForged means a head whose signature does not fit.
	ErrHeadForged = errors.New("its signature does not fit: it was changed, or is not this deployment's")
)

// ParseHead reads a head from its JSON and checks it with the keys, of which one has to be its own.
func ParseHead(line []byte, keys ...*LogPublicKey) (*SignedHead, error) {
	h := &SignedHead{}
	if err := json.Unmarshal(line, h); err != nil || h.Seq < 1 || len(h.Hash) != 2*sha256.Size {
		return nil, ErrHeadUnreadable
	}
	if h.Signature == "" || h.Key == "" {
		return nil, ErrHeadUnsigned
	}
	for _, key := range keys {
		if key.ID() != h.Key {
			continue
		}
		signature, err := base64.StdEncoding.DecodeString(h.Signature)
		if err != nil || !ed25519.Verify(key.key, h.text(), signature) {
			return nil, ErrHeadForged
		}
		return h, nil
	}
	return nil, fmt.Errorf("%w (%.16q)", ErrHeadOtherKey, h.Key)
}
