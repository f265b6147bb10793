// Package oci carries packed plugins to and from OCI registries and layouts. A plugin is an image manifest of its own
// artifact type with one layer: the packed module, byte for byte, so that its digest stays what was signed and approved.
// A signature travels as a second layer. Registries are strangers: everything they send is bounded before it is read and
// held against its digest before it is used.
package oci

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/opencontainers/go-digest"
	"github.com/opencontainers/image-spec/specs-go"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"oras.land/oras-go/v2"
	"oras.land/oras-go/v2/content"

	"hotdrop/core"
)

// The media types of a plugin in a registry.
const (
	TypePlugin    = "application/vnd.hotdrop.plugin.v1"                // of the artifact
	TypeModule    = "application/wasm"                                 // of the layer that is the packed module
	TypeSignature = "application/vnd.hotdrop.plugin.signature.v1+json" // of the layer that is its signature
)

// The annotations of the manifest. What a plugin is called there is for people: only the module's own manifest counts.
const (
	AnnotationName    = ocispec.AnnotationTitle
	AnnotationVersion = ocispec.AnnotationVersion
	AnnotationAuthor  = ocispec.AnnotationAuthors
	AnnotationBrand   = "vnd.hotdrop.plugin.brand"
	AnnotationDigest  = "vnd.hotdrop.plugin.digest"
)

// The most that is read, bytes. A module may be as long as [core.MaxPluginBytes].
const (
	maxManifest  = 64 << 10
	maxSignature = 4 << 10
)

// created stands in every manifest, so that the same plugin makes the same manifest: it says nothing.
const created = "1970-01-01T00:00:00Z"

// Artifact is a plugin as a registry holds it.
type Artifact struct {
	Module    []byte // packed
	Signature []byte // the JSON of its signature file; nil without one
	Name      string
	Version   string
	Author    string
	Brand     string // whose it is; "" for nobody's yet
}

// Digest returns the plugin's digest, "sha256:" and 64 hex digits.
func (a *Artifact) Digest() string {
	sum := sha256.Sum256(a.Module)
	return "sha256:" + hex.EncodeToString(sum[:])
}

func (a *Artifact) annotations() map[string]string {
	all := map[string]string{ocispec.AnnotationCreated: created, AnnotationDigest: a.Digest()}
	for key, value := range map[string]string{
		AnnotationName: a.Name, AnnotationVersion: a.Version, AnnotationAuthor: a.Author, AnnotationBrand: a.Brand,
	} {
		if value != "" {
			all[key] = value
		}
	}
	return all
}

// Push writes the artifact to the place and tags it. It returns the digest of the manifest, which names the artifact for
// ever where a tag may move. What the place has already is not sent again.
func Push(ctx context.Context, to *Place, a *Artifact) (string, error) {
	if len(a.Module) > core.MaxPluginBytes || len(a.Signature) > maxSignature {
		return "", fmt.Errorf("the module has %d bytes and the signature %d; at most %d and %d are taken",
			len(a.Module), len(a.Signature), core.MaxPluginBytes, maxSignature)
	}
	if to.digest {
		return "", fmt.Errorf("%s names a digest, which follows from what is written: name a tag", to)
	}
	target, err := to.writable(ctx)
	if err != nil {
		return "", err
	}
	layers := []ocispec.Descriptor{content.NewDescriptorFromBytes(TypeModule, a.Module)}
	blobs := [][]byte{a.Module}
	if a.Signature != nil {
		layers = append(layers, content.NewDescriptorFromBytes(TypeSignature, a.Signature))
		blobs = append(blobs, a.Signature)
	}
	for i, layer := range layers {
		if err := put(ctx, target, layer, blobs[i]); err != nil {
			return "", to.failure("write the "+layer.MediaType, err)
		}
	}
	manifest, err := oras.PackManifest(ctx, target, oras.PackManifestVersion1_1, TypePlugin, oras.PackManifestOptions{
		Layers: layers, ManifestAnnotations: a.annotations(),
	})
	if err != nil {
		return "", to.failure("write the manifest", err)
	}
	if err := target.Tag(ctx, manifest, to.reference); err != nil {
		return "", to.failure("tag the manifest", err)
	}
	return manifest.Digest.String(), nil
}

// Pull reads the plugin that the place names.
func Pull(ctx context.Context, from *Place) (*Artifact, error) {
	source, err := from.readable()
	if err != nil {
		return nil, err
	}
	defer func() { _ = source.close() }() // only read
	at, err := source.Resolve(ctx, from.reference)
	if err != nil {
		return nil, from.failure("find it", err)
	}
	manifest, err := fetchManifest(ctx, from, source, at)
	if err != nil {
		return nil, err
	}
	module, signature, err := layersOf(manifest)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", from, err)
	}
	a := &Artifact{
		Name: manifest.Annotations[AnnotationName], Version: manifest.Annotations[AnnotationVersion],
		Author: manifest.Annotations[AnnotationAuthor], Brand: manifest.Annotations[AnnotationBrand],
	}
	if a.Module, err = fetch(ctx, from, source, *module); err == nil && signature != nil {
		a.Signature, err = fetch(ctx, from, source, *signature)
	}
	if err != nil {
		return nil, err
	}
	if said := manifest.Annotations[AnnotationDigest]; said != "" && said != a.Digest() {
		return nil, fmt.Errorf("%s: the manifest is of the plugin %s, but the module is %s", from, said, a.Digest())
	}
	return a, nil
}

// fetchManifest reads a manifest that is an image's, of our artifact type.
func fetchManifest(ctx context.Context, from *Place, source content.Fetcher, at ocispec.Descriptor) (*ocispec.Manifest, error) {
	if at.MediaType != ocispec.MediaTypeImageManifest {
		return nil, fmt.Errorf("%s is a %q, not the manifest of one plugin (%s)", from, at.MediaType, ocispec.MediaTypeImageManifest)
	}
	if at.Size > maxManifest {
		return nil, fmt.Errorf("%s: the manifest has %d bytes; at most %d are read", from, at.Size, maxManifest)
	}
	text, err := fetch(ctx, from, source, at)
	if err != nil {
		return nil, err
	}
	manifest := &ocispec.Manifest{}
	if err := json.Unmarshal(text, manifest); err != nil {
		return nil, fmt.Errorf("%s: the manifest is no JSON: %w", from, err)
	}
	if manifest.Versioned != (specs.Versioned{SchemaVersion: 2}) || manifest.ArtifactType != TypePlugin {
		return nil, fmt.Errorf("%s is a %q, not a plugin (%s)", from, manifest.ArtifactType, TypePlugin)
	}
	return manifest, nil
}

// layersOf returns the module's layer and the signature's, which may be missing; any other layer is refused, and so is one
// that is longer than it may be or lies elsewhere.
func layersOf(manifest *ocispec.Manifest) (module, signature *ocispec.Descriptor, err error) {
	most := map[string]int64{TypeModule: core.MaxPluginBytes, TypeSignature: maxSignature}
	found := map[string]*ocispec.Descriptor{}
	for i := range manifest.Layers {
		layer := &manifest.Layers[i]
		limit, known := most[layer.MediaType]
		switch {
		case !known:
			return nil, nil, fmt.Errorf("layer %d is a %q; a plugin has one %s and may have one %s", i, layer.MediaType, TypeModule, TypeSignature)
		case found[layer.MediaType] != nil:
			return nil, nil, fmt.Errorf("layer %d is a second %s", i, layer.MediaType)
		case layer.Size < 1 || layer.Size > limit:
			return nil, nil, fmt.Errorf("layer %d, the %s, has %d bytes; at most %d are read", i, layer.MediaType, layer.Size, limit)
		case len(layer.URLs) > 0:
			return nil, nil, fmt.Errorf("layer %d, the %s, lies somewhere else: %q", i, layer.MediaType, layer.URLs)
		}
		found[layer.MediaType] = layer
	}
	if found[TypeModule] == nil {
		return nil, nil, fmt.Errorf("it has no layer with a module (%s)", TypeModule)
	}
	return found[TypeModule], found[TypeSignature], nil
}

// fetch reads what the descriptor names, no more than it says, and holds it against its digest.
func fetch(ctx context.Context, from *Place, source content.Fetcher, what ocispec.Descriptor) ([]byte, error) {
	if what.Digest.Validate() != nil || what.Digest.Algorithm() != digest.SHA256 {
		return nil, fmt.Errorf("%s: %q is no SHA-256 digest", from, what.Digest)
	}
	if what.Size < 0 {
		return nil, fmt.Errorf("%s: %s has the size %d", from, what.Digest, what.Size)
	}
	what.Data = nil // content that stands in the manifest itself is not read
	reader, err := source.Fetch(ctx, what)
	if err != nil {
		return nil, from.failure("read the "+what.MediaType, err)
	}
	text, err := content.ReadAll(io.LimitReader(reader, what.Size+1), what)
	if err = errors.Join(err, reader.Close()); err != nil {
		return nil, from.failure("read the "+what.MediaType, err)
	}
	return text, nil
}

// put writes a blob that the target does not have.
func put(ctx context.Context, target content.Storage, what ocispec.Descriptor, blob []byte) error {
	there, err := target.Exists(ctx, what)
	if err != nil || there {
		return err
	}
	return target.Push(ctx, what, bytes.NewReader(blob))
}
