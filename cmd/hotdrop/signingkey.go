package main

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"hotdrop/api"
	"hotdrop/core"
)

// The blocks of a key file, PEM as openssl writes it (PKCS #8 and PKIX).
const (
	privateBlock = "PRIVATE KEY"
	publicBlock  = "PUBLIC KEY"
)

func signingKeysCommand() *cobra.Command {
	group := &cobra.Command{
		Use:   "signing",
		Short: "Keys by which a brand signs its plugins: make one, register it, list and revoke them",
		Long: "Keys by which a brand signs its plugins. The private half stays with the author; the server gets the public half only,\n" +
			"and anybody who has it can check who vouches for a plugin. A brand may have several, so that one can take another's place.",
		Example: "  hotdrop keys signing new meizu.key\n" +
			"  hotdrop keys signing add meizu.key --name \"build server\"   # with HOTDROP_KEY\n" +
			"  hotdrop mechanic sign trade-in" + packedSuffix + " --key meizu.key --brand meizu",
	}
	group.AddCommand(newSigningKeyCommand(), addSigningKeyCommand(), listSigningKeysCommand(), revokeSigningKeyCommand())
	return group
}

func newSigningKeyCommand() *cobra.Command {
	format := outputText
	cmd := &cobra.Command{
		Use:   "new FILE",
		Short: "Make an Ed25519 key pair: the private half in FILE, readable for its owner only, the public half on stdout",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return makeSigningKey(args[0], format, cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
	}
	format.register(cmd)
	return cmd
}

func makeSigningKey(path string, format output, out, talk io.Writer) error {
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return fmt.Errorf("make a key: %w", err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		return fmt.Errorf("make a key: %w", err)
	}
	if err := writeNewSecret(path, pem.EncodeToMemory(&pem.Block{Type: privateBlock, Bytes: der})); err != nil {
		return err
	}
	encoded := base64.StdEncoding.EncodeToString(public)
	_, _ = fmt.Fprintf(talk, "wrote the private key to %s; keep it where plugins are built\nnext: hotdrop keys signing add %s --name NAME\n",
		path, quoted(path))
	if format == outputJSON {
		return printJSON(out, struct {
			File      string `json:"file"`
			PublicKey string `json:"public_key"`
		}{path, encoded})
	}
	_, err = fmt.Fprintf(out, "public key  %s\n", encoded)
	return err
}

// writeNewSecret writes a file that only its owner can read; one that is there is not overwritten.
func writeNewSecret(path string, content []byte) error {
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("%s is there already: name another file", path)
	}
	if err != nil {
		return err
	}
	_, err = file.Write(content)
	return errors.Join(err, file.Sync(), file.Close())
}

// maxKeyFile is the longest key file that is read, bytes.
const maxKeyFile = 4 << 10

// readKeyFile reads the first block of a PEM file.
func readKeyFile(path string) (*pem.Block, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }() // only read
	text, err := io.ReadAll(io.LimitReader(file, maxKeyFile+1))
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode(text)
	if block == nil || len(text) > maxKeyFile {
		return nil, &nextError{fmt.Errorf("%s is no key file (PEM)", path), "hotdrop keys signing new FILE"}
	}
	return block, nil
}

// readPrivateKey reads the private half of a signing key. A file that others can read is refused, as ssh does.
func readPrivateKey(path string) (ed25519.PrivateKey, error) {
	block, err := readKeyFile(path)
	if err != nil {
		return nil, err
	}
	if block.Type != privateBlock {
		return nil, fmt.Errorf("%s holds a %q, not a %s", path, printable(block.Type), privateBlock)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm()&0o077 != 0 {
		return nil, errors.Join(&nextError{fmt.Errorf("others can read the private key %s", path), "chmod 600 " + quoted(path)}, err)
	}
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	private, ok := key.(ed25519.PrivateKey)
	if err != nil || !ok {
		return nil, errors.Join(fmt.Errorf("%s is no Ed25519 key", path), err)
	}
	return private, nil
}

// publicKeyOf returns the public half of what the argument names: base64 of it, its PEM file, or that of the private half.
func publicKeyOf(argument string) (ed25519.PublicKey, error) {
	if raw, err := base64.StdEncoding.DecodeString(argument); err == nil && len(raw) == ed25519.PublicKeySize {
		return raw, nil
	}
	block, err := readKeyFile(argument)
	if err != nil {
		return nil, err
	}
	if block.Type == privateBlock {
		private, err := readPrivateKey(argument)
		if err != nil {
			return nil, err
		}
		public, _ := private.Public().(ed25519.PublicKey) // what an Ed25519 key has
		return public, nil
	}
	key, err := x509.ParsePKIXPublicKey(block.Bytes)
	public, ok := key.(ed25519.PublicKey)
	if err != nil || !ok || block.Type != publicBlock {
		return nil, errors.Join(fmt.Errorf("%s is no Ed25519 key", argument), err)
	}
	return public, nil
}

// signingKeys is what the commands about registered keys were asked for.
type signingKeys struct {
	client client
	brand  string
	name   string
	reason string
	format output
}

func (s *signingKeys) register(cmd *cobra.Command) *cobra.Command {
	s.client.demo = core.RoleAdmin
	s.client.register(cmd)
	s.format = outputText
	s.format.register(cmd)
	cmd.Flags().StringVar(&s.brand, "brand", "", "whose key it is; not needed with a brand's API key")
	return cmd
}

func addSigningKeyCommand() *cobra.Command {
	s := &signingKeys{}
	cmd := s.register(&cobra.Command{
		Use:   "add FILE|PUBLIC",
		Short: "Register the public half of a key: FILE as `keys signing new` or openssl made it, or the base64 of its 32 bytes",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return s.add(cmd.Context(), args[0], cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
	})
	cmd.Flags().StringVar(&s.name, "name", "", "what people call it; the file's name by default")
	cmd.Flags().StringVar(&s.reason, "reason", "", "why, for the staff log")
	return cmd
}

func (s *signingKeys) add(ctx context.Context, argument string, out, talk io.Writer) error {
	public, err := publicKeyOf(argument)
	if err != nil {
		return err
	}
	name := s.name
	if name == "" {
		name = strings.TrimSuffix(filepath.Base(argument), filepath.Ext(argument))
	}
	body, err := s.client.post(ctx, "/v1/signing-keys", struct {
		Brand     string `json:"brand,omitempty"`
		Name      string `json:"name"`
		PublicKey []byte `json:"public_key"`
		Reason    string `json:"reason,omitempty"`
	}{s.brand, name, public, s.reason})
	if err != nil {
		return err
	}
	key, err := decode[api.SigningKey](body)
	if err != nil {
		return err
	}
	_, _ = fmt.Fprintf(talk, "next: hotdrop mechanic sign FILE --key KEYFILE --brand %s\n", key.Brand)
	return s.print(out, body, []api.SigningKey{*key})
}

func listSigningKeysCommand() *cobra.Command {
	s := &signingKeys{}
	return s.register(&cobra.Command{
		Use:   "list",
		Short: "List signing keys, those that are revoked too, the latest first",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return s.list(cmd.Context(), cmd.OutOrStdout())
		},
	})
}

func (s *signingKeys) list(ctx context.Context, out io.Writer) error {
	body, err := s.client.get(ctx, "/v1/signing-keys"+brandQuery(s.brand))
	if err != nil {
		return err
	}
	page, err := decode[api.Page[api.SigningKey]](body)
	if err != nil {
		return err
	}
	return s.print(out, body, page.Data)
}

func revokeSigningKeyCommand() *cobra.Command {
	s := &signingKeys{}
	cmd := s.register(&cobra.Command{
		Use:   "revoke KEY",
		Short: "Revoke a signing key: nothing that it signs counts any more",
		Long: "Revoke a signing key: nothing that it signs counts any more. Where plugins have to be signed, those that it has signed\n" +
			"decide nothing any more; sign them by another key, and have them approved again.",
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return s.revoke(cmd.Context(), args[0], cmd.OutOrStdout())
		},
	})
	cmd.Flags().StringVar(&s.reason, "reason", "", "why, for the staff log; required")
	return cmd
}

func (s *signingKeys) revoke(ctx context.Context, id string, out io.Writer) error {
	if s.reason == "" {
		return usageError{errors.New("--reason is missing: it goes into the staff log")}
	}
	body, err := s.client.post(ctx, "/v1/signing-keys/"+url.PathEscape(id)+"/revocations", map[string]string{"reason": s.reason})
	if err != nil {
		return err
	}
	key, err := decode[api.SigningKey](body)
	if err != nil {
		return err
	}
	return s.print(out, body, []api.SigningKey{*key})
}

// print prints keys, a line each, or what the server answered.
func (s *signingKeys) print(out io.Writer, body []byte, keys []api.SigningKey) error {
	if s.format == outputJSON {
		return printAsIs(out, body)
	}
	rows := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	for i := range keys {
		k := &keys[i]
		state := "active since " + utc(k.CreatedAt) + " by " + k.CreatedBy
		if k.RevokedAt != nil {
			state = "revoked at " + utc(*k.RevokedAt) + " by " + k.RevokedBy + ": " + k.Reason
		}
		_, _ = fmt.Fprintf(rows, "%s\t%s\t%s\t%s\n", k.ID, k.Brand, oneLine(k.Name), oneLine(state)) // Flush tells what failed
	}
	return rows.Flush()
}

// brandQuery is the query of a route whose answer may depend on the brand.
func brandQuery(brand string) string {
	if brand == "" {
		return ""
	}
	return "?" + url.Values{"brand": {brand}}.Encode()
}
