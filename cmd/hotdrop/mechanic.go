package main

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"hotdrop/core"
)

// mechanicCommand is what an author of mechanics works with, in the order of that work.
func mechanicCommand() *cobra.Command {
	group := &cobra.Command{
		Use: "mechanic", Short: "Write, check, test, measure and pack mechanics: rules, and plugins in any language",
	}
	group.AddCommand(
		mechanicListCommand(),
		mechanicInitCommand(),
		mechanicCheckCommand(),
		mechanicTestCommand(),
		mechanicRunCommand(),
		mechanicBenchCommand(),
		mechanicPackCommand(),
		mechanicInspectCommand(),
		mechanicSignCommand(),
		mechanicSubmitCommand(),
		mechanicExportCommand(),
		mechanicImportCommand(),
		mechanicReplayCommand(),
	)
	group.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return &nextError{err, cmd.CommandPath() + " --help"}
	})
	return group
}

func mechanicListCommand() *cobra.Command {
	format := outputText
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List the shipped mechanics",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return listMechanics(cmd.OutOrStdout(), format)
		},
	}
	format.register(cmd)
	return cmd
}

func listMechanics(out io.Writer, format output) error {
	shipped, err := shippedSources()
	if err != nil {
		return err
	}
	manifests := make([]*core.Manifest, len(shipped))
	for i, source := range shipped {
		m, err := source.parse()
		if err != nil {
			return err
		}
		manifests[i] = m.described
	}
	if format == outputJSON {
		return printJSON(out, manifests)
	}
	for _, m := range manifests {
		_, err := fmt.Fprintf(out, "%-6s  %-16s  %-11s  %-21s  %s\n", m.Kind, m.Name, listOf(m.Hooks), m.Title.In("en"), m.Digest)
		if err != nil {
			return err
		}
	}
	return nil
}
