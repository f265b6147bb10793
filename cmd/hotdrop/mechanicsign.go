package main

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/spf13/cobra"

	"hotdrop/core"
	"hotdrop/plugins"
)

// signatureSuffix follows the name of the module that a file signs.
const signatureSuffix = ".sig"

// signatureFile is what FILE.sig holds.
type signatureFile struct {
	Key       string `json:"key"`       // the id that the key has once it is registered for the brand
	Digest    string `json:"digest"`    // of the module
	Brand     string `json:"brand"`     // who vouches for it
	Signature []byte `json:"signature"` // 64 bytes, base64: see core.PluginSignatureText
}

// signing is what `mechanic sign` was asked for.
type signing struct {
	key    string
	brand  string
	target string
	format output
}

func mechanicSignCommand() *cobra.Command {
	s := &signing{format: outputText}
	cmd := &cobra.Command{
		Use:   "sign FILE",
		Short: "Sign a packed plugin for its brand, beside it in FILE" + signatureSuffix,
		Long: "Sign a packed plugin for its brand, beside it in FILE" + signatureSuffix + ". The signature is over the brand and the\n" +
			"digest: it counts for no other brand, and for no other bytes. Nothing is sent anywhere; `mechanic submit` sends it along.",
		Example: "  hotdrop mechanic sign trade-in" + packedSuffix + " --key meizu.key --brand meizu",
		Args:    atMostOne(true),
		RunE: func(cmd *cobra.Command, args []string) error {
			return s.sign(args[0], cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
	}
	s.format.register(cmd)
	cmd.Flags().StringVar(&s.key, "key", "", "file of the private key, as hotdrop keys signing new made it; required")
	cmd.Flags().StringVar(&s.brand, "brand", "", "the brand that vouches for it; required")
	cmd.Flags().StringVar(&s.target, "out", "", "the file to write (default: FILE"+signatureSuffix+")")
	notASetting(cmd, "key")
	return cmd
}

func (s *signing) sign(path string, out, talk io.Writer) error {
	switch {
	case s.key == "":
		return usageError{errors.New("--key is missing: the file of the private key; hotdrop keys signing new FILE makes one")}
	case !core.ValidCampaignID(s.brand):
		return usageError{errors.New("--brand is missing, or is none: the brand that vouches for the plugin")}
	}
	module, err := readPacked(path)
	if err != nil {
		return err
	}
	private, err := readPrivateKey(s.key)
	if err != nil {
		return err
	}
	signed := newSignature(private, s.brand, plugins.Digest(module))
	target := s.target
	if target == "" {
		target = path + signatureSuffix
	}
	replaced := signed.replaces(target)
	if err := signed.write(target); err != nil {
		return err
	}
	if replaced {
		_, _ = fmt.Fprintf(talk, "replaced the signature that was in %s\n", target)
	}
	sayNext(talk, "submit", path)
	if s.format == outputJSON {
		return printJSON(out, signed)
	}
	_, err = fmt.Fprintf(out, "%s  %s by %s for %s\n", target, signed.Digest, signed.Key, signed.Brand)
	return err
}

func newSignature(private ed25519.PrivateKey, brand, digest string) *signatureFile {
	public, _ := private.Public().(ed25519.PublicKey) // what an Ed25519 key has
	return &signatureFile{
		Key: core.SigningKeyID(brand, public), Digest: digest, Brand: brand,
		Signature: ed25519.Sign(private, []byte(core.PluginSignatureText(brand, digest))),
	}
}

// replaces reports whether something else is in the file.
func (f *signatureFile) replaces(path string) bool {
	before, err := os.ReadFile(path)
	var text bytes.Buffer
	return err == nil && printJSON(&text, f) == nil && !bytes.Equal(before, text.Bytes())
}

func (f *signatureFile) write(path string) error {
	var text bytes.Buffer
	if err := printJSON(&text, f); err != nil {
		return err
	}
	return os.WriteFile(path, text.Bytes(), 0o644) //nolint:gosec // a signature is for everybody
}

// maxSignatureFile is the longest file of a signature that is read, bytes.
const maxSignatureFile = 4 << 10

// readSignature reads a signature of the module of that digest.
func readSignature(path, digest string) (*signatureFile, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }() // only read
	text, err := io.ReadAll(io.LimitReader(file, maxSignatureFile+1))
	if err != nil {
		return nil, err
	}
	return parseSignature(path, text, digest)
}

// parseSignature reads a signature and refuses one of other bytes: the server would too, but could not say which file.
func parseSignature(name string, text []byte, digest string) (*signatureFile, error) {
	again := func(why string) error {
		return &nextError{fmt.Errorf("%s %s", name, why), commandLine("sign", "FILE", "--key", "KEYFILE", "--brand", "BRAND")}
	}
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	f := &signatureFile{}
	err := decoder.Decode(f)
	switch {
	case len(text) > maxSignatureFile || err != nil || decoder.More():
		return nil, again("is no signature of a plugin: a JSON object of key, digest, brand and signature")
	case f.Key == "" || f.Brand == "" || len(f.Signature) != ed25519.SignatureSize:
		return nil, again("lacks its key, its brand, or the 64 bytes of an Ed25519 signature")
	case f.Digest != digest:
		return nil, again("signs " + printable(f.Digest) + ", but the plugin is " + digest)
	}
	return f, nil
}

// header is the signature as it goes with an upload.
func (f *signatureFile) header() string {
	return f.Key + ":" + base64.StdEncoding.EncodeToString(f.Signature)
}

// signatureBeside returns the signature that lies beside a module, nil if there is none.
func signatureBeside(path, digest string) (*signatureFile, error) {
	f, err := readSignature(path+signatureSuffix, digest)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil //nolint:nilnil // not signed
	}
	return f, err
}
