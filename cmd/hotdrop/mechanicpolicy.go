package main

import (
	"bytes"
	"fmt"

	"github.com/spf13/cobra"

	"hotdrop/plugins"
)

// policyFile is the flag --policy: the file of limits that the platform grants.
type policyFile struct{ path string }

func (f *policyFile) register(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.path, "policy", "", "the platform's policy file of plugin limits (without one: the default limits)")
}

// read returns the policy of the file; nil without one.
func (f *policyFile) read() (*plugins.Policy, error) {
	if f.path == "" {
		return nil, nil
	}
	text, err := readBounded(f.path)
	if err != nil {
		return nil, &nextError{fmt.Errorf("the policy cannot be read: %w", err), "name the policy file, or leave --policy out"}
	}
	policy, err := plugins.ParsePolicy(text)
	return policy, withNext(fileError(f.path, err), "correct the policy file, or leave --policy out")
}

// policyFor returns the limits that a module works under here. Without a policy a module that is too large for the
// default ones, as those of Go are, has what the platform grants to Go; the note says so. What Go could not have made
// either stays under the default ones.
func policyFor(policy *plugins.Policy, module sourceFile) (limits plugins.Limits, note string) {
	if policy != nil {
		return policy.For(plugins.Digest(module.text)), ""
	}
	limits = plugins.DefaultLimits()
	granted, isModule := plugins.GoLimits().ModuleBytes, bytes.HasPrefix(module.text, []byte("\x00asm"))
	if size := int64(len(module.text)); size <= limits.ModuleBytes || size > granted || !isModule {
		return limits, ""
	}
	note = fmt.Sprintf("%s is over %s bytes: it runs here under the limits of Go plugins, which a platform grants by digest",
		module.name, thousands(limits.ModuleBytes))
	return plugins.GoLimits(), note
}
