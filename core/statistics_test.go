package core

import (
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"pgregory.net/rapid"
)

func wantEstimate(t *testing.T, what string, got *Estimate, value, low, high, within float64) {
	t.Helper()
	if got == nil {
		t.Errorf("%s: nothing was estimated", what)
		return
	}
	for _, one := range [][2]float64{{got.Value, value}, {got.Low, low}, {got.High, high}} {
		if math.Abs(one[0]-one[1]) > within {
			t.Errorf("%s: %+v, want %g in %g … %g", what, *got, value, low, high)
			return
		}
	}
}

// The figures are those of table I, method 3, of Newcombe, "Two-sided confidence intervals for the single proportion",
// Statistics in Medicine 17 (1998).
func TestWilsonAgreesWithThePublishedIntervals(t *testing.T) {
	for _, tt := range []struct {
		hits, n   int64
		low, high float64
	}{{81, 263, 0.2553, 0.3662}, {15, 148, 0.0624, 0.1605}, {0, 20, 0, 0.1611}, {1, 29, 0.0061, 0.1718}} {
		wantEstimate(t, fmt.Sprintf("%d of %d", tt.hits, tt.n), wilson(tt.hits, tt.n),
			float64(tt.hits)/float64(tt.n), tt.low, tt.high, 0.00005)
	}
	if wilson(0, 0) != nil {
		t.Error("nothing was tried, and something estimated")
	}
}

// The figures are those of table II, method 10, of Newcombe, "Interval estimation for the difference between independent
// proportions", Statistics in Medicine 17 (1998).
func TestNewcombeAgreesWithThePublishedIntervals(t *testing.T) {
	for _, tt := range []struct {
		hits1, n1, hits2, n2 int64
		low, high            float64
	}{
		{56, 70, 48, 80, 0.0524, 0.3339},
		{9, 10, 3, 10, 0.1705, 0.8090},
		{6, 7, 2, 7, 0.0582, 0.8062},
		{5, 56, 0, 29, -0.0381, 0.1926},
		{0, 10, 0, 20, -0.1611, 0.2775},
		{0, 10, 0, 10, -0.2775, 0.2775},
		{10, 10, 0, 20, 0.6791, 1},
		{10, 10, 0, 10, 0.6075, 1},
	} {
		wantEstimate(t, fmt.Sprintf("%+v", tt), newcombe(tt.hits1, tt.n1, tt.hits2, tt.n2),
			float64(tt.hits1)/float64(tt.n1)-float64(tt.hits2)/float64(tt.n2), tt.low, tt.high, 0.00005)
	}
	if newcombe(1, 2, 0, 0) != nil || newcombe(0, 0, 1, 2) != nil {
		t.Error("an arm without trials was compared")
	}
}

// The quantiles are those of any table of Student's distribution.
func TestStudentsQuantilesAreThoseOfTheTables(t *testing.T) {
	for freedom, want := range map[float64]float64{
		1: 12.7062, 2: 4.3027, 3: 3.1824, 5: 2.5706, 10: 2.2281, 30: 2.0423, 120: 1.9799, 1000: 1.9623, 1e6: 1.95997, 1e8: 1.95996,
	} {
		if got := studentQuantile(freedom); math.Abs(got-want) > 0.00006 {
			t.Errorf("%g degrees: %g, want %g", freedom, got, want)
		}
	}
}

func TestTheIncompleteBetaFunctionIsWhatItsClosedFormsSay(t *testing.T) {
	for _, x := range []float64{-1, 0, 0.01, 0.3, 0.5, 0.77, 0.999, 1, 2} {
		inside := min(max(x, 0), 1)
		for name, one := range map[string][2]float64{
			"I(1, 1) is x":                  {regularizedBeta(1, 1, x), inside},
			"I(3, 1) is x³":                 {regularizedBeta(3, 1, x), inside * inside * inside},
			"I(1, 4) is 1 − (1 − x)⁴":       {regularizedBeta(1, 4, x), 1 - math.Pow(1-inside, 4)},
			"I(½, ½) is 2/π · asin √x":      {regularizedBeta(0.5, 0.5, x), 2 / math.Pi * math.Asin(math.Sqrt(inside))},
			"I(2, 2) is 3x² − 2x³":          {regularizedBeta(2, 2, x), inside * inside * (3 - 2*inside)},
			"I(2.5, 7) is 1 − I'(7, 2.5)":   {regularizedBeta(2.5, 7, x), 1 - regularizedBeta(7, 2.5, 1-x)},
			"a fraction of zero is no zero": {away(0, 1e-300), 1e-300},
		} {
			if math.Abs(one[0]-one[1]) > 1e-12 {
				t.Errorf("%s at %g: %g, want %g", name, x, one[0], one[1])
			}
		}
	}
}

func momentsOf(values ...int64) *moments {
	m := &moments{}
	for _, v := range values {
		m.add(v)
	}
	return m
}

// By hand: the means are 20 and 15, the variances 10 and 2.5, of five each. The standard error is √(2 + 0.5), the degrees of
// freedom 2.5² / (2²/4 + 0.5²/4) = 5.88235, for which the tables have a quantile of 2.4588.
func TestWelchAgreesWithWhatIsComputedByHand(t *testing.T) {
	first, second := momentsOf(16, 18, 20, 22, 24), momentsOf(13, 14, 15, 16, 17)
	half := studentQuantile(6.25/(1+0.0625)) * math.Sqrt(2.5)
	wantEstimate(t, "welch", welch(first, second), 5, 5-half, 5+half, 1e-9)
	wantEstimate(t, "welch, by the table", welch(first, second), 5, 5-3.8877, 5+3.8877, 0.0005)
	wantEstimate(t, "the mean alone", first.estimate(), 20, 20-2.7764*math.Sqrt2, 20+2.7764*math.Sqrt2, 0.0002)
	wantEstimate(t, "values that are all the same", welch(momentsOf(5, 5), momentsOf(3, 3, 3)), 2, 2, 2, 0)
	for _, few := range []*moments{{}, momentsOf(1)} {
		if few.estimate() != nil || welch(few, first) != nil || welch(first, few) != nil || few.variance() != 0 {
			t.Errorf("%d values have no spread", few.N)
		}
	}
}

func TestOnlyAnIntervalWithoutZeroDecides(t *testing.T) {
	for _, tt := range []struct {
		e    *Estimate
		want bool
	}{{nil, false}, {&Estimate{1, -1, 2}, false}, {&Estimate{1, 0, 2}, false}, {&Estimate{1, 0.1, 2}, true}, {&Estimate{-1, -2, -0.1}, true}} {
		if tt.e.decided() != tt.want {
			t.Errorf("%+v decides: %v", tt.e, !tt.want)
		}
	}
}

func TestMomentsAreExactHoweverLargeTheAmounts(t *testing.T) {
	const base = 1_000_000_000_000_000
	m := momentsOf(base+1, base+2, base+3)
	if m.variance() != 1 || m.mean() != base+2 {
		t.Errorf("mean %g, variance %g", m.mean(), m.variance())
	}
	if capped := momentsOf(math.MaxInt64, 1); capped.Sum != math.MaxInt64 {
		t.Errorf("the sum is %d", capped.Sum)
	}
}

func TestMomentsOfTwoNodesAreThoseOfAllTheirValues(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		values := rapid.SliceOfN(rapid.Int64Range(0, 1<<50), 0, 40).Draw(t, "values")
		cut := rapid.IntRange(0, len(values)).Draw(t, "cut")
		all, first, second := momentsOf(values...), momentsOf(values[:cut]...), momentsOf(values[cut:]...)
		text, err := json.Marshal(second)
		if err != nil {
			t.Fatal(err)
		}
		var sent moments
		if err := json.Unmarshal(text, &sent); err != nil {
			t.Fatal(err)
		}
		other := sent
		other.merge(*first)
		first.merge(sent)
		if *first != *all || other != *all {
			t.Errorf("%+v and %+v, want %+v", *first, other, *all)
		}
	})
}

// covered is how often of the rounds the interval contains the truth.
func covered(rounds int, truth float64, estimate func() *Estimate) float64 {
	hits := 0
	for range rounds {
		if e := estimate(); e.Low <= truth && truth <= e.High {
			hits++
		}
	}
	return float64(hits) / float64(rounds)
}

// TestTheIntervalsContainTheTruthAsOftenAsTheySay draws samples of populations that are known. The generator is seeded, so
// that the test says the same each time.
func TestTheIntervalsContainTheTruthAsOftenAsTheySay(t *testing.T) {
	const rounds = 4000
	r := rand.New(rand.NewPCG(5, 18))
	hits := func(n int64, p float64) (k int64) {
		for range n {
			if r.Float64() < p {
				k++
			}
		}
		return k
	}
	amounts := func(n int, mean, deviation float64) *moments {
		m := &moments{}
		for range n {
			m.add(int64(math.Round(mean + deviation*r.NormFloat64())))
		}
		return m
	}
	for name, got := range map[string]float64{
		"wilson, one in twenty of 200": covered(rounds, 0.05, func() *Estimate { return wilson(hits(200, 0.05), 200) }),
		"wilson, half of 30":           covered(rounds, 0.5, func() *Estimate { return wilson(hits(30, 0.5), 30) }),
		"newcombe, 0.9 and 0.85": covered(rounds, 0.05, func() *Estimate {
			return newcombe(hits(80, 0.9), 80, hits(300, 0.85), 300)
		}),
		"welch, small with a wide spread against large with a narrow one": covered(rounds, 20_000, func() *Estimate {
			return welch(amounts(8, 120_000, 30_000), amounts(60, 100_000, 5_000))
		}),
		"the mean of five": covered(rounds, 50_000, func() *Estimate { return amounts(5, 50_000, 9_000).estimate() }),
	} {
		if got < 0.935 || got > 0.975 {
			t.Errorf("%s: the truth is inside %.3f of the time", name, got)
		}
	}
}
