package identity

import (
	"slices"
	"strings"
	"unicode/utf8"

	"hotdrop/core"
)

// The limits of facts about a shopper: strings in characters, and how many tags there may be.
const (
	maxFact = 64
	maxTags = 32
)

// shopper returns for whom the claims speak, under the pseudonym. The provider is the brand's: so is the shopper.
func (s *Issuers) shopper(p *provider, claims map[string]any) (core.Principal, error) {
	subject, _ := claims["sub"].(string)
	if subject == "" || len(subject) > maxSubject || strings.ContainsRune(subject, utf8.RuneError) {
		return core.Principal{}, refuse("the token names nobody: sub has to be a string of 1 to %d bytes", maxSubject)
	}
	facts := factReader{claims: claims}
	shopper := core.Principal{
		ID: s.pseudonyms.Of(p.Brand, p.Issuer.Issuer, subject), Role: core.RoleShopper, Brand: p.Brand,
		Tier: facts.text(p.Claims.Tier), Tags: facts.texts(p.Claims.Tags), Region: facts.text(p.Claims.Region),
		RegisteredAt: facts.millis(p.Claims.RegisteredAt),
	}
	if facts.wrong != "" {
		return core.Principal{}, refuse("the claim %s of the token has another form than facts about shoppers have", facts.wrong)
	}
	return shopper, nil
}

// Resolve returns the pseudonym of whom the brand's issuer calls subject. A brand with one issuer need not name it ("").
// False means that the brand has no such issuer, or several and none was named.
func (s *Issuers) Resolve(brand, issuer, subject string) (string, bool) {
	issuers := s.byBrand[brand]
	if issuer == "" && len(issuers) == 1 {
		issuer = issuers[0]
	}
	if !slices.Contains(issuers, issuer) {
		return "", false
	}
	return s.pseudonyms.Of(brand, issuer, subject), true
}

// Of returns the issuers of the brand, in the order of the keys file.
func (s *Issuers) Of(brand string) []string { return s.byBrand[brand] }

// factReader reads claims that are facts. The first that has another form is noted as wrong; a claim that is missing, or null,
// is the absent fact.
type factReader struct {
	claims map[string]any
	wrong  string
}

func (f *factReader) of(name string) any {
	if name == "" {
		return nil
	}
	return f.claims[name]
}

func (f *factReader) text(name string) string {
	value := f.of(name)
	text, ok := value.(string)
	if value != nil && (!ok || utf8.RuneCountInString(text) > maxFact) {
		f.wrong = name
	}
	return text
}

func (f *factReader) texts(name string) []string {
	list, ok := f.of(name).([]any)
	if !ok {
		if one := f.text(name); one != "" {
			return []string{one}
		}
		return nil
	}
	texts := make([]string, 0, len(list))
	for _, one := range list {
		text, ok := one.(string)
		if !ok || utf8.RuneCountInString(text) > maxFact || len(list) > maxTags {
			f.wrong = name
			return nil
		}
		texts = append(texts, text)
	}
	return texts
}

// maxSeconds is the last moment that a fact may name: the end of the year 9999.
const maxSeconds = 253402300799

// millis reads seconds since 1970 as milliseconds.
func (f *factReader) millis(name string) int64 {
	value := f.of(name)
	seconds, ok := value.(float64)
	if value != nil && (!ok || seconds < 0 || seconds > maxSeconds) {
		f.wrong = name
		return 0
	}
	return int64(seconds * 1000)
}
