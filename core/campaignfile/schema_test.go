package campaignfile

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestTheCommittedSchemaIsUpToDate(t *testing.T) {
	schema, err := Schema()
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "campaign.schema.json", string(schema))
}

// judge is a JSON Schema validator for the keywords that the schema uses; an unknown keyword is an error.
type judge struct{ defs map[string]any }

// newJudge returns the committed schema and its judge.
func newJudge(t interface{ Fatal(args ...any) }) (*judge, map[string]any) {
	data, err := os.ReadFile("campaign.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	var schema map[string]any
	if err := json.Unmarshal(data, &schema); err != nil {
		t.Fatal(err)
	}
	defs, _ := schema["$defs"].(map[string]any)
	return &judge{defs: defs}, schema
}

// check returns the first way in which value breaks the schema.
func (j *judge) check(schema map[string]any, path string, value any) error {
	for keyword, rule := range schema {
		if err := j.keyword(schema, keyword, rule, path, value); err != nil {
			return err
		}
	}
	return nil
}

func (j *judge) keyword(schema map[string]any, keyword string, rule any, path string, value any) error {
	name, _ := rule.(string)
	switch keyword {
	case "$schema", "$defs", "title", "description", "format", "uniqueItems":
		return nil
	case "$ref":
		return j.check(mapping(j.defs[strings.TrimPrefix(name, "#/$defs/")]), path, value)
	case "oneOf":
		return j.one(elements(rule), path, value)
	case "items":
		return j.elements(mapping(rule), path, value)
	case "propertyNames":
		return j.elements(mapping(rule), path, slices.Collect(maps.Keys(mapping(value))))
	case "properties", "additionalProperties":
		return j.members(schema, path, mapping(value))
	}
	if !holds(keyword, rule, value) {
		return fmt.Errorf("%s breaks %s %v", path, keyword, rule)
	}
	return nil
}

// elements checks every element of a list.
func (j *judge) elements(schema map[string]any, path string, value any) error {
	for i, element := range elements(value) {
		if err := j.check(schema, fmt.Sprintf("%s[%d]", path, i), element); err != nil {
			return err
		}
	}
	return nil
}

// holds judges the keywords that are about a value alone.
func holds(keyword string, rule, value any) bool {
	limit, _ := rule.(float64)
	size, measured := measure(keyword, value)
	switch {
	case keyword == "type":
		return typeOf(value) == rule
	case keyword == "enum":
		return slices.Contains(elements(rule), value)
	case keyword == "required":
		object, isObject := value.(map[string]any)
		missing := func(name any) bool { return object[fmt.Sprint(name)] == nil }
		return !isObject || !slices.ContainsFunc(elements(rule), missing)
	case keyword == "pattern":
		return matches(rule, value)
	case strings.HasPrefix(keyword, "min"):
		return !measured || size >= limit
	case strings.HasPrefix(keyword, "max"):
		return !measured || size <= limit
	default:
		return false
	}
}

func elements(value any) []any {
	switch list := value.(type) {
	case []any:
		return list
	case []string:
		out := make([]any, len(list))
		for i := range list {
			out[i] = list[i]
		}
		return out
	default:
		return nil
	}
}

func mapping(value any) map[string]any {
	object, _ := value.(map[string]any)
	return object
}

// measure returns what minimum, maxItems and so on compare, and whether they are about this kind of value.
func measure(keyword string, value any) (float64, bool) {
	switch v := value.(type) {
	case float64:
		return v, strings.HasSuffix(keyword, "imum")
	case string:
		return float64(len([]rune(v))), strings.HasSuffix(keyword, "Length")
	case []any:
		return float64(len(v)), strings.HasSuffix(keyword, "Items")
	case map[string]any:
		return float64(len(v)), strings.HasSuffix(keyword, "Properties")
	default:
		return 0, false
	}
}

func typeOf(value any) string {
	switch v := value.(type) {
	case float64:
		return map[bool]string{true: "integer", false: "number"}[v == math.Trunc(v)]
	case string:
		return "string"
	case []any:
		return "array"
	case bool:
		return "boolean"
	default:
		return "object"
	}
}

// matches is pattern with the lookahead for "not only digits", which Go's regexp does not have, taken out.
func matches(rule, value any) bool {
	text, isText := value.(string)
	if !isText {
		return true
	}
	whole := fmt.Sprint(rule)
	pattern := strings.ReplaceAll(whole, "(?=.*[A-Za-z_-])", "")
	return regexp.MustCompile(pattern).MatchString(text) && (pattern == whole || strings.Trim(text, "0123456789") != "")
}

func (j *judge) one(options []any, path string, value any) error {
	var failures []error
	for _, option := range options {
		if err := j.check(mapping(option), path, value); err != nil {
			failures = append(failures, err)
		}
	}
	if len(failures) == len(options)-1 {
		return nil
	}
	return fmt.Errorf("%s: %d options failed: %w", path, len(failures), errors.Join(failures...))
}

func (j *judge) members(schema map[string]any, path string, object map[string]any) error {
	properties, _ := schema["properties"].(map[string]any)
	others, open := schema["additionalProperties"].(map[string]any)
	for name, value := range object {
		property, known := properties[name].(map[string]any)
		switch {
		case known:
		case open:
			property = others
		default:
			return fmt.Errorf("%s.%s is unknown", path, name)
		}
		if err := j.check(property, path+"."+name, value); err != nil {
			return err
		}
	}
	return nil
}

// plain returns what a JSON reader makes of a file.
func plain(t interface{ Fatal(args ...any) }, data []byte) any {
	var value, again any
	if _, err := Decode(data, &value); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal([]byte(jsonOf(t, value)), &again); err != nil {
		t.Fatal(err)
	}
	return again
}

func TestTheSchemaAcceptsTheExample(t *testing.T) {
	j, schema := newJudge(t)
	if err := j.check(schema, "", plain(t, readFile(t, "testdata/example.yaml"))); err != nil {
		t.Error(err)
	}
}

func TestTheSchemaAcceptsWhatIsValid(t *testing.T) {
	j, schema := newJudge(t)
	rapid.Check(t, func(t *rapid.T) {
		if err := j.check(schema, "", plain(t, []byte(jsonOf(t, campaigns().Draw(t, "campaign"))))); err != nil {
			t.Fatal(err)
		}
	})
}

// TestTheSchemaRefusesBadFiles: the files in testdata/bad are all refused by Parse; these are those that the schema
// refuses too, so that an editor underlines them while they are written.
func TestTheSchemaRefusesBadFiles(t *testing.T) {
	j, schema := newJudge(t)
	for _, name := range []string{
		"a misspelled key is named with its neighbour", "an unknown key far from any known", "a missing key is reported where its mapping starts",
		"a price in quotes", "a negative price and stock", "a mapping where a list belongs", "phases that are missing", "no items",
		"ids that are spelled wrongly", "inputs", "bindings and stacking", "quotas pools and guardrails out of range",
		"draws deposits and groups out of range", "guards out of range", "templates and reminders", "waiting room out of range",
	} {
		t.Run(name, func(t *testing.T) {
			data := readFile(t, filepath.Join("testdata", "bad", strings.ReplaceAll(name, " ", "_")+".yaml"))
			if err := j.check(schema, "", plain(t, data)); err == nil {
				t.Error("accepted")
			}
		})
	}
}

func TestEveryKeyOfTheSchemaIsDescribed(t *testing.T) {
	_, schema := newJudge(t)
	described(t, "", schema)
}

func described(t *testing.T, path string, value any) {
	t.Helper()
	object, _ := value.(map[string]any)
	properties, _ := object["properties"].(map[string]any)
	for name, property := range properties {
		keywords, _ := property.(map[string]any)
		if isLanguage := name == "en" || name == "zh"; keywords["description"] == nil && !isLanguage {
			t.Errorf("%s.%s has no description", path, name)
		}
	}
	for name, inner := range object {
		described(t, path+"/"+name, inner)
	}
}

func TestTheSchemaClosesEveryTypeOfACampaign(t *testing.T) {
	j, schema := newJudge(t)
	for name, definition := range j.defs {
		keywords, _ := definition.(map[string]any)
		if keywords["properties"] != nil && keywords["additionalProperties"] != false {
			t.Errorf("%s is open", name)
		}
	}
	if schema["additionalProperties"] != false {
		t.Error("the file is open")
	}
	for _, name := range []string{
		"Binding", "BreakerTerms", "DepositTerms", "DrawTerms", "Field", "GroupTerms", "Guardrails", "Guards", "Input", "Item", "Phases", "Reminder", "Text",
		"VoucherPool",
	} {
		if j.defs[name] == nil {
			t.Errorf("%s is not defined", name)
		}
	}
}
