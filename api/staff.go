package api

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"hotdrop/core"
	"hotdrop/core/campaignfile"
)

type applyInput struct {
	Campaign    string `path:"campaign" maxLength:"63" doc:"the campaign's id; the file has to name the same" example:"trade-in"`
	DryRun      bool   `query:"dry_run" doc:"check and compile everything, say what would change, change nothing"`
	Reason      string `query:"reason" maxLength:"500" doc:"why, for the staff log; needed to change a campaign while shoppers can sign up or buy"`
	ReasonLine  string `header:"X-Reason" maxLength:"500" doc:"the same as a header; it wins"`
	IfMatch     string `header:"If-Match" maxLength:"64" doc:"the ETag you have seen: refuse if the campaign has changed since"`
	IfNoneMatch string `header:"If-None-Match" maxLength:"64" pattern:"^\\*$" patternDescription:"an asterisk" doc:"*: refuse if the campaign exists"`
	RawBody     []byte `contentType:"application/yaml" doc:"the campaign file"`
}

type applyOutput struct {
	Status int
	ETag   string `header:"ETag" doc:"the campaign's revision"`
	Body   Applied
}

// Applied says what became of a campaign file.
type Applied struct {
	ID       string                `json:"id" example:"trade-in"`
	Revision int64                 `json:"revision" doc:"of the file; rises with every change" example:"3"`
	Ruleset  int64                 `json:"ruleset" doc:"the number of the ruleset that decides" example:"2"`
	DryRun   bool                  `json:"dry_run" doc:"nothing was changed"`
	Approval string                `json:"approval,omitempty" doc:"of a dry run: why the file would wait until somebody else applies the same; absent if it would not"`
	Changes  []campaignfile.Change `json:"changes" nullable:"false" doc:"what is different from before, sorted by path"`
	Warnings []string              `json:"warnings,omitempty" nullable:"false" doc:"what was applied all the same: bindings that stay without their plugin, approvals that end before the campaign closes"`
}

type fileInput struct {
	CampaignPath

	Pending bool `query:"pending" doc:"the file that waits until a second person applies the same, instead of the one in force"`
}

type fileOutput struct {
	ContentType string `header:"Content-Type"`
	ETag        string `header:"ETag" doc:"the campaign's revision; send it as If-Match"`
	Body        []byte
}

type rulesetInput struct {
	CampaignPath

	Number int64 `path:"ruleset" minimum:"1" doc:"the ruleset's number" example:"2"`
}

type rulesetOutput struct{ Body Ruleset }

// Ruleset is an immutable list of mechanics that a campaign's decisions were made with.
type Ruleset struct {
	ID        string                   `json:"id" doc:"its number, as a string" example:"2"`
	Campaign  string                   `json:"campaign" example:"trade-in"`
	Ruleset   int64                    `json:"ruleset" doc:"its number" example:"2"`
	Bindings  []core.Binding           `json:"bindings" nullable:"false" doc:"the mechanics, in the order they run"`
	Stacking  map[string]core.Stacking `json:"stacking,omitempty" doc:"how each stacking group combines"`
	Digests   []string                 `json:"digests" nullable:"false" doc:"of each binding's artefact"`
	CreatedAt time.Time                `json:"created_at"`
	CreatedBy string                   `json:"created_by" doc:"the id of the principal who made it"`
	Reason    string                   `json:"reason,omitempty" doc:"why"`
	Warnings  []string                 `json:"warnings,omitempty" nullable:"false" doc:"only in the answer to adding it: which mechanics failed, when they were asked about made-up orders of the campaign's first 8 items, and on which; it is added all the same" example:"[\"bad fails on headset: division by zero\"]"`
}

const yamlType = "application/yaml"

func (s *Server) registerStaff() {
	register(s, operation{
		Operation: huma.Operation{
			OperationID: "apply-campaign", Method: http.MethodPut, Path: "/v1/campaigns/{campaign}", Tags: []string{"staff"},
			Summary: "Apply a campaign file",
			Description: "YAML or JSON. Creates the campaign (201) or changes it (200) at one instant for every order. What is " +
				"wrong with the file comes back all at once, each problem with line and column, and nothing is changed.",
			RequestBody: &huma.RequestBody{Content: map[string]*huma.MediaType{jsonType: {}}},
			Responses:   map[string]*huma.Response{"201": {Description: "Created"}},
		},
		takes: intake{types: []string{yamlType, jsonType}, limit: maxCampaignFile},
		refuses: []core.Code{
			core.CodePreconditionFailed, core.CodeBelowTaken, core.CodeWrongState, core.CodeApprovalRequired, core.CodeReasonRequired,
			core.CodeUnavailable,
		},
	}, s.apply)
	register(s, operation{
		Operation: huma.Operation{
			OperationID: "get-campaign-file", Method: http.MethodGet, Path: "/v1/campaigns/{campaign}/file", Tags: []string{"staff"},
			Summary: "The campaign file as it is in force, or the one that waits for a second person",
			Responses: map[string]*huma.Response{
				"200": {Description: "OK", Content: map[string]*huma.MediaType{yamlType: {Schema: &huma.Schema{Type: huma.TypeString}}}},
			},
		},
		refuses: []core.Code{core.CodeNotFound},
	}, s.file)
	register(s, operation{
		Operation: huma.Operation{
			OperationID: "get-ruleset", Method: http.MethodGet, Path: "/v1/campaigns/{campaign}/rulesets/{ruleset}",
			Tags: []string{"staff"}, Summary: "One ruleset, live or past",
		},
		refuses: []core.Code{core.CodeNotFound},
	}, s.ruleset)
}

func (s *Server) apply(ctx context.Context, in *applyInput) (*applyOutput, error) {
	// huma lends its buffer until the handler returns; the definition lives longer.
	definition, file, err := campaignfile.Parse(bytes.Clone(in.RawBody))
	if err != nil {
		return nil, err
	}
	if definition.ID != in.Campaign {
		return nil, core.Errorf(core.CodeInvalid, "the file is about campaign %q, the path about %q", definition.ID, in.Campaign)
	}
	before, err := s.existing(ctx, in.Campaign)
	if err != nil {
		return nil, err
	}
	revision, err := in.precondition(before)
	if err != nil {
		return nil, err
	}
	record, err := s.engine.ApplyCampaign(ctx, core.ApplyRequest{
		Definition: definition, IfMatch: revision, Actor: principalOf(ctx), Reason: cmp.Or(in.ReasonLine, in.Reason),
		DryRun: in.DryRun, Demo: before.Demo,
	})
	if err != nil {
		return nil, located(file, err)
	}
	return in.result(before, record, definition)
}

// existing returns the campaign's record, an empty one when there is none. Another brand's campaign is not found, as
// everywhere. That its id is taken can be told by this all the same, since there a new campaign would have been made; it is
// no secret either: campaigns are public by their ids.
func (s *Server) existing(ctx context.Context, id string) (*core.CampaignRecord, error) {
	record, err := s.engine.Record(ctx, id)
	if core.CodeOf(err) == core.CodeNotFound {
		return &core.CampaignRecord{}, nil
	}
	if err != nil {
		return nil, err
	}
	return record, ownBrand(ctx, record)
}

// ownBrand answers staff of one brand the campaigns of another like campaigns that are not there.
func ownBrand(ctx context.Context, record *core.CampaignRecord) error {
	if scope := principalOf(ctx).Brand; scope != "" && scope != record.Definition.Brand {
		return core.Errorf(core.CodeNotFound, "there is no campaign %q", record.Definition.ID)
	}
	return nil
}

// etagPattern is a strong ETag of ours: a revision in quotes.
var etagPattern = regexp.MustCompile(`^"([1-9][0-9]{0,17})"$`)

// precondition turns If-Match and If-None-Match into core's IfMatch. An ETag that is not ours matches nothing.
func (in *applyInput) precondition(before *core.CampaignRecord) (int64, error) {
	failed := core.Errorf(core.CodePreconditionFailed, "the campaign is at revision %d", before.Revision)
	switch tag := etagPattern.FindStringSubmatch(in.IfMatch); {
	case in.IfMatch != "" && in.IfNoneMatch != "":
		return 0, core.Errorf(core.CodeInvalid, "send If-Match or If-None-Match, not both")
	case in.IfNoneMatch != "":
		return -1, nil
	case in.IfMatch == "":
		return 0, nil
	case in.IfMatch == "*" && before.Revision > 0:
		return 0, nil // campaigns do not go away
	case tag == nil:
		return 0, failed
	default:
		revision, err := strconv.ParseInt(tag[1], 10, 64)
		if err != nil {
			return 0, failed
		}
		return revision, nil
	}
}

func (in *applyInput) result(before, after *core.CampaignRecord, definition *core.Campaign) (*applyOutput, error) {
	changes, err := campaignfile.Diff(before.Definition, definition)
	if err != nil {
		return nil, err
	}
	out := &applyOutput{Status: http.StatusOK, Body: Applied{
		ID: in.Campaign, Revision: after.Revision, Ruleset: after.Ruleset.Number, DryRun: in.DryRun,
		Changes: append([]campaignfile.Change{}, changes...), Warnings: after.Ruleset.Warnings,
	}}
	if in.DryRun {
		if p := after.Rollout.Pending; p.IsFile(definition) {
			out.Body.Approval = p.Approval
		}
		return out, nil
	}
	if before.Revision == 0 {
		out.Status = http.StatusCreated
	}
	out.ETag = etag(after)
	return out, nil
}

func etag(record *core.CampaignRecord) string {
	return fmt.Sprintf("%q", strconv.FormatInt(record.Revision, 10))
}

// located gives the problems that compilers found their lines and columns.
func located(file *campaignfile.File, err error) error {
	if problems, ok := errors.AsType[*core.Problems](err); ok {
		file.Locate(problems)
	}
	return err
}

func (s *Server) file(ctx context.Context, in *fileInput) (*fileOutput, error) {
	record, err := s.ownRecord(ctx, in.Campaign)
	if err != nil {
		return nil, err
	}
	definition := record.Definition
	if in.Pending {
		if definition, err = record.Rollout.PendingFile(); err != nil {
			return nil, err
		}
	}
	text, err := campaignfile.Marshal(definition)
	if err != nil {
		return nil, err
	}
	return &fileOutput{ContentType: yamlType, ETag: etag(record), Body: text}, nil
}

func (s *Server) ruleset(ctx context.Context, in *rulesetInput) (*rulesetOutput, error) {
	record, err := s.ownRecord(ctx, in.Campaign)
	if err != nil {
		return nil, err
	}
	ruleset, err := s.rulesets.Ruleset(ctx, record.Definition.Key(), in.Number)
	if err != nil {
		return nil, err
	}
	if ruleset == nil {
		return nil, core.Errorf(core.CodeNotFound, "campaign %s has no ruleset %d", in.Campaign, in.Number)
	}
	return &rulesetOutput{Body: rulesetView(in.Campaign, ruleset)}, nil
}

func rulesetView(campaign string, r *core.Ruleset) Ruleset {
	return Ruleset{
		ID: strconv.FormatInt(r.Number, 10), Campaign: campaign, Ruleset: r.Number,
		Bindings: append([]core.Binding{}, r.Bindings...), Stacking: r.Stacking, Digests: append([]string{}, r.Digests...),
		CreatedAt: timeOf(r.CreatedAt), CreatedBy: r.CreatedBy, Reason: r.Reason, Warnings: r.Warnings,
	}
}

// ownRecord returns the campaign's record. For staff of another brand there is none.
func (s *Server) ownRecord(ctx context.Context, id string) (*core.CampaignRecord, error) {
	record, err := s.engine.Record(ctx, id)
	if err != nil {
		return nil, err
	}
	if err := ownBrand(ctx, record); err != nil {
		return nil, err
	}
	return record, nil
}
