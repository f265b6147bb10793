package money

import (
	"cmp"
	"math/bits"
	"slices"
)

// share is one part of an allocation: what the division left over decides who gets the last units.
type share struct {
	index     int
	remainder uint64
}

// Allocate splits the total by the weights, which are not negative and not all 0. The parts sum up to the total to the
// last minor unit: each gets its exact share towards 0, and what is left goes, one unit each, to the largest remainders
// (ties to the earlier part). No part is further from its exact share than one unit, and a weight of 0 gets nothing.
func Allocate(total int64, weights []int64) ([]int64, error) {
	divisor, err := sumOfWeights(weights)
	if err != nil {
		return nil, err
	}
	parts := make([]uint64, len(weights))
	shares := make([]share, len(weights))
	left := magnitude(total)
	for i, weight := range weights {
		// The weight is at most the divisor, so the quotient is at most the total and cannot overflow.
		hi, lo := bits.Mul64(magnitude(total), uint64(weight))
		quotient, remainder := bits.Div64(hi, lo, divisor)
		parts[i], shares[i] = quotient, share{i, remainder}
		left -= quotient
	}
	slices.SortStableFunc(shares, func(a, b share) int { return cmp.Compare(b.remainder, a.remainder) })
	for _, s := range shares[:left] {
		parts[s.index]++
	}
	return withSign(parts, total < 0), nil
}

// sumOfWeights returns the sum, which is above 0.
func sumOfWeights(weights []int64) (uint64, error) {
	if slices.ContainsFunc(weights, func(weight int64) bool { return weight < 0 }) {
		return 0, ErrWeights
	}
	sum, err := Sum(weights...)
	if err != nil {
		return 0, err
	}
	if sum == 0 {
		return 0, ErrWeights
	}
	return uint64(sum), nil
}

// withSign turns magnitudes of at most 2^63 into amounts of one sign.
func withSign(magnitudes []uint64, negative bool) []int64 {
	amounts := make([]int64, len(magnitudes))
	for i, magnitude := range magnitudes {
		if negative {
			magnitude = -magnitude
		}
		amounts[i] = int64(magnitude)
	}
	return amounts
}
