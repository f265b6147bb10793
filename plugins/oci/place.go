package oci

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"strings"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"oras.land/oras-go/v2"
	"oras.land/oras-go/v2/content"
	"oras.land/oras-go/v2/content/oci"
	"oras.land/oras-go/v2/errdef"
	"oras.land/oras-go/v2/registry"
	"oras.land/oras-go/v2/registry/remote"
	"oras.land/oras-go/v2/registry/remote/auth"
	"oras.land/oras-go/v2/registry/remote/credentials"
	"oras.land/oras-go/v2/registry/remote/errcode"
)

// layoutPrefix begins the name of a place that is a folder.
const layoutPrefix = "oci:"

// maxIndex is the longest index.json of a layout that is read, bytes.
const maxIndex = 1 << 20

// Access says how a registry is spoken to.
type Access struct {
	Username, Password string // "" for what the docker config has for the registry
	PlainHTTP          bool   // HTTP without encryption, to the registry and to wherever it sends on
}

// Place is where a plugin is in OCI's terms: HOST/REPOSITORY:TAG in a registry, or oci:FOLDER:TAG in a layout on disk. Instead
// of :TAG it may be @DIGEST, to read.
type Place struct {
	name       string // as it was written
	access     Access
	folder     string // of a layout; "" for a registry
	repository registry.Reference
	reference  string // the tag or digest
	digest     bool   // it is a digest
}

// String returns the place as it was written.
func (p *Place) String() string { return p.name }

// ParsePlace reads the name of a place.
func ParsePlace(name string, access Access) (*Place, error) {
	p := &Place{name: name, access: access}
	if layout, ok := strings.CutPrefix(name, layoutPrefix); ok {
		at := strings.LastIndexAny(layout, ":@")
		if i := strings.LastIndex(layout, "@sha256:"); i >= 0 {
			at = i
		}
		if at < 1 || at == len(layout)-1 || strings.ContainsAny(layout[at+1:], `/\`) {
			return nil, fmt.Errorf("%q names no tag: a layout is oci:FOLDER:TAG", name)
		}
		p.folder, p.reference, p.digest = layout[:at], layout[at+1:], layout[at] == '@'
		return p, nil
	}
	reference, err := registry.ParseReference(name)
	if err != nil || reference.Reference == "" {
		return nil, fmt.Errorf("%q is no place for a plugin: HOST/REPOSITORY:TAG, or oci:FOLDER:TAG for a folder", name)
	}
	p.repository, p.reference, p.digest = reference, reference.Reference, strings.Contains(reference.Reference, ":")
	return p, nil
}

// writable opens the place for writing; a layout's folder is made.
func (p *Place) writable(ctx context.Context) (oras.Target, error) {
	if p.folder == "" {
		return p.remote()
	}
	store, err := oci.NewWithContext(ctx, p.folder)
	if err != nil {
		return nil, p.failure("open it", err)
	}
	return store, nil
}

// source is what a plugin is read from.
type source struct {
	content.Fetcher
	content.Resolver

	close func() error
}

// readable opens the place for reading.
func (p *Place) readable() (*source, error) {
	if p.folder == "" {
		repository, err := p.remote()
		if err != nil {
			return nil, err
		}
		return &source{repository, repository, func() error { return nil }}, nil
	}
	root, err := os.OpenRoot(p.folder) // no link leads out of it
	if err != nil {
		return nil, p.failure("open it", err)
	}
	return &source{oci.NewStorageFromFS(root.FS()), &layout{root.FS()}, root.Close}, nil
}

// layout finds what the index of a folder names. The library's own reader reads every manifest that the index claims to
// have before it answers.
type layout struct{ files fs.FS }

// Resolve implements content.Resolver.
func (l *layout) Resolve(_ context.Context, reference string) (ocispec.Descriptor, error) {
	var index ocispec.Index
	if err := l.read(ocispec.ImageIndexFile, &index); err != nil {
		return ocispec.Descriptor{}, err
	}
	for i := range index.Manifests {
		m := &index.Manifests[i]
		if m.Annotations[ocispec.AnnotationRefName] == reference || m.Digest.String() == reference {
			return *m, nil
		}
	}
	return ocispec.Descriptor{}, errdef.ErrNotFound
}

func (l *layout) read(name string, into any) error {
	file, err := l.files.Open(name)
	if err != nil {
		return err
	}
	defer func() { _ = file.Close() }() // only read
	text, err := io.ReadAll(io.LimitReader(file, maxIndex+1))
	if err != nil {
		return err
	}
	if len(text) > maxIndex {
		return fmt.Errorf("%s is longer than %d bytes", name, maxIndex)
	}
	return json.Unmarshal(text, into)
}

// remote is the repository in a registry, under the credentials that were given, else those of the docker config.
func (p *Place) remote() (*remote.Repository, error) {
	client := &auth.Client{
		Client: &http.Client{Transport: newGuard(p.access.PlainHTTP), CheckRedirect: boundRedirects}, Cache: auth.NewCache(),
	}
	given := auth.Credential{Username: p.access.Username, Password: p.access.Password}
	if given != auth.EmptyCredential {
		client.Credential = auth.StaticCredential(p.repository.Registry, given)
	} else {
		store, err := credentials.NewStoreFromDocker(credentials.StoreOptions{})
		if err != nil {
			return nil, fmt.Errorf("the docker config: %w", err)
		}
		client.Credential = credentials.Credential(store)
	}
	return &remote.Repository{
		Client: client, Reference: p.repository, PlainHTTP: p.access.PlainHTTP, MaxMetadataBytes: maxManifest,
	}, nil
}

// failure says what could not be done at the place, and what to try next where that is known.
func (p *Place) failure(what string, err error) error {
	answer, answered := errors.AsType[*errcode.ErrorResponse](err)
	switch {
	case errors.Is(err, errdef.ErrNotFound), errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("%s: cannot %s: there is nothing of that name", p, what)
	case errors.Is(err, auth.ErrBasicCredentialNotFound):
		return fmt.Errorf("%s: cannot %s: the registry asks for credentials: log in with docker, or set --username and --password-stdin", p, what)
	case answered && (answer.StatusCode == http.StatusUnauthorized || answer.StatusCode == http.StatusForbidden):
		return fmt.Errorf("%s: cannot %s: the registry refuses the credentials (%d)", p, what, answer.StatusCode)
	case errors.Is(err, http.ErrSchemeMismatch):
		return fmt.Errorf("%s: cannot %s: the registry does not encrypt; --plain-http allows that", p, what)
	default:
		return fmt.Errorf("%s: cannot %s: %w", p, what, err)
	}
}
