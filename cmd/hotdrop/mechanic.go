package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"hotdrop/core"
	"hotdrop/core/campaignfile"
	pluginlibrary "hotdrop/plugins/library"
	rulelibrary "hotdrop/rules/library"
)

func mechanicCommand() *cobra.Command {
	group := &cobra.Command{Use: "mechanic", Short: "List and test the shipped mechanics"}
	group.AddCommand(mechanicListCommand(), mechanicTestCommand())
	return group
}

// shippedMechanic is a mechanic of the binary with its vectors.
type shippedMechanic struct {
	manifest *core.Manifest
	vectors  []byte
	compile  func(config core.Object) (core.Mechanic, error)
}

// shipped lists the mechanics of the binary: rules, then plugins, each sorted by name.
func (c *compiler) shipped(ctx context.Context) ([]shippedMechanic, error) {
	var all []shippedMechanic
	for _, name := range rulelibrary.Names() {
		entry, err := rulelibrary.Open(name)
		if err != nil {
			return nil, err
		}
		all = append(all, shippedMechanic{entry.Rule.Manifest(), entry.Vectors, entry.Rule.Compile})
	}
	for _, name := range pluginlibrary.Names() {
		entry, err := pluginlibrary.Open(name)
		if err != nil {
			return nil, err
		}
		compile := func(config core.Object) (core.Mechanic, error) {
			return c.Compile(ctx, core.Binding{Plugin: name, Config: config})
		}
		all = append(all, shippedMechanic{c.plugins[name].Manifest(), entry.Vectors, compile})
	}
	return all, nil
}

// withShipped calls f with the shipped mechanics, which work until it returns.
func withShipped(ctx context.Context, f func([]shippedMechanic) error) (err error) {
	c, err := newCompiler(ctx, slog.New(slog.DiscardHandler))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, c.close(ctx)) }()
	all, err := c.shipped(ctx)
	if err != nil {
		return err
	}
	return f(all)
}

func mechanicListCommand() *cobra.Command {
	format := outputText
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List the shipped mechanics",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return withShipped(cmd.Context(), func(all []shippedMechanic) error {
				return listMechanics(cmd.OutOrStdout(), format, all)
			})
		},
	}
	format.register(cmd)
	return cmd
}

func listMechanics(out io.Writer, format output, all []shippedMechanic) error {
	manifests := make([]*core.Manifest, len(all))
	for i, one := range all {
		manifests[i] = one.manifest
	}
	if format == outputJSON {
		return printJSON(out, manifests)
	}
	for _, m := range manifests {
		if _, err := fmt.Fprintf(out, "%-6s  %-16s  %s  %s\n", m.Kind, m.Name, m.Digest, m.Title.In("en")); err != nil {
			return err
		}
	}
	return nil
}

func mechanicTestCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "test [FILE]",
		Short: "Run vectors: those of FILE against the shipped mechanic they name, or all that are shipped",
		Args:  cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return withShipped(cmd.Context(), func(all []shippedMechanic) error {
				if len(args) == 1 {
					var err error
					if all, err = withVectors(all, args[0]); err != nil {
						return err
					}
				}
				return testMechanics(cmd.OutOrStdout(), all)
			})
		},
	}
}

// withVectors returns the mechanics that the vector file is for, with that file's vectors.
func withVectors(all []shippedMechanic, path string) ([]shippedMechanic, error) {
	text, err := readBounded(path)
	if err != nil {
		return nil, err
	}
	vectors, err := campaignfile.ParseVectors(text)
	if err != nil {
		return nil, fileError(path, err)
	}
	var chosen []shippedMechanic
	for _, one := range all {
		if one.manifest.Name == vectors.Mechanic {
			one.vectors = text
			chosen = append(chosen, one)
		}
	}
	if chosen == nil {
		return nil, fmt.Errorf("%s is for %q, and no shipped mechanic has that name", path, vectors.Mechanic)
	}
	return chosen, nil
}

// testMechanics runs every vector and ends with a count.
func testMechanics(out io.Writer, all []shippedMechanic) error {
	passed, failed := 0, 0
	for _, one := range all {
		vectors, err := campaignfile.ParseVectors(one.vectors)
		if err != nil {
			return fileError(one.manifest.Name+".vectors.yaml", err)
		}
		for _, v := range vectors.Vectors {
			verdict, complaint := "ok   ", one.check(&v)
			if passed++; complaint != "" {
				verdict, passed, failed = "FAIL ", passed-1, failed+1
			}
			_, _ = fmt.Fprintf(out, "%s %s (%s): %s%s\n", verdict, one.manifest.Name, one.manifest.Kind, v.Name, complaint)
		}
	}
	_, err := fmt.Fprintf(out, "%d passed, %d failed\n", passed, failed)
	if failed > 0 {
		return errors.Join(err, errFailed)
	}
	return err
}

// check returns how the mechanic's decision differs from the vector, "" when it does not.
func (m *shippedMechanic) check(v *campaignfile.Vector) string {
	mechanic, err := m.compile(v.Config)
	if err != nil {
		return fmt.Sprintf("\n  the config: %v", err)
	}
	facts := v.Facts
	effects, _, err := mechanic.Decide(v.Hook, &facts, nil)
	got, ok := rendered(effects), holds(v, effects)
	if err != nil {
		failure, _ := errors.AsType[*core.MechanicError](err)
		got, ok = fmt.Sprintf("the failure %v", err), failure != nil && failure.Code == v.Error
	}
	if ok {
		return ""
	}
	return fmt.Sprintf("\n  want %s\n  got  %s", wanted(v), got)
}

// holds reports whether the effects are those that the vector wants.
func holds(v *campaignfile.Vector, got []core.Effect) bool {
	switch {
	case v.Error != "":
		return false
	case v.Denied != "":
		return len(got) == 1 && got[0].Kind == core.EffectDeny && got[0].Name == v.Denied
	default:
		return slices.EqualFunc(v.Effects, got, sameEffect)
	}
}

// sameEffect compares an effect with the one a vector wants; a text that is wanted in English only is compared in
// English only.
func sameEffect(want, got core.Effect) bool {
	if want.Text.ZH == "" {
		got.Text.ZH = ""
	}
	return rendered([]core.Effect{want}) == rendered([]core.Effect{got})
}

func wanted(v *campaignfile.Vector) string {
	switch {
	case v.Error != "":
		return "the failure " + v.Error
	case v.Denied != "":
		return "a deny with the reason " + v.Denied
	default:
		return rendered(v.Effects)
	}
}

// rendered is the effects as JSON, data in canonical form.
func rendered(effects []core.Effect) string {
	shown := make([]string, len(effects))
	for i, e := range effects {
		if canonical, err := core.CanonicalData(e.Data); err == nil {
			e.Data = canonical
		}
		text, err := e.MarshalJSON()
		if err != nil {
			return err.Error()
		}
		shown[i] = string(text)
	}
	return "[" + strings.Join(shown, ", ") + "]"
}
