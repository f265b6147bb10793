package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"regexp"
	"time"

	"github.com/spf13/cobra"

	"hotdrop/core"
	"hotdrop/core/campaignfile"
	"hotdrop/core/mechanictest"
	"hotdrop/plugins"
)

const outputJUnit output = "junit"

// vectorTest is what `mechanic test` was asked for.
type vectorTest struct {
	path    string
	pattern string
	verbose bool
	policy  policyFile
	format  output
}

func mechanicTestCommand() *cobra.Command {
	t := &vectorTest{format: outputText}
	cmd := &cobra.Command{
		Use:   "test [PATH]",
		Short: "Run a mechanic's vectors: for given facts it must ask for exactly these effects",
		Long: "Run vectors against the mechanics that PATH names: a folder, a .wasm, a rule's .yaml, a vector file, or the\n" +
			"name of a shipped mechanic. Without PATH it is the mechanic in this folder; in a folder with none of a mechanic's files, every\n" +
			"shipped one, and stderr says so.\n\n" +
			"Each vector also checks that the decision is pure: equal when asked again, after another mechanic, and by\n" +
			"several callers at once. A vector that does not hold is shown with what it wants and what it got; exit 1.",
		Example: "  hotdrop mechanic test\n  hotdrop mechanic test my-rule -v --run 'refused'\n" +
			"  hotdrop mechanic test my-plugin -o junit > vectors.xml",
		Args: atMostOne(false),
		RunE: func(cmd *cobra.Command, args []string) error {
			t.path = argument(args)
			return t.test(cmd.Context(), cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
	}
	t.policy.register(cmd)
	t.format.register(cmd, outputText, outputJSON, outputJUnit)
	cmd.Flags().BoolVarP(&t.verbose, "verbose", "v", false, "list the vectors that hold, too")
	cmd.Flags().StringVar(&t.pattern, "run", "", "only the vectors whose MECHANIC/NAME matches this regular expression")
	return cmd
}

func (t *vectorTest) test(ctx context.Context, out, talk io.Writer) error {
	report, err := t.run(ctx, talk)
	if err != nil {
		return withNext(err, commandLine("check", t.path))
	}
	if err := report.print(out, t.format, t.verbose); err != nil {
		return err
	}
	if report.Failed == 0 {
		return nil
	}
	place, first := report.firstFailure()
	sayNext(talk, "run", place, "--vector", first)
	return errFailed
}

// run finds the mechanics and runs their vectors.
func (t *vectorTest) run(ctx context.Context, talk io.Writer) (_ *testReport, err error) {
	only, err := regexp.Compile(t.pattern)
	if err != nil {
		return nil, &nextError{usageError{fmt.Errorf("--run: %w", err)}, "hotdrop mechanic test --help"}
	}
	found, err := findOrShipped(t.path, talk)
	if err != nil {
		return nil, err
	}
	policy, err := t.policy.read()
	if err != nil {
		return nil, err
	}
	shop := &workshop{policy: policy, talk: talk}
	defer func() { err = errors.Join(err, shop.close(ctx)) }()
	report := &testReport{}
	for _, source := range found {
		m, err := source.parse()
		if err != nil {
			return nil, err
		}
		if err := report.add(ctx, shop, m, only); err != nil {
			return nil, err
		}
	}
	err = report.complete(t.path, t.pattern, found)
	return report, err
}

// testOne runs all vectors of one mechanic.
func testOne(ctx context.Context, m *parsedMechanic, policy *plugins.Policy, talk io.Writer) (report *testReport, err error) {
	shop := &workshop{policy: policy, talk: talk}
	defer func() { err = errors.Join(err, shop.close(ctx)) }()
	report = &testReport{}
	err = report.add(ctx, shop, m, regexp.MustCompile(""))
	return report, err
}

// testReport is the outcome of a run of vectors; its JSON is what -o json prints.
type testReport struct {
	Passed    int            `json:"passed"`
	Failed    int            `json:"failed"`
	Mechanics []testedSource `json:"mechanics"`
}

// testedSource is what one mechanic's vectors showed.
type testedSource struct {
	Mechanic string         `json:"mechanic"`
	Kind     string         `json:"kind"`
	Digest   string         `json:"digest"`
	File     string         `json:"file"` // the vector file
	Vectors  []testedVector `json:"vectors"`

	place string
}

// testedVector is how one vector went.
type testedVector struct {
	Name        string                    `json:"name"`
	Line        int                       `json:"line"` // in the vector file, from 1
	Column      int                       `json:"column"`
	Passed      bool                      `json:"passed"`
	Fuel        int64                     `json:"fuel,omitempty"`
	Seconds     float64                   `json:"seconds"` // of all the decisions that check it
	Differences []campaignfile.Difference `json:"differences,omitempty"`
	Complaints  []string                  `json:"complaints,omitempty"`
}

// add runs the vectors of a mechanic that match.
func (r *testReport) add(ctx context.Context, shop *workshop, m *parsedMechanic, only *regexp.Regexp) error {
	if err := m.sameName(); err != nil {
		return err
	}
	piece, err := shop.open(ctx, m)
	if err != nil {
		return err
	}
	tested := testedSource{
		Mechanic: m.described.Name, Kind: m.kind, Digest: m.described.Digest, File: m.vectors.name, place: m.place,
	}
	compiled := piece.bindings()
	for i := range m.cases.Vectors {
		v := &m.cases.Vectors[i]
		if !only.MatchString(m.described.Name + "/" + v.Name) {
			continue
		}
		one := compiled.test(v)
		one.Line, one.Column = m.placeOf(fmt.Sprintf("vectors[%d]", i))
		tested.Vectors = append(tested.Vectors, one)
		if one.Passed {
			r.Passed++
		} else {
			r.Failed++
		}
	}
	r.Mechanics = append(r.Mechanics, tested)
	return nil
}

// sameName refuses vectors that are for another mechanic.
func (m *parsedMechanic) sameName() error {
	if m.cases.Mechanic == m.described.Name {
		return nil
	}
	line, column := m.placeOf("mechanic")
	return fileError(m.vectors.name, &core.Problems{List: []core.Problem{{
		Path: "mechanic", Line: line, Column: column,
		Message: fmt.Sprintf("the vectors are for %s, but the mechanic is %s", m.cases.Mechanic, m.described.Name),
	}}})
}

// test holds the mechanic against one vector.
func (b *bindings) test(v *campaignfile.Vector) testedVector {
	started := time.Now()
	m, err := b.of(v.Config)
	if err != nil {
		return testedVector{Name: v.Name, Complaints: []string{"it cannot be bound to the vector's config: " + err.Error()}}
	}
	verdict := mechanictest.Check(m, v)
	return testedVector{
		Name: v.Name, Passed: verdict.Passed(), Fuel: verdict.Usage.Fuel, Seconds: time.Since(started).Seconds(),
		Differences: verdict.Differences, Complaints: verdict.Complaints,
	}
}

// complete refuses a run that tested nothing, which must not look like success.
func (r *testReport) complete(path, pattern string, found []*mechanicSource) error {
	switch {
	case r.Passed+r.Failed > 0:
		return nil
	case pattern != "":
		return &nextError{fmt.Errorf("no vector matches --run %s", quoted(pattern)), commandLine("test", path, "-v")}
	default:
		return found[0].withoutVectors()
	}
}

// firstFailure returns where the first mechanic is whose vector failed, and that vector's name.
func (r *testReport) firstFailure() (place, vector string) {
	for _, m := range r.Mechanics {
		for _, v := range m.Vectors {
			if !v.Passed {
				return m.place, v.Name
			}
		}
	}
	return "", ""
}
