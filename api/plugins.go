package api

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"hotdrop/core"
)

// Plugins takes plugins, knows how they stand, and carries out what staff decide about them.
type Plugins interface {
	// Upload stores a module; created is false for bytes that the brand has uploaded before.
	Upload(ctx context.Context, upload core.PluginUpload) (p *core.Plugin, created bool, err error)
	// Plugin returns one plugin with its report.
	Plugin(ctx context.Context, actor core.Principal, brand, digest string) (*core.Plugin, error)
	// Plugins lists plugins, the latest first.
	Plugins(ctx context.Context, actor core.Principal, brand, cursor string, limit int) (core.Page[*core.Plugin], error)
	// Decide approves, rejects or revokes a plugin.
	Decide(ctx context.Context, decision core.PluginDecision) (*core.Plugin, error)
}

// BrandQuery is the query of routes whose answer may depend on the brand.
type BrandQuery struct {
	Brand string `query:"brand" pattern:"^[a-z0-9-]{1,63}$" patternDescription:"1 to 63 characters of a-z, 0-9 and hyphen" doc:"the brand; your own if your key is a brand's"`
}

// PluginPath is the path of everything about one plugin.
type PluginPath struct {
	BrandQuery

	Digest string `path:"digest" doc:"the plugin's digest" example:"sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"`
}

type uploadInput struct {
	BrandQuery

	Again bool `query:"again" doc:"vet the plugin once more if it was refused, as after the platform granted it more"`

	body *upload
}

// Resolve implements huma.Resolver: the body is read while it is stored.
func (in *uploadInput) Resolve(ctx huma.Context) []error {
	in.body = &upload{reader: ctx.BodyReader()}
	return nil
}

type uploadOutput struct {
	Status   int
	Location string `header:"Location" doc:"where the plugin is"`
	ETag     string `header:"ETag" doc:"the plugin's revision"`
	Body     Plugin
}

type pluginOutput struct {
	ETag string `header:"ETag" doc:"the plugin's revision; send it as If-Match"`
	Body Plugin
}

type pluginsInput struct {
	BrandQuery

	Cursor string `query:"cursor" maxLength:"200" doc:"next of the previous page"`
	Limit  int    `query:"limit" minimum:"1" maximum:"100" default:"20" doc:"rows of a page"`
}

type pluginsOutput struct{ Body Page[Plugin] }

type decisionInput struct {
	PluginPath

	IfMatch string `header:"If-Match" maxLength:"64" doc:"the ETag you have seen: refuse if the plugin has changed since"`
	Body    Decision
}

// Decision says why staff decide so.
type Decision struct {
	Reason string `json:"reason" minLength:"1" maxLength:"500" doc:"why, for the staff log and for the brand" example:"vectors read"`
}

// Plugin is an uploaded plugin as it stands.
type Plugin struct {
	ID         string           `json:"id" doc:"its digest; campaign files name it as plugin" example:"sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"`
	Digest     string           `json:"digest" doc:"the same, over the bytes that were uploaded"`
	Brand      string           `json:"brand" doc:"who uploaded it, and may bind it" example:"meizu"`
	Name       string           `json:"name,omitempty" doc:"the mechanic's name, once it was vetted" example:"trade-in"`
	Size       int64            `json:"size" doc:"bytes" example:"7168"`
	State      core.PluginState `json:"state" doc:"where it stands" enum:"uploaded,vetting,vetted,refused,approved,rejected,revoked"`
	Reason     string           `json:"reason,omitempty" doc:"why it is in that state, in staff's words"`
	UploadedAt time.Time        `json:"uploaded_at"`
	UploadedBy string           `json:"uploaded_by" doc:"the id of the principal"`
	DecidedAt  *time.Time       `json:"decided_at,omitempty" doc:"when staff decided about it"`
	DecidedBy  string           `json:"decided_by,omitempty" doc:"the id of the principal"`
	VettedAt   *time.Time       `json:"vetted_at,omitempty" doc:"when the report was made"`
	Report     any              `json:"report,omitempty" doc:"what vetting found: verdict, reasons, measurements; not in lists"`
}

func (s *Server) registerPlugins() {
	register(s, operation{
		Operation: huma.Operation{
			OperationID: "upload-plugin", Method: http.MethodPost, Path: "/v1/plugins", Tags: []string{"plugins"},
			Summary: "Upload a plugin",
			Description: "The module is the body, as `hotdrop mechanic pack` made it. 202: it is stored, and vetted in the background; " +
				"ask for it at `Location` until its state is `vetted` or `refused`. 200: your brand has uploaded the same bytes before.",
			DefaultStatus: http.StatusAccepted,
			RequestBody: &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{
				wasmType: {Schema: &huma.Schema{Type: huma.TypeString, Format: "binary", Description: "the module"}},
			}},
			Responses: map[string]*huma.Response{"200": {Description: "The same bytes were uploaded before"}},
		},
		takes:   intake{types: []string{wasmType}, limit: core.MaxPluginBytes, stream: true},
		refuses: []core.Code{core.CodeOverloaded, core.CodeUnavailable, core.CodeStorageFull},
	}, s.upload)
	register(s, operation{
		Operation: huma.Operation{
			OperationID: "list-plugins", Method: http.MethodGet, Path: "/v1/plugins", Tags: []string{"plugins"},
			Summary: "Uploaded plugins, the latest first",
		},
	}, s.listPlugins)
	register(s, operation{
		Operation: huma.Operation{
			OperationID: "get-plugin", Method: http.MethodGet, Path: "/v1/plugins/{digest}", Tags: []string{"plugins"},
			Summary: "One plugin with its report",
		},
		refuses: []core.Code{core.CodeNotFound},
	}, s.plugin)
	s.registerDecision(core.PluginApprove, "approvals", "Approve a vetted plugin: its brand's campaigns may bind it",
		"Only what is `vetted`. It is loaded only while its report by the rules of the serving version is good.")
	s.registerDecision(core.PluginReject, "rejections", "Reject a plugin that is not approved", "")
	s.registerDecision(core.PluginRevoke, "revocations", "Revoke an approved plugin",
		"From then on it is refused where a campaign file binds it, no node loads it any more, and no order is priced by it: "+
			"running campaigns that bind it get a new revision under which its binding fails, as `on_failure` has it. Nothing "+
			"else of them changes. A call that failed half-way can be made again.")
}

// registerDecision adds the route of one thing that the platform may decide.
func (s *Server) registerDecision(action core.PluginAction, path, summary, description string) {
	register(s, operation{
		Operation: huma.Operation{
			OperationID: string(action) + "-plugin", Method: http.MethodPost, Path: "/v1/plugins/{digest}/" + path,
			Tags: []string{"plugins"}, Summary: summary, Description: description,
		},
		refuses: []core.Code{core.CodeNotFound, core.CodeWrongState, core.CodePreconditionFailed},
	}, func(ctx context.Context, in *decisionInput) (*pluginOutput, error) { return s.decide(ctx, action, in) })
}

func (s *Server) upload(ctx context.Context, in *uploadInput) (*uploadOutput, error) {
	p, created, err := s.plugins.Upload(ctx, core.PluginUpload{
		Actor: principalOf(ctx), Brand: in.Brand, Body: in.body, Again: in.Again,
	})
	if in.body.problem != nil {
		return nil, in.body.problem
	}
	if err != nil {
		return nil, err
	}
	out := &uploadOutput{
		Status: http.StatusOK, Location: "/v1/plugins/" + p.Digest, ETag: pluginTag(p), Body: pluginView(p),
	}
	if created {
		out.Status = http.StatusAccepted
	}
	return out, nil
}

func (s *Server) listPlugins(ctx context.Context, in *pluginsInput) (*pluginsOutput, error) {
	page, err := s.plugins.Plugins(ctx, principalOf(ctx), in.Brand, in.Cursor, in.Limit)
	if err != nil {
		return nil, err
	}
	return &pluginsOutput{Body: pageOf(page, pluginView)}, nil
}

func (s *Server) plugin(ctx context.Context, in *PluginPath) (*pluginOutput, error) {
	p, err := s.plugins.Plugin(ctx, principalOf(ctx), in.Brand, in.Digest)
	if err != nil {
		return nil, err
	}
	return &pluginOutput{ETag: pluginTag(p), Body: pluginView(p)}, nil
}

func (s *Server) decide(ctx context.Context, action core.PluginAction, in *decisionInput) (*pluginOutput, error) {
	decision := core.PluginDecision{
		Actor: principalOf(ctx), Brand: in.Brand, Digest: in.Digest, Action: action, Reason: in.Body.Reason,
	}
	var err error
	if decision.IfMatch, err = revisionIn(in.IfMatch, "plugin"); err != nil {
		return nil, err
	}
	p, err := s.plugins.Decide(ctx, decision)
	if err != nil {
		return nil, err
	}
	return &pluginOutput{ETag: pluginTag(p), Body: pluginView(p)}, nil
}

func pluginTag(p *core.Plugin) string { return fmt.Sprintf("%q", strconv.FormatInt(p.Revision, 10)) }

func pluginView(p *core.Plugin) Plugin {
	view := Plugin{
		ID: p.Digest, Digest: p.Digest, Brand: p.Brand, Name: p.Name, Size: p.Size, State: p.State, Reason: p.Reason,
		UploadedAt: timeOf(p.UploadedAt), UploadedBy: p.UploadedBy, DecidedBy: p.DecidedBy,
	}
	if p.DecidedAt > 0 {
		at := timeOf(p.DecidedAt)
		view.DecidedAt = &at
	}
	if p.Report != nil {
		at := timeOf(p.Report.At)
		view.VettedAt = &at
		if len(p.Report.Document) > 0 {
			view.Report = p.Report.Document
		}
	}
	return view
}
