// Command table vets the hostile corpus and writes its table, CORPUS.md, to the standard output:
//
//	go run ./plugins/vet/corpus/table > plugins/vet/corpus/CORPUS.md
//
// With names as arguments it writes the lines of those modules only. It fails if vetting gives another verdict than the
// corpus says.
package main

import (
	"context"
	"fmt"
	"io"
	"math"
	"os"
	"runtime"
	"slices"
	"time"

	"hotdrop/core"
	"hotdrop/plugins/vet"
	"hotdrop/plugins/vet/corpus"
)

// asChild is the argument that makes this program be the vetting child.
const asChild = "vet-child"

func main() { os.Exit(doMain(context.Background(), os.Args, os.Stdin, os.Stdout, os.Stderr)) }

func doMain(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	var err error
	if slices.Equal(args[1:], []string{asChild}) {
		err = vet.Child(ctx, stdin, stdout)
	} else {
		err = table(ctx, args[1:], stdout)
	}
	if err != nil {
		_, _ = fmt.Fprintln(stderr, "table:", err)
		return 1
	}
	return 0
}

// table writes the lines of the named modules, or the whole file.
func table(ctx context.Context, names []string, stdout io.Writer) error {
	self, err := os.Executable()
	if err != nil {
		return fmt.Errorf("find this program: %w", err)
	}
	if len(names) == 0 {
		if _, err := io.WriteString(stdout, corpus.Head()); err != nil {
			return err
		}
	}
	options := corpus.Vetting(self, asChild)
	modules := corpus.Modules()
	for i := range modules {
		if len(names) > 0 && !slices.Contains(names, modules[i].Name) {
			continue
		}
		cost, err := measure(ctx, options, &modules[i])
		if err != nil {
			return fmt.Errorf("%s: %w", modules[i].Name, err)
		}
		if _, err := fmt.Fprintf(stdout, "%s %s |\n", modules[i].Row(), cost); err != nil {
			return err
		}
	}
	return nil
}

type cost struct{ milliseconds, megabytes float64 }

// String returns the last two columns. A child that was ended could not say how much memory it had.
func (c cost) String() string {
	if c.megabytes == 0 {
		return fmt.Sprintf("%.1f |", c.milliseconds)
	}
	return fmt.Sprintf("%.1f | %.1f", c.milliseconds, c.megabytes)
}

// runs is how often what takes no child is vetted: of its times the shortest counts, as the machine has other work.
const runs = 20

// measure vets the module and returns what that cost, see [corpus.Head].
func measure(ctx context.Context, options vet.Options, m *corpus.Module) (cost, error) {
	module, least := m.Wasm(), cost{milliseconds: math.Inf(1)}
	for range runs {
		report, spent, err := once(ctx, options, m.Manifest, module)
		if err != nil {
			return cost{}, err
		}
		if got := verdict(report); got != m.Verdict() && m.Verdict() == m.Want {
			return cost{}, fmt.Errorf("vetting says %s, the corpus %s", got, m.Verdict())
		}
		if report.Examination != nil {
			return spent, nil
		}
		if spent.milliseconds < least.milliseconds {
			least = spent
		}
	}
	return least, nil
}

func once(ctx context.Context, options vet.Options, manifest *core.Manifest, module []byte) (*vet.Report, cost, error) {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	start := time.Now()
	report, err := vet.Run(ctx, options, manifest, nil, module)
	took := time.Since(start)
	runtime.ReadMemStats(&after)
	if err != nil {
		return nil, cost{}, err
	}
	if report.Examination == nil {
		return report, cost{float64(took.Microseconds()) / 1e3, float64(after.TotalAlloc-before.TotalAlloc) / 1e6}, nil
	}
	spent := report.Examination.Cost
	return report, cost{float64(spent.Milliseconds), float64(spent.PeakBytes) / 1e6}, nil
}

// verdict is the code of the first reason to refuse the module, but for its vectors, which are not asked here.
func verdict(r *vet.Report) string {
	for _, reason := range r.Reasons {
		if reason.Code != vet.CodeVectorsMissing {
			return reason.Code
		}
	}
	return vet.Accepted
}
