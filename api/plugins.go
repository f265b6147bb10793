package api

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"hotdrop/core"
)

// Plugins takes plugins, knows how they stand, and carries out what staff decide about them.
type Plugins interface {
	SigningKeys

	// Upload stores a module; created is false for bytes that the brand has uploaded before.
	Upload(ctx context.Context, upload core.PluginUpload) (p *core.Plugin, created bool, err error)
	// Plugin returns one plugin with its report.
	Plugin(ctx context.Context, actor core.Principal, brand, digest string) (*core.Plugin, error)
	// Plugins lists plugins, the latest first.
	Plugins(ctx context.Context, actor core.Principal, list core.PluginList) (core.Page[*core.Plugin], error)
	// Decide approves, rejects or revokes a plugin.
	Decide(ctx context.Context, decision core.PluginDecision) (*core.Plugin, error)
	// Sign gives a plugin a signature.
	Sign(ctx context.Context, signing core.PluginSigning) (*core.Plugin, error)
	// WriteWasm writes the plugin's bytes; what is damaged does not arrive whole.
	WriteWasm(ctx context.Context, p *core.Plugin, to io.Writer) error
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

	Signature string `header:"Hotdrop-Signature" maxLength:"200" doc:"the brand's signature: the id of a signing key, a colon, and base64 of 64 bytes"`

	Reason     string `query:"reason" maxLength:"500" doc:"why, for the staff log"`
	ReasonLine string `header:"X-Reason" maxLength:"500" doc:"the same as a header; it wins"`

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

	State  core.PluginState `query:"state" enum:"uploaded,vetting,vetted,refused,approved,rejected,revoked" doc:"only those in this state"`
	Cursor string           `query:"cursor" maxLength:"200" doc:"next of the previous page"`
	Limit  int              `query:"limit" minimum:"1" maximum:"100" default:"20" doc:"rows of a page"`
}

type pluginsOutput struct{ Body Page[Plugin] }

type approvalInput struct {
	PluginPath

	IfMatch string `header:"If-Match" maxLength:"64" doc:"the ETag you have seen: refuse if the plugin has changed since"`
	Body    Approval
}

// Approval is one person's agreement to a plugin.
type Approval struct {
	Reason    string     `json:"reason" minLength:"1" maxLength:"500" doc:"why, for the staff log and for the brand" example:"vectors read"`
	Campaigns []string   `json:"campaigns,omitempty" nullable:"false" maxItems:"100" doc:"the campaigns that may bind it; an empty list is all of its brand, and without one it is what others have proposed or approved already, else all"`
	ExpiresAt *time.Time `json:"expires_at,omitempty" doc:"when the approval ends, at most a year from now; without it when others have said already, else after 90 days"`
}

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
	UploadedBy string           `json:"uploaded_by" doc:"who sent it first"`
	DecidedAt  *time.Time       `json:"decided_at,omitempty" doc:"when it was last decided about, or its approvals were ended"`
	DecidedBy  string           `json:"decided_by,omitempty" doc:"who did: the id of the principal, or system where its time was over or what its approvals were bound to changed"`
	VettedAt   *time.Time       `json:"vetted_at,omitempty" doc:"when the report was made"`
	Report     any              `json:"report,omitempty" doc:"what vetting found: verdict, reasons, measurements; not in lists"`

	Senders         []PluginSender   `json:"senders" nullable:"false" doc:"who has sent these bytes or a signature of them, each person once: none of them can approve it"`
	Author          string           `json:"author,omitempty" doc:"who made it, as its manifest says, for which nobody vouches"`
	Terms           *PluginTerms     `json:"terms,omitempty" doc:"what is approved; until it is, whoever approves on other terms begins anew"`
	Approvals       []PluginApproval `json:"approvals" nullable:"false" doc:"who has approved it on these terms"`
	Proposed        *PluginProposal  `json:"proposed,omitempty" doc:"other terms that some have approved while those above are in force; they take their place when enough people have"`
	ApprovalsNeeded int              `json:"approvals_needed" doc:"how many people have to approve it, all together" example:"2"`
	Signature       *PluginSignedBy  `json:"signature,omitempty" doc:"the signature of its brand"`
	Notice          string           `json:"notice,omitempty" doc:"what else your request did, such as that earlier approvals are void"`
}

// PluginSender is who has sent a plugin's bytes, or a signature of them.
type PluginSender struct {
	By   string          `json:"by" doc:"the person"`
	Deed core.PluginDeed `json:"deed" enum:"upload,sign" doc:"what that person sent first"`
	At   time.Time       `json:"at"`
}

// PluginTerms are what people approve, beside the digest.
type PluginTerms struct {
	Campaigns []string  `json:"campaigns" nullable:"false" doc:"that may bind it; none: all of its brand"`
	ExpiresAt time.Time `json:"expires_at" doc:"from then on it is approved no more"`
	Limits    any       `json:"limits,omitempty" doc:"what it is granted: memory, fuel, sizes"`
}

// PluginProposal is what some people have approved beside the terms in force.
type PluginProposal struct {
	Terms     PluginTerms      `json:"terms"`
	Approvals []PluginApproval `json:"approvals" nullable:"false" doc:"who has approved these terms; they count for no others"`
}

// PluginApproval is who has approved a plugin.
type PluginApproval struct {
	By     string    `json:"by" doc:"the person"`
	At     time.Time `json:"at"`
	Reason string    `json:"reason"`
}

// PluginSignedBy is a plugin's signature.
type PluginSignedBy struct {
	Key       string              `json:"key" doc:"the id of the signing key"`
	Brand     string              `json:"brand" doc:"whose key it is"`
	State     core.SignatureState `json:"state" enum:"valid,revoked,invalid" doc:"what it is worth now"`
	Registrar string              `json:"key_registered_by,omitempty" doc:"who registered that key, and cannot approve what is signed by it"`
	Value     []byte              `json:"value" doc:"base64 of the 64 bytes, for whoever carries the plugin elsewhere"`
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
	s.registerWasm()
	s.registerSigning()
	s.registerApproval()
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
	signature, err := core.ParseSignedBy(in.Signature)
	if err != nil {
		return nil, err
	}
	p, created, err := s.plugins.Upload(ctx, core.PluginUpload{
		Actor: principalOf(ctx), Brand: in.Brand, Body: in.body, Again: in.Again, Signature: signature,
		Reason: cmp.Or(in.ReasonLine, in.Reason),
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
	page, err := s.plugins.Plugins(ctx, principalOf(ctx), core.PluginList{
		Brand: in.Brand, State: in.State, Cursor: in.Cursor, Limit: in.Limit,
	})
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
	return s.decidePlugin(ctx, in.IfMatch, core.PluginDecision{
		Actor: principalOf(ctx), Brand: in.Brand, Digest: in.Digest, Action: action, Reason: in.Body.Reason,
	})
}

func (s *Server) approve(ctx context.Context, in *approvalInput) (*pluginOutput, error) {
	decision := core.PluginDecision{
		Actor: principalOf(ctx), Brand: in.Brand, Digest: in.Digest, Action: core.PluginApprove, Reason: in.Body.Reason,
		Campaigns: in.Body.Campaigns,
	}
	if in.Body.ExpiresAt != nil {
		decision.ExpiresAt = in.Body.ExpiresAt.UnixMilli()
	}
	return s.decidePlugin(ctx, in.IfMatch, decision)
}

func (s *Server) decidePlugin(ctx context.Context, ifMatch string, decision core.PluginDecision) (out *pluginOutput, err error) {
	if decision.IfMatch, err = revisionIn(ifMatch, "plugin"); err != nil {
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
		Senders: views(p.Senders, senderView), Author: p.Author, Terms: termsView(p.Terms),
		Approvals: views(p.Approvals, approvalView), ApprovalsNeeded: p.Needed, Notice: p.Notice,
	}
	if n := p.Proposed; n != nil {
		view.Proposed = &PluginProposal{Terms: *termsView(n.Terms), Approvals: views(n.Approvals, approvalView)}
	}
	if p.Signature != nil {
		view.Signature = &PluginSignedBy{
			Key: p.Signature.Key, Brand: p.Brand, State: p.SignatureState(), Registrar: p.Signature.Registrar, Value: p.Signature.Value,
		}
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

func senderView(s core.PluginSender) PluginSender {
	return PluginSender{By: s.By, Deed: s.Deed, At: timeOf(s.At)}
}

func approvalView(a core.PluginApproval) PluginApproval {
	return PluginApproval{By: a.By, At: timeOf(a.At), Reason: a.Reason}
}

func termsView(t *core.PluginTerms) *PluginTerms {
	if t == nil {
		return nil
	}
	view := &PluginTerms{Campaigns: append([]string{}, t.Campaigns...), ExpiresAt: timeOf(t.ExpiresAt)}
	if len(t.Limits) > 0 {
		view.Limits = t.Limits
	}
	return view
}
