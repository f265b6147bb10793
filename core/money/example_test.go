package money_test

import (
	"fmt"

	"hotdrop/core/money"
)

// A bundle is sold for one price, and each of its items has its part of it, to the last fen.
func ExampleAllocate() {
	parts, err := money.Allocate(99_900, []int64{179_900, 9_900, 4_900})
	fmt.Println(parts, err)
	// Output: [92306 5080 2514] <nil>
}

// Fifteen percent off, in minor units, as people read it.
func ExampleBasisPoints() {
	off, err := money.BasisPoints(179_901, 1_500)
	fmt.Println(money.Format(off, "CNY"), err)
	// Output: 269.85 CNY <nil>
}
