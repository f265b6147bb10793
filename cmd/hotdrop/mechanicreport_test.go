package main

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"io"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"hotdrop/core/campaignfile"
)

// junitRead is the part of the format that every CI system reads, by the names of the format's schema.
type junitRead struct {
	XMLName xml.Name `xml:"testsuites"`
	Suites  []struct {
		Name     string `xml:"name,attr"`
		Tests    int    `xml:"tests,attr"`
		Failures int    `xml:"failures,attr"`
		Cases    []struct {
			Name      string  `xml:"name,attr"`
			ClassName string  `xml:"classname,attr"`
			Time      float64 `xml:"time,attr"`
			Failure   *struct {
				Message string `xml:"message,attr"`
				Type    string `xml:"type,attr"`
				Text    string `xml:",chardata"`
			} `xml:"failure"`
		} `xml:"testcase"`
	} `xml:"testsuite"`
}

// TestWhateverAMechanicSaysTheJUnitFileIsXML: names and differences hold what authors and plugins wrote.
func TestWhateverAMechanicSaysTheJUnitFileIsXML(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.String()
		report := &testReport{Mechanics: []testedSource{{Mechanic: text.Draw(t, "mechanic"), Kind: kindPlugin, File: text.Draw(t, "file")}}}
		m := &report.Mechanics[0]
		for range rapid.IntRange(0, 3).Draw(t, "vectors") {
			v := testedVector{Name: text.Draw(t, "name"), Line: 3, Seconds: rapid.Float64Range(0, 1e9).Draw(t, "seconds")}
			switch rapid.IntRange(0, 2).Draw(t, "outcome") {
			case 0:
				v.Passed, report.Passed = true, report.Passed+1
			case 1:
				v.Differences, report.Failed = []campaignfile.Difference{{Path: "error", Want: text.Draw(t, "want"), Got: text.Draw(t, "got")}}, report.Failed+1
			default:
				v.Complaints, report.Failed = []string{text.Draw(t, "complaint")}, report.Failed+1
			}
			m.Vectors = append(m.Vectors, v)
		}
		var out bytes.Buffer
		if err := report.printJUnit(&out); err != nil {
			t.Fatal(err)
		}
		var read junitRead
		decoder := xml.NewDecoder(&out)
		if err := decoder.Decode(&read); err != nil {
			t.Fatalf("%v\n%s", err, out.String())
		}
		if _, err := decoder.Token(); err != io.EOF && err != nil { //nolint:errorlint // the decoder returns it bare
			t.Fatal(err)
		}
		failures := 0
		for _, c := range read.Suites[0].Cases {
			if c.Failure != nil {
				failures++
			}
		}
		suite := read.Suites[0]
		if len(read.Suites) != 1 || suite.Tests != len(m.Vectors) || len(suite.Cases) != suite.Tests || suite.Failures != failures || failures != report.Failed {
			t.Fatalf("%+v", read)
		}
	})
}

func TestAComplaintAboutTheContractIsAFailureToo(t *testing.T) {
	v := testedVector{Name: "v", Complaints: []string{"asked again it answered differently:\n- a\n+ b\n"}}
	if got := strings.Join(v.explained(false), "|"); got != "asked again it answered differently:|- a|+ b" {
		t.Error(got)
	}
	one := v.junit(&testedSource{Mechanic: "m", Kind: kindRule})
	if one.Failure == nil || one.Failure.Type != "contract" || one.Failure.Message != "asked again it answered differently:" {
		t.Errorf("%+v", one.Failure)
	}
}

func TestTheJSONOfATestIsItsOutcome(t *testing.T) {
	files(t, late())
	var report testReport
	if err := json.Unmarshal([]byte(do(t, "mechanic", "test", "late", "-o", "json").stdout), &report); err != nil {
		t.Fatal(err)
	}
	m := report.Mechanics[0]
	if report.Passed != 3 || report.Failed != 0 || m.Mechanic != "late" || len(m.Vectors) != 3 || m.Vectors[1].Line != 7 || !m.Vectors[1].Passed {
		t.Errorf("%+v", report)
	}
}

func TestTheJSONOfABenchHoldsEveryFigure(t *testing.T) {
	files(t, with(toy(), "late/late.yaml", lateRule, "late/late.vectors.yaml", lateVectors))
	r := do(t, "mechanic", "bench", ".", "--decisions", "50", "-o", "json")
	var report benchReport
	if err := json.Unmarshal([]byte(r.stdout), &report); err != nil || len(report.Mechanics) != 2 {
		t.Fatalf("%v\n%s%s", err, r.stdout, r.stderr)
	}
	rule, plugin := report.Mechanics[0], report.Mechanics[1]
	if rule.Limits != nil || rule.Fuel != 0 || len(rule.Vectors) != 3 {
		t.Errorf("rule: %+v", rule)
	}
	if plugin.Limits == nil || plugin.Limits.Fuel != 1_000_000 || plugin.Fuel == 0 || plugin.Effects != 2 || plugin.ModuleBytes == 0 {
		t.Errorf("plugin: %+v", plugin)
	}
	if v := plugin.Vectors[0]; v.P50 <= 0 || v.P99 < v.P50 || v.Fuel != plugin.Fuel || v.Name != "five off and once" {
		t.Errorf("%+v", v)
	}
}

func TestAllocationsAreCounted(t *testing.T) {
	var kept []*int
	if got := allocations(100, func() { n := 0; kept = append(kept[:0], &n) }); got < 1 || got > 1.5 {
		t.Errorf("%v allocations, want 1", got)
	}
	if clockCost() < 0 || len(kept) != 1 {
		t.Error("a clock that runs backwards")
	}
}

func TestFuelIsTheSameEveryTime(t *testing.T) {
	files(t, shippedPlugin(t))
	fuel := map[string]bool{}
	for range 3 {
		var report testReport
		if err := json.Unmarshal([]byte(do(t, "mechanic", "test", "-o", "json").stdout), &report); err != nil {
			t.Fatal(err)
		}
		total := ""
		for _, v := range report.Mechanics[0].Vectors {
			total += strconv.FormatInt(v.Fuel, 10) + " "
		}
		fuel[total] = true
	}
	if len(fuel) != 1 {
		t.Errorf("%v", fuel)
	}
}
