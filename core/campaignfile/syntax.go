package campaignfile

import (
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// lookahead is how many bytes the YAML scanner reads ahead of the token that it cannot use.
const lookahead = 4

// syntax reports why data is not YAML. The package tells the line in its text only, counts it differently from one kind
// of error to another and means the start of the construct by it; how far it had read is known better, though that may be
// a line too far.
func (r *reporter) syntax(data []byte, err error) {
	line, message := splitSyntaxError(err.Error())
	line = min(max(line, lineOf(data[:bytesRead(data)])), len(r.file.lines))
	text := r.file.lines[line-1]
	indent := len(text) - len(strings.TrimLeft(text, " \t"))
	r.at("", place{line, indent + 1}, message, syntaxHint(text[:indent]))
}

// splitSyntaxError takes "yaml: line 4: did not find expected key" apart; the line is 0 if the text has none.
func splitSyntaxError(text string) (int, string) {
	parts := regexp.MustCompile(`^(?:yaml: )?(?:line (\d+): )?(.*)$`).FindStringSubmatch(text)
	if parts == nil {
		return 0, text
	}
	line, _ := strconv.Atoi(parts[1])
	return line, parts[2]
}

func syntaxHint(indentation string) string {
	if strings.Contains(indentation, "\t") {
		return "indent with spaces, not tabs"
	}
	return ""
}

// bytesRead parses data byte by byte and returns how far the parser came before it failed. A comment behind the data
// keeps the look-ahead from being cut short by the end.
func bytesRead(data []byte) int {
	reader := &byteReader{data: slices.Concat(data, []byte("\n# the end\n"))}
	decoder := yaml.NewDecoder(reader)
	for {
		if _, err := nextDocument(decoder); err != nil {
			break
		}
	}
	return min(max(reader.read-lookahead, 0), len(data))
}

// lineOf returns the number of the line in which the last word of the text stands.
func lineOf(text []byte) int {
	return len(splitLines(strings.TrimRight(string(text), " \t\r\n")))
}

// byteReader hands out one byte a call and counts them.
type byteReader struct {
	data []byte
	read int
}

// Read implements [io.Reader].
func (b *byteReader) Read(p []byte) (int, error) {
	if b.read >= len(b.data) || len(p) == 0 {
		return 0, io.EOF
	}
	p[0] = b.data[b.read]
	b.read++
	return 1, nil
}
