package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"hotdrop/api"
	"hotdrop/core/storetest"
)

// demoBlocks are a page's commands for a running demo, in their order.
func demoBlocks(t *testing.T, page string) []string {
	t.Helper()
	var blocks []string
	for _, match := range regexp.MustCompile("(?s)<!-- run: demo -->\n```sh\n(.*?)```").FindAllStringSubmatch(readText(t, page), -1) {
		blocks = append(blocks, match[1])
	}
	return blocks
}

// shell runs a page's script in the folder, with bin/hotdrop being this binary.
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
	out, err := trial(t, folder, url, script)
	if err != nil {
		t.Fatalf("%v\n%s\n%s", err, script, out)
	}
	return out
}

// trial runs a script as shell does, which prepared the folder, and returns what it printed and how it ended.
func trial(t *testing.T, folder, url, script string) (string, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	script = strings.ReplaceAll(script, "http://127.0.0.1:8080", url)
	cmd := exec.CommandContext(ctx, "bash", "-eu", "-o", "pipefail", "-c", script)
	cmd.Dir = folder
	cmd.Env = append(os.Environ(), "HOTDROP_SERVER="+url)
	out, err := cmd.CombinedOutput()
	return string(out), err
}

func TestTheReadmesCommandsDoWhatItSays(t *testing.T) {
	if _, err := exec.LookPath("curl"); err != nil {
		storetest.Missing(t, "curl", err)
	}
	folder := t.TempDir()
	s := serve(t, folder, "--demo", "--data", "data")
	blocks := demoBlocks(t, "../../README.md")
	link(t, folder, "plugins")
	if len(blocks) != 7 {
		t.Errorf("the README has %d blocks to run, the test knows 7", len(blocks))
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
	out = shell(t, folder, s.url, blockWith(t, blocks, "rollout shadow"))
	for _, want := range []string{
		"group: v2: nothing was recorded",
		"v2 is compared with v1 on 1 of 1 node since", "v2 decides for 5 % of shoppers on 1 of 1 node since", "v2 decides on 1 of 1 node since",
		"v1 decides, v2 for 5 % of shoppers, v2 is compared on 1 of 1 node since", "demo-operator: they do not",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("swapping does not say %q but\n%s", want, out)
		}
	}
	out = shell(t, folder, s.url, blockWith(t, blocks, "mechanic init"))
	if !strings.Contains(out, "5 passed, 0 failed") || !strings.Contains(out, "of the limits") {
		t.Errorf("writing a plugin ended in\n%s", out)
	}
	out = shell(t, folder, s.url, blockWith(t, blocks, "mechanic submit"))
	if !strings.Contains(out, "\napproved  sha256:") || !strings.Contains(out, "ruleset 3") {
		t.Errorf("bringing a plugin ended in\n%s", out)
	}
	out = shell(t, folder, s.url, blockWith(t, blocks, "keys rotate"))
	if !strings.Contains(out, "for olga, operator, works until ") || !strings.Contains(out, "revoked  key.") || !strings.Contains(out, "rule: gold") {
		t.Errorf("giving a key and replacing it ended in\n%s", out)
	}
	out = shell(t, folder, s.url, blockWith(t, blocks, "log verify"))
	for _, want := range []string{"of olga\tthe new one is in use\n", "0 findings in ", " 0 stale orders\n"} {
		if !strings.Contains(out, want) {
			t.Errorf("proving what was done does not say %q but\n%s", want, out)
		}
	}
	wantOnly(t, folder, "bin", "data", "mine", "plugins")
}

// readmes are the pages that name commands without running them.
func readmes() []string {
	return []string{"../../README.md", "../../api/README.md", "../../core/README.md", "../../plugins/README.md"}
}

func TestEveryCommandThatAReadmeNamesIsThereWithItsFlags(t *testing.T) {
	named := regexp.MustCompile("`(hotdrop [^`]*)`")
	count := 0
	for _, page := range readmes() {
		text := regexp.MustCompile("(?s)```.*?```").ReplaceAllString(readText(t, page), "")
		for _, match := range named.FindAllStringSubmatch(text, -1) {
			command, _, _ := strings.Cut(match[1], " > ")
			if started := false; len(strings.Fields(command)) == 2 { // it may be a group
				if _, _, err := newRoot(&started).Find(strings.Fields(command)[1:]); err != nil {
					t.Errorf("%s: there is no %s: %v", page, command, err)
				}
			} else {
				checkCommand(t, strings.Join(strings.Fields(command), " "))
			}
			count++
		}
	}
	if count < 40 {
		t.Errorf("only %d commands were found", count)
	}
}

func TestWhatAReadmeAddsToTheKeysFileIsTakenByAServer(t *testing.T) {
	added := regexp.MustCompile("(?s)```json\n(.*?)```")
	for _, page := range readmes()[:2] {
		blocks := added.FindAllStringSubmatch(readText(t, page), -1)
		if len(blocks) != 1 {
			t.Fatalf("%s has %d examples in JSON, the test knows one", page, len(blocks))
		}
		keys := api.NewDemoKeys()
		if err := json.Unmarshal([]byte(blocks[0][1]), keys); err != nil {
			t.Fatalf("%s: %v", page, err)
		}
		path := filepath.Join(t.TempDir(), "keys.json")
		if err := keys.Save(path); err != nil {
			t.Fatal(err)
		}
		if _, err := api.LoadKeys(path); err != nil || len(keys.Issuers) != 1 {
			t.Errorf("%s: with %d issuers: %v", page, len(keys.Issuers), err)
		}
	}
}

func TestEveryPageThatAReadmeLinksToIsThere(t *testing.T) {
	for _, page := range readmes() {
		for _, link := range regexp.MustCompile(`\]\(([^)#]+)\)`).FindAllStringSubmatch(readText(t, page), -1) {
			if strings.HasPrefix(link[1], "https://") {
				continue
			}
			if _, err := os.Stat(filepath.Join(filepath.Dir(page), link[1])); err != nil {
				t.Errorf("%s: %v", page, err)
			}
		}
	}
}

// wantOnly finds what a page's commands left elsewhere than where git ignores it.
func wantOnly(t *testing.T, folder string, names ...string) {
	t.Helper()
	entries, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		if !slices.Contains(names, entry.Name()) {
			t.Errorf("the commands leave %s behind, where git does not ignore it", entry.Name())
		}
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

// link makes folders of this repository be where the reader of a page has them.
func link(t *testing.T, folder string, names ...string) {
	t.Helper()
	for _, name := range names {
		there, err := filepath.Abs(filepath.Join("..", "..", name))
		if err == nil {
			err = os.Symlink(there, filepath.Join(folder, name))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}
