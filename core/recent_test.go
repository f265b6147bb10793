package core

import (
	"strconv"
	"testing"
)

func TestRecentReservationsAreRememberedAndBounded(t *testing.T) {
	var r recent
	for i := range 3*recentReservations + 1 {
		r.add(Reservation{Shopper: strconv.Itoa(i), Position: int64(i) + 1})
	}
	if held := len(r.young) + len(r.old); held > 2*recentReservations {
		t.Errorf("%d are held", held)
	}
	if _, ok := r.get("0"); ok {
		t.Error("the first is still remembered")
	}
	for _, i := range []int{2 * recentReservations, 3 * recentReservations} {
		if known, ok := r.get(strconv.Itoa(i)); !ok || known.Position != int64(i)+1 {
			t.Errorf("%d: %+v, %v", i, known, ok)
		}
	}
}
