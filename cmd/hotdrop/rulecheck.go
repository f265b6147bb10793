package main

import (
	"hotdrop/core"
	"hotdrop/rules"
)

// ruleChecker checks rules for the API's editors. It implements api.Rules.
type ruleChecker struct{}

// CheckRule reads the rule and, if there is a config, binds it.
func (ruleChecker) CheckRule(file []byte, config core.Object) (*core.Manifest, error) {
	rule, err := rules.Parse(file)
	if err != nil {
		return nil, err
	}
	if config != nil {
		if _, err := rule.Compile(config); err != nil {
			return nil, err
		}
	}
	return rule.Manifest(), nil
}
