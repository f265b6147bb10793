package main

import (
	"encoding/json"
	"strings"
	"testing"

	"hotdrop/api"
)

// failingFile is a ruleset whose only mechanic fails on every order.
const failingFile = `ruleset:
  - rule:
      rule: bad
      hook: quote
      when: div(1, item.price - item.price) > 1
      then:
        - discount: {amount: "1", label: {en: Bad, zh: 坏}}
`

func TestARulesetThatFailsOnEveryOrderIsAddedWithAWarning(t *testing.T) {
	folder := t.TempDir()
	s := serve(t, folder, "--demo")
	file := writeFile(t, folder, "failing.yaml", failingFile)
	r := rolloutRun(t, folder, s.url, "add", "trade-in", file, "--reason", "r")
	if r.code != exitOK || !strings.HasPrefix(r.stdout, "v2 is ready on 1 of 1 node\nwarning: bad fails on ") {
		t.Errorf("%+v", r)
	}
	var added api.Ruleset
	r = rolloutRun(t, folder, s.url, "add", "trade-in", file, "--reason", "r", "-o", "json")
	if err := json.Unmarshal([]byte(r.stdout), &added); err != nil || len(added.Warnings) != 1 || !strings.HasSuffix(added.Warnings[0], "division by zero") {
		t.Errorf("%v: %+v", err, r)
	}
}
