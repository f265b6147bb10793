package main

import (
	"io"
	"strings"

	"hotdrop/core"
	"hotdrop/core/campaignfile"
	"hotdrop/plugins"
	"hotdrop/plugins/vet"
)

// inspection is what is shown of a module; its JSON is what -o json prints.
type inspection struct {
	*vet.Report

	Config map[string]core.Param `json:"config,omitempty"` // the parameters that the manifest declares
}

// parametersIn are the parameters in a packed module's manifest; none if there is none that can be read.
func parametersIn(module sourceFile) map[string]core.Param {
	manifest, _, err := plugins.Unpack(module.text)
	if err != nil {
		return nil
	}
	described := &core.Manifest{}
	_, _ = campaignfile.Decode(manifest, described) // the report says what is wrong with it
	return described.Config
}

// unread reports whether the file is no module that could be read, so that all its figures are zeros.
func (i *inspection) unread() bool {
	return i.Verdict == vet.Refused && i.Code.Functions == 0 && len(i.Imports)+len(i.Exports) == 0
}

func (i *inspection) print(out io.Writer, format output) error {
	if format == outputJSON {
		return printJSON(out, i)
	}
	_, err := io.WriteString(out, i.text())
	return err
}

// text is the report for people, with the parameters between what the module is and the verdict. Of a file that is no
// module there is nothing to tell but the verdict.
func (i *inspection) text() string {
	if i.unread() {
		return i.verdictText()
	}
	static, verdict, _ := strings.Cut(i.Text(), "\n\n")
	return static + "\n" + labelled(parameterLines(i.Config)) + "\n" + verdict
}

func (i *inspection) verdictText() string {
	lines := [][2]string{{"digest", i.Digest}, {"size", thousands(i.Size) + " bytes"}, {"verdict", i.Verdict}}
	for _, reason := range i.Reasons {
		lines = append(lines, [2]string{"reason", reason.Code + ": " + reason.Message})
		if reason.Hint != "" {
			lines = append(lines, [2]string{"", "→ " + reason.Hint})
		}
	}
	return labelled(lines)
}
