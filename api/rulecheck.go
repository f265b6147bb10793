package api

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"unicode/utf8"

	"github.com/danielgtaylor/huma/v2"

	"hotdrop/core"
)

type ruleInput struct{ Body RuleRequest }

// RuleRequest is a rule under its author's hands.
type RuleRequest struct {
	Rule   string      `json:"rule" maxLength:"262144" doc:"the rule file, YAML or JSON" example:"rule: members-only\nhook: quote\nwhen: shopper.tier != \"gold\"\nthen:\n  - deny: {reason: members_only, text: {en: Members only, zh: 会员专享}}\n"`
	Config core.Object `json:"config,omitempty" doc:"the parameters of a binding; without it those that have no default are not asked for"`
}

type ruleOutput struct{ Body RuleReport }

// RuleReport is what is wrong with a rule, or what it is.
type RuleReport struct {
	OK       bool              `json:"ok" doc:"it compiles"`
	Problems []RuleProblem     `json:"problems" nullable:"false" doc:"everything that is wrong, in the order of the file"`
	Name     string            `json:"name,omitempty" example:"members-only"`
	Title    *Text             `json:"title,omitempty"`
	Hooks    []core.Hook       `json:"hooks" nullable:"false" doc:"when it is asked"`
	Facts    []string          `json:"facts" nullable:"false" doc:"the paths of all that it reads"`
	Effects  []core.EffectKind `json:"effects" nullable:"false" doc:"what it may ask for"`
}

// RuleProblem is one thing that is wrong with a rule, at its place. Editors count in UTF-16 code units, people in
// characters: both are there.
type RuleProblem struct {
	Path        string `json:"path" doc:"where, as in then[0].discount.amount or config.amount" example:"when"`
	Line        int    `json:"line,omitempty" doc:"from 1; absent for what is no part of the file" example:"3"`
	Column      int    `json:"column,omitempty" doc:"from 1, in characters" example:"7"`
	ColumnUTF16 int    `json:"column_utf16,omitempty" doc:"from 1, in UTF-16 code units" example:"7"`
	Offset      *int   `json:"offset,omitempty" doc:"from 0, in UTF-16 code units from the start of the text" example:"38"`
	Message     string `json:"message" example:"there is no fact shopper.teir"`
	Snippet     string `json:"snippet,omitempty" doc:"the line that it is in"`
	Hint        string `json:"hint,omitempty" example:"did you mean shopper.tier?"`
}

func (s *Server) registerRules() {
	register(s, operation{
		Operation: huma.Operation{
			OperationID: "check-rule", Method: http.MethodPost, Path: "/v1/rules/check", Tags: []string{"mechanics"},
			Summary: "Everything that is wrong with a rule, as an editor needs it",
			Description: "Nothing is stored. A rule that does not compile is an answer, not an error: `ok` is false and `problems` " +
				"says where and why, with the nearest known name.",
		},
		takes: intake{limit: maxRuleBody},
	}, s.checkRule)
}

// maxRuleBody is how long the body of a check may be, bytes: a rule file, whose characters JSON may escape.
const maxRuleBody = 2 * maxCampaignFile

func (s *Server) checkRule(_ context.Context, in *ruleInput) (*ruleOutput, error) {
	report := RuleReport{Problems: []RuleProblem{}, Hooks: []core.Hook{}, Facts: []string{}, Effects: []core.EffectKind{}}
	manifest, err := s.rules.CheckRule([]byte(in.Body.Rule), in.Body.Config)
	problems, wrong := errors.AsType[*core.Problems](err)
	switch {
	case wrong:
		report.Problems = ruleProblems(in.Body.Rule, problems.List)
	case err != nil:
		return nil, err
	default:
		report.OK, report.Name, report.Title = true, manifest.Name, optionalText(manifest.Title)
		report.Hooks = append(report.Hooks, manifest.Hooks...)
		report.Facts = append(report.Facts, manifest.Facts...)
		report.Effects = append(report.Effects, manifest.Effects...)
	}
	return &ruleOutput{Body: report}, nil
}

// ruleProblems gives each problem the place that editors understand.
func ruleProblems(text string, problems []core.Problem) []RuleProblem {
	lines := linesOf(text)
	return views(problems, func(p core.Problem) RuleProblem {
		view := RuleProblem{
			Path: p.Path, Line: p.Line, Column: p.Column, Message: p.Message, Snippet: p.Snippet, Hint: p.Hint,
		}
		if 1 <= p.Line && p.Line <= len(lines) {
			before := utf16Length(lines[p.Line-1].text, p.Column-1)
			view.ColumnUTF16 = before + 1
			offset := lines[p.Line-1].offset + before
			view.Offset = &offset
		}
		return view
	})
}

// line is a line of a text; offset is where it begins, in UTF-16 code units.
type line struct {
	text   string
	offset int
}

// linesOf splits a text where YAML does, which is at more characters than the ends of lines that editors make.
func linesOf(text string) []line {
	var lines []line
	offset := 0
	text, marked := strings.CutPrefix(text, "\ufeff") // no reader of the file counts it as a column
	if marked {
		offset = 1
	}
	for {
		end := strings.IndexAny(text, "\n\r\u0085\u2028\u2029")
		if end < 0 {
			return append(lines, line{text, offset})
		}
		lines = append(lines, line{text[:end], offset})
		_, size := utf8.DecodeRuneInString(text[end:])
		broken := 1 // every line break is one unit, but for this one
		if strings.HasPrefix(text[end:], "\r\n") {
			size, broken = 2, 2
		}
		offset += utf16Length(text[:end], end) + broken
		text = text[end+size:]
	}
}

// utf16Length is how many UTF-16 code units the first characters of a text take, at most so many of them.
func utf16Length(text string, characters int) int {
	units := 0
	for _, c := range text {
		if characters--; characters < 0 {
			break
		}
		units++
		if c > 0xffff {
			units++
		}
	}
	return units
}
