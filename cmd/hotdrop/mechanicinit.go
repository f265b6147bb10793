package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"hotdrop/plugins/sdk"
)

// mechanicInit is what `mechanic init` was asked for.
type mechanicInit struct {
	language string
	name     string
	author   string // whom the manifest is to name; "" for the account that runs the command
}

func mechanicInitCommand() *cobra.Command {
	i := &mechanicInit{}
	words := languageNames()
	cmd := &cobra.Command{
		Use:   "init --lang " + strings.Join(words, "|") + " NAME",
		Short: "Make a folder with a new mechanic that builds and passes its vectors",
		Long: "Make the folder NAME with a mechanic to start from: source, vectors, and for a plugin its manifest, the SDK of the\n" +
			"language and the build. It needs nothing but the language's toolchain; if that is missing, the command to install\n" +
			"it is printed, and the folder is made all the same. expr is a rule, which needs no toolchain. The manifest names as its\n" +
			"author who --author says, else your account on this machine: nobody approves a plugin that names them as its author.",
		Example: "  hotdrop mechanic init --lang rust birthday && cd birthday && ./build.sh && hotdrop mechanic test",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if i.name = args[0]; cmd.Flags().Changed("author") && strings.TrimSpace(i.author) == "" {
				return usageError{errors.New("--author is empty: name who wrote it, or leave the flag out for your account on this machine")}
			}
			return i.run(cmd.Context(), cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
	}
	cmd.Flags().Var(&choice{&i.language, words}, "lang", "the language: "+strings.Join(words, ", ")+"; expr is a rule")
	cmd.Flags().StringVar(&i.author, "author", "", "whom the manifest names as its author (default: your account on this machine)")
	return cmd
}

func languageNames() []string {
	var names []string
	for _, l := range sdk.Languages() {
		names = append(names, l.Name)
	}
	return names
}

func (i *mechanicInit) run(ctx context.Context, out, talk io.Writer) error {
	at := slices.IndexFunc(sdk.Languages(), func(l sdk.Language) bool { return l.Name == i.language })
	if at < 0 {
		return usageError{fmt.Errorf("name a language: --lang %s", strings.Join(languageNames(), "|"))}
	}
	if err := checkMechanicName(i.name); err != nil {
		return usageError{err}
	}
	author, err := i.writtenBy()
	if err != nil {
		return usageError{err}
	}
	language := sdk.Languages()[at]
	files := language.Files(i.name, author)
	if err := makeFolder(i.name, files); err != nil {
		return err
	}
	if language.Builds() {
		reportToolchain(ctx, i.name, talk)
	}
	return i.describe(out, language, files)
}

// maxAuthor is how long the name of an author may be here, bytes.
const maxAuthor = 200

// writtenBy is whom the manifest names as its author.
func (i *mechanicInit) writtenBy() (string, error) {
	author := strings.TrimSpace(i.author)
	if author == "" {
		account, err := user.Current()
		if err != nil || account.Username == "" {
			return "", errors.New("--author is missing, and this machine does not tell whose account it is")
		}
		author = account.Username
	}
	if len(author) > maxAuthor || !utf8.ValidString(author) || strings.ContainsFunc(author, unicode.IsControl) {
		return "", fmt.Errorf("--author is one line of at most %d bytes", maxAuthor)
	}
	return author, nil
}

// checkMechanicName returns why a mechanic cannot have the name. It becomes the name of files, of a package in each
// language and of the mechanic itself, so it is what all of them take.
func checkMechanicName(name string) error {
	switch {
	case len(name) > 63 || !regexp.MustCompile(`^[a-z][a-z0-9]*(-[a-z0-9]+)*$`).MatchString(name):
		return fmt.Errorf("%q cannot be a mechanic's name: lower-case letters, digits and single hyphens, a letter first, at most 63", name)
	case name == "mechanic" || name == "hotdrop":
		return fmt.Errorf("%q cannot be a mechanic's name: files of a mechanic's folder have it already", name)
	default:
		return nil
	}
}

// makeFolder writes the files into a new folder, or into one that is empty.
func makeFolder(folder string, files []sdk.File) error {
	inside, err := os.ReadDir(folder)
	switch {
	case len(inside) > 0:
		return fmt.Errorf("%s exists and is not empty: choose another name, or remove it", folder)
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("%s cannot become a folder: %w", folder, err)
	}
	for _, file := range files {
		at := filepath.Join(folder, filepath.FromSlash(file.Path))
		if err := os.MkdirAll(filepath.Dir(at), 0o755); err != nil { //nolint:gosec // source code, like a clone's
			return err
		}
		mode := fs.FileMode(0o644)
		if file.Executable {
			mode = 0o755
		}
		if err := os.WriteFile(at, file.Text, mode); err != nil {
			return err
		}
	}
	return nil
}

// reportToolchain says what the recipe says is missing. Where no recipe can run, Windows for one, nothing is known.
func reportToolchain(ctx context.Context, folder string, talk io.Writer) {
	check := exec.CommandContext(ctx, "sh", sdk.Recipe, "--check") //nolint:gosec // the recipe was written a moment ago
	check.Dir = folder
	said, err := check.CombinedOutput()
	if _, ran := errors.AsType[*exec.ExitError](err); ran {
		_, _ = fmt.Fprintf(talk, "not here yet: %s\n\n", strings.TrimSpace(string(said)))
	}
}

// describe prints what was made and what to do next.
func (i *mechanicInit) describe(out io.Writer, language sdk.Language, files []sdk.File) error {
	what, steps := "a plugin in "+language.Title, []string{"cd " + i.name, "./" + sdk.Recipe, "hotdrop mechanic test"}
	if !language.Builds() {
		what, steps = language.Title, []string{"cd " + i.name, "hotdrop mechanic check", "hotdrop mechanic test"}
	}
	var text strings.Builder
	_, _ = fmt.Fprintf(&text, "%s is %s:\n\n", i.name, what)
	for _, file := range files {
		_, _ = fmt.Fprintf(&text, "    %s\n", filepath.Join(i.name, filepath.FromSlash(file.Path)))
	}
	_, _ = fmt.Fprintf(&text, "\nnext:\n\n    %s\n", strings.Join(steps, "\n    "))
	_, err := io.WriteString(out, text.String())
	return err
}
