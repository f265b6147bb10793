package main

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// output is how a command prints its result: it is the value of the flag -o.
type output string

// The forms of output. Not every command has every form.
const (
	outputText output = "text"
	outputJSON output = "json"
	outputYAML output = "yaml"
	outputCSV  output = "csv"
)

// register adds the flag -o with the forms; without any, text and json.
func (o *output) register(cmd *cobra.Command, forms ...output) {
	if len(forms) == 0 {
		forms = []output{outputText, outputJSON}
	}
	value := &choice{value: (*string)(o)}
	for _, form := range forms {
		value.of = append(value.of, string(form))
	}
	cmd.Flags().VarP(value, "output", "o", "how to print the result: "+strings.Join(value.of, " or "))
}

// choice is a flag whose value is one of a few words.
type choice struct {
	value *string
	of    []string
}

var _ pflag.Value = (*choice)(nil)

// String returns the current value.
func (c *choice) String() string { return *c.value }

// Type names the value in the help.
func (c *choice) Type() string { return strings.Join(c.of, "|") }

// Set refuses a word that is not among the choices.
func (c *choice) Set(word string) error {
	if !slices.Contains(c.of, word) {
		return fmt.Errorf("must be %s", strings.Join(c.of, " or "))
	}
	*c.value = word
	return nil
}

// printJSON prints v as one JSON object, one key a line.
func printJSON(w io.Writer, v any) error {
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	return encoder.Encode(v)
}
