package campaignfile

import (
	"slices"
	"strings"

	"hotdrop/core"
)

// Parse reads a campaign file and checks it as far as that is possible without compiling its mechanics. The error is a
// [*core.Problems] with every problem located; the campaign is nil then. The file is never nil: it locates what the
// compilers find later.
func Parse(data []byte) (*core.Campaign, *File, error) {
	campaign := &core.Campaign{}
	r, err := decode(data, campaign, true)
	if err != nil {
		return nil, &File{}, err
	}
	if r.file.root == nil || r.full() {
		return nil, r.file, r.err()
	}
	known := slices.Clone(r.problems.List)
	for _, p := range campaign.Validate().List {
		if !follows(p, known) {
			r.add(p)
		}
	}
	r.file.Locate(&r.problems)
	if err := r.err(); err != nil {
		return nil, r.file, err
	}
	return campaign, r.file, nil
}

// follows reports whether p may be nothing but the consequence of a known problem: one of the same value, of what it is
// part of, or of a part of it.
func follows(p core.Problem, known []core.Problem) bool {
	return slices.ContainsFunc(known, func(k core.Problem) bool { return isPart(p.Path, k.Path) || isPart(k.Path, p.Path) })
}

// isPart reports whether the value at path is that at whole or inside it.
func isPart(path, whole string) bool {
	inside, ok := strings.CutPrefix(path, whole)
	return ok && (inside == "" || whole == "" || inside[0] == '.' || inside[0] == '[')
}
