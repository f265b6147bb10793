package drawing

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strings"
	"unicode/utf8"
)

// Parse reads one record. An unknown field, a field twice, a value of the wrong kind and anything after the record are
// errors, which say the line and the column.
func Parse(r io.Reader) (*Record, error) {
	content, err := io.ReadAll(r)
	if err != nil {
		return nil, err
	}
	record := &Record{}
	p := &parser{content: content, decoder: json.NewDecoder(bytes.NewReader(content))}
	if err = p.grammar(); err == nil {
		err = p.record(record)
	}
	if err != nil {
		return nil, fmt.Errorf("this is not an exported draw: %w", err)
	}
	return record, nil
}

// parser reads a record value by value, so that it knows where each begins.
type parser struct {
	content []byte
	decoder *json.Decoder
}

// grammar refuses what is not one value of JSON.
func (p *parser) grammar() error {
	var whole json.RawMessage
	wrong, ok := errors.AsType[*json.SyntaxError](json.Unmarshal(p.content, &whole))
	if !ok {
		return nil
	}
	// The offset is behind the byte that is wrong, also where that is the last one: then only the byte itself tells
	// whether it is wrong or the next one is missing.
	at := int(wrong.Offset) - 1
	if at < 0 || p.endsTooSoon() {
		return p.wrong(len(p.content), "it ends too soon")
	}
	char, _ := utf8.DecodeRune(p.content[at:])
	return p.wrong(at, "%q does not belong here", char)
}

// endsTooSoon reports whether the content is the beginning of a value.
func (p *parser) endsTooSoon() bool {
	var value json.RawMessage
	err := json.NewDecoder(bytes.NewReader(p.content)).Decode(&value)
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
}

// record reads the whole.
func (p *parser) record(r *Record) error {
	return p.object(map[string]func() error{
		"campaign": p.value(&r.Campaign), "draw": p.value(&r.Draw), "seed_hash": p.value(&r.SeedHash), "seed": p.value(&r.Seed),
		"closes_at": p.value(&r.ClosesAt), "drawn_at": p.value(&r.DrawnAt), "places": p.value(&r.Places),
		"digest": p.value(&r.Digest),
		"winners": func() error {
			return p.list(func() error {
				r.Winners = append(r.Winners, ID{})
				return p.value(&r.Winners[len(r.Winners)-1])()
			})
		},
		"entries": func() error {
			return p.list(func() error {
				r.Entries = append(r.Entries, Entry{})
				e := &r.Entries[len(r.Entries)-1]
				return p.object(map[string]func() error{"id": p.value(&e.ID), "weight": p.value(&e.Weight)})
			})
		},
	})
}

// object reads an object whose fields are read by these functions, each at most once.
func (p *parser) object(fields map[string]func() error) error {
	at := p.next()
	if token, err := p.decoder.Token(); err != nil || token != json.Delim('{') {
		return p.wrong(at, "this is not an object")
	}
	for p.decoder.More() {
		at = p.next()
		key, _ := p.decoder.Token() // the grammar is right: it is a text
		name, _ := key.(string)
		read := fields[name]
		if read == nil {
			return p.wrong(at, "%q does not belong here, or not twice", name)
		}
		delete(fields, name)
		if err := read(); err != nil {
			return err
		}
	}
	_, err := p.decoder.Token()
	return err
}

// list reads a list, or null for one that is empty.
func (p *parser) list(element func() error) error {
	at := p.next()
	token, err := p.decoder.Token()
	if err != nil || token == nil {
		return err
	}
	if token != json.Delim('[') {
		return p.wrong(at, "this should be a list")
	}
	for p.decoder.More() {
		if err := element(); err != nil {
			return err
		}
	}
	_, err = p.decoder.Token()
	return err
}

// value returns a function that reads a value into what the pointer points to.
func (p *parser) value(into any) func() error {
	return func() error {
		at := p.next()
		err := p.decoder.Decode(into)
		if err == nil {
			return nil
		}
		if id, ok := errors.AsType[*idError](err); ok {
			return p.wrong(at, "%v", id)
		}
		return p.wrong(at, "this should be %s", kindOf(into))
	}
}

// kindOf says what a value is read into.
func kindOf(into any) string {
	switch reflect.TypeOf(into).Elem().Kind() {
	case reflect.String:
		return "a text"
	case reflect.Int64:
		return "a whole number of at most 63 bits"
	default:
		return "32 lower-case hexadecimal digits"
	}
}

// next returns where the next value begins.
func (p *parser) next() int {
	at := int(p.decoder.InputOffset())
	for at < len(p.content) && strings.IndexByte(" \t\r\n,:", p.content[at]) >= 0 {
		at++
	}
	return at
}

// wrong says what is wrong at a byte.
func (p *parser) wrong(at int, format string, args ...any) error {
	before := p.content[:at]
	line := 1 + bytes.Count(before, []byte("\n"))
	column := 1 + utf8.RuneCount(before[1+bytes.LastIndexByte(before, '\n'):])
	return fmt.Errorf("line %d, column %d: %s", line, column, fmt.Sprintf(format, args...))
}
