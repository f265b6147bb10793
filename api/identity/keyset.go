package identity

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/go-jose/go-jose/v4"
)

// family is a kind of key: those that take the same algorithms.
type family string

const (
	familyNone    family = ""
	familyRSA     family = "RSA"
	familyP256    family = "P-256"
	familyP384    family = "P-384"
	familyP521    family = "P-521"
	familyEd25519 family = "Ed25519"
)

// The sizes of RSA keys that are taken, in bits: shorter ones can be broken, longer ones make every token expensive.
const (
	leastRSA = 2048
	mostRSA  = 8192
)

// maxKeys is how many keys of one provider are kept.
const maxKeys = 64

// verificationKey is a public key and what may be checked with it.
type verificationKey struct {
	public    crypto.PublicKey
	family    family
	algorithm string // the only one it is for; "" if it does not say
}

// takes reports whether a token of the algorithm may be checked with the key.
func (k *verificationKey) takes(algorithm string) bool {
	return families()[algorithm] == k.family && (k.algorithm == "" || k.algorithm == algorithm)
}

// keySet is a provider's public keys at one moment, by their ids. It never changes.
type keySet struct {
	byID map[string][]verificationKey
	all  []verificationKey
}

// errNoKeys is what is wrong with a key set that no token can be checked with.
var errNoKeys = errors.New("there is no public key for signatures in it")

// parseKeySet reads a JSON Web Key Set (RFC 7517). Keys of kinds that nobody here can use, private keys, shared secrets
// and keys that are not for signatures are passed over, as the RFC asks for; a set without any other is an error.
func parseKeySet(text []byte) (*keySet, error) {
	var document struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if err := json.Unmarshal(text, &document); err != nil {
		return nil, fmt.Errorf("it is not a JSON Web Key Set: %w", err)
	}
	if len(document.Keys) > maxKeys {
		return nil, fmt.Errorf("it has %d keys, %d are the most", len(document.Keys), maxKeys)
	}
	set := &keySet{byID: map[string][]verificationKey{}}
	for _, raw := range document.Keys {
		var found jose.JSONWebKey
		if err := json.Unmarshal(raw, &found); err != nil {
			continue
		}
		if key, ok := usable(&found); ok {
			set.all = append(set.all, key)
			set.byID[found.KeyID] = append(set.byID[found.KeyID], key)
		}
	}
	if len(set.all) == 0 {
		return nil, errNoKeys
	}
	return set, nil
}

func usable(found *jose.JSONWebKey) (verificationKey, bool) {
	key := verificationKey{public: found.Key, family: familyOf(found.Key), algorithm: found.Algorithm}
	return key, key.family != familyNone && found.Valid() && (found.Use == "" || found.Use == "sig")
}

// familyOf returns the kind of a public key, familyNone of anything else.
func familyOf(key any) family {
	switch k := key.(type) {
	case *rsa.PublicKey:
		if bits := k.N.BitLen(); bits >= leastRSA && bits <= mostRSA {
			return familyRSA
		}
	case *ecdsa.PublicKey:
		switch k.Curve {
		case elliptic.P256():
			return familyP256
		case elliptic.P384():
			return familyP384
		case elliptic.P521():
			return familyP521
		}
	case ed25519.PublicKey:
		return familyEd25519
	}
	return familyNone
}

// find returns the keys that a token of the algorithm may be signed with. A token that names no key is checked with the only
// one there is.
func (s *keySet) find(id, algorithm string) []verificationKey {
	candidates := s.byID[id]
	if id == "" {
		candidates = s.all
		if len(s.all) > 1 {
			return nil
		}
	}
	var found []verificationKey
	for _, key := range candidates {
		if key.takes(algorithm) {
			found = append(found, key)
		}
	}
	return found
}
