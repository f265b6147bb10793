package main

import (
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"hotdrop/plugins/vet"
)

// vetChildName is the command that vetting starts this binary with.
const vetChildName = "vet-child"

// vetChildCommand is what examines an uploaded plugin, in a process of its own. It is not for people: it speaks a
// protocol on stdin and stdout, and limits itself before it reads anything else.
func vetChildCommand() *cobra.Command {
	return &cobra.Command{
		Use:    vetChildName,
		Short:  "Examine a plugin for the process that started this one",
		Hidden: true,
		Args:   cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return vet.Child(cmd.Context(), cmd.InOrStdin(), cmd.OutOrStdout())
		},
	}
}

// vetChild is the command line for [vet.Options].Child: this very binary.
func vetChild() ([]string, error) {
	binary, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("find this binary, to start it for vetting: %w", err)
	}
	return []string{binary, vetChildName}, nil
}
