package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"hotdrop/core"
	"hotdrop/plugins"
	"hotdrop/plugins/oci"
)

// registryPatience is how long a registry may take for all of one plugin.
const registryPatience = 5 * time.Minute

// registryAccess is how `mechanic export` and `import` speak to a registry.
type registryAccess struct {
	access oci.Access
	stdin  bool // the password is on stdin
}

func (r *registryAccess) register(cmd *cobra.Command) {
	cmd.Flags().StringVar(&r.access.Username, "username", "", "who logs in to the registry; without it as the docker config says")
	cmd.Flags().BoolVar(&r.stdin, "password-stdin", false, "read the password from stdin")
	cmd.Flags().BoolVar(&r.access.PlainHTTP, "plain-http", false, "speak to the registry without encryption")
}

// place reads the name of a place, and the password if there is one to read.
func (r *registryAccess) place(name string, stdin io.Reader) (*oci.Place, error) {
	if r.stdin != (r.access.Username != "") {
		return nil, usageError{errors.New("--username and --password-stdin go together")}
	}
	if r.stdin {
		text, err := readAllBounded("the password", stdin)
		if err != nil {
			return nil, err
		}
		r.access.Password = strings.TrimRight(string(text), "\r\n")
	}
	place, err := oci.ParsePlace(name, r.access)
	if err != nil {
		return nil, usageError{err}
	}
	return place, nil
}

// exporting is what `mechanic export` was asked for.
type exporting struct {
	client   client
	brand    string
	registry registryAccess
	format   output
}

func mechanicExportCommand() *cobra.Command {
	e := &exporting{format: outputText}
	cmd := &cobra.Command{
		Use:   "export DIGEST|FILE PLACE",
		Short: "Put a plugin into an OCI registry (HOST/REPOSITORY:TAG) or layout (oci:FOLDER:TAG), with its signature",
		Long: "Put a packed plugin into an OCI registry, HOST/REPOSITORY:TAG, or a layout on disk, oci:FOLDER:TAG: a FILE with the\n" +
			"FILE" + signatureSuffix + " beside it, or what was submitted to a server under DIGEST, of which 8 hex digits do. The module\n" +
			"goes byte for byte, so its digest stays what was vetted, signed and approved.",
		Example: "  hotdrop mechanic export trade-in" + packedSuffix + " registry.example/meizu/trade-in:1.2\n" +
			"  hotdrop mechanic export sha256:9f86d081 oci:plugins:trade-in-1.2",
		Args: cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			place, err := e.registry.place(args[1], cmd.InOrStdin())
			if err != nil {
				return err
			}
			return e.export(cmd.Context(), args[0], place, cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
	}
	e.client.register(cmd)
	e.registry.register(cmd)
	e.format.register(cmd)
	cmd.Flags().StringVar(&e.brand, "brand", "", "whose plugin it is, where several brands have submitted the same bytes")
	return cmd
}

func (e *exporting) export(ctx context.Context, what string, place *oci.Place, out, talk io.Writer) error {
	artifact, err := e.artifact(ctx, what)
	if err != nil {
		return err
	}
	manifest, err := plugins.ManifestOf(artifact.Module)
	if err != nil {
		return fileError(what, err)
	}
	artifact.Name, artifact.Version, artifact.Author = manifest.Name, manifest.Version, manifest.Author
	_, _ = fmt.Fprintf(talk, "writing %s, %s bytes, to %s\n", artifact.Digest(), thousands(int64(len(artifact.Module))), place)
	ctx, cancel := context.WithTimeout(ctx, registryPatience)
	defer cancel()
	digest, err := oci.Push(ctx, place, artifact)
	if err != nil {
		return err
	}
	sayNext(talk, "import", place.String())
	return printTravelled(out, e.format, &travelled{
		Digest: artifact.Digest(), Place: place.String(), Manifest: digest, Name: artifact.Name, Version: artifact.Version,
		Author: artifact.Author, Brand: artifact.Brand, Signed: artifact.Signature != nil,
	})
}

// artifact reads the plugin from a file, or else from the server.
func (e *exporting) artifact(ctx context.Context, what string) (*oci.Artifact, error) {
	if info, err := os.Stat(what); err == nil && !info.IsDir() {
		return artifactOf(what)
	}
	if _, ok := digestPrefix(what); !ok {
		return nil, fmt.Errorf("%s is neither a file nor a digest, sha256: and at least %d hex digits", what, minDigestPrefix)
	}
	plugin, _, err := (&reviews{client: e.client, brand: e.brand}).find(ctx, what)
	if err != nil {
		return nil, err
	}
	answered, err := e.client.doWithin(ctx, uploadPatience, http.MethodGet, pluginPath(plugin, "/wasm"), nil, nil)
	if err != nil {
		return nil, err
	}
	a := &oci.Artifact{Module: answered.body, Brand: plugin.Brand}
	if got := a.Digest(); got != plugin.Digest {
		return nil, fmt.Errorf("the server sent %s for %s", got, plugin.Digest)
	}
	if s := plugin.Signature; s != nil && s.State == core.SignatureValid {
		a.Signature, err = json.Marshal(signatureFile{s.Key, plugin.Digest, s.Brand, s.Value})
	}
	return a, err
}

// artifactOf is the plugin in a file, with the signature beside it.
func artifactOf(path string) (*oci.Artifact, error) {
	module, err := readPacked(path)
	if err != nil {
		return nil, err
	}
	a := &oci.Artifact{Module: module}
	signature, err := signatureBeside(path, a.Digest())
	if err != nil || signature == nil {
		return a, err
	}
	a.Brand = signature.Brand
	a.Signature, err = json.Marshal(signature)
	return a, err
}

// travelled is what `mechanic export` and `import` print.
type travelled struct {
	Digest   string `json:"digest"`
	Place    string `json:"place"`
	Manifest string `json:"manifest,omitempty"` // its digest names the artifact for ever
	File     string `json:"file,omitempty"`
	Name     string `json:"name"`
	Version  string `json:"version,omitempty"`
	Author   string `json:"author,omitempty"`
	Brand    string `json:"brand,omitempty"`
	Signed   bool   `json:"signed"`
}

func printTravelled(out io.Writer, format output, t *travelled) error {
	if format == outputJSON {
		return printJSON(out, t)
	}
	name := strings.TrimSpace(t.Name + " " + t.Version)
	if t.Author != "" {
		name += " by " + t.Author
	}
	signature := "none"
	if t.Signed {
		signature = "for " + t.Brand
	}
	lines := [][2]string{{"plugin", name}, {"digest", t.Digest}, {"signature", signature}, {"place", t.Place}}
	if t.Manifest != "" {
		lines = append(lines, [2]string{"manifest", t.Manifest})
	}
	if t.File != "" {
		lines = append(lines, [2]string{"file", t.File})
	}
	_, err := io.WriteString(out, labelled(lines))
	return err
}

// importing is what `mechanic import` was asked for.
type importing struct {
	registry registryAccess
	target   string
	format   output
}

func mechanicImportCommand() *cobra.Command {
	i := &importing{format: outputText}
	cmd := &cobra.Command{
		Use:   "import PLACE",
		Short: "Get a plugin from an OCI registry (HOST/REPOSITORY:TAG or @DIGEST) or layout (oci:FOLDER:TAG) into a file",
		Long: "Get a plugin from an OCI registry, HOST/REPOSITORY:TAG or @DIGEST, or a layout on disk, oci:FOLDER:TAG, into a file with\n" +
			"its signature beside it, ready for `mechanic submit`. The module is held against its digest; whether it is fit is what\n" +
			"vetting says, and whose signature counts is what the server says. A file that is there is not overwritten by another.",
		Example: "  hotdrop mechanic import registry.example/meizu/trade-in:1.2 --out trade-in" + packedSuffix,
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			place, err := i.registry.place(args[0], cmd.InOrStdin())
			if err != nil {
				return err
			}
			return i.fetch(cmd.Context(), place, cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
	}
	i.registry.register(cmd)
	i.format.register(cmd)
	cmd.Flags().StringVar(&i.target, "out", "", "the file to write (default: NAME"+packedSuffix+" here)")
	return cmd
}

func (i *importing) fetch(ctx context.Context, place *oci.Place, out, talk io.Writer) error {
	ctx, cancel := context.WithTimeout(ctx, registryPatience)
	defer cancel()
	artifact, err := oci.Pull(ctx, place)
	if err != nil {
		return err
	}
	manifest, err := plugins.ManifestOf(artifact.Module)
	if err != nil {
		return fileError(place.String(), err)
	}
	brand := ""
	if artifact.Signature != nil {
		signature, err := parseSignature("the signature in "+place.String(), artifact.Signature, artifact.Digest())
		if err != nil {
			return err
		}
		brand = signature.Brand
	}
	target := i.target
	if target == "" {
		target = fileNameOf(manifest.Name) + packedSuffix
	}
	if err := keepFiles(target, artifact); err != nil {
		return err
	}
	sayNext(talk, "submit", target)
	return printTravelled(out, i.format, &travelled{
		Digest: artifact.Digest(), Place: place.String(), File: target, Name: manifest.Name, Version: manifest.Version,
		Author: manifest.Author, Brand: brand, Signed: brand != "",
	})
}

// fileNameOf is a name for the file of a mechanic, whose own name is a stranger's: only what is plain of it is taken.
func fileNameOf(mechanic string) string {
	name := strings.Map(func(c rune) rune {
		if c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '-' {
			return c
		}
		return -1
	}, mechanic)
	if name = strings.TrimLeft(name, "-"); name == "" {
		return "plugin"
	}
	return name
}

// keepFiles writes the module, and its signature beside it. What is there with other content stays, and nothing is written.
func keepFiles(target string, a *oci.Artifact) error {
	files := map[string][]byte{target: a.Module}
	if a.Signature != nil {
		files[target+signatureSuffix] = a.Signature
	}
	for path, content := range files {
		if err := differs(path, content); err != nil {
			return err
		}
	}
	for path, content := range files {
		if err := os.WriteFile(path, content, 0o644); err != nil { //nolint:gosec // a plugin is for everybody
			return err
		}
	}
	return nil
}

// differs refuses a file that is there with other content.
func differs(path string, content []byte) error {
	file, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer func() { _ = file.Close() }() // only read
	there, err := io.ReadAll(io.LimitReader(file, int64(len(content))+1))
	if err == nil && !bytes.Equal(there, content) {
		err = fmt.Errorf("%s is there already, with other content; --out names another file", path)
	}
	return err
}
