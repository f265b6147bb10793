package core_test

import (
	"reflect"
	"testing"
	"time"

	"hotdrop/core"
)

// eachTime visits every time in the value, with the path to it.
func eachTime(v reflect.Value, path string, visit func(path string, v reflect.Value)) {
	if v.Type() == reflect.TypeFor[time.Time]() {
		visit(path, v)
		return
	}
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			eachTime(v.Field(i), path+"."+v.Type().Field(i).Name, visit)
		}
	case reflect.Slice:
		for i := range v.Len() {
			eachTime(v.Index(i), path+"[]", visit)
		}
	case reflect.Map:
		for _, key := range v.MapKeys() {
			eachTime(v.MapIndex(key), path+"{}", visit)
		}
	}
}

// timesOf returns the times of the campaign by their path.
func timesOf(c *core.Campaign) map[string]time.Time {
	times := map[string]time.Time{}
	eachTime(reflect.ValueOf(*c), "", func(path string, v reflect.Value) { times[path], _ = reflect.TypeAssert[time.Time](v) })
	return times
}

// timesIn returns the paths at which a value of the type can have times.
func timesIn(t reflect.Type, path string, into map[string]bool) {
	if t == reflect.TypeFor[time.Time]() {
		into[path] = true
		return
	}
	switch t.Kind() {
	case reflect.Struct:
		for field := range t.Fields() {
			timesIn(field.Type, path+"."+field.Name, into)
		}
	case reflect.Slice:
		timesIn(t.Elem(), path+"[]", into)
	case reflect.Map:
		timesIn(t.Elem(), path+"{}", into)
	}
}

// timed returns a campaign with one of everything that has a time.
func timed(at time.Time) *core.Campaign {
	phases := core.Phases{Teaser: at, Reservation: at.Add(1), Sale: at.Add(2), Closed: at.Add(3)}
	return &core.Campaign{
		ID: "timed", Phases: phases, Items: []core.Item{{SKU: "mx3", Phases: phases}},
		VoucherPools: map[string]core.VoucherPool{"pool": {Count: 1, Expires: at.Add(4)}},
		Draws:        map[string]core.DrawTerms{"draw": {Closes: at.Add(5), Winners: 1}},
		Deposits:     core.DepositTerms{BalanceUntil: at.Add(6)},
		Reminders:    []core.Reminder{{Template: "t", At: at.Add(7)}},
		WaitingRoom:  core.WaitingRoom{PerMinute: 1, Opens: at.Add(8)},
	}
}

func TestEveryTimeOfACampaignIsShiftedByTheSameAmount(t *testing.T) {
	at := time.Date(2014, 4, 3, 12, 0, 0, 0, time.UTC)
	before, by := timed(at), -1000*24*time.Hour
	possible := map[string]bool{}
	timesIn(reflect.TypeFor[core.Campaign](), "", possible)
	was, is := timesOf(before), timesOf(before.Shifted(by))
	for path := range possible {
		if was[path].IsZero() {
			t.Errorf("this test's campaign has no time at %s", path)
		}
		if got := is[path].Sub(was[path]); got != by {
			t.Errorf("%s was shifted by %s", path, got)
		}
	}
	if !reflect.DeepEqual(timesOf(before), was) || before.Items[0].Phases.Sale != at.Add(2) {
		t.Error("the original was changed")
	}
}

func TestATimeThatIsNotSetIsNotShifted(t *testing.T) {
	bare := &core.Campaign{
		ID: "bare", Items: []core.Item{{SKU: "mx3"}}, VoucherPools: map[string]core.VoucherPool{"pool": {Count: 1}},
	}
	if got := bare.Shifted(time.Hour); !reflect.DeepEqual(got, bare) {
		t.Errorf("%+v", got)
	}
}

func TestAPhaseThatACampaignDoesNotHaveHasNoStart(t *testing.T) {
	at := time.Date(2014, 4, 3, 12, 0, 0, 0, time.UTC)
	phases := core.Phases{Reservation: at, Sale: at.Add(time.Hour)}
	for phase, want := range map[core.Phase]time.Time{
		core.PhaseReservation: at, core.PhaseSale: at.Add(time.Hour), core.PhaseTeaser: {}, core.PhaseClosed: {}, core.PhaseBefore: {},
	} {
		if got := phases.Start(phase); !got.Equal(want) {
			t.Errorf("%s starts at %v, want %v", phase, got, want)
		}
	}
}
