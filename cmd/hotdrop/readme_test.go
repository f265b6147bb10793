package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"hotdrop/core/storetest"
)

// demoBlocks are the README's commands for a running demo, in their order.
func demoBlocks(t *testing.T) []string {
	t.Helper()
	text, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	var blocks []string
	for _, match := range regexp.MustCompile("(?s)<!-- run: demo -->\n```sh\n(.*?)```").FindAllSubmatch(text, -1) {
		blocks = append(blocks, string(match[1]))
	}
	return blocks
}

// shell runs a script of the README in the folder, with bin/hotdrop being this binary.
func shell(t *testing.T, folder, url, script string) string {
	t.Helper()
	wrapper := fmt.Sprintf("#!/bin/sh\n%s=1 HOTDROP_SERVER=%s exec %s \"$@\"\n", runAsHotdrop, url, os.Args[0])
	if err := os.MkdirAll(filepath.Join(folder, "bin"), 0o700); err != nil {
		t.Fatal(err)
	}
	writeFile(t, folder, "bin/hotdrop", wrapper)
	if err := os.Chmod(filepath.Join(folder, "bin", "hotdrop"), 0o700); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	script = strings.ReplaceAll(script, "http://127.0.0.1:8080", url)
	cmd := exec.CommandContext(ctx, "bash", "-eu", "-o", "pipefail", "-c", script)
	cmd.Dir = folder
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s\n%s", err, script, out)
	}
	return string(out)
}

func TestTheReadmesCommandsDoWhatItSays(t *testing.T) {
	if _, err := exec.LookPath("curl"); err != nil {
		storetest.Missing(t, "curl", err)
	}
	folder := t.TempDir()
	s := serve(t, folder, "--demo", "--data", "data")
	blocks := demoBlocks(t)
	if len(blocks) != 2 {
		t.Fatalf("the README has %d blocks for a demo", len(blocks))
	}
	if out := shell(t, folder, s.url, blocks[0]); !strings.Contains(out, `"state":"paid"`) {
		t.Errorf("buying and paying ended in\n%s", out)
	}
	out := shell(t, folder, s.url, blocks[1])
	if !strings.Contains(out, "ruleset 2") || !strings.Contains(out, "applied") {
		t.Errorf("writing a rule ended in\n%s", out)
	}
	if export := requireRun(t, folder, "campaign", "export", "trade-in", "--server", s.url); !strings.Contains(export, "rule: gold") {
		t.Errorf("the campaign in force is\n%s", export)
	}
}
