package main

import (
	"encoding/json"
	"strings"
	"testing"

	"hotdrop/plugins"
)

func TestTheParametersOfAPluginAreInTheReportsJSON(t *testing.T) {
	files(t, toy())
	var report inspection
	r := do(t, "mechanic", "inspect", "toy", "-o", "json")
	if err := json.Unmarshal([]byte(r.stdout), &report); err != nil {
		t.Fatal(err)
	}
	if amount, declared := report.Config["amount"]; !declared || amount.Type != "integer" || report.Size == 0 {
		t.Errorf("the report is %+v\n%s", report, r.stdout)
	}
}

func TestAModuleWithoutAManifestHasNoParameters(t *testing.T) {
	for name, module := range map[string]string{"noise": "noise", "nothing": "", "no manifest": module(nil, "")} {
		t.Run(name, func(t *testing.T) {
			if got := parametersIn(sourceFile{"x.wasm", []byte(module)}); got != nil {
				t.Errorf("%v", got)
			}
		})
	}
}

// TestOnlyWhatGoCouldHaveMadeIsHeldToTheLimitsOfGo: everybody else would take the note for a promise.
func TestOnlyWhatGoCouldHaveMadeIsHeldToTheLimitsOfGo(t *testing.T) {
	const magic = "\x00asm"
	most, granted := int(plugins.DefaultLimits().ModuleBytes), int(plugins.GoLimits().ModuleBytes)
	for _, tc := range []struct {
		name, begins string
		size         int
		forGo        bool
	}{
		{"a small module", magic, most, false},
		{"a module that is too large for the default limits", magic, most + 1, true},
		{"the largest module of Go", magic, granted, true},
		{"a module that is too large for Go", magic, granted + 1, false},
		{"noise of that size", "noise", most + 1, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			text := tc.begins + strings.Repeat("x", tc.size-len(tc.begins))
			limits, note := policyFor(nil, sourceFile{"x.wasm", []byte(text)})
			if (note != "") != tc.forGo || (limits.ModuleBytes == int64(granted)) != tc.forGo {
				t.Errorf("note %q, %d bytes granted", note, limits.ModuleBytes)
			}
		})
	}
}

func TestTheFactToDeclareIsNamedAsItIsWritten(t *testing.T) {
	for message, want := range map[string]string{
		`"item.price" is not in the manifest`: "`- item.price`",
		`"a\x1b[2J" is not in the manifest`:   "`- a\ufffd[2J`",
		`a fact is not in the manifest`:       "the fact",
	} {
		if got := declaration(message); got != want {
			t.Errorf("%s: %s, want %s", message, got, want)
		}
	}
}
