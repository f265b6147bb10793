// Package money is checked arithmetic on amounts of money: int64 values in minor units (fen, cents) of one currency.
//
// Nothing here wraps: a result that does not fit is [ErrOverflow]. Products are held in 128 bits before they are
// divided, and every division says how it rounds. Rounding is symmetric: what it makes of −x is the negative of what it
// makes of x, so that a refund mirrors its charge.
package money

import (
	"errors"
	"math"
	"math/bits"
)

// What arithmetic fails with.
var (
	// ErrOverflow means that the result does not fit into 64 bits.
	ErrOverflow = errors.New("amount does not fit into 64 bits")
	// ErrDivisionByZero means that the divisor was 0.
	ErrDivisionByZero = errors.New("division by zero")
	// ErrWeights means that weights are negative, or none of them is above 0.
	ErrWeights = errors.New("weights must not be negative and not all 0")
)

// Rounding says where a quotient that is not an integer goes.
type Rounding int

// The ways to round.
const (
	Down   Rounding = iota // towards 0
	HalfUp                 // to the nearest integer, halves away from 0
	Up                     // away from 0
)

// WholeBasisPoints is the number of basis points in the whole: 10,000 are 100 %.
const WholeBasisPoints = 10_000

// Add returns a + b.
func Add(a, b int64) (int64, error) {
	sum := a + b
	if (sum > a) != (b > 0) && b != 0 {
		return 0, ErrOverflow
	}
	return sum, nil
}

// Sub returns a − b.
func Sub(a, b int64) (int64, error) {
	difference := a - b
	if (difference < a) != (b > 0) && b != 0 {
		return 0, ErrOverflow
	}
	return difference, nil
}

// Mul returns a · b.
func Mul(a, b int64) (int64, error) {
	hi, lo := bits.Mul64(magnitude(a), magnitude(b))
	if hi != 0 {
		return 0, ErrOverflow
	}
	return signed(lo, (a < 0) != (b < 0))
}

// Sum returns the sum of the amounts. It fails only if the whole sum does not fit, whatever the sums on the way are.
func Sum(amounts ...int64) (int64, error) {
	var hi, lo uint64 // a 128-bit integer in two's complement
	for _, amount := range amounts {
		var carry uint64
		lo, carry = bits.Add64(lo, uint64(amount), 0)
		hi, _ = bits.Add64(hi, uint64(amount>>63), carry)
	}
	total := int64(lo)
	if hi != uint64(total>>63) {
		return 0, ErrOverflow
	}
	return total, nil
}

// MulDiv returns a · b / c, rounded. The product is exact; only a quotient that does not fit overflows.
func MulDiv(a, b, c int64, rounding Rounding) (int64, error) {
	if c == 0 {
		return 0, ErrDivisionByZero
	}
	divisor := magnitude(c)
	hi, lo := bits.Mul64(magnitude(a), magnitude(b))
	if hi >= divisor {
		return 0, ErrOverflow
	}
	quotient, remainder := bits.Div64(hi, lo, divisor)
	if roundsAway(remainder, divisor, rounding) {
		if quotient == math.MaxUint64 {
			return 0, ErrOverflow
		}
		quotient++
	}
	return signed(quotient, ((a < 0) != (b < 0)) != (c < 0))
}

// roundsAway reports whether a quotient with this remainder goes one away from 0.
func roundsAway(remainder, divisor uint64, rounding Rounding) bool {
	switch rounding {
	case Up:
		return remainder > 0
	case HalfUp:
		return remainder >= divisor-remainder
	case Down:
		return false
	default:
		return false
	}
}

// BasisPoints returns basisPoints hundredths of a percent of the amount (10,000 are all of it), half up.
func BasisPoints(amount, basisPoints int64) (int64, error) {
	return MulDiv(amount, basisPoints, WholeBasisPoints, HalfUp)
}

// magnitude returns |a|, also for the least int64.
func magnitude(a int64) uint64 {
	if a < 0 {
		return -uint64(a)
	}
	return uint64(a)
}

// signed returns the magnitude with a sign.
func signed(magnitude uint64, negative bool) (int64, error) {
	switch {
	case !negative && magnitude > math.MaxInt64, magnitude > 1<<63:
		return 0, ErrOverflow
	case negative:
		return int64(-magnitude), nil
	default:
		return int64(magnitude), nil
	}
}
