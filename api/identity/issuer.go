package identity

import (
	"fmt"
	"maps"
	"net"
	"net/url"
	"slices"
	"strings"

	"hotdrop/core"
)

// Issuer is a brand's identity provider, as an entry of issuers in the keys file.
type Issuer struct {
	// Brand is whose shoppers these are.
	Brand string `json:"brand"`
	// Issuer is the iss of its tokens, character by character. One issuer vouches for the shoppers of one brand.
	Issuer string `json:"issuer"`
	// Audience is what the aud of a token has to name.
	Audience string `json:"audience"`
	// KeysURL is where its public keys (a JSON Web Key Set) are: https, or http on loopback.
	KeysURL string `json:"jwks_url,omitempty"`
	// KeysFile is the path of a file of its public keys, instead of an address.
	KeysFile string `json:"jwks_file,omitempty"`
	// Algorithms are those that its tokens may be signed with: RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384,
	// ES512, EdDSA. Signatures by a shared secret (HS*) and unsigned tokens are never accepted.
	Algorithms []string `json:"algorithms"`
	// Claims says which claims hold facts about a shopper.
	Claims ClaimNames `json:"claims,omitzero"`
}

// ClaimNames are the claims that hold facts about a shopper; "" for a fact that tokens do not have.
type ClaimNames struct {
	Tier         string `json:"tier,omitempty"`          // a string of at most 64 characters
	Tags         string `json:"tags,omitempty"`          // a list of at most 32 such strings, or one of them
	Region       string `json:"region,omitempty"`        // a string of at most 64 characters
	RegisteredAt string `json:"registered_at,omitempty"` // seconds since 1970, as JWT has times
}

// check refuses an entry that cannot work.
func (i *Issuer) check() error {
	switch {
	case !core.ValidCampaignID(i.Brand):
		return fmt.Errorf("issuer %q: brand %q: a brand has 1 to 63 lower-case letters, digits and hyphens", i.Issuer, i.Brand)
	case i.Issuer == "" || i.Audience == "":
		return fmt.Errorf("an issuer of the brand %s: issuer and audience are needed", i.Brand)
	case (i.KeysURL == "") == (i.KeysFile == ""):
		return fmt.Errorf("issuer %s: its keys come from jwks_url or from jwks_file: name one of them", i.Issuer)
	case len(i.Algorithms) == 0:
		return fmt.Errorf("issuer %s: algorithms is needed: those that sign its tokens, of %s", i.Issuer, strings.Join(algorithms(), " "))
	}
	for _, one := range i.Algorithms {
		if !slices.Contains(algorithms(), one) {
			return fmt.Errorf("issuer %s: the algorithm %q is none of %s", i.Issuer, one, strings.Join(algorithms(), " "))
		}
	}
	if i.KeysURL == "" {
		return nil
	}
	if err := CheckURL(i.KeysURL); err != nil {
		return fmt.Errorf("issuer %s: jwks_url: %w", i.Issuer, err)
	}
	return nil
}

// CheckURL refuses an address that what travels to and from it could be read or changed on the way: anything but https, and
// http on this machine. The address is not looked up.
func CheckURL(address string) error {
	parsed, err := url.Parse(address)
	if err != nil {
		return fmt.Errorf("%q is not a URL", address)
	}
	host := parsed.Hostname()
	ip := net.ParseIP(host)
	local := host == "localhost" || ip.IsLoopback()
	if host == "" || parsed.User != nil || (parsed.Scheme != "https" && (parsed.Scheme != "http" || !local)) {
		return fmt.Errorf("%q has to be https://…, or http://… on 127.0.0.1", address)
	}
	return nil
}

// algorithms are those that a provider may be allowed, sorted.
func algorithms() []string { return slices.Sorted(maps.Keys(families())) }

// families says which kind of key each algorithm takes.
func families() map[string]family {
	return map[string]family{
		"RS256": familyRSA, "RS384": familyRSA, "RS512": familyRSA, "PS256": familyRSA, "PS384": familyRSA, "PS512": familyRSA,
		"ES256": familyP256, "ES384": familyP384, "ES512": familyP521, "EdDSA": familyEd25519,
	}
}
