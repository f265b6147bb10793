package main

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// do runs the command line in this process.
func do(t *testing.T, args ...string) result {
	t.Helper()
	var stdout, stderr bytes.Buffer
	code := doMain(t.Context(), args, strings.NewReader(""), &stdout, &stderr)
	return result{code, stdout.String(), stderr.String()}
}

func TestExitCodesTellWrongCallsFromFailures(t *testing.T) {
	folder := t.TempDir()
	for _, test := range []struct {
		name string
		args []string
		code int
		says string
	}{
		{"help works", []string{"--help"}, exitOK, ""},
		{"help of a command works", []string{"serve", "--help"}, exitOK, ""},
		{"version works", []string{"version"}, exitOK, ""},
		{"no command", nil, exitUsage, "needs a command"},
		{"an unknown command", []string{"sell"}, exitUsage, "hotdrop has no command \"sell\"; see hotdrop --help\n"},
		{"a mistaken command", []string{"aduit"}, exitUsage, `hotdrop has no command "aduit": did you mean audit?`},
		{"a group without its command", []string{"campaign"}, exitUsage, "campaign needs a command"},
		{"an unknown command of a group", []string{"campaign", "aply"}, exitUsage, `no command "aply": did you mean apply?`},
		{"an unknown flag", []string{"version", "--loud"}, exitUsage, "loud"},
		{"a value that is not a choice", []string{"version", "-o", "xml"}, exitUsage, "must be text or json"},
		{"a replay without units", []string{"event", "run", "group", "--units", "0"}, exitUsage, "--units must be at least 1"},
		{"a replay without shoppers", []string{"event", "run", "phone", "--shoppers", "0"}, exitUsage, "--shoppers must be at least 1"},
		{"too many arguments", []string{"migrate", "now"}, exitUsage, "now"},
		{"too few arguments", []string{"keys", "new"}, exitUsage, "arg"},
		{"settings that need each other", []string{"serve"}, exitUsage, "serve needs --keys FILE"},
		{"a config file that is not there", []string{"version", "--config", folder + "/none"}, exitUsage, "config file"},
		{"a server that does not answer", []string{"campaign", "get", "x", "--key", "k", "--server", "http://127.0.0.1:1"}, exitFailed, "refused"},
		{"a database that does not answer", []string{"migrate", "--database-url", "postgres://127.0.0.1:1/none?sslmode=disable"}, exitFailed, "postgres: "},
		{"keys that are not there", []string{"serve", "--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0", "--data", folder, "--keys", folder + "/none"}, exitFailed, "none"},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := do(t, test.args...)
			if r.code != test.code || !strings.Contains(r.stderr, test.says) {
				t.Errorf("exit %d, want %d; stderr %q, want %q in it", r.code, test.code, r.stderr, test.says)
			}
			if strings.Contains(r.stderr, "has no command") && strings.Contains(r.stderr, "Usage:") {
				t.Errorf("a mistaken word is answered with the whole usage:\n%s", r.stderr)
			}
			if r.code != exitOK && r.stdout != "" {
				t.Errorf("a failure left %q on stdout, where data goes", r.stdout)
			}
		})
	}
}

func TestTheVersionIsOneFlatObject(t *testing.T) {
	var report map[string]string
	if err := json.Unmarshal([]byte(do(t, "version", "-o", "json").stdout), &report); err != nil {
		t.Fatal(err)
	}
	for _, field := range []string{"version", "go", "platform"} {
		if report[field] == "" {
			t.Errorf("%s is empty in %v", field, report)
		}
	}
}

func TestDemoListensOnLoopbackOnly(t *testing.T) {
	for _, args := range [][]string{
		{"--listen", "0.0.0.0:0"}, {"--listen", ":0"}, {"--listen", "[::]:0"}, {"--listen", "192.0.2.1:8080"},
		{"--admin-listen", "0.0.0.0:0"}, {"--listen", "nobody.invalid:0"}, {"--listen", "no address"},
	} {
		t.Run(strings.Join(args, " "), func(t *testing.T) {
			r := do(t, append([]string{"serve", "--demo", "--data", t.TempDir()}, args...)...)
			if r.code != exitUsage || !strings.Contains(r.stderr, "loopback only") && !strings.Contains(r.stderr, "address") {
				t.Errorf("exit %d, stderr %q", r.code, r.stderr)
			}
		})
	}
}

func TestAKeysFileIsMadeOnceAndForItsOwner(t *testing.T) {
	path := t.TempDir() + "/keys.json"
	if r := do(t, "keys", "new", path, "--brand", "meizu"); r.code != exitOK || r.stdout != "" {
		t.Fatalf("exit %d: %s%s", r.code, r.stdout, r.stderr)
	}
	requirePrivate(t, path)
	if r := do(t, "keys", "new", path); r.code != exitFailed || !strings.Contains(r.stderr, "is there already") {
		t.Errorf("exit %d: %s", r.code, r.stderr)
	}
}

// everyCommand visits the command and all below it.
func everyCommand(cmd *cobra.Command, visit func(*cobra.Command)) {
	visit(cmd)
	for _, child := range cmd.Commands() {
		everyCommand(child, visit)
	}
}

func TestHelpNamesTheTypeOfEveryFlagInOneWord(t *testing.T) {
	started := false
	everyCommand(newRoot(&started), func(cmd *cobra.Command) {
		cmd.Flags().VisitAll(func(flag *pflag.Flag) {
			if name, _ := pflag.UnquoteUsage(flag); strings.ContainsAny(name, " -") {
				t.Errorf("%s --%s: what stands between backquotes is taken for the type: %q", cmd.CommandPath(), flag.Name, name)
			}
		})
	})
}
