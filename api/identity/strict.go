package identity

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"strings"
	"unicode/utf8"
)

// read is a token whose form was checked, and nothing else.
type read struct {
	header    header
	claims    map[string]any
	signed    string // the text that the signature is of
	signature []byte
}

// header is what matters of a token's header. Keys and addresses of keys that it carries (jwk, jku, x5c, x5u) are not read.
type header struct {
	algorithm string
	key       string // "" if it names none
}

var errForm = errors.New("it is not a token in the compact form")

// readToken reads a token in the compact form (RFC 7515, 7.1). It is stricter than RFC 7519 has to be: base64url without
// padding and left-over bits, names at most once, names in their own spelling.
func readToken(token string) (*read, error) {
	first, last := strings.IndexByte(token, '.'), strings.LastIndexByte(token, '.')
	if first < 0 || first == last || strings.Count(token, ".") != 2 || strings.ContainsAny(token, "\r\n") { // decoders skip line ends
		return nil, errForm
	}
	signature, err := base64.RawURLEncoding.Strict().DecodeString(token[last+1:])
	if err != nil || len(signature) == 0 {
		return nil, errForm
	}
	head, err := readObject(token[:first])
	if err != nil {
		return nil, err
	}
	claims, err := readObject(token[first+1 : last])
	if err != nil {
		return nil, err
	}
	t := &read{claims: claims, signed: token[:last], signature: signature}
	return t, t.header.take(head)
}

// take reads what matters of a header. Extensions that have to be understood (crit) are refused: none is.
func (h *header) take(head map[string]any) error {
	var ok bool
	if h.algorithm, ok = head["alg"].(string); !ok {
		return errForm
	}
	if _, critical := head["crit"]; critical {
		return errors.New("its header has extensions that nobody here understands (crit)")
	}
	if key, named := head["kid"]; named {
		if h.key, ok = key.(string); !ok || h.key == "" {
			return errForm
		}
	}
	return nil
}

// readObject decodes a segment that is a JSON object with every name once.
func readObject(segment string) (map[string]any, error) {
	text, err := base64.RawURLEncoding.Strict().DecodeString(segment)
	if err != nil || !utf8.Valid(text) {
		return nil, errForm
	}
	decoder := json.NewDecoder(bytes.NewReader(text))
	if err := readOnce(decoder); err != nil {
		return nil, err
	}
	var object map[string]any
	if err := json.Unmarshal(text, &object); err != nil || object == nil { // text behind the value is an error too
		return nil, errForm
	}
	return object, nil
}

// readOnce reads one value and refuses an object that has a name twice: what reads the first and what reads the last would not
// agree about it.
func readOnce(decoder *json.Decoder) error {
	token, err := decoder.Token()
	if err != nil {
		return errForm
	}
	opened, nested := token.(json.Delim)
	if !nested {
		return nil
	}
	names := map[string]bool{}
	for decoder.More() {
		if opened == '{' {
			if err := readName(decoder, names); err != nil {
				return err
			}
		}
		if err := readOnce(decoder); err != nil {
			return err
		}
	}
	if _, err := decoder.Token(); err != nil { // what closes it
		return errForm
	}
	return nil
}

func readName(decoder *json.Decoder, names map[string]bool) error {
	token, err := decoder.Token()
	name, ok := token.(string)
	if err != nil || !ok {
		return errForm
	}
	if names[name] {
		return errors.New("it says something twice")
	}
	names[name] = true
	return nil
}
