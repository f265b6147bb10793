package main

import (
	"bytes"
	"context"
	"testing"

	"github.com/jackc/pgx/v5"

	"hotdrop/core/storetest"
	"hotdrop/plugins"
	"hotdrop/plugins/library"
	"hotdrop/plugins/wasm"
)

// TestALargePluginIsTheShippedOneAndMuchCodeBesides which a decoder takes, and of which no two functions are the same.
func TestALargePluginIsTheShippedOneAndMuchCodeBesides(t *testing.T) {
	const size = 200 << 10
	packed, err := largePlugin(size)
	if err != nil {
		t.Fatal(err)
	}
	again, err := largePlugin(size)
	if err != nil || !bytes.Equal(packed, again) || len(packed) < size || len(packed) > size+64<<10 {
		t.Fatalf("%d bytes, want %d and a little: %v", len(packed), size, err)
	}
	module, err := wasm.Decode(packed, wasm.DefaultLimits())
	if err != nil {
		t.Fatal(err)
	}
	entry, err := library.Open("trade-in")
	if err != nil {
		t.Fatal(err)
	}
	shipped, err := wasm.Decode(entry.Wasm, wasm.DefaultLimits())
	if err != nil {
		t.Fatal(err)
	}
	bodies := map[string]int{}
	for i, body := range module.Bodies {
		if i < len(shipped.Bodies) && !bytes.Equal(body.Code, shipped.Bodies[i].Code) {
			t.Errorf("function %d is another than that of the shipped plugin", i)
		}
		if before, twice := bodies[string(body.Code)]; twice && i >= len(shipped.Bodies) {
			t.Errorf("functions %d and %d are the same", before, i)
		}
		bodies[string(body.Code)] = i
	}
	if plugins.Digest(packed) == plugins.Digest(entry.Wasm) {
		t.Error("it is the shipped plugin")
	}
}

func TestTheGaugeCountsTheConnectionsOfOthers(t *testing.T) {
	database := storetest.PostgresURL(t)
	gauge, err := eventTools().Gauge(t.Context(), database)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := gauge.Close(); err != nil {
			t.Error(err)
		}
	}()
	for want := range int64(3) {
		if n, err := gauge.Connections(t.Context()); err != nil || n != want {
			t.Errorf("%d connections, want %d: %v", n, want, err)
		}
		other, err := pgx.Connect(t.Context(), database)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = other.Close(context.Background()) })
	}
	if _, err := eventTools().Gauge(t.Context(), "postgres:///nowhere?host="+t.TempDir()); err == nil {
		t.Error("a database that there is not has connections")
	}
}
