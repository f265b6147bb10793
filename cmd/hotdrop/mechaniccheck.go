package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"hotdrop/core"
	"hotdrop/core/campaignfile"
	"hotdrop/plugins"
	"hotdrop/rules"
)

// mechanicCheck is what `mechanic check` was asked for.
type mechanicCheck struct {
	path   string
	policy policyFile
	format output
}

func mechanicCheckCommand() *cobra.Command {
	c := &mechanicCheck{format: outputText}
	cmd := &cobra.Command{
		Use:   "check [PATH]",
		Short: "Find everything wrong with a mechanic's files, without running it",
		Long: "Check the mechanics that PATH names: a folder, a .wasm, a rule's .yaml, a vector file. Without PATH it is the\n" +
			"mechanic in this folder. A rule is compiled; a plugin's manifest, module (decoded, validated, its imports and\n" +
			"exports, its limits) and vectors are read and held against one another. Problems go to stdout; exit 1.",
		Example: "  hotdrop mechanic check\n  hotdrop mechanic check my-rule.yaml\n  hotdrop mechanic check my-plugin -o json",
		Args:    atMostOne(false),
		RunE: func(cmd *cobra.Command, args []string) error {
			c.path = argument(args)
			return c.check(cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
	}
	c.policy.register(cmd)
	c.format.register(cmd)
	return cmd
}

func (c *mechanicCheck) check(out, talk io.Writer) error {
	found, err := findMechanics(c.path)
	if err != nil {
		return c.foundProblems(err, out, talk)
	}
	policy, err := c.policy.read()
	if err != nil {
		return err
	}
	report := &checkReport{Mechanics: []*core.Manifest{}, Problems: []locatedProblem{}}
	for _, source := range found {
		report.add(source, policy)
	}
	return c.tell(report, out, talk)
}

// foundProblems prints problems that kept a mechanic from being found at all as the findings they are.
func (c *mechanicCheck) foundProblems(err error, out, talk io.Writer) error {
	wrong, ok := errors.AsType[*fileProblems](err)
	if !ok {
		return withNext(err, "hotdrop mechanic check --help")
	}
	report := &checkReport{Mechanics: []*core.Manifest{}}
	report.found(wrong.file, wrong.problems)
	return c.tell(report, out, talk)
}

// tell prints the report, and what comes next.
func (c *mechanicCheck) tell(report *checkReport, out, talk io.Writer) error {
	if err := report.print(out, c.format); err != nil {
		return err
	}
	for _, note := range report.notes {
		_, _ = fmt.Fprintln(talk, "note: "+note)
	}
	switch {
	case len(report.Problems) > 0:
		_, _ = fmt.Fprintln(talk, "next: "+afterProblem(report.Problems[0], commandLine("check", c.path)))
		return errFailed
	case report.tested:
		sayNext(talk, "test", c.path)
	default:
		sayNext(talk, "run", cmp.Or(c.path, "."))
	}
	return nil
}

// afterProblem is what to do about a problem, check the command that found it. Nobody corrects a module by hand.
func afterProblem(p locatedProblem, check string) string {
	switch {
	case p.Message == noSuchFile && p.Hint != "":
		return p.Hint
	case strings.HasSuffix(p.File, moduleSuffix):
		return "correct its source or its manifest, build it anew, then " + check
	default:
		return "correct " + p.File + ", then " + check
	}
}

// checkReport is what a check found; its JSON is what -o json prints.
type checkReport struct {
	Mechanics []*core.Manifest `json:"mechanics"`
	Problems  []locatedProblem `json:"problems"`

	lines  []string // one for each mechanic without problems
	notes  []string
	tested bool // some mechanic has vectors
}

// locatedProblem is a problem with the file it is in.
type locatedProblem struct {
	core.Problem

	File string `json:"file"`
}

func (r *checkReport) found(file string, problems []core.Problem) {
	for _, p := range problems {
		r.Problems = append(r.Problems, locatedProblem{p, file})
	}
}

// add checks one mechanic, as far as what is wrong with it allows.
func (r *checkReport) add(s *mechanicSource, policy *plugins.Policy) {
	before := len(r.Problems)
	checkRest := r.plugin
	if s.kind == kindRule {
		checkRest = r.rule
	}
	manifest := checkRest(s, policy)
	if r.tested = r.tested || s.vectors.text != nil; s.vectors.text == nil {
		r.notes = append(r.notes, s.vectors.name+": there are no vectors; write some: facts, and the effects that follow")
	}
	cases := r.vectors(s, manifest)
	if manifest == nil {
		return
	}
	r.Mechanics = append(r.Mechanics, manifest)
	if len(r.Problems) == before {
		r.lines = append(r.lines, s.summary(manifest, cases))
	}
}

// rule compiles a rule; without a manifest there is nothing more to check.
func (r *checkReport) rule(s *mechanicSource, _ *plugins.Policy) *core.Manifest {
	if s.rule.text == nil {
		r.found(s.rule.name, notThere("hotdrop mechanic init --help"))
		return nil
	}
	rule, err := rules.Parse(s.rule.text)
	if err != nil {
		r.found(s.rule.name, problemsOf(err))
		return nil
	}
	return rule.Manifest()
}

// plugin reads the manifest and holds the module against it.
func (r *checkReport) plugin(s *mechanicSource, policy *plugins.Policy) *core.Manifest {
	if s.manifest.text == nil {
		r.found(s.manifest.name, notThere("hotdrop mechanic init --help"))
		return nil
	}
	manifest := &core.Manifest{}
	file, err := campaignfile.Decode(s.manifest.text, manifest)
	if err == nil {
		problems := manifest.Validate()
		file.Locate(problems)
		err = problems.Err()
	}
	if err != nil {
		r.found(s.manifest.name, problemsOf(err))
		return nil
	}
	if s.module.text == nil {
		r.found(s.module.name, notThere(buildCommand(s.module.name)))
		return manifest
	}
	limits, note := policyFor(policy, s.module)
	if note != "" {
		r.notes = append(r.notes, note)
	}
	described, _, err := plugins.Check(manifest, s.module.text, limits)
	if err != nil {
		r.found(s.module.name, problemsOf(err))
		return manifest
	}
	return described
}

// noSuchFile is the message of a file that is not there; its hint is a command that makes it.
const noSuchFile = "there is no such file"

func notThere(hint string) []core.Problem {
	return []core.Problem{{Message: noSuchFile, Hint: hint}}
}

// problemsOf is the list in an error; another error is one problem.
func problemsOf(err error) []core.Problem {
	if problems, ok := errors.AsType[*core.Problems](err); ok {
		return problems.List
	}
	return []core.Problem{{Message: err.Error()}}
}

// vectors reads the vectors and holds them against the manifest, if there is one.
func (r *checkReport) vectors(s *mechanicSource, manifest *core.Manifest) *campaignfile.Vectors {
	if s.vectors.text == nil {
		return &campaignfile.Vectors{}
	}
	cases, err := campaignfile.ParseVectors(s.vectors.text)
	if err != nil {
		r.found(s.vectors.name, problemsOf(err))
		return nil
	}
	if manifest == nil {
		return cases
	}
	problems := &core.Problems{}
	if cases.Mechanic != manifest.Name {
		problems.Add("mechanic", "the vectors are for %s, but the mechanic is %s", cases.Mechanic, manifest.Name)
	}
	for i := range cases.Vectors {
		checkVector(fmt.Sprintf("vectors[%d]", i), &cases.Vectors[i], manifest, problems)
	}
	file, _ := campaignfile.Decode(s.vectors.text, &campaignfile.Vectors{}) // it has been read without problems
	file.Locate(problems)
	r.found(s.vectors.name, problems.List)
	return cases
}

// checkVector finds what a vector expects that the mechanic cannot do.
func checkVector(path string, v *campaignfile.Vector, manifest *core.Manifest, problems *core.Problems) {
	if !slices.Contains(manifest.Hooks, v.Hook) {
		problems.Add(path+".hook", "%s does not have the hook %s, only %s", manifest.Name, v.Hook, listOf(manifest.Hooks))
	}
	for i, e := range v.Effects {
		if !slices.Contains(manifest.Effects, e.Kind) {
			problems.Add(fmt.Sprintf("%s.effects[%d]", path, i), "%s does not use %s, only %s", manifest.Name, e.Kind, listOf(manifest.Effects))
		}
	}
	if v.Denied != "" && !slices.Contains(manifest.Effects, core.EffectDeny) {
		problems.Add(path+".denied", "%s does not use deny, only %s", manifest.Name, listOf(manifest.Effects))
	}
	_, config := manifest.Configure(v.Config)
	if config.Err() == nil {
		return
	}
	for _, p := range config.List {
		p.Path = path + "." + p.Path
		problems.List = append(problems.List, p)
	}
}

// summary is what a mechanic without problems is, on one line.
func (s *mechanicSource) summary(m *core.Manifest, cases *campaignfile.Vectors) string {
	size := ""
	if s.kind == kindPlugin {
		size = thousands(int64(len(s.module.text))) + " bytes, "
	}
	return fmt.Sprintf("%s (%s)  %s%s %s, %s, uses %s, %s\n      %s", m.Name, m.Kind, size, plural("hook", len(m.Hooks)),
		listOf(m.Hooks), count(len(m.Facts), "fact"), listOf(m.Effects), count(len(cases.Vectors), "vector"), m.Digest)
}

// print writes the report to stdout: a line for what is sound, every problem where it is, and a count.
func (r *checkReport) print(out io.Writer, format output) error {
	if format == outputJSON {
		return printJSON(out, r)
	}
	var b strings.Builder
	p := paintOn(out)
	for _, line := range r.lines {
		b.WriteString(p.green("ok") + "    " + line + "\n")
	}
	for _, one := range r.Problems {
		separator := ": "
		if one.Line > 0 {
			separator = ":"
		}
		b.WriteString(one.File + separator + one.String() + caretBelow(one.Problem) + "\n")
	}
	if n := len(r.Problems); n > 0 {
		b.WriteString(p.red(count(n, "problem")) + "\n")
	}
	_, err := io.WriteString(out, b.String())
	return err
}
