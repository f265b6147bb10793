package main

import (
	"context"
	"encoding/json"
	"fmt"

	"hotdrop/cmd/hotdrop/event"
	"hotdrop/core/postgres"
	"hotdrop/plugins"
	"hotdrop/plugins/library"
	"hotdrop/plugins/wasm"
)

// eventTools is what a replay needs of the rest of the binary.
func eventTools() event.Tools {
	return event.Tools{
		Modules: hostileModules,
		Plugin:  largePlugin,
		Gauge: func(ctx context.Context, url string) (event.Gauge, error) {
			return postgres.OpenGauge(ctx, url)
		},
	}
}

// fillerBytes is about how long each function is that makes a plugin large.
const fillerBytes = 1000

// largePlugin returns the shipped trade-in with functions that nobody calls, at least so many bytes in all. They are compiled
// as all others, and each is another, so that a plugin of this size costs what its author's would.
func largePlugin(bytes int) ([]byte, error) {
	entry, err := library.Open("trade-in")
	if err != nil {
		return nil, err
	}
	module, err := wasm.Decode(entry.Wasm, wasm.LargeLimits())
	if err != nil {
		return nil, fmt.Errorf("the shipped trade-in: %w", err)
	}
	filler := uint32(len(module.Types)) //nolint:gosec // a module has few types
	module.Types = append(module.Types, wasm.FuncType{Params: []wasm.ValueType{wasm.I32}, Results: []wasm.ValueType{wasm.I32}})
	for size := len(entry.Wasm); size < bytes; size += fillerBytes {
		module.Functions = append(module.Functions, filler)
		module.Bodies = append(module.Bodies, wasm.Body{Code: fillerCode(len(module.Bodies))})
	}
	manifest, err := json.Marshal(entry.Manifest)
	if err != nil {
		return nil, err
	}
	return plugins.Pack(module.Encode(), manifest, entry.Vectors)
}

// fillerCode is a function that multiplies and adds; no two of the first 4,096 are the same.
func fillerCode(n int) []byte {
	const localGet, constant, multiply, add, end = 0x20, 0x41, 0x6c, 0x6a, 0x0b
	code := []byte{localGet, 0}
	for i := 0; len(code) < fillerBytes; i++ {
		factor, term := byte((n+i)&63), byte((n>>6+i)&63) // below 64: one byte of LEB128 each
		code = append(code, constant, factor, multiply, constant, term, add)
	}
	return append(code, end)
}
