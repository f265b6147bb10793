package api

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"hash"
	"strings"
	"sync"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"hotdrop/core"
)

// tokenAudience is the aud of every token.
const tokenAudience = "hotdrop"

// claims is the payload of a token: who, until when, and the facts about a shopper.
type claims struct {
	jwt.RegisteredClaims
	Role         core.Role `json:"role"`
	Brand        string    `json:"brand,omitempty"`
	Tier         string    `json:"tier,omitempty"`
	Tags         []string  `json:"tags,omitempty"`
	Region       string    `json:"region,omitempty"`
	RegisteredAt int64     `json:"registered_at,omitempty"` // Unix milliseconds
}

func (c *claims) principal() core.Principal {
	return core.Principal{
		ID: c.Subject, Role: c.Role, Brand: c.Brand, Tier: c.Tier, Tags: c.Tags, Region: c.Region, RegisteredAt: c.RegisteredAt,
	}
}

// Sign makes a token for the principal that is valid for ttl.
func (k *Keys) Sign(p core.Principal, ttl time.Duration) (string, error) {
	if !wellFormed(p) {
		return "", core.Errorf(core.CodeInvalid, "a token needs a role and an id of 1 to 128 visible characters")
	}
	if len(k.TokenSecret) < secretSize {
		return "", core.Errorf(core.CodeInvalid, "the keys file has no token_secret to sign with")
	}
	now := time.Now()
	token := jwt.NewWithClaims(jwt.SigningMethodHS256, &claims{
		RegisteredClaims: jwt.RegisteredClaims{
			Subject: p.ID, Audience: jwt.ClaimStrings{tokenAudience},
			IssuedAt: jwt.NewNumericDate(now), ExpiresAt: jwt.NewNumericDate(now.Add(ttl)),
		},
		Role: p.Role, Brand: p.Brand, Tier: p.Tier, Tags: p.Tags, Region: p.Region, RegisteredAt: p.RegisteredAt,
	})
	signed, err := token.SignedString(k.TokenSecret)
	if err != nil {
		return "", fmt.Errorf("sign token: %w", err)
	}
	return signed, nil
}

// verifier checks tokens. What golang-jwt issues has one shape, which is read without reflection; a token of any other
// shape goes through golang-jwt. Both accept the same tokens: a differential test and a fuzz target hold them together.
type verifier struct {
	secret []byte
	parser *jwt.Parser
	macs   sync.Pool // of hash.Hash, keyed with secret
}

func newVerifier(secret []byte) *verifier {
	return &verifier{
		secret: secret,
		parser: jwt.NewParser(jwt.WithValidMethods([]string{jwt.SigningMethodHS256.Alg()}), jwt.WithAudience(tokenAudience),
			jwt.WithExpirationRequired(), jwt.WithStrictDecoding()),
		macs: sync.Pool{New: func() any { return hmac.New(sha256.New, secret) }},
	}
}

var errToken = errors.New("the token is not valid")

// verify returns who the token speaks for.
func (v *verifier) verify(token string, now time.Time) (core.Principal, error) {
	if p, ok := v.quick(token, now); ok {
		return p, nil
	}
	return v.parse(token)
}

// parse verifies a token of any shape.
func (v *verifier) parse(token string) (core.Principal, error) {
	var c claims
	_, err := v.parser.ParseWithClaims(token, &c, func(*jwt.Token) (any, error) { return v.secret, nil })
	if err != nil {
		return core.Principal{}, fmt.Errorf("%w: %w", errToken, err)
	}
	p := c.principal()
	if !wellFormed(p) {
		return core.Principal{}, fmt.Errorf("%w: it names nobody", errToken)
	}
	return p, nil
}

// usualHeader is {"alg":"HS256","typ":"JWT"} in base64url, as golang-jwt writes it.
const usualHeader = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9."

// quick verifies a token of the usual shape; false means that it is another one or not valid.
func (v *verifier) quick(token string, now time.Time) (core.Principal, bool) {
	dot := strings.LastIndexByte(token, '.')
	if dot < len(usualHeader) || token[:len(usualHeader)] != usualHeader || !v.signed(token[:dot], token[dot+1:]) {
		return core.Principal{}, false
	}
	scratch := takeBuffer()
	defer scratch.release()
	payload, err := base64.RawURLEncoding.Strict().AppendDecode(scratch.b, []byte(token[len(usualHeader):dot]))
	scratch.b = payload
	if err != nil {
		return core.Principal{}, false
	}
	c, ok := scanClaims(payload)
	if !ok || c.audience != tokenAudience || now.Unix() >= c.expires || c.issued > now.Unix() || !wellFormed(c.Principal) {
		return core.Principal{}, false
	}
	return c.Principal, true
}

// signed reports whether signature is the base64url of the text's HMAC.
func (v *verifier) signed(text, signature string) bool {
	mac, ok := v.macs.Get().(hash.Hash)
	if !ok {
		return false
	}
	defer v.macs.Put(mac)
	mac.Reset()
	scratch := takeBuffer()
	defer scratch.release()
	scratch.b = append(scratch.b, text...)
	mac.Write(scratch.b)
	sum := mac.Sum(scratch.b[len(scratch.b):])
	want := base64.RawURLEncoding.AppendEncode(sum[len(sum):], sum)
	return hmac.Equal(want, []byte(signature))
}

// scannedClaims is a payload as scanClaims reads it; times are Unix seconds.
type scannedClaims struct {
	core.Principal
	audience        string
	issued, expires int64
}

// scanClaims reads a payload as golang-jwt writes it: each claim at most once, aud as a string or a list of one. false
// means that it is written otherwise.
func scanClaims(payload []byte) (c scannedClaims, ok bool) {
	s := newScanner(payload)
	s.object(func(name []byte) bool { return c.scan(&s, string(name)) })
	return c, s.end()
}

func (c *scannedClaims) scan(s *scanner, name string) bool {
	switch name {
	case "sub":
		c.ID = s.string()
	case "aud":
		c.audience = one(s.strings())
	case "iat":
		c.issued = s.integer()
	case "exp":
		c.expires = s.integer()
	case "role":
		c.Role = core.Role(s.string())
	case "brand":
		c.Brand = s.string()
	case "tier":
		c.Tier = s.string()
	case "tags":
		c.Tags = s.strings()
	case "region":
		c.Region = s.string()
	case "registered_at":
		c.RegisteredAt = s.integer()
	default:
		return false
	}
	return true
}

// one returns the only string of a list, or "".
func one(list []string) string {
	if len(list) != 1 {
		return ""
	}
	return list[0]
}
