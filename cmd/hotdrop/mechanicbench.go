package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"hotdrop/core"
	"hotdrop/core/campaignfile"
	"hotdrop/plugins"
)

// warmUp is how many decisions come before those that are measured.
const warmUp = 100

// mechanicBench is what `mechanic bench` was asked for.
type mechanicBench struct {
	path      string
	decisions int
	policy    policyFile
	format    output
}

func mechanicBenchCommand() *cobra.Command {
	b := &mechanicBench{format: outputText}
	cmd := &cobra.Command{
		Use:   "bench [PATH]",
		Short: "Measure a mechanic's decisions over its vectors: time, fuel and allocations against the limits",
		Long: "Ask the mechanics that PATH names for the decisions of their vectors, many times each, one at a time. A plugin\n" +
			"decides as it does in a sale: metered, and from the same state each time. Fuel is the same on every machine,\n" +
			"times are not. Without PATH it is the mechanic in this folder; in a folder with none of a mechanic's\n" +
			"files, every shipped one, and stderr says so.",
		Example: "  hotdrop mechanic bench\n  hotdrop mechanic bench my-plugin --decisions 100000 -o json",
		Args:    atMostOne(false),
		RunE: func(cmd *cobra.Command, args []string) error {
			if b.path = argument(args); b.decisions < 1 {
				return &nextError{usageError{errors.New("--decisions must be at least 1")}, "hotdrop mechanic bench --help"}
			}
			return b.bench(cmd.Context(), cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
	}
	b.policy.register(cmd)
	b.format.register(cmd)
	cmd.Flags().IntVar(&b.decisions, "decisions", 2000, "how many decisions to measure of each vector")
	return cmd
}

func (b *mechanicBench) bench(ctx context.Context, out, talk io.Writer) (err error) {
	found, err := findOrShipped(b.path, talk)
	if err != nil {
		return withNext(err, commandLine("check", b.path))
	}
	policy, err := b.policy.read()
	if err != nil {
		return err
	}
	shop := &workshop{policy: policy, talk: talk}
	defer func() { err = errors.Join(err, shop.close(ctx)) }()
	report := &benchReport{Mechanics: []*benchedSource{}}
	for _, source := range found {
		measured, err := b.measure(ctx, shop, source)
		if err != nil {
			return withNext(err, commandLine("check", b.path))
		}
		report.Mechanics = append(report.Mechanics, measured)
	}
	if err := report.print(out, b.format); err != nil {
		return err
	}
	if report.failed() {
		sayNext(talk, "test", b.path)
		return errFailed
	}
	return nil
}

// benchReport is what was measured; its JSON is what -o json prints.
type benchReport struct {
	Decisions int              `json:"decisions"` // measured of each vector
	Mechanics []*benchedSource `json:"mechanics"`
}

// benchedSource is the worst of one mechanic's vectors, and each of them.
type benchedSource struct {
	Mechanic    string          `json:"mechanic"`
	Kind        string          `json:"kind"`
	Digest      string          `json:"digest"`
	ModuleBytes int64           `json:"module_bytes,omitempty"`
	Fuel        int64           `json:"fuel"` // of the most expensive vector
	Effects     int             `json:"effects"`
	Limits      *plugins.Limits `json:"limits,omitempty"` // of a plugin
	Vectors     []benchedVector `json:"vectors"`
}

// benchedVector is how one vector's decision was measured.
type benchedVector struct {
	Name        string  `json:"name"`
	P50         int64   `json:"p50_ns"`
	P99         int64   `json:"p99_ns"`
	Allocations float64 `json:"allocations"` // of one decision
	Fuel        int64   `json:"fuel"`
	Failure     string  `json:"failure,omitempty"` // of a decision that the vector wants to succeed, or to fail otherwise

	effects int
}

func (b *mechanicBench) measure(ctx context.Context, shop *workshop, source *mechanicSource) (*benchedSource, error) {
	m, err := source.parse()
	if err != nil {
		return nil, err
	}
	if len(m.cases.Vectors) == 0 {
		return nil, m.withoutVectors()
	}
	piece, err := shop.open(ctx, m)
	if err != nil {
		return nil, err
	}
	measured := &benchedSource{Mechanic: m.described.Name, Kind: m.kind, Digest: m.described.Digest}
	if m.kind == kindPlugin {
		measured.ModuleBytes, measured.Limits = int64(len(m.module.text)), &piece.limits
	}
	bound := piece.bindings()
	for i := range m.cases.Vectors {
		v := &m.cases.Vectors[i]
		mechanic, err := bound.of(v.Config)
		if err != nil {
			return nil, fmt.Errorf("%s: the vector %q: %w", m.vectors.name, v.Name, err)
		}
		one := measureVector(mechanic, v, b.decisions)
		measured.Fuel, measured.Effects = max(measured.Fuel, one.Fuel), max(measured.Effects, one.effects)
		measured.Vectors = append(measured.Vectors, one)
	}
	return measured, nil
}

// measureVector times single decisions, less what reading the clock takes, and counts the allocations of as many more.
func measureVector(m core.Mechanic, v *campaignfile.Vector, decisions int) benchedVector {
	effects := make([]core.Effect, 0, 64)
	ask := func() ([]core.Effect, core.Usage, error) { return m.Decide(v.Hook, &v.Facts, effects) }
	got, usage, err := ask()
	one := benchedVector{Name: v.Name, Fuel: usage.Fuel, effects: len(got)}
	if failure, ok := errors.AsType[*core.MechanicError](err); ok && failure.Code != v.Error {
		one.Failure = printable(failure.Error())
		return one
	}
	for range warmUp {
		_, _, _ = ask()
	}
	clock := clockCost()
	times := make([]int64, decisions)
	for i := range times {
		started := time.Now()
		_, _, _ = ask()
		times[i] = max(time.Since(started).Nanoseconds()-clock, 0)
	}
	slices.Sort(times)
	one.P50, one.P99 = times[len(times)/2], times[len(times)*99/100]
	one.Allocations = allocations(decisions, func() { _, _, _ = ask() })
	return one
}

// clockCost is what it takes to read the clock twice, nanoseconds, in the median.
func clockCost() int64 {
	times := make([]int64, 999)
	for i := range times {
		started := time.Now()
		times[i] = time.Since(started).Nanoseconds()
	}
	slices.Sort(times)
	return times[len(times)/2]
}

// allocations is how often f allocates, on average over n calls. What the rest of the process allocates meanwhile, which
// is little in a command, counts too; so it is rounded to tenths.
func allocations(n int, f func()) float64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range n {
		f()
	}
	runtime.ReadMemStats(&after)
	return math.Floor(float64(after.Mallocs-before.Mallocs)*10/float64(n)) / 10
}

func (r *benchReport) failed() bool {
	return slices.ContainsFunc(r.Mechanics, func(m *benchedSource) bool {
		return slices.ContainsFunc(m.Vectors, func(v benchedVector) bool { return v.Failure != "" })
	})
}

func (r *benchReport) print(out io.Writer, format output) error {
	if format == outputJSON {
		return printJSON(out, r)
	}
	var b strings.Builder
	for i, m := range r.Mechanics {
		if i > 0 {
			b.WriteByte('\n')
		}
		m.write(&b, paintOn(out))
	}
	_, err := io.WriteString(out, b.String())
	return err
}

// maxNameColumns is how much of a vector's name fits into the table.
const maxNameColumns = 60

func (m *benchedSource) write(b *strings.Builder, p paint) {
	title := fmt.Sprintf("%s (%s)", m.Mechanic, m.Kind)
	columns := width(title)
	for _, v := range m.Vectors {
		columns = max(columns, min(2+width(v.Name), maxNameColumns))
	}
	_, _ = fmt.Fprintf(b, "%s%10s%10s%8s%12s\n", padded(title, columns), "p50", "p99", "allocs", "fuel")
	for _, v := range m.Vectors {
		b.WriteString("  " + padded(v.Name, columns-2))
		if v.Failure != "" {
			b.WriteString("  " + p.red("failed") + ", " + v.Failure + "\n")
			continue
		}
		_, _ = fmt.Fprintf(b, "%10s%10s%8.1f%12s\n", duration(v.P50), duration(v.P99), v.Allocations, fuel(m, v.Fuel))
	}
	if m.Limits != nil {
		_, _ = fmt.Fprintf(b, "of the limits: fuel %s, effects %s, module %s\n", share(m.Fuel, m.Limits.Fuel, ""),
			share(int64(m.Effects), int64(m.Limits.Effects), ""), share(m.ModuleBytes, m.Limits.ModuleBytes, " bytes"))
	}
}

// fuel is what a decision burned; rules burn none.
func fuel(m *benchedSource, n int64) string {
	if m.Limits == nil {
		return "-"
	}
	return thousands(n)
}
