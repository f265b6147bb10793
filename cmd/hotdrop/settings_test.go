package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

// settingsRoot is a command tree with one flag of each kind; run is called with the command after settings are filled.
func settingsRoot(environment map[string]string) *cobra.Command {
	root := &cobra.Command{Use: "hotdrop", SilenceErrors: true, SilenceUsage: true}
	root.PersistentFlags().String("config", "", "")
	root.PersistentPreRunE = func(cmd *cobra.Command, _ []string) error {
		return fillSettings(cmd, func(name string) (string, bool) {
			value, ok := environment[name]
			return value, ok
		})
	}
	serve := &cobra.Command{Use: "serve", RunE: func(*cobra.Command, []string) error { return nil }}
	serve.Flags().String("admin-listen", "default", "")
	serve.Flags().Bool("demo", false, "")
	serve.Flags().Bool("dry-run", false, "")
	other := &cobra.Command{Use: "other", RunE: func(*cobra.Command, []string) error { return nil }}
	other.Flags().String("server", "", "")
	root.AddCommand(serve, other)
	return root
}

// fill runs `hotdrop serve` with the arguments and a config file of the text, and returns the value of --admin-listen.
func fill(t *testing.T, file string, environment map[string]string, args ...string) (string, error) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "hotdrop.yaml")
	if err := os.WriteFile(path, []byte(file), 0o600); err != nil {
		t.Fatal(err)
	}
	root := settingsRoot(environment)
	root.SetArgs(append([]string{"serve", "--config", path}, args...))
	err := root.Execute()
	serve, _, findErr := root.Find([]string{"serve"})
	if findErr != nil {
		t.Fatal(findErr)
	}
	return serve.Flag("admin-listen").Value.String(), err
}

func TestASettingComesFromFlagThenEnvironmentThenFileThenDefault(t *testing.T) {
	environment := map[string]string{"HOTDROP_ADMIN_LISTEN": "environment"}
	for _, test := range []struct {
		name, file, want string
		environment      map[string]string
		args             []string
	}{
		{"nothing set", "{}", "default", nil, nil},
		{"the file beats the default", "admin-listen: file\n", "file", nil, nil},
		{"the environment beats the file", "admin-listen: file\n", "environment", environment, nil},
		{"the flag beats them all", "admin-listen: file\n", "flag", environment, []string{"--admin-listen", "flag"}},
		{"a flag set to its default is set", "admin-listen: file\n", "default", nil, []string{"--admin-listen", "default"}},
		{"another command's setting is no mistake", "server: http://127.0.0.1\n", "default", nil, nil},
		{"what steers one call is not read from the environment", "{}", "default", map[string]string{"HOTDROP_DRY_RUN": "x"}, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, err := fill(t, test.file, test.environment, test.args...)
			if err != nil || got != test.want {
				t.Errorf("got %q, %v; want %q", got, err, test.want)
			}
		})
	}
}

func TestAWrongSettingIsNamedWithItsSource(t *testing.T) {
	for _, test := range []struct {
		name, file, want string
		environment      map[string]string
	}{
		{"an unknown key, with the nearest", "demo: true\nadmin_listen: x\n",
			"hotdrop.yaml:2:15: admin_listen: there is no such setting (did you mean admin-listen?)", nil},
		{"an unknown key, nothing near", "colour: red\n", "hotdrop.yaml:1:9: colour: there is no such setting\n", nil},
		{"a value of the wrong type in the file", "demo: perhaps\n", "hotdrop.yaml:1:7: demo: ", nil},
		{"a value of the wrong type in the environment", "{}", `HOTDROP_DEMO: "perhaps":`, map[string]string{"HOTDROP_DEMO": "perhaps"}},
		{"a list", "demo: [true]\n", "hotdrop.yaml:1:", nil},
		{"a list at the top", "- demo\n", "hotdrop.yaml:1:1: ", nil},
		{"no YAML", "demo: [", "hotdrop.yaml:1:", nil},
		{"a key twice", "demo: true\ndemo: false\n", "hotdrop.yaml:2:", nil},
		{"a flag that steers one call", "dry-run: true\n", "dry-run: there is no such setting", nil},
		{"a file that is too large", strings.Repeat("#", 300<<10), "longer than", nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := fill(t, test.file, test.environment)
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v; want %q in it", err, test.want)
			}
		})
	}
}

func TestAConfigFileThatIsNotThereIsAnError(t *testing.T) {
	root := settingsRoot(nil)
	root.SetArgs([]string{"serve", "--config", filepath.Join(t.TempDir(), "none.yaml")})
	if err := root.Execute(); err == nil || !strings.Contains(err.Error(), "config file") {
		t.Errorf("got %v", err)
	}
}
