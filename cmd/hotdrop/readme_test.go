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
	linkPlugins(t, folder)
	if len(blocks) != 4 {
		t.Errorf("the README has %d blocks to run, the test knows 4", len(blocks))
	}
	if out := shell(t, folder, s.url, blockWith(t, blocks, "Idempotency-Key: my-first")); !strings.Contains(out, `"state":"paid"`) {
		t.Errorf("buying and paying ended in\n%s", out)
	}
	out := shell(t, folder, s.url, blockWith(t, blocks, "rule: gold"))
	if !strings.Contains(out, "ruleset 2") || !strings.Contains(out, "applied") {
		t.Errorf("writing a rule ended in\n%s", out)
	}
	if export := requireRun(t, folder, "campaign", "export", "trade-in", "--server", s.url); !strings.Contains(export, "rule: gold") {
		t.Errorf("the campaign in force is\n%s", export)
	}
	out = shell(t, folder, s.url, blockWith(t, blocks, "mechanic init"))
	if !strings.Contains(out, "5 passed, 0 failed") || !strings.Contains(out, "of the limits") {
		t.Errorf("writing a plugin ended in\n%s", out)
	}
	out = shell(t, folder, s.url, blockWith(t, blocks, "mechanic submit"))
	if !strings.Contains(out, `"state":"approved"`) || !strings.Contains(out, "ruleset 3") {
		t.Errorf("bringing a plugin ended in\n%s", out)
	}
}

// blockWith returns the block that has the words in it.
func blockWith(t *testing.T, blocks []string, words string) string {
	t.Helper()
	for _, block := range blocks {
		if strings.Contains(block, words) {
			return block
		}
	}
	t.Fatalf("none of the README's %d blocks for a demo has %q", len(blocks), words)
	return ""
}

// linkPlugins makes this repository's plugins be where the README's reader has them.
func linkPlugins(t *testing.T, folder string) {
	t.Helper()
	plugins, err := filepath.Abs("../../plugins")
	if err == nil {
		err = os.Symlink(plugins, filepath.Join(folder, "plugins"))
	}
	if err != nil {
		t.Fatal(err)
	}
}
