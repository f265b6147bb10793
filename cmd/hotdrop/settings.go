package main

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"hotdrop/core"
	"hotdrop/core/campaignfile"
)

// fillSettings sets every flag that the command line left alone: from the environment (--admin-listen is
// HOTDROP_ADMIN_LISTEN), else from the config file (its key is the flag's name). So a setting has one name, one type and
// one default, and the order is: flag, environment, file, default.
func fillSettings(cmd *cobra.Command, lookup func(string) (string, bool)) error {
	if err := fillFromEnvironment(cmd, lookup); err != nil {
		return err
	}
	flag := cmd.Root().PersistentFlags().Lookup("config") // a command may have a flag of this name that is its own
	if value, ok := lookup(environmentName(flag.Name)); ok && !flag.Changed {
		_ = set(flag, value) // any string will do
	}
	path := flag.Value.String()
	if path == "" {
		return nil
	}
	text, err := readBounded(path)
	if err != nil {
		return fmt.Errorf("config file: %w", err)
	}
	return fileError(path, fillFromFile(cmd, text))
}

// set sets a flag as if it had been given.
func set(flag *pflag.Flag, value string) error {
	flag.Changed = true
	return flag.Value.Set(value)
}

// steersOneCall are flags that would surprise as a setting.
func steersOneCall(flag string) bool {
	words := []string{
		"at", "config", "dry-run", "expect", "expires", "facts", "force", "help", "holds", "hook", "out", "password-stdin", "pending", "percent",
		"run", "save", "vector", "verbose", "version", "watch",
	}
	return slices.Contains(words, flag)
}

// ownMeaning marks a flag that means something else than the flags of its name do elsewhere: it has no setting.
const ownMeaning = "hotdrop_own_meaning"

// notASetting marks a command's flag with ownMeaning.
func notASetting(cmd *cobra.Command, flag string) {
	_ = cmd.Flags().SetAnnotation(flag, ownMeaning, []string{"true"}) // the flag exists
}

func fillFromEnvironment(cmd *cobra.Command, lookup func(string) (string, bool)) error {
	var wrong []error
	cmd.Flags().VisitAll(func(flag *pflag.Flag) {
		name := environmentName(flag.Name)
		value, ok := lookup(name)
		if !ok || flag.Changed || steersOneCall(flag.Name) || flag.Annotations[ownMeaning] != nil {
			return
		}
		if err := set(flag, value); err != nil {
			wrong = append(wrong, fmt.Errorf("%s: %q: %w", name, value, err))
		}
	})
	return errors.Join(wrong...)
}

// environmentName is the variable of a flag: --admin-listen is HOTDROP_ADMIN_LISTEN.
func environmentName(flag string) string {
	return "HOTDROP_" + strings.ToUpper(strings.ReplaceAll(flag, "-", "_"))
}

// fillFromFile reads a flat YAML mapping. A key that another command knows is no mistake: one file serves them all.
func fillFromFile(cmd *cobra.Command, text []byte) error {
	var settings map[string]any
	file, err := campaignfile.Decode(text, &settings)
	if err != nil {
		return err
	}
	known := knownSettings(cmd.Root())
	problems := &core.Problems{}
	for _, name := range slices.Sorted(maps.Keys(settings)) {
		flag := cmd.Flag(name)
		if !slices.Contains(known, name) {
			problems.List = append(problems.List, unknownSetting(name, known))
			continue
		}
		if flag == nil || flag.Changed || flag.Annotations[ownMeaning] != nil {
			continue
		}
		if err := set(flag, fmt.Sprint(settings[name])); err != nil {
			problems.Add(name, "%v", err)
		}
	}
	file.Locate(problems)
	return problems.Err()
}

// knownSettings are the settings of every command, sorted.
func knownSettings(cmd *cobra.Command) []string {
	known := map[string]bool{}
	collectSettings(cmd, known)
	return slices.Sorted(maps.Keys(known))
}

func collectSettings(cmd *cobra.Command, known map[string]bool) {
	cmd.LocalFlags().VisitAll(func(flag *pflag.Flag) {
		if !steersOneCall(flag.Name) {
			known[flag.Name] = true
		}
	})
	for _, child := range cmd.Commands() {
		collectSettings(child, known)
	}
}

func unknownSetting(name string, known []string) core.Problem {
	problem := core.Problem{Path: name, Message: "there is no such setting"}
	if near := core.Nearest(name, known); near != "" {
		problem.Hint = "did you mean " + near + "?"
	}
	return problem
}

// readBounded reads a file that cannot be longer than a campaign file, so that a wrong path does not fill the memory.
func readBounded(path string) ([]byte, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }() // only read
	return readAllBounded(path, file)
}

func readAllBounded(name string, r io.Reader) ([]byte, error) {
	text, err := io.ReadAll(io.LimitReader(r, campaignfile.MaxSize+1))
	if err == nil && len(text) > campaignfile.MaxSize {
		err = fmt.Errorf("%s is longer than %d bytes", name, campaignfile.MaxSize)
	}
	return text, err
}
