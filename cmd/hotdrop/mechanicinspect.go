package main

import (
	"bytes"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"hotdrop/core"
	"hotdrop/plugins"
	"hotdrop/plugins/vet"
)

// mechanicInspect is what `mechanic inspect` was asked for.
type mechanicInspect struct {
	path   string
	policy policyFile
	format output
}

func mechanicInspectCommand() *cobra.Command {
	i := &mechanicInspect{format: outputText}
	cmd := &cobra.Command{
		Use:   "inspect FILE",
		Short: "Show what a module is before anybody runs it: hash, size, toolchain, imports, facts, effects",
		Long: "Show the static half of the report that the platform makes of a plugin; nothing of the module is run, so it\n" +
			"may be anybody's. FILE is a .wasm or a folder with one; a module that is not packed is shown as it would be\n" +
			"packed. Of a rule it is the manifest. A module that would be refused exits with 1.",
		Example: "  hotdrop mechanic inspect my-plugin.packed.wasm\n  hotdrop mechanic inspect anybodys.wasm -o json",
		Args:    atMostOne(true),
		RunE: func(cmd *cobra.Command, args []string) error {
			i.path = args[0]
			return i.inspect(cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
	}
	i.policy.register(cmd)
	i.format.register(cmd)
	return cmd
}

func (i *mechanicInspect) inspect(out, talk io.Writer) error {
	module, err := i.module(talk)
	if err != nil {
		return withNext(err, commandLine("check", i.path))
	}
	if module.text == nil {
		return i.rule(out)
	}
	policy, err := i.policy.read()
	if err != nil {
		return err
	}
	limits, note := policyFor(policy, module)
	if note != "" {
		_, _ = fmt.Fprintln(talk, "note: "+note)
	}
	report := vet.Inspect(module.text, limits)
	shown := &inspection{Report: report, Config: parametersIn(module)}
	if err := shown.print(out, i.format); err != nil {
		return err
	}
	switch {
	case shown.unread():
		_, _ = fmt.Fprintln(talk, "next: build the module from its source, then "+commandLine("inspect", i.path))
		return errFailed
	case report.Verdict == vet.Refused:
		sayNext(talk, "check", i.path)
		return errFailed
	}
	sayNext(talk, "test", i.path)
	return nil
}

// module returns the packed module of the path, or nothing if it is of a rule. A file is read as it is, because a broken
// one is worth a report too.
func (i *mechanicInspect) module(talk io.Writer) (sourceFile, error) {
	if info, err := os.Stat(i.path); err == nil && !info.IsDir() && strings.HasSuffix(i.path, moduleSuffix) {
		module, err := readSource(i.path)
		if manifest, _, broken := plugins.Unpack(module.text); err != nil || broken != nil || manifest != nil {
			return module, err
		}
	}
	source, err := findMechanic(i.path)
	if err != nil || source.kind == kindRule {
		return sourceFile{}, err
	}
	if source.module.text == nil {
		return sourceFile{}, missing(source.module.name)
	}
	packed, err := plugins.Pack(source.module.text, source.manifest.text, source.vectors.text)
	if err == nil && !bytes.Equal(packed, source.module.text) {
		_, _ = fmt.Fprintf(talk, "note: %s is not packed; this is what %s makes of it\n", source.module.name, commandLine("pack"))
	}
	return sourceFile{source.module.name, packed}, fileError(source.module.name, err)
}

// rule shows a rule's manifest.
func (i *mechanicInspect) rule(out io.Writer) error {
	source, err := findMechanic(i.path)
	if err != nil {
		return err
	}
	m, err := source.parse()
	if err != nil {
		return withNext(err, commandLine("check", i.path))
	}
	if i.format == outputJSON {
		return printJSON(out, m.described)
	}
	_, err = io.WriteString(out, manifestText(m.described))
	return err
}

// manifestText is a rule's manifest for people.
func manifestText(m *core.Manifest) string {
	name := strings.TrimSpace(m.Name + " " + m.Version)
	if m.Author != "" {
		name += " by " + m.Author
	}
	lines := [][2]string{
		{"rule", name}, {"digest", m.Digest}, {"hooks", listOf(m.Hooks)}, {"facts", listOf(m.Facts)}, {"effects", listOf(m.Effects)},
	}
	return labelled(append(lines, parameterLines(m.Config)...))
}

// labelled is lines of a label and what belongs to it.
func labelled(lines [][2]string) string {
	var b strings.Builder
	for _, line := range lines {
		_, _ = fmt.Fprintf(&b, "%-13s%s\n", line[0], printable(line[1]))
	}
	return b.String()
}

// parameterLines is a line for each of a mechanic's parameters.
func parameterLines(config map[string]core.Param) [][2]string {
	var lines [][2]string
	label := "config"
	for _, parameter := range slices.Sorted(maps.Keys(config)) {
		lines = append(lines, [2]string{label, parameter + ": " + parameterText(config[parameter])})
		label = ""
	}
	return lines
}

// parameterText is what a binding may set a parameter to.
func parameterText(p core.Param) string {
	text := p.Type
	if p.Of != "" {
		text += " of " + p.Of
	}
	if p.Min != nil {
		text += fmt.Sprintf(", from %d", *p.Min)
	}
	if p.Max != nil {
		text += fmt.Sprintf(", to %d", *p.Max)
	}
	if len(p.Values) > 0 {
		text += ", one of " + listOf(p.Values)
	}
	if p.Names != "" {
		text += ", a name among the campaign's " + p.Names + "s"
	}
	switch p.Default.(type) {
	case nil:
		text += ", required"
	case string:
		text += fmt.Sprintf(", default %q", p.Default)
	default:
		text += fmt.Sprintf(", default %v", p.Default)
	}
	if title := p.Title.In("en"); title != "" {
		text += "; " + title
	}
	return text
}
