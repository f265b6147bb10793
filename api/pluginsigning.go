package api

import (
	"context"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"hotdrop/core"
)

// SigningKeys knows the keys by which brands sign their plugins.
type SigningKeys interface {
	// AddSigningKey registers a key; created is false for one that is registered already.
	AddSigningKey(ctx context.Context, key core.NewSigningKey) (k *core.SigningKey, created bool, err error)
	// SigningKeys lists keys, the latest first.
	SigningKeys(ctx context.Context, actor core.Principal, brand string) ([]*core.SigningKey, error)
	// RevokeSigningKey revokes a key.
	RevokeSigningKey(ctx context.Context, revocation core.SigningKeyRevocation) (*core.SigningKey, error)
}

// SigningKey is a key by which a brand signs its plugins.
type SigningKey struct {
	ID        string     `json:"id" example:"sk_0f1e2d3c4b5a6978"`
	Brand     string     `json:"brand" example:"meizu"`
	Name      string     `json:"name" doc:"for people" example:"build server"`
	PublicKey []byte     `json:"public_key" doc:"base64 of the 32 bytes of an Ed25519 public key"`
	CreatedAt time.Time  `json:"created_at"`
	CreatedBy string     `json:"created_by" doc:"the person"`
	RevokedAt *time.Time `json:"revoked_at,omitempty" doc:"since when nothing can be signed by it"`
	RevokedBy string     `json:"revoked_by,omitempty"`
	Reason    string     `json:"reason,omitempty" doc:"why it was revoked"`
}

type signingKeyInput struct {
	Body struct {
		Brand     string `json:"brand,omitempty" pattern:"^[a-z0-9-]{1,63}$" doc:"whose key it is; your own brand if your key is a brand's"`
		Name      string `json:"name" minLength:"1" maxLength:"100" doc:"for people" example:"build server"`
		PublicKey []byte `json:"public_key" maxLength:"64" doc:"base64 of the 32 bytes of an Ed25519 public key"`
		Reason    string `json:"reason,omitempty" maxLength:"500" doc:"why, for the staff log"`
	}
}

type signingKeyOutput struct {
	Status int
	Body   SigningKey
}

type signingKeysOutput struct{ Body Page[SigningKey] }

type keyRevocationInput struct {
	Key  string `path:"signing_key" maxLength:"64" doc:"the id of the signing key" example:"sk_0f1e2d3c4b5a6978"`
	Body Decision
}

type signingInput struct {
	PluginPath

	Body struct {
		Key       string `json:"key" maxLength:"64" doc:"the id of a signing key of the plugin's brand"`
		Signature string `json:"signature" maxLength:"128" doc:"base64 of 64 bytes: Ed25519 over the text \"hotdrop plugin signature v1\\nbrand <brand>\\ndigest <digest>\\n\""`
	}
}

// registerSigning adds what has to do with the signatures of plugins.
func (s *Server) registerSigning() {
	register(s, operation{
		Operation: huma.Operation{
			OperationID: "sign-plugin", Method: http.MethodPost, Path: "/v1/plugins/{digest}/signatures", Tags: []string{"plugins"},
			Summary: "Sign a plugin that was uploaded",
			Description: "It takes the place of the signature that the plugin may have. What was approved was not signed so: its " +
				"approvals are void, and it is `vetted` again. The same signature again changes nothing, but whoever sends it " +
				"cannot approve the plugin.",
		},
		refuses: []core.Code{core.CodeNotFound, core.CodeWrongState, core.CodeSignatureInvalid},
	}, s.sign)
	register(s, operation{
		Operation: huma.Operation{
			OperationID: "add-signing-key", Method: http.MethodPost, Path: "/v1/signing-keys", Tags: []string{"plugins"},
			Summary:       "Register a key by which a brand signs its plugins",
			Description:   "A brand may have several, so that one can take another's place. 200: the key is registered already.",
			DefaultStatus: http.StatusCreated, Responses: map[string]*huma.Response{"200": {Description: "The key is registered already"}},
		},
		refuses: []core.Code{core.CodeWrongState, core.CodeTooManyKeys},
	}, s.addSigningKey)
	register(s, operation{
		Operation: huma.Operation{
			OperationID: "list-signing-keys", Method: http.MethodGet, Path: "/v1/signing-keys", Tags: []string{"plugins"},
			Summary: "The keys by which brands sign their plugins, the latest first", Description: "A brand sees its own.",
		},
	}, s.listSigningKeys)
	register(s, operation{
		Operation: huma.Operation{
			OperationID: "revoke-signing-key", Method: http.MethodPost, Path: "/v1/signing-keys/{signing_key}/revocations",
			Tags: []string{"plugins"}, Summary: "Revoke a signing key",
			Description: "Nothing can be signed by it any more. Where plugins have to be signed, those that it has signed are approved no " +
				"more. A call that failed half-way can be made again.",
		},
		refuses: []core.Code{core.CodeNotFound},
	}, s.revokeSigningKey)
}

func (s *Server) sign(ctx context.Context, in *signingInput) (*pluginOutput, error) {
	p, err := s.plugins.Sign(ctx, core.PluginSigning{
		Actor: principalOf(ctx), Brand: in.Brand, Digest: in.Digest,
		SignedBy: core.SignedBy{Key: in.Body.Key, Signature: in.Body.Signature},
	})
	if err != nil {
		return nil, err
	}
	return &pluginOutput{ETag: pluginTag(p), Body: pluginView(p)}, nil
}

func (s *Server) addSigningKey(ctx context.Context, in *signingKeyInput) (*signingKeyOutput, error) {
	key, created, err := s.plugins.AddSigningKey(ctx, core.NewSigningKey{
		Actor: principalOf(ctx), Brand: in.Body.Brand, Name: in.Body.Name, Public: in.Body.PublicKey, Reason: in.Body.Reason,
	})
	if err != nil {
		return nil, err
	}
	out := &signingKeyOutput{Status: http.StatusOK, Body: signingKeyView(key)}
	if created {
		out.Status = http.StatusCreated
	}
	return out, nil
}

func (s *Server) listSigningKeys(ctx context.Context, in *BrandQuery) (*signingKeysOutput, error) {
	keys, err := s.plugins.SigningKeys(ctx, principalOf(ctx), in.Brand)
	if err != nil {
		return nil, err
	}
	return &signingKeysOutput{Body: pageOf(core.Page[*core.SigningKey]{Data: keys}, signingKeyView)}, nil
}

func (s *Server) revokeSigningKey(ctx context.Context, in *keyRevocationInput) (*signingKeyOutput, error) {
	key, err := s.plugins.RevokeSigningKey(ctx, core.SigningKeyRevocation{
		Actor: principalOf(ctx), Key: in.Key, Reason: in.Body.Reason,
	})
	if err != nil {
		return nil, err
	}
	return &signingKeyOutput{Status: http.StatusOK, Body: signingKeyView(key)}, nil
}

func signingKeyView(k *core.SigningKey) SigningKey {
	view := SigningKey{
		ID: k.ID, Brand: k.Brand, Name: k.Name, PublicKey: k.Public, CreatedAt: timeOf(k.CreatedAt), CreatedBy: k.CreatedBy,
		RevokedBy: k.RevokedBy, Reason: k.Reason,
	}
	if k.RevokedAt != 0 {
		at := timeOf(k.RevokedAt)
		view.RevokedAt = &at
	}
	return view
}

// registerApproval adds the route by which people approve.
func (s *Server) registerApproval() {
	register(s, operation{
		Operation: huma.Operation{
			OperationID: string(core.PluginApprove) + "-plugin", Method: http.MethodPost, Path: "/v1/plugins/{digest}/approvals",
			Tags: []string{"plugins"}, Summary: "Approve a vetted plugin: campaigns of its brand may bind it",
			Description: "One person's approval; `approvals_needed` people have to give theirs, and none of them may have sent it or a " +
				"signature of it (`senders`), have registered the key that it is signed by, or be named by its manifest as its author. Who " +
				"has approved it and sends it afterwards has not approved it any more. An approval is of these bytes, for these campaigns, " +
				"under the limits that the plugin is granted, until `expires_at`. Approvals of different terms never add up: whoever approves " +
				"other terms begins anew, or, while the plugin is approved, proposes them: what is in force stays until `approvals_needed` " +
				"people have approved what is `proposed`, which then takes its place. A change of the limits or of the signature ends " +
				"approvals. The plugin is loaded only while its report by the rules of the serving version is good.",
		},
		refuses: []core.Code{
			core.CodeNotFound, core.CodeWrongState, core.CodePreconditionFailed, core.CodeApprovalRequired, core.CodeSignatureInvalid,
		},
	}, s.approve)
}

// registerWasm adds the route of a plugin's bytes.
func (s *Server) registerWasm() {
	register(s, operation{
		Operation: huma.Operation{
			OperationID: "get-plugin-wasm", Method: http.MethodGet, Path: "/v1/plugins/{digest}/wasm", Tags: []string{"plugins"},
			Summary:     "The bytes of a plugin, for review and export",
			Description: "What is damaged in the store does not arrive whole.",
			Responses: map[string]*huma.Response{"200": {
				Description: "the module, as it was uploaded",
				Headers:     map[string]*huma.Param{"ETag": {Description: "the digest", Schema: &huma.Schema{Type: huma.TypeString}}},
				Content:     map[string]*huma.MediaType{wasmType: {Schema: &huma.Schema{Type: huma.TypeString, Format: "binary"}}},
			}},
		},
		refuses: []core.Code{core.CodeNotFound, core.CodeWrongState},
	}, s.wasm)
}

func (s *Server) wasm(ctx context.Context, in *PluginPath) (*huma.StreamResponse, error) {
	p, err := s.plugins.Plugin(ctx, principalOf(ctx), in.Brand, in.Digest)
	if err != nil {
		return nil, err
	}
	if p.Upload == "" {
		return nil, core.Errorf(core.CodeWrongState, "the plugin is %s and its bytes are not kept", p.State)
	}
	return &huma.StreamResponse{Body: func(stream huma.Context) { s.sendWasm(stream, p) }}, nil
}

// sendWasm writes the module. Without its end, which is written last, the client sees that it is cut off.
func (s *Server) sendWasm(stream huma.Context, p *core.Plugin) {
	stream.SetHeader("Content-Type", wasmType)
	stream.SetHeader("Content-Length", strconv.FormatInt(p.Size, 10))
	stream.SetHeader("ETag", `"`+p.Digest+`"`)
	stream.SetHeader("Content-Disposition", `attachment; filename="`+wasmFile(p)+`"`)
	stream.SetStatus(http.StatusOK)
	if err := s.plugins.WriteWasm(stream.Context(), p, stream.BodyWriter()); err != nil {
		s.log.Warn("a plugin's bytes were cut off", "brand", p.Brand, "plugin", p.Digest, "error", err)
		panic(http.ErrAbortHandler)
	}
}

// wasmFile is a name for the plugin's file. Its mechanic's name is a stranger's: only what is plain of it is taken.
func wasmFile(p *core.Plugin) string {
	name := strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r == '-' {
			return r
		}
		return -1
	}, p.Name)
	if name == "" {
		name = "plugin"
	}
	return name + "-" + p.Digest[len("sha256:"):][:12] + ".wasm"
}
