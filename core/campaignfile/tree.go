package campaignfile

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strconv"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

// byteOrderMark may stand at the start of a file; it is not part of the text.
const byteOrderMark = "\ufeff"

// tags of resolved scalars, as the YAML package spells them.
const (
	tagNull      = "!!null"
	tagBool      = "!!bool"
	tagString    = "!!str"
	tagInteger   = "!!int"
	tagFloat     = "!!float"
	tagTimestamp = "!!timestamp"
	tagMerge     = "!!merge"
	tagList      = "!!seq"
	tagMapping   = "!!map"
)

// read parses data and refuses what no file may contain. The root is nil if there is nothing that can be decoded.
func read(data []byte) (*File, *reporter) {
	data = bytes.TrimPrefix(data, []byte(byteOrderMark))
	if len(data) > MaxSize {
		r := &reporter{file: &File{}}
		r.at("", place{1, 1}, "the file is too long", "at most 256 KiB are read")
		return r.file, r
	}
	file := &File{lines: splitLines(string(data))}
	r := &reporter{file: file}
	if !r.text() || !r.withoutDirectives() {
		return file, r
	}
	switch first := bytes.TrimLeft(data, " \t\r\n"); {
	case len(first) > 0 && first[0] == '{' && json.Valid(data):
		file.root = readJSON(data)
	default:
		file.root = r.readYAML(data)
	}
	if file.root != nil {
		(&inspector{reporter: r}).inspect(file.root, 1)
	}
	return file, r
}

// text reports the first character that may not stand in a file.
func (r *reporter) text() bool {
	for i, line := range r.file.lines {
		column := 0
		for j, c := range line {
			column++
			_, size := utf8.DecodeRuneInString(line[j:])
			switch {
			case c == utf8.RuneError && size == 1:
				r.at("", place{i + 1, column}, "the file is not UTF-8", "")
				return false
			case !printable(c):
				r.at("", place{i + 1, column}, "a control character stands here", "")
				return false
			}
		}
	}
	return true
}

// withoutDirectives reports the first directive, which may stand before a document only. The parser compares each with all
// before it, and nobody needs any.
func (r *reporter) withoutDirectives() bool {
	before := true
	for i, line := range r.file.lines {
		text := strings.TrimLeft(line, " \t")
		switch {
		case before && strings.HasPrefix(line, "%"):
			r.at("", place{i + 1, 1}, "directives are not read", "remove the line")
			return false
		case text == "" || text[0] == '#':
		default:
			before = strings.HasPrefix(line, "...")
		}
	}
	return true
}

// printable is YAML's set of characters that may stand in a stream, without line breaks, which lines do not contain.
func printable(c rune) bool {
	switch {
	case c < ' ':
		return c == '\t'
	case c < 0xa0:
		return c < 0x7f
	default:
		return c != 0xfeff && c != 0xfffe && c != 0xffff
	}
}

// isControl reports whether c stands in no value: databases and terminals do not take all of them.
func isControl(c rune) bool { return !printable(c) && !isLineBreak(c) }

// splitLines splits at YAML's line breaks, which it drops, so that the numbers of lines agree with the parser's.
func splitLines(s string) []string {
	s = strings.ReplaceAll(s, "\r\n", "\n")
	var lines []string
	for {
		i := strings.IndexFunc(s, isLineBreak)
		if i < 0 {
			return append(lines, s)
		}
		_, size := utf8.DecodeRuneInString(s[i:])
		lines, s = append(lines, s[:i]), s[i+size:]
	}
}

func isLineBreak(c rune) bool {
	return c == '\n' || c == '\r' || c == '\u0085' || c == '\u2028' || c == '\u2029'
}

// readYAML returns the root of the only document in data, or nil after reporting why there is none.
func (r *reporter) readYAML(data []byte) *yaml.Node {
	decoder := yaml.NewDecoder(bytes.NewReader(data))
	document, err := nextDocument(decoder)
	if errors.Is(err, io.EOF) {
		r.at("", place{1, 1}, "the file is empty", "")
		return nil
	}
	if err == nil {
		var second *yaml.Node
		if second, err = nextDocument(decoder); err == nil {
			r.at("", place{second.Line, second.Column}, "a second document starts here", "a file is one document")
			return document.Content[0]
		}
	}
	if !errors.Is(err, io.EOF) {
		r.syntax(data, err)
		return nil
	}
	return document.Content[0]
}

// errParser stands for a panic inside the YAML package, which has some for states it believes impossible.
var errParser = errors.New("yaml: the text cannot be parsed")

func nextDocument(decoder *yaml.Decoder) (document *yaml.Node, err error) {
	defer func() {
		if recover() != nil {
			err = errParser
		}
	}()
	document = &yaml.Node{}
	if err = decoder.Decode(document); err == nil && len(document.Content) != 1 {
		err = io.EOF
	}
	return document, err
}

// readJSON builds the same tree from data, which is valid JSON. The YAML parser refuses some valid JSON, such as
// escapes in surrogate pairs.
func readJSON(data []byte) *yaml.Node {
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.UseNumber()
	return (&jsonReader{decoder: decoder, data: data, at: place{1, 1}}).node()
}

// jsonReader turns tokens into nodes; at is the place of data[offset].
type jsonReader struct {
	decoder *json.Decoder
	data    []byte
	offset  int
	at      place
}

func (j *jsonReader) node() *yaml.Node {
	j.advance(int(j.decoder.InputOffset()))
	for j.offset < len(j.data) && strings.IndexByte(" \t\r\n,:", j.data[j.offset]) >= 0 {
		j.advance(j.offset + 1)
	}
	node := &yaml.Node{Kind: yaml.ScalarNode, Line: j.at.line, Column: j.at.column}
	token, err := j.decoder.Token()
	if err != nil { // impossible: the data is valid JSON
		return node
	}
	switch v := token.(type) {
	case json.Delim:
		j.collection(node, v)
	case string:
		node.Tag, node.Value, node.Style = tagString, v, yaml.DoubleQuotedStyle
	case json.Number:
		node.Tag, node.Value = tagInteger, v.String()
		if strings.ContainsAny(node.Value, ".eE") {
			node.Tag = tagFloat
		}
	case bool:
		node.Tag, node.Value = tagBool, strconv.FormatBool(v)
	default:
		node.Tag, node.Value = tagNull, "null"
	}
	return node
}

func (j *jsonReader) collection(node *yaml.Node, open json.Delim) {
	node.Kind, node.Tag, node.Style = yaml.SequenceNode, tagList, yaml.FlowStyle
	if open == '{' {
		node.Kind, node.Tag = yaml.MappingNode, tagMapping
	}
	for j.decoder.More() {
		node.Content = append(node.Content, j.node())
	}
	_, _ = j.decoder.Token() // the closing bracket
}

// advance moves to data[offset] and counts the lines and columns between.
func (j *jsonReader) advance(offset int) {
	for j.offset < offset {
		c, size := utf8.DecodeRune(j.data[j.offset:])
		j.offset += size
		switch {
		case c == '\r' && j.offset < len(j.data) && j.data[j.offset] == '\n':
		case isLineBreak(c):
			j.at = place{j.at.line + 1, 1}
		default:
			j.at.column++
		}
	}
}
