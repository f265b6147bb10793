package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"hotdrop/api"
	"hotdrop/core"
	"hotdrop/plugins"
	"hotdrop/plugins/vet"
)

// verdictEvery is how often a server is asked for its verdict.
const verdictEvery = 250 * time.Millisecond

// uploadPatience is how long an upload may take: the five minutes that a server gives the body, and a minute for its answer,
// so that a slow line hears from the server that it was too slow.
const uploadPatience = 6 * time.Minute

// submission is what `mechanic submit` was asked for.
type submission struct {
	client    client
	brand     string
	signature string // the file of it; "" for what lies beside the module
	wait      bool
	again     bool
	reason    string // "": the server says what was sent
	format    output
}

func mechanicSubmitCommand() *cobra.Command {
	s := &submission{format: outputText}
	cmd := &cobra.Command{
		Use:   "submit [FILE]",
		Short: "Upload a packed plugin to a server and wait for the verdict of vetting",
		Long: "Upload the module FILE, as `mechanic pack` made it, and wait until the server has vetted it. Without FILE it is\n" +
			"the packed module in this folder. FILE" + signatureSuffix + " beside it, as `mechanic sign` made it, goes along. Submitting the\n" +
			"same bytes again is harmless. The state, the digest and the reasons of a refusal go to stdout; a plugin that is\n" +
			"refused, rejected or revoked ends with exit code 1.",
		Example: "  hotdrop mechanic submit trade-in" + packedSuffix + "   # with HOTDROP_KEY\n" +
			"  hotdrop mechanic submit --brand meizu   # with the keys of the demo in this folder",
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			path, err := packedFile(argument(args))
			if err != nil {
				return err
			}
			return s.submit(cmd.Context(), path, cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
	}
	s.client.register(cmd)
	s.format.register(cmd)
	cmd.Flags().StringVar(&s.brand, "brand", "", "the brand that uploads; not needed with a brand's key")
	cmd.Flags().StringVar(&s.signature, "signature", "", "file of the signature (default: FILE"+signatureSuffix+" if it is there)")
	cmd.Flags().StringVar(&s.reason, "reason", "", "why, for the staff log; without: that the module was sent")
	cmd.Flags().BoolVar(&s.wait, "wait", true, "wait for the verdict; --wait=false ends after the upload")
	cmd.Flags().BoolVar(&s.again, "again", false, "have it vetted once more if it was refused before")
	return cmd
}

// packedFile is the module that a path names: itself, or the only packed one in the folder.
func packedFile(path string) (string, error) {
	info, err := os.Stat(path)
	if path != "" && (err != nil || !info.IsDir()) {
		return path, err
	}
	found, err := filepath.Glob(filepath.Join(escapeGlob(filepath.Clean(path)), "*"+packedSuffix))
	switch {
	case err != nil:
		return "", err
	case len(found) == 0:
		return "", &nextError{fmt.Errorf("there is no packed module (*%s) %s", packedSuffix, inFolderText(path)), commandLine("pack", path)}
	case len(found) > 1:
		return "", fmt.Errorf("there are %d packed modules %s; name one of %s", len(found), inFolderText(path), strings.Join(found, ", "))
	}
	return found[0], nil
}

// inFolderText says in which folder something is looked for; "" is the one that the command runs in.
func inFolderText(path string) string {
	if path == "" {
		return "here"
	}
	return "in " + quoted(path)
}

func (s *submission) submit(ctx context.Context, path string, out, talk io.Writer) error {
	module, err := readPacked(path)
	if err != nil {
		return err
	}
	digest := plugins.Digest(module)
	signed, err := s.signatureOf(path, digest)
	if err != nil {
		return err
	}
	_, _ = fmt.Fprintf(talk, "uploading %s, %s bytes\n%s\n", path, thousands(int64(len(module))), described(digest, signed))
	answered, err := s.client.doWithin(ctx, uploadPatience, http.MethodPost, "/v1/plugins"+s.query(), uploadHeader(signed), module)
	if err != nil {
		return err
	}
	plugin, err := decode[api.Plugin](answered.body)
	if err == nil {
		plugin, answered, err = s.sign(ctx, plugin, answered, signed)
	}
	if err != nil {
		return err
	}
	s.remark(ctx, plugin, signed, talk)
	if s.wait {
		if plugin, answered, err = s.await(ctx, plugin, answered, talk); err != nil {
			return err
		}
	}
	return s.print(plugin, answered.body, out, talk)
}

// remark says what whoever submitted the plugin may not have meant. A signed one is of a brand that has registered a key.
func (s *submission) remark(ctx context.Context, plugin *api.Plugin, signed *signatureFile, talk io.Writer) {
	if signed == nil && s.brand != "" && s.client.sellsNothing(ctx, s.brand) {
		_, _ = fmt.Fprintf(talk, "warning: no campaign is of the brand %s yet; if that is misspelt, submit it for the right one: "+
			"no other brand can bind it\n", printable(s.brand))
	}
	if plugin.Notice != "" {
		_, _ = fmt.Fprintln(talk, printable(plugin.Notice))
	}
}

// signatureOf returns the signature that was named, or lies beside the module, nil for none. It says whose plugin it is,
// unless somebody has said so.
func (s *submission) signatureOf(path, digest string) (signed *signatureFile, err error) {
	if s.signature != "" {
		signed, err = readSignature(s.signature, digest)
	} else {
		signed, err = signatureBeside(path, digest)
	}
	switch {
	case err != nil || signed == nil:
		return nil, err
	case s.brand == "":
		s.brand = signed.Brand
	case s.brand != signed.Brand:
		return nil, fmt.Errorf("the plugin is signed for the brand %s, but submitted for %s", printable(signed.Brand), s.brand)
	}
	return signed, nil
}

// described is a digest, with the key that it is signed by.
func described(digest string, signed *signatureFile) string {
	if signed == nil {
		return digest + ", not signed"
	}
	return digest + ", signed by " + printable(signed.Key)
}

func uploadHeader(signed *signatureFile) http.Header {
	header := http.Header{"Content-Type": {"application/wasm"}}
	if signed != nil {
		header.Set("Hotdrop-Signature", signed.header())
	}
	return header
}

// sign gives the signature to a plugin that the server had already, with another one or none.
func (s *submission) sign(ctx context.Context, plugin *api.Plugin, answered *reply, signed *signatureFile) (*api.Plugin, *reply, error) {
	if signed == nil || plugin.Signature != nil && plugin.Signature.Key == signed.Key {
		return plugin, answered, nil
	}
	body, err := s.client.post(ctx, pluginPath(plugin, "/signatures"), struct {
		Key       string `json:"key"`
		Signature []byte `json:"signature"`
	}{signed.Key, signed.Signature})
	if err != nil {
		return nil, nil, err
	}
	plugin, err = decode[api.Plugin](body)
	return plugin, &reply{body: body}, err
}

// readPacked reads a module. What is no packed module would be refused by the server too, but later.
func readPacked(path string) ([]byte, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }() // only read
	module, err := io.ReadAll(io.LimitReader(file, core.MaxPluginBytes+1))
	if err != nil {
		return nil, err
	}
	if len(module) > core.MaxPluginBytes {
		return nil, fmt.Errorf("%s is longer than the %s bytes that a server takes", path, thousands(core.MaxPluginBytes))
	}
	if _, err := plugins.ManifestOf(module); err != nil {
		return nil, &nextError{fileError(path, err), packOf(path)}
	}
	return module, nil
}

// packOf is what makes a module that can be submitted of the file's folder, or of the mechanic that is meant.
func packOf(path string) string {
	if filepath.Ext(path) != ".wasm" {
		return "hotdrop mechanic pack FOLDER, which writes FOLDER/NAME" + packedSuffix
	}
	return commandLine("pack", filepath.Dir(path))
}

func (s *submission) query() string {
	query := url.Values{}
	if s.brand != "" {
		query.Set("brand", s.brand)
	}
	if s.again {
		query.Set("again", "true")
	}
	if s.reason != "" {
		query.Set("reason", s.reason)
	}
	if len(query) == 0 {
		return ""
	}
	return "?" + query.Encode()
}

// await asks for the plugin until it has a verdict, and tells what happens meanwhile. A server that is away for a moment
// is asked again.
func (s *submission) await(ctx context.Context, plugin *api.Plugin, answered *reply, talk io.Writer) (*api.Plugin, *reply, error) {
	where := pluginPath(plugin, "")
	told, away := core.PluginState(""), false
	for {
		if plugin.State != told {
			told = plugin.State
			_, _ = fmt.Fprintf(talk, "%s\n", told)
		}
		if settled(plugin) {
			return plugin, answered, nil
		}
		if err := pause(ctx, verdictEvery); err != nil {
			return nil, nil, err
		}
		asked, err := s.client.do(ctx, http.MethodGet, where, nil, nil)
		if err == nil {
			answered = asked
			plugin, err = decode[api.Plugin](asked.body)
		}
		if err != nil && !passes(err) {
			return nil, nil, err
		}
		if err != nil && !away {
			_, _ = fmt.Fprintf(talk, "%v\nwaiting for it; the upload is kept, also if you end the wait with Ctrl-C\n", err)
		}
		away = err != nil
	}
}

// settled reports whether nothing is to be waited for: there is a verdict by the server's own rules, or staff's.
func settled(plugin *api.Plugin) bool {
	switch plugin.State {
	case core.PluginUploaded, core.PluginVetting:
		return false
	case core.PluginVetted, core.PluginApproved:
		return plugin.Report != nil
	default:
		return true
	}
}

// passes reports whether a failure is one of the server that may be over soon.
func passes(err error) bool {
	problem, answered := errors.AsType[*api.Problem](err)
	_, unreachable := errors.AsType[*url.Error](err)
	return answered && problem.Status >= http.StatusInternalServerError || unreachable && !errors.Is(err, context.Canceled)
}

// pause waits, or fails when the context ends first.
func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// print tells how the plugin stands, and fails unless it may still be, or is, approved.
func (s *submission) print(plugin *api.Plugin, body []byte, out, talk io.Writer) error {
	write := func() error { return printPlugin(out, plugin) }
	if s.format == outputJSON {
		write = func() error { return printAsIs(out, body) }
	}
	if err := write(); err != nil {
		return err
	}
	sayAfterSubmit(talk, plugin)
	if plugin.State == core.PluginRefused || plugin.State == core.PluginRejected || plugin.State == core.PluginRevoked {
		return errFailed
	}
	return nil
}

// sayAfterSubmit ends with what is to be typed next, and says by whom.
func sayAfterSubmit(talk io.Writer, plugin *api.Plugin) {
	var next string
	switch plugin.State {
	case core.PluginUploaded, core.PluginVetting:
		next = "hotdrop review show " + shortDigest(plugin.Digest) + " --brand " + plugin.Brand
	case core.PluginVetted:
		_, _ = fmt.Fprintf(talk, "it needs %s\n", missingText(plugin))
		next = nextOfReview(plugin, "", time.Now())
	case core.PluginApproved:
		next = "name it in a campaign's ruleset, plugin: " + plugin.Digest
	default:
		return
	}
	_, _ = fmt.Fprintf(talk, "next: %s\n", next)
}

// printPlugin prints state and digest on one line, and below it why.
func printPlugin(out io.Writer, plugin *api.Plugin) error {
	if _, err := fmt.Fprintf(out, "%s  %s\n", plugin.State, plugin.Digest); err != nil {
		return err
	}
	lines := reasonsOf(plugin)
	if plugin.Reason != "" {
		lines = append([]string{plugin.Reason}, lines...)
	}
	for _, line := range lines {
		if _, err := fmt.Fprintf(out, "  %s\n", line); err != nil {
			return err
		}
	}
	return nil
}

// reasonsOf lists what the report has against the plugin, and what it warns of.
func reasonsOf(plugin *api.Plugin) []string {
	text, err := json.Marshal(plugin.Report)
	if err != nil || plugin.Report == nil {
		return nil
	}
	var report vet.Report
	if err := json.NewDecoder(bytes.NewReader(text)).Decode(&report); err != nil {
		return nil // a newer server's: its document is what -o json shows
	}
	var lines []string
	for _, reason := range report.Reasons {
		lines = append(lines, reason.String())
	}
	for _, warning := range report.Warnings {
		lines = append(lines, "warning: "+warning.String())
	}
	return lines
}
