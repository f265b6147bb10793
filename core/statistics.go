package core

import (
	"math"
	"math/big"
	"math/bits"
)

// normal95 is the 97.5 % quantile of the normal distribution: between it and its negative lie 95 %.
const normal95 = 1.959963984540054

// Estimate is a value that was measured, and the 95 % confidence interval around it.
type Estimate struct {
	Value float64 `json:"value"`
	Low   float64 `json:"low"`
	High  float64 `json:"high"`
}

// decided reports whether the interval leaves zero out: what was measured is more than chance.
func (e *Estimate) decided() bool { return e != nil && (e.Low > 0 || e.High < 0) }

// wilson estimates a proportion from hits of n trials; nil without trials. The interval is the score interval of Wilson,
// "Probable inference, the law of succession, and statistical inference", JASA 22 (1927): unlike the one that goes by the
// normal distribution alone it is right for few trials and for proportions near 0 and 1.
func wilson(hits, n int64) *Estimate {
	if n <= 0 {
		return nil
	}
	size, p := float64(n), float64(hits)/float64(n)
	z2 := normal95 * normal95
	middle := 2*size*p + z2
	width := normal95 * math.Sqrt(z2+4*size*p*(1-p))
	return &Estimate{
		Value: p, Low: clamp((middle-width)/(2*(size+z2)), 0, p), High: clamp((middle+width)/(2*(size+z2)), p, 1),
	}
}

// newcombe estimates the difference of two independent proportions, the first less the second; nil without trials of either.
// It is method 10 of Newcombe, "Interval estimation for the difference between independent proportions", Statistics in
// Medicine 17 (1998), which is made of the Wilson intervals of both.
func newcombe(hits1, n1, hits2, n2 int64) *Estimate {
	first, second := wilson(hits1, n1), wilson(hits2, n2)
	if first == nil || second == nil {
		return nil
	}
	difference := first.Value - second.Value
	return &Estimate{
		Value: difference,
		Low:   difference - math.Hypot(first.Value-first.Low, second.High-second.Value),
		High:  difference + math.Hypot(first.High-first.Value, second.Value-second.Low),
	}
}

func clamp(x, low, high float64) float64 { return max(low, min(x, high)) }

// moments are what a mean and a variance are computed from, exactly, so that those of two nodes can be added in any order.
type moments struct {
	N         int64  `json:"n"`
	Sum       int64  `json:"sum"`
	SquaresHi uint64 `json:"squares_hi,omitempty"` // the sum of the squares, 128 bits
	SquaresLo uint64 `json:"squares_lo"`
}

// add takes in a value, which is not negative.
func (m *moments) add(value int64) {
	hi, lo := bits.Mul64(uint64(value), uint64(value)) //nolint:gosec // not negative
	m.merge(moments{N: 1, Sum: value, SquaresHi: hi, SquaresLo: lo})
}

// merge takes in what others measured.
func (m *moments) merge(other moments) {
	var carry uint64
	m.N += other.N
	m.Sum = addCapped(m.Sum, other.Sum)
	m.SquaresLo, carry = bits.Add64(m.SquaresLo, other.SquaresLo, 0)
	m.SquaresHi, _ = bits.Add64(m.SquaresHi, other.SquaresHi, carry)
}

// addCapped adds two amounts that are not negative; what is beyond an int64 is the largest one.
func addCapped(a, b int64) int64 {
	if a > math.MaxInt64-b {
		return math.MaxInt64
	}
	return a + b
}

func (m *moments) mean() float64 { return float64(m.Sum) / float64(m.N) }

// variance is the unbiased one of the sample; 0 for fewer than two values.
func (m *moments) variance() float64 {
	if m.N < 2 {
		return 0
	}
	n := big.NewInt(m.N)
	squares := new(big.Int).SetUint64(m.SquaresHi)
	squares.Lsh(squares, 64).Add(squares, new(big.Int).SetUint64(m.SquaresLo))
	sum := big.NewInt(m.Sum)
	spread := new(big.Int).Sub(squares.Mul(squares, n), sum.Mul(sum, sum)) // n Σx² − (Σx)²
	variance, _ := new(big.Rat).SetFrac(spread, new(big.Int).Mul(n, big.NewInt(m.N-1))).Float64()
	return variance
}

// estimate is the mean with the interval of Student's t distribution; nil for fewer than two values.
func (m *moments) estimate() *Estimate {
	if m.N < 2 {
		return nil
	}
	half := studentQuantile(float64(m.N-1)) * math.Sqrt(m.variance()/float64(m.N))
	return &Estimate{Value: m.mean(), Low: m.mean() - half, High: m.mean() + half}
}

// welch estimates the difference of two means, the first less the second, of samples whose variances need not be equal; nil if
// either has fewer than two values. The degrees of freedom are those of Welch, "The generalization of 'Student's' problem when
// several different population variances are involved", Biometrika 34 (1947). Where no value differs from another, the
// interval has no width.
func welch(first, second *moments) *Estimate {
	if first.N < 2 || second.N < 2 {
		return nil
	}
	one, two := first.variance()/float64(first.N), second.variance()/float64(second.N)
	e := &Estimate{Value: first.mean() - second.mean()}
	var half float64
	if one+two > 0 {
		freedom := (one + two) * (one + two) / (one*one/float64(first.N-1) + two*two/float64(second.N-1))
		half = studentQuantile(freedom) * math.Sqrt(one+two)
	}
	e.Low, e.High = e.Value-half, e.Value+half
	return e
}

// studentQuantile is the 97.5 % quantile of Student's t distribution with that many degrees of freedom, at least 1.
func studentQuantile(freedom float64) float64 {
	const likeNormal = 1e7 // beyond it the two distributions agree in seven digits
	if freedom > likeNormal {
		return normal95
	}
	low, high := normal95, 12.71 // the quantile of one degree is 12.706
	for range 60 {
		t := (low + high) / 2
		if outside := regularizedBeta(freedom/2, 0.5, freedom/(freedom+t*t)); outside > 0.05 {
			low = t
		} else {
			high = t
		}
	}
	return (low + high) / 2
}

// regularizedBeta is the regularized incomplete beta function I_x(a, b), by the continued fraction 26.5.8 of Abramowitz and
// Stegun, Handbook of Mathematical Functions.
func regularizedBeta(a, b, x float64) float64 {
	switch {
	case x <= 0:
		return 0
	case x >= 1:
		return 1
	case x > (a+1)/(a+b+2): // where the fraction converges slowly, it does so fast from the other side
		return 1 - regularizedBeta(b, a, 1-x)
	}
	logA, _ := math.Lgamma(a)
	logB, _ := math.Lgamma(b)
	logBoth, _ := math.Lgamma(a + b)
	front := math.Exp(a*math.Log(x)+b*math.Log1p(-x)+logBoth-logA-logB) / a
	return front / betaFraction(a, b, x)
}

// betaFraction is 1 + d₁/(1 + d₂/(1 + …)), from the left.
func betaFraction(a, b, x float64) float64 {
	const enough, tiny, most = 1e-15, 1e-300, 100_000
	f, c, d := 1.0, 1.0, 0.0
	for i := 1; i <= most; i++ {
		m := float64(i / 2)
		term := m * (b - m) * x / ((a + 2*m - 1) * (a + 2*m))
		if i%2 == 1 {
			term = -(a + m) * (a + b + m) * x / ((a + 2*m) * (a + 2*m + 1))
		}
		d = 1 / away(1+term*d, tiny)
		c = away(1+term/c, tiny)
		f *= c * d
		if math.Abs(c*d-1) < enough {
			break
		}
	}
	return f
}

// away keeps a divisor from being zero.
func away(x, tiny float64) float64 {
	if math.Abs(x) < tiny {
		return tiny
	}
	return x
}
