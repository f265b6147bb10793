package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"hotdrop/plugins"
)

// mechanicPack is what `mechanic pack` was asked for.
type mechanicPack struct {
	path   string
	target string
	policy policyFile
}

func mechanicPackCommand() *cobra.Command {
	p := &mechanicPack{}
	cmd := &cobra.Command{
		Use:   "pack [PATH]",
		Short: "Put a plugin's manifest and vectors into its module: one file to hand in",
		Long: "Check and test the plugin that PATH names, and write its module with the manifest and the vectors in it. The\n" +
			"same files make the same bytes. Without PATH it is the plugin in this folder. The file and its digest go to\n" +
			"stdout. A plugin with problems, or with a vector that does not hold, is not packed.",
		Example: "  hotdrop mechanic pack\n  hotdrop mechanic pack my-plugin -o my-plugin-1.2.wasm",
		Args:    atMostOne(false),
		RunE: func(cmd *cobra.Command, args []string) error {
			p.path = argument(args)
			return p.pack(cmd.Context(), cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
	}
	p.policy.register(cmd)
	cmd.Flags().StringVarP(&p.target, "out", "o", "", "the file to write (default: NAME"+packedSuffix+" beside the manifest)")
	return cmd
}

func (p *mechanicPack) pack(ctx context.Context, out, talk io.Writer) error {
	source, err := findMechanic(p.path)
	if err != nil {
		return withNext(err, commandLine("check", p.path))
	}
	if source.kind == kindRule {
		why := fmt.Errorf("%s is a rule, which needs no packing: a campaign's ruleset holds it as it is", source.rule.name)
		return &nextError{why, "hotdrop campaign apply --dry-run FILE"}
	}
	m, err := p.sound(ctx, source, talk)
	if err != nil {
		return err
	}
	packed, err := plugins.Pack(m.module.text, m.manifest.text, m.vectors.text)
	if err != nil {
		return withNext(fileError(m.module.name, err), commandLine("check", p.path))
	}
	target := p.target
	if target == "" {
		target = filepath.Join(filepath.Dir(m.module.name), m.described.Name+packedSuffix)
	}
	if err := writeWhole(target, packed); err != nil {
		return &nextError{fmt.Errorf("%s cannot be written: %w", target, err), commandLine("pack", p.path, "-o", "FILE")}
	}
	if _, err := fmt.Fprintf(out, "%s  %s\n", plugins.Digest(packed), target); err != nil {
		return err
	}
	_, _ = fmt.Fprintf(talk, "packed %s with its manifest and %s, %s bytes\n", m.title(), count(len(m.cases.Vectors), "vector"),
		thousands(int64(len(packed))))
	sayNext(talk, "inspect", target)
	return nil
}

// sound checks and tests the plugin; what is wrong goes to stderr, because stdout is for what was packed.
func (p *mechanicPack) sound(ctx context.Context, source *mechanicSource, talk io.Writer) (*parsedMechanic, error) {
	policy, err := p.policy.read()
	if err != nil {
		return nil, err
	}
	checked := &checkReport{}
	checked.add(source, policy)
	if len(checked.Problems) > 0 {
		return nil, errors.Join(checked.print(talk, outputText), p.refused(source, "check"))
	}
	if source.vectors.text == nil {
		return nil, source.withoutVectors()
	}
	m, err := source.parse()
	if err != nil {
		return nil, err
	}
	tested, err := testOne(ctx, m, policy, talk)
	if err != nil {
		return nil, err
	}
	if tested.Failed > 0 {
		return nil, errors.Join(tested.print(talk, outputText, false), p.refused(source, "test"))
	}
	return m, nil
}

func (p *mechanicPack) refused(source *mechanicSource, next string) error {
	return &nextError{fmt.Errorf("%s was not packed", source.module.name), commandLine(next, p.path)}
}

// writeWhole writes a file so that there is never half of one under its name.
func writeWhole(path string, content []byte) (err error) {
	file, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(file.Name()))
		}
	}()
	_, err = file.Write(content)
	err = errors.Join(err, file.Chmod(0o644), file.Close()) // it is made to be handed out
	if err != nil {
		return err
	}
	return os.Rename(file.Name(), path)
}
