//go:build !race

package vet

import (
	"slices"
	"strings"
	"testing"

	"hotdrop/plugins"
)

// The race detector maps so much for itself, and makes the compiler so slow, that these limits would not be the ones that
// are tested.

func TestAModuleThatTakesTheCompilerTooMuchTimeIsRefused(t *testing.T) {
	o := bulkyOptions()
	o.Confinement = Confinement{CPUSeconds: 1, MemoryBytes: 1 << 30}
	usesUpItsTime(t, vetted(t, o, quoting(), bulky(110).bytes(), someVectors), CodeCompileFailed)
}

func TestAModuleThatTakesTheCompilerTooMuchMemoryIsRefused(t *testing.T) {
	o := bulkyOptions()
	o.Confinement.MemoryBytes = 112 << 20
	r := vetted(t, o, quoting(), bulky(40).bytes(), someVectors)
	if r.Verdict != Refused || len(r.Reasons) != 1 || r.Reasons[0].Code != CodeCompileFailed || !strings.Contains(r.Reasons[0].Message, "memory") {
		t.Errorf("%s", r.Text())
	}
}

func TestAMemoryThatTheChildCannotHaveIsAReasonToRefuse(t *testing.T) {
	o := quick()
	o.Limits = plugins.DefaultLimits()
	o.Limits.MemoryBytes = 256 << 20
	o.Confinement.MemoryBytes = 112 << 20
	r := vetted(t, o, quoting(), fiveOff().bytes(), someVectors)
	if r.Verdict != Refused || !slices.Contains(codes(r.Reasons), CodeCompileFailed) {
		t.Errorf("%s", r.Text())
	}
}
