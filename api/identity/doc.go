// Package identity knows brands' shoppers by the tokens (JWT) of their identity providers. A token is checked for its size, its
// form, its algorithm (an allow-list per provider), the key it names, its signature, issuer, audience and times; what it says
// of a role or a brand means nothing. Whoever it speaks for leaves this package as a pseudonym.
package identity
