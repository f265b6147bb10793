package main

import (
	"encoding/xml"
	"fmt"
	"io"
	"strings"

	"hotdrop/core/campaignfile"
)

// print writes the report to stdout.
func (r *testReport) print(out io.Writer, format output, verbose bool) error {
	switch format {
	case outputJSON:
		return printJSON(out, r)
	case outputJUnit:
		return r.printJUnit(out)
	default:
		_, err := io.WriteString(out, r.text(paintOn(out), verbose))
		return err
	}
}

// text is the report for people: a line for each mechanic, below it the vectors that do not hold, and a count.
func (r *testReport) text(p paint, verbose bool) string {
	var b strings.Builder
	columns := 0
	for _, m := range r.Mechanics {
		columns = max(columns, width(m.title()))
	}
	for _, m := range r.Mechanics {
		m.write(&b, p, verbose, columns)
	}
	_, _ = fmt.Fprintf(&b, "%d passed, %d failed\n", r.Passed, r.Failed)
	return b.String()
}

func (m *testedSource) title() string { return fmt.Sprintf("%s (%s)", m.Mechanic, m.Kind) }

func (m *testedSource) failed() int {
	n := 0
	for _, v := range m.Vectors {
		if !v.Passed {
			n++
		}
	}
	return n
}

func (m *testedSource) write(b *strings.Builder, p paint, verbose bool, columns int) {
	total, failed := len(m.Vectors), m.failed()
	switch {
	case total == 0:
		return
	case failed > 0:
		_, _ = fmt.Fprintf(b, "%s  %s  %d of %s failed\n", p.red("FAIL"), padded(m.title(), columns), failed, count(total, "vector"))
	default:
		_, _ = fmt.Fprintf(b, "%s    %s  %s\n", p.green("ok"), padded(m.title(), columns), count(total, "vector"))
	}
	for _, v := range m.Vectors {
		if verbose || !v.Passed {
			v.write(b, p, m.File)
		}
	}
}

func (v *testedVector) write(b *strings.Builder, p paint, file string) {
	if v.Passed {
		fuel := ""
		if v.Fuel > 0 {
			fuel = p.dim("  fuel " + thousands(v.Fuel))
		}
		_, _ = fmt.Fprintf(b, "      %s    %s%s\n", p.green("ok"), v.Name, fuel)
		return
	}
	_, _ = fmt.Fprintf(b, "      %s  %s  %s\n", p.red("FAIL"), v.Name, p.dim(fmt.Sprintf("%s:%d:%d", file, v.Line, v.Column)))
	for _, line := range v.explained(p) {
		b.WriteString("            " + line + "\n")
	}
}

// explained is everything that is wrong with a vector, a line each.
func (v *testedVector) explained(p paint) []string {
	var lines []string
	for _, d := range v.Differences {
		lines = append(lines, sides(d, p)...)
	}
	for _, complaint := range v.Complaints {
		lines = append(lines, strings.Split(strings.TrimRight(complaint, "\n"), "\n")...)
	}
	return lines
}

// sides is a difference: what is wanted above what there is, or one of the two alone.
func sides(d campaignfile.Difference, p paint) []string {
	switch effect := d.Path != "error" && d.Path != "denied"; {
	case effect && d.Got == "":
		return []string{"want  " + p.green(d.Want) + "  (missing)"}
	case effect && d.Want == "" && !strings.HasPrefix(d.Got, "error: "):
		return []string{"got   " + p.red(d.Got) + "  (not wanted)"}
	}
	return append(sided("want  ", d.Want, p.green), sided("got   ", d.Got, p.red)...)
}

// sided is one side of a difference: its name in front of the first line, the others below that.
func sided(side, text string, colour func(string) string) []string {
	lines := strings.Split(orNothing(text), "\n")
	for i := range lines {
		lines[i] = side + colour(lines[i])
		side = strings.Repeat(" ", len(side))
	}
	return lines
}

// The JUnit form: what CI systems read of the format, each mechanic a suite, each vector a case.
type junitSuites struct {
	XMLName  xml.Name     `xml:"testsuites"`
	Name     string       `xml:"name,attr"`
	Tests    int          `xml:"tests,attr"`
	Failures int          `xml:"failures,attr"`
	Errors   int          `xml:"errors,attr"`
	Time     string       `xml:"time,attr"` // seconds
	Suites   []junitSuite `xml:"testsuite"`
}

type junitSuite struct {
	Name     string      `xml:"name,attr"`
	Tests    int         `xml:"tests,attr"`
	Failures int         `xml:"failures,attr"`
	Errors   int         `xml:"errors,attr"`
	Skipped  int         `xml:"skipped,attr"`
	Time     string      `xml:"time,attr"`
	Cases    []junitCase `xml:"testcase"`
}

type junitCase struct {
	Name      string        `xml:"name,attr"`
	ClassName string        `xml:"classname,attr"`
	File      string        `xml:"file,attr"`
	Line      int           `xml:"line,attr"`
	Time      string        `xml:"time,attr"`
	Failure   *junitFailure `xml:"failure"`
}

type junitFailure struct {
	Message string `xml:"message,attr"`
	Type    string `xml:"type,attr"`
	Text    string `xml:",chardata"`
}

func (r *testReport) printJUnit(out io.Writer) error {
	suites := junitSuites{Name: "hotdrop mechanic test", Tests: r.Passed + r.Failed, Failures: r.Failed}
	total := 0.0
	for _, m := range r.Mechanics {
		suite, seconds := m.junit()
		suites.Suites, total = append(suites.Suites, suite), total+seconds
	}
	suites.Time = junitTime(total)
	text, err := xml.MarshalIndent(suites, "", "  ")
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(out, "%s%s\n", xml.Header, text)
	return err
}

func (m *testedSource) junit() (suite junitSuite, seconds float64) {
	suite = junitSuite{Name: m.title(), Tests: len(m.Vectors), Failures: m.failed()}
	for _, v := range m.Vectors {
		seconds += v.Seconds
		suite.Cases = append(suite.Cases, v.junit(m))
	}
	suite.Time = junitTime(seconds)
	return suite, seconds
}

func (v *testedVector) junit(m *testedSource) junitCase {
	one := junitCase{Name: v.Name, ClassName: m.Kind + "." + m.Mechanic, File: m.File, Line: v.Line, Time: junitTime(v.Seconds)}
	if v.Passed {
		return one
	}
	lines := v.explained(false)
	one.Failure = &junitFailure{Message: lines[0], Type: "contract", Text: "\n" + strings.Join(lines, "\n") + "\n"}
	if len(v.Differences) > 0 {
		one.Failure.Type, one.Failure.Message = "difference", onOneLine(v.Differences[0])
	}
	return one
}

func onOneLine(d campaignfile.Difference) string {
	return strings.ReplaceAll(fmt.Sprintf("want %s, got %s", orNothing(d.Want), orNothing(d.Got)), "\n", "; ")
}

func orNothing(s string) string {
	if s == "" {
		return "nothing"
	}
	return s
}

// junitTime is seconds in the form of the format, which knows no exponents.
func junitTime(seconds float64) string { return fmt.Sprintf("%.6f", seconds) }
