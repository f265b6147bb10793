package core

import (
	"maps"
	"slices"
	"strings"
	"unicode/utf8"
)

// maxInputString is the longest string a shopper may submit, in characters, where the campaign says nothing shorter.
const maxInputString = 1024

// checkInput holds what a shopper submitted against the campaign's declaration; the error names the first field that
// breaks it, in the order of names.
func (c *Campaign) checkInput(input Object) error {
	if len(input) == 0 && !c.requiresInput() {
		return nil
	}
	for _, name := range slices.Sorted(maps.Keys(input)) {
		declared, ok := c.Inputs[name]
		if !ok {
			return Errorf(CodeInvalid, "input.%s is not an input of this campaign", name)
		}
		if err := declared.check("input."+name, input[name]); err != nil {
			return err
		}
	}
	return c.checkRequired(input)
}

// requiresInput reports whether an order without any input lacks something.
func (c *Campaign) requiresInput() bool {
	for _, declared := range c.Inputs {
		if declared.Fields == nil && declared.Required {
			return true
		}
	}
	return false
}

func (c *Campaign) checkRequired(input Object) error {
	for _, name := range slices.Sorted(maps.Keys(c.Inputs)) {
		declared := c.Inputs[name]
		group, _ := input[name].(Object)
		if declared.Fields == nil && declared.Required && input[name] == nil {
			return Errorf(CodeInvalid, "input.%s is required", name)
		}
		for _, field := range slices.Sorted(maps.Keys(declared.Fields)) {
			if declared.Fields[field].Required && group != nil && group[field] == nil {
				return Errorf(CodeInvalid, "input.%s.%s is required", name, field)
			}
		}
	}
	return nil
}

func (in Input) check(path string, value any) error {
	if in.Fields == nil {
		return in.Field.check(path, value)
	}
	group, ok := value.(Object)
	if !ok {
		return Errorf(CodeInvalid, "%s must be an object", path)
	}
	for _, name := range slices.Sorted(maps.Keys(group)) {
		field, ok := in.Fields[name]
		if !ok {
			return Errorf(CodeInvalid, "%s.%s is not an input of this campaign", path, name)
		}
		if err := field.check(path+"."+name, group[name]); err != nil {
			return err
		}
	}
	return nil
}

func (f Field) check(path string, value any) error {
	switch v := value.(type) {
	case string:
		return f.checkString(path, v)
	case int64:
		if f.Type != "integer" {
			return Errorf(CodeInvalid, "%s must be of type %s", path, f.Type)
		}
		if v < f.Min || (f.Max != 0 && v > f.Max) {
			return Errorf(CodeInvalid, "%s is out of its range", path)
		}
		return nil
	case bool:
		if f.Type == "boolean" {
			return nil
		}
	}
	return Errorf(CodeInvalid, "%s must be of type %s", path, f.Type)
}

func (f Field) checkString(path, v string) error {
	if strings.ContainsRune(v, 0) {
		return Errorf(CodeInvalid, "%s must not contain a zero character", path)
	}
	switch f.Type {
	case "enum":
		if !slices.Contains(f.Of, v) {
			return Errorf(CodeInvalid, "%s must be one of %v", path, f.Of)
		}
	case "string":
		most := f.Max
		if most == 0 {
			most = maxInputString
		}
		if int64(utf8.RuneCountInString(v)) > most {
			return Errorf(CodeInvalid, "%s is longer than %d characters", path, most)
		}
	default:
		return Errorf(CodeInvalid, "%s must be of type %s", path, f.Type)
	}
	return nil
}
