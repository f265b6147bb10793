package main

import (
	"fmt"
	"os"
	"runtime"

	"github.com/spf13/cobra"

	"hotdrop/plugins/vet"
)

// vetChildName is the command that vetting starts this binary with.
const vetChildName = "vet-child"

// vetChildCommand is what examines an uploaded plugin, in a process of its own. It is not for people: it speaks a
// protocol on stdin and stdout, and limits itself before it reads anything else.
func vetChildCommand() *cobra.Command {
	return &cobra.Command{
		Use:    vetChildName + " [VERSION]",
		Short:  "Examine a plugin for the process that started this one",
		Hidden: true,
		Args:   cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if want := argument(args); want != "" && want != vetChildVersion() {
				return fmt.Errorf("a server of %s has started a child of %s: it was replaced and has to be started anew", want, vetChildVersion())
			}
			return vet.Child(cmd.Context(), cmd.InOrStdin(), cmd.OutOrStdout())
		},
	}
}

// vetChildVersion tells binaries apart that may judge differently. A child that is another one than its parent does not get
// ready: a verdict is stored under the parent's rules.
func vetChildVersion() string { return versionText() + ", " + vet.Version() }

// thisProgram is, on Linux, what this process runs, also after its file was replaced or removed: an upgrade in place does
// not make a server that is still running start the child of another version.
const thisProgram = "/proc/self/exe"

// vetChild is the command line for [vet.Options].Child: this very binary.
func vetChild() ([]string, error) {
	binary, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("find this binary, to start it for vetting: %w", err)
	}
	if runtime.GOOS == "linux" {
		if _, err := os.Stat(thisProgram); err == nil { // not where /proc is not mounted
			binary = thisProgram
		}
	}
	return []string{binary, vetChildName, vetChildVersion()}, nil
}
