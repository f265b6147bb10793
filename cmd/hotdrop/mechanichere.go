package main

import (
	"fmt"
	"io"
	"path/filepath"
	"strings"
)

// mechanicHere returns the mechanics in the current folder. That there is none is an error, which names the file that is
// missing where there are others of a mechanic.
func mechanicHere() ([]*mechanicSource, error) {
	here, err := wholeHere()
	if err != nil || len(here) > 0 {
		return here, err
	}
	why := fmt.Errorf("there is no mechanic here: neither %s with its module, nor a rule, nor a packed module", manifestName)
	return nil, &nextError{why, "hotdrop mechanic init --help"}
}

// findOrShipped is findMechanics for commands that mean every shipped mechanic where they are given no path and nothing
// here looks like a mechanic. A person in the wrong folder must not take their success for that of the own mechanic.
func findOrShipped(path string, talk io.Writer) ([]*mechanicSource, error) {
	if path != "" {
		return findMechanics(path)
	}
	here, err := wholeHere()
	if err != nil || len(here) > 0 {
		return here, err
	}
	_, _ = fmt.Fprintln(talk, "no mechanic here: these are the shipped ones")
	return shippedSources()
}

// wholeHere returns the mechanics in the current folder, nothing if it has no file of one, and an error if it has some.
func wholeHere() ([]*mechanicSource, error) {
	here, err := inFolder(".")
	if err != nil || len(here) > 0 {
		return here, err
	}
	return nil, halfAMechanic()
}

// halfAMechanic is what is missing in a folder that has no mechanic, but files of one; nil if it has none of them.
func halfAMechanic() error {
	for _, half := range []struct{ suffix, missing, next string }{
		{moduleSuffix, manifestName, "inspect"},
		{vectorsSuffix, "%s.yaml (a rule) or " + manifestName + " (of a plugin)", "test"},
	} {
		found, err := filepath.Glob("*" + half.suffix)
		if err != nil {
			return err
		}
		if len(found) == 0 {
			continue
		}
		missing := strings.ReplaceAll(half.missing, "%s", strings.TrimSuffix(found[0], half.suffix))
		return &nextError{fmt.Errorf("there is no whole mechanic here: %s is there, but %s is missing", found[0], missing),
			commandLine(half.next, found[0])}
	}
	return nil
}
