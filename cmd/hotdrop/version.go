package main

import (
	"cmp"
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"
)

// version is set by the linker: -X main.version=….
var version string

// versionText is the linker's version, else the revision Go recorded, else devel.
func versionText() string {
	info, ok := debug.ReadBuildInfo()
	if version != "" || !ok {
		return cmp.Or(version, "devel")
	}
	for _, setting := range info.Settings {
		if setting.Key == "vcs.revision" {
			return setting.Value
		}
	}
	return "devel"
}

func versionCommand() *cobra.Command {
	format := outputText
	cmd := &cobra.Command{
		Use:   "version",
		Short: "Print the version",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			out := cmd.OutOrStdout()
			platform := runtime.GOOS + "/" + runtime.GOARCH
			if format == outputJSON {
				return printJSON(out, versionReport{versionText(), runtime.Version(), platform})
			}
			_, err := fmt.Fprintf(out, "hotdrop %s (%s, %s)\n", versionText(), runtime.Version(), platform)
			return err
		},
	}
	format.register(cmd)
	return cmd
}

// versionReport is the JSON form of the version.
type versionReport struct {
	Version  string `json:"version"`
	Go       string `json:"go"`
	Platform string `json:"platform"`
}
