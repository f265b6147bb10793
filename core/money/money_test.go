package money_test

import (
	"errors"
	"math"
	"math/big"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"hotdrop/core/money"
)

// amounts draws int64 values, the ends of the range and small values more often than chance would.
func amounts() *rapid.Generator[int64] {
	return rapid.OneOf(
		rapid.Int64(),
		rapid.Int64Range(-10, 10),
		rapid.SampledFrom([]int64{math.MinInt64, math.MinInt64 + 1, math.MaxInt64, math.MaxInt64 - 1, 1 << 32, -1 << 31}),
	)
}

// requireExact fails unless (got, err) is want, or ErrOverflow where want does not fit.
func requireExact(t *rapid.T, want *big.Int, got int64, err error) {
	t.Helper()
	if !want.IsInt64() {
		if !errors.Is(err, money.ErrOverflow) {
			t.Fatalf("got %d, %v, want ErrOverflow for %s", got, err, want)
		}
		return
	}
	if err != nil || got != want.Int64() {
		t.Fatalf("got %d, %v, want %s", got, err, want)
	}
}

func TestAddSubMulAgreeWithBigIntegers(t *testing.T) {
	t.Parallel()
	operations := map[string]struct {
		checked func(a, b int64) (int64, error)
		exact   func(z, a, b *big.Int) *big.Int
	}{
		"add": {money.Add, (*big.Int).Add},
		"sub": {money.Sub, (*big.Int).Sub},
		"mul": {money.Mul, (*big.Int).Mul},
	}
	for name, op := range operations {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			rapid.Check(t, func(t *rapid.T) {
				a, b := amounts().Draw(t, "a"), amounts().Draw(t, "b")
				got, err := op.checked(a, b)
				requireExact(t, op.exact(new(big.Int), big.NewInt(a), big.NewInt(b)), got, err)
			})
		})
	}
}

func TestSumAgreesWithBigIntegersWhateverTheSumsOnTheWay(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		parts := rapid.SliceOf(amounts()).Draw(t, "parts")
		want := new(big.Int)
		for _, part := range parts {
			want.Add(want, big.NewInt(part))
		}
		got, err := money.Sum(parts...)
		requireExact(t, want, got, err)
	})
}

// exactMulDiv is the oracle: it rounds the magnitudes and puts the sign back.
func exactMulDiv(a, b, c int64, rounding money.Rounding) *big.Int {
	product := new(big.Int).Mul(big.NewInt(a), big.NewInt(b))
	sign := int64(product.Sign() * big.NewInt(c).Sign())
	product.Abs(product)
	divisor := new(big.Int).Abs(big.NewInt(c))
	quotient, remainder := new(big.Int).QuoRem(product, divisor, new(big.Int))
	twice := new(big.Int).Lsh(remainder, 1)
	away := rounding == money.Up && remainder.Sign() > 0 || rounding == money.HalfUp && twice.Cmp(divisor) >= 0
	if away {
		quotient.Add(quotient, big.NewInt(1))
	}
	return quotient.Mul(quotient, big.NewInt(sign))
}

func TestMulDivAgreesWithBigIntegersInEveryRounding(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		a, b, c := amounts().Draw(t, "a"), amounts().Draw(t, "b"), amounts().Draw(t, "c")
		rounding := rapid.SampledFrom([]money.Rounding{money.Down, money.HalfUp, money.Up}).Draw(t, "rounding")
		got, err := money.MulDiv(a, b, c, rounding)
		if c == 0 {
			if !errors.Is(err, money.ErrDivisionByZero) {
				t.Fatalf("got %d, %v, want ErrDivisionByZero", got, err)
			}
			return
		}
		requireExact(t, exactMulDiv(a, b, c, rounding), got, err)
	})
}

func TestMulDivRounds(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name     string
		a, b, c  int64
		rounding money.Rounding
		want     int64
	}{
		{"down towards zero", 7, 1, 2, money.Down, 3},
		{"down towards zero below zero", -7, 1, 2, money.Down, -3},
		{"half up", 5, 1, 2, money.HalfUp, 3},
		{"half away from zero below zero", -5, 1, 2, money.HalfUp, -3},
		{"less than half down", 7, 1, 5, money.HalfUp, 1},
		{"up at the least remainder", 1, 1, math.MaxInt64, money.Up, 1},
		{"up away from zero below zero", -1, 1, 3, money.Up, -1},
		{"an exact quotient in no direction", 6, 2, 3, money.Up, 4},
		{"a product of 126 bits", math.MaxInt64, math.MaxInt64, math.MaxInt64, money.Down, math.MaxInt64},
		{"the least amount", math.MinInt64, -1, -1, money.Down, math.MinInt64},
		{"a rounding that does not exist as down", 7, 1, 2, money.Rounding(9), 3},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			got, err := money.MulDiv(test.a, test.b, test.c, test.rounding)
			if err != nil || got != test.want {
				t.Fatalf("got %d, %v, want %d", got, err, test.want)
			}
		})
	}
}

func TestMulDivOverflowsWhenRoundingPassesTheLastValue(t *testing.T) {
	t.Parallel()
	// 9 · b is 2^66 − 1, so that the quotient by 4 is the largest of 64 bits before it is rounded.
	const b = 8_198_552_921_648_689_607
	if got, err := money.MulDiv(9, b, 4, money.Up); !errors.Is(err, money.ErrOverflow) {
		t.Fatalf("got %d, %v, want ErrOverflow", got, err)
	}
}

func TestBasisPointsRoundHalfUp(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ amount, points, want int64 }{
		{179900, 1000, 17990},
		{5, 1000, 1}, // 0.5
		{4, 1000, 0}, // 0.4
		{-5, 1000, -1},
		{math.MaxInt64, 10_000, math.MaxInt64},
	} {
		got, err := money.BasisPoints(test.amount, test.points)
		if err != nil || got != test.want {
			t.Errorf("BasisPoints(%d, %d) = %d, %v, want %d", test.amount, test.points, got, err, test.want)
		}
	}
	if _, err := money.BasisPoints(math.MaxInt64, 10_001); !errors.Is(err, money.ErrOverflow) {
		t.Errorf("more than all of the largest amount: %v, want ErrOverflow", err)
	}
}

// drawWeights draws weights that Allocate accepts.
func drawWeights(t *rapid.T) []int64 {
	weight := rapid.OneOf(rapid.Int64Range(0, 5), rapid.Int64Range(0, math.MaxInt64/64))
	weights := rapid.SliceOfN(weight, 1, 20).Draw(t, "weights")
	if slices.Max(weights) == 0 {
		weights[0] = 1
	}
	return weights
}

func TestAllocatedPartsSumUpAndAreWithinOneUnitOfTheirShare(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		total, weights := amounts().Draw(t, "total"), drawWeights(t)
		parts, err := money.Allocate(total, weights)
		if err != nil {
			t.Fatal(err)
		}
		if sum, err := money.Sum(parts...); err != nil || sum != total {
			t.Fatalf("parts %v sum up to %d, %v, want %d", parts, sum, err, total)
		}
		divisor, err := money.Sum(weights...)
		if err != nil {
			t.Fatal(err)
		}
		for i, part := range parts {
			low, high := exactMulDiv(total, weights[i], divisor, money.Down), exactMulDiv(total, weights[i], divisor, money.Up)
			if got := big.NewInt(part); got.CmpAbs(low) < 0 || got.CmpAbs(high) > 0 || part != 0 && (part < 0) != (total < 0) {
				t.Fatalf("part %d is %d, want %s or %s", i, part, low, high)
			}
		}
	})
}

func TestAllocateOfANegativeTotalMirrorsThePositiveOne(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		total, weights := rapid.Int64Range(0, math.MaxInt64).Draw(t, "total"), drawWeights(t)
		charge, err := money.Allocate(total, weights)
		if err != nil {
			t.Fatal(err)
		}
		refund, err := money.Allocate(-total, weights)
		if err != nil {
			t.Fatal(err)
		}
		for i := range charge {
			if charge[i] != -refund[i] {
				t.Fatalf("part %d: charge %d, refund %d", i, charge[i], refund[i])
			}
		}
	})
}

func TestAllocateGivesWhatIsLeftToTheLargestRemaindersAndTiesToTheEarlier(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name    string
		total   int64
		weights []int64
		want    []int64
	}{
		{"equal weights favour the earlier", 100, []int64{1, 1, 1}, []int64{34, 33, 33}},
		{"two units left", 101, []int64{1, 1, 1}, []int64{34, 34, 33}},
		{"the largest remainder, though it is last", 10, []int64{3, 3, 1}, []int64{4, 4, 2}},
		{"a weight of zero gets nothing", 7, []int64{0, 3, 4}, []int64{0, 3, 4}},
		{"a negative total", -100, []int64{1, 1, 1}, []int64{-34, -33, -33}},
		{"nothing to split", 0, []int64{1, 2}, []int64{0, 0}},
		{"the least total to one", math.MinInt64, []int64{5}, []int64{math.MinInt64}},
		{"a bundle of 1.00 over 19.99 and 80.01", 100, []int64{1999, 8001}, []int64{20, 80}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			got, err := money.Allocate(test.total, test.weights)
			if err != nil || !slices.Equal(got, test.want) {
				t.Fatalf("got %v, %v, want %v", got, err, test.want)
			}
		})
	}
}

func TestAllocateRefusesWeightsThatDefineNoShares(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name    string
		weights []int64
		want    error
	}{
		{"none", nil, money.ErrWeights},
		{"all zero", []int64{0, 0}, money.ErrWeights},
		{"a negative one", []int64{2, -1}, money.ErrWeights},
		{"a sum beyond 64 bits", []int64{math.MaxInt64, 1}, money.ErrOverflow},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			if got, err := money.Allocate(10, test.weights); !errors.Is(err, test.want) {
				t.Fatalf("got %v, %v, want %v", got, err, test.want)
			}
		})
	}
}

func TestExponentKnowsActiveCodesOnly(t *testing.T) {
	t.Parallel()
	known := map[string]int{"CNY": 2, "USD": 2, "AED": 2, "ZWG": 2, "JPY": 0, "BIF": 0, "TND": 3, "CLF": 4}
	for code, want := range known {
		if got, ok := money.Exponent(code); !ok || got != want {
			t.Errorf("Exponent(%q) = %d, %t, want %d", code, got, ok, want)
		}
	}
	for _, code := range []string{"", "cny", "XXX", "XAU", "CN", "NY ", "Y C", " CN", "CNYX", "CNY ", "AED AFN"} {
		if got, ok := money.Exponent(code); ok {
			t.Errorf("Exponent(%q) = %d, want it to be unknown", code, got)
		}
	}
}

func TestFormatPlacesThePointByCurrency(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		amount   int64
		currency string
		want     string
	}{
		{179900, "CNY", "1799.00 CNY"},
		{1, "CNY", "0.01 CNY"},
		{0, "CNY", "0.00 CNY"},
		{-5, "CNY", "-0.05 CNY"},
		{-500, "JPY", "-500 JPY"},
		{0, "JPY", "0 JPY"},
		{12345, "TND", "12.345 TND"},
		{math.MinInt64, "USD", "-92233720368547758.08 USD"},
		{7, "Q", `7 minor units of "Q"`},
	} {
		if got := money.Format(test.amount, test.currency); got != test.want {
			t.Errorf("Format(%d, %q) = %q, want %q", test.amount, test.currency, got, test.want)
		}
	}
}

func TestAChineseTextHasYuanByTheirNameAndOtherCurrenciesByTheirCode(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		amount   int64
		currency string
		want     string
	}{
		{19900, "CNY", "199.00 元"},
		{-5, "CNY", "-0.05 元"},
		{math.MinInt64, "CNY", "-92233720368547758.08 元"},
		{500, "JPY", "500 JPY"},
		{12345, "TND", "12.345 TND"},
		{7, "Q", `7 minor units of "Q"`},
	} {
		if got := money.FormatChinese(test.amount, test.currency); got != test.want {
			t.Errorf("FormatChinese(%d, %q) = %q, want %q", test.amount, test.currency, got, test.want)
		}
	}
}

// FuzzFormat: whatever the amount, the text without its point is the amount again.
func FuzzFormat(f *testing.F) {
	f.Add(int64(-1), "CNY")
	f.Add(int64(math.MinInt64), "TND")
	f.Fuzz(func(t *testing.T, amount int64, currency string) {
		exponent, known := money.Exponent(currency)
		if !known {
			return
		}
		text, _ := strings.CutSuffix(money.Format(amount, currency), " "+currency)
		if point := strings.IndexByte(text, '.'); exponent > 0 && point != len(text)-exponent-1 {
			t.Fatalf("%q has its point at %d", text, point)
		}
		back, ok := new(big.Int).SetString(strings.ReplaceAll(text, ".", ""), 10)
		if !ok || back.Cmp(big.NewInt(amount)) != 0 {
			t.Fatalf("%q does not read back as %d", text, amount)
		}
	})
}
