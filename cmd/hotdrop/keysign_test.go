package main

import (
	"bytes"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"hotdrop/api"
)

// noon is when these tests sign, 21 December 2012, 12:00 in Beijing.
var noon = time.UnixMilli(1356062400000)

func TestTheHeadersOfASignedBodyStandOnALineEach(t *testing.T) {
	path := filepath.Join(t.TempDir(), "keys.json")
	keys := api.NewDemoKeys()
	if err := keys.Save(path); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := signEvents(path, "weibo", noon, strings.NewReader(`{"events":[]}`), &out); err != nil {
		t.Fatal(err)
	}
	printed := map[string]string{}
	for line := range strings.Lines(out.String()) {
		name, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), ": ")
		printed[name] = value
	}
	want, err := keys.SignEvents("weibo", printed["Webhook-Id"], noon, []byte(`{"events":[]}`))
	if err != nil {
		t.Fatal(err)
	}
	if len(printed) != len(want) {
		t.Errorf("printed %d headers, want %d:\n%s", len(printed), len(want), out.String())
	}
	for name := range want {
		if printed[name] != want.Get(name) {
			t.Errorf("%s is %q, want %q", name, printed[name], want.Get(name))
		}
	}
}

func TestWhatCannotBeSignedIsRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "keys.json")
	if err := api.NewDemoKeys().Save(path); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct{ path, source, body, says string }{
		"no body":                         {path, "weibo", "", "no body"},
		"a body that no server reads":     {path, "weibo", strings.Repeat(" ", maxEventsBytes+1), "longer than 1048576 bytes"},
		"a source that the keys know not": {path, "twitter", "{}", `no secret of the source "twitter"`},
		"a keys file that is not there":   {path + "x", "weibo", "{}", "read keys"},
	} {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			err := signEvents(c.path, c.source, noon, strings.NewReader(c.body), &out)
			if err == nil || !strings.Contains(err.Error(), c.says) || out.Len() > 0 {
				t.Errorf("printed %q and failed with %v, want %q", out.String(), err, c.says)
			}
		})
	}
}
