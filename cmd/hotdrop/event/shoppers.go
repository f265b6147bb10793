package event

import (
	"errors"
	"fmt"
	"strconv"
	"sync"
	"time"

	"hotdrop/core"
)

// tokenLife is how long a token of the run is valid; no run takes that long.
const tokenLife = 12 * time.Hour

// signers is how many goroutines sign tokens; a signature costs microseconds and there are more than a million.
const signers = 4

// Signer makes the bearer token of a principal.
type Signer interface {
	Sign(principal core.Principal, life time.Duration) (string, error)
}

// shopperID is the id of shopper n. Ids have one length, so that requests have.
func shopperID(n uint32) string { return string(appendShopper(nil, n)) }

// appendShopper appends the id of shopper n.
func appendShopper(b []byte, n uint32) []byte { return appendPadded(append(b, 's'), n) }

// appendPadded appends n with 8 digits.
func appendPadded(b []byte, n uint32) []byte {
	for limit := uint32(10_000_000); limit > max(n, 1); limit /= 10 {
		b = append(b, '0')
	}
	return strconv.AppendUint(b, uint64(n), 10)
}

// signTokens returns a token for each of the shoppers, in their order. Tokens are made before time is measured.
func signTokens(signer Signer, shoppers []uint32) ([]string, error) {
	tokens := make([]string, len(shoppers))
	registered := time.Now().Add(-tokenLife).UnixMilli()
	failed := make([]error, signers)
	var signing sync.WaitGroup
	for part := range signers {
		signing.Go(func() {
			for i := part; i < len(shoppers) && failed[part] == nil; i += signers {
				shopper := core.Principal{ID: shopperID(shoppers[i]), Role: core.RoleShopper, RegisteredAt: registered}
				tokens[i], failed[part] = signer.Sign(shopper, tokenLife)
			}
		})
	}
	signing.Wait()
	if err := errors.Join(failed...); err != nil {
		return nil, fmt.Errorf("sign the shoppers' tokens: %w", err)
	}
	return tokens, nil
}

// numbers returns 0 … n-1.
func numbers(n int) []uint32 {
	list := make([]uint32, n)
	for i := range list {
		list[i] = uint32(i) // Config.check bounds n
	}
	return list
}
