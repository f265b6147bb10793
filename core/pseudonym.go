package core

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base32"
	"encoding/binary"
	"strings"
)

// PseudonymSecretSize is the least that the secret behind pseudonyms may have, in bytes: the output size of SHA-256.
const PseudonymSecretSize = 32

// pseudonymPrefix marks a pseudonym; pseudonymSize is how many characters of base32 follow it, five bits each.
const (
	pseudonymPrefix = "s_"
	pseudonymSize   = 26
)

// Pseudonyms names the shoppers of brands' identity providers. What stands in the store, the logs and the facts of mechanics is
// the pseudonym; the name by which the provider knows the shopper is forgotten at the door. Without the secret nobody can
// go from one to the other, not even by trying every telephone number, and the same person has another pseudonym at
// every brand.
type Pseudonyms struct{ secret []byte }

// NewPseudonyms returns the pseudonyms of a deployment. With another secret every shopper is somebody else: the secret lasts
// as long as the data.
func NewPseudonyms(secret []byte) (*Pseudonyms, error) {
	if len(secret) < PseudonymSecretSize {
		return nil, Errorf(CodeInvalid, "pseudonym_secret has %d bytes, needs %d", len(secret), PseudonymSecretSize)
	}
	return &Pseudonyms{secret: secret}, nil
}

// Of returns the pseudonym of whom the issuer, the identity provider of the brand, calls subject: "s_" and 26 characters
// of a to z and 2 to 7. Each part is hashed behind its length, so that no other parts come to the same text.
func (p *Pseudonyms) Of(brand, issuer, subject string) string {
	mac := hmac.New(sha256.New, p.secret)
	for _, part := range [...]string{brand, issuer, subject} {
		var size [8]byte
		binary.BigEndian.PutUint64(size[:], uint64(len(part)))
		_, _ = mac.Write(size[:]) // a hash never fails
		_, _ = mac.Write([]byte(part))
	}
	text := base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(mac.Sum(nil))
	return pseudonymPrefix + strings.ToLower(text[:pseudonymSize])
}

// shopperCampaign returns the running campaign, if the shopper may take part. For a shopper whom a brand's identity provider
// vouched for, the campaigns of other brands are to look at only: to anything else they are not there.
func (e *Engine) shopperCampaign(ctx context.Context, id string, shopper *Principal) (*campaign, error) {
	c, err := e.campaign(ctx, id)
	if err != nil {
		return nil, err
	}
	if !shopper.serves(c.snapshot.Load().definition().Brand) {
		return nil, Errorf(CodeNotFound, "there is no campaign %q", id)
	}
	return c, nil
}

// Sells reports whether this node serves the campaign, and to that shopper. A campaign that it has not heard of yet counts from
// the first order on, which looks it up.
func (e *Engine) Sells(campaign string, shopper *Principal) bool {
	c := (*e.running.Load())[campaign]
	return c != nil && shopper.serves(c.snapshot.Load().definition().Brand)
}
