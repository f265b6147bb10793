package corpus

import (
	"encoding/json"
	"errors"
	"os"
	"reflect"
	"testing"

	"hotdrop/core"
	"hotdrop/core/campaignfile"
	"hotdrop/plugins"
	"hotdrop/plugins/vet"
)

func TestVettingKnowsThemAll(t *testing.T) {
	host := newHost(t, plugins.Options{Guests: 1})
	options := Vetting(os.Args[0], asChild)
	options.Confinement.CPUSeconds *= slowdown
	vetter := vet.NewVetter(options)
	for _, m := range Modules() {
		t.Run(m.Name, func(t *testing.T) {
			report, err := vetter.Run(t.Context(), m.Manifest, vectorsOf(t, host, &m), m.Wasm())
			if err != nil {
				t.Fatal(err)
			}
			got := report.Verdict
			if len(report.Reasons) > 0 {
				got = report.Reasons[0].Code
			}
			if got != m.Verdict() || (got == Accepted) != (report.Verdict == vet.Accepted) {
				t.Errorf("got %s (%s, %v), want %s", got, report.Verdict, report.Reasons, m.Verdict())
			}
		})
	}
}

// vectorsOf returns what the module's author would put into its vectors: what it decides when it is asked something that
// does not rouse it. It is nil for a module that the host does not load, or that nobody but a child may compile.
func vectorsOf(t *testing.T, host *plugins.Host, m *Module) []byte {
	t.Helper()
	if m.Stage != StageRun && m.Stage != StageCore {
		return nil
	}
	plugin, err := host.Load(t.Context(), m.Manifest, m.Wasm())
	if err != nil {
		t.Fatal(err)
	}
	mechanic, err := plugin.Bind(nil)
	if err != nil {
		t.Fatal(err)
	}
	vector := campaignfile.Vector{Name: m.Name, Hook: m.Manifest.Hooks[0], Facts: *Innocent()}
	effects, _, err := mechanic.Decide(vector.Hook, &vector.Facts, nil)
	vector.Effects = effects
	if failure, ok := errors.AsType[*core.MechanicError](err); ok {
		vector.Error = failure.Code
	}
	if err := plugin.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	file := campaignfile.Vectors{Mechanic: m.Manifest.Name, Vectors: []campaignfile.Vector{vector}}
	text, err := json.Marshal(file)
	if err == nil {
		_, err = campaignfile.ParseVectors(text)
	}
	if err != nil { // no vector can say that: one that says nothing has to do
		file.Vectors[0].Effects = nil
		if text, err = json.Marshal(file); err != nil {
			t.Fatal(err)
		}
	}
	return text
}

func TestWhatIsUploadedCarriesItsManifest(t *testing.T) {
	for _, m := range Modules() {
		if m.Manifest == nil || m.Stage == StageDecode {
			continue
		}
		got, err := plugins.ManifestOf(m.Upload())
		if err != nil {
			t.Fatalf("%s: %v", m.Name, err)
		}
		if !reflect.DeepEqual(got, m.Manifest) {
			t.Errorf("%s: got %+v, want %+v", m.Name, got, m.Manifest)
		}
	}
}
