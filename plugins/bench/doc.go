// Package bench compares hotdrop's plugin host with the Extism Go SDK, in one run, on one mechanic: the trade-in plugin,
// compiled from the same C source for both. It is a module of its own, so that nobody who builds hotdrop gets Extism:
//
//	cd plugins/bench && go test -run '^$' -bench .
package bench

//go:generate guest/build.sh
