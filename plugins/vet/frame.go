package vet

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"hotdrop/core"
	"hotdrop/plugins"
)

// A frame is a byte for its kind, four bytes for the length of what follows (big endian), and that.
const (
	frameConfinement = 'c' // to the child, first: JSON of [Confinement]
	frameRequest     = 'q' // to the child: JSON of request
	frameVectors     = 'v' // to the child: the vector file
	frameModule      = 'm' // to the child, last: the module
	frameStage       = 's' // from the child: the stage that begins
	frameResult      = 'r' // from the child, last: JSON of [Examination]
)

// The longest of each, bytes. What the child says is not trusted: a module may have broken out of its sandbox.
const (
	maxConfinement = 4 << 10
	maxRequest     = 4 << 20
	maxModule      = 64 << 20
	maxStage       = 32
	maxResult      = 1 << 20
)

// frameHead is the length of kind and length.
const frameHead = 5

func writeFrame(w io.Writer, kind byte, content []byte) error {
	head := binary.BigEndian.AppendUint32([]byte{kind}, uint32(len(content))) //nolint:gosec // at most maxModule
	if _, err := w.Write(append(head, content...)); err != nil {
		return fmt.Errorf("write a frame of kind %q: %w", kind, err)
	}
	return nil
}

// readFrame reads a frame. lengths has the longest content of every kind that may come. At the end of the stream the
// error is io.EOF itself.
func readFrame(r io.Reader, lengths map[byte]int) (kind byte, content []byte, err error) {
	head := make([]byte, frameHead)
	if _, err := io.ReadFull(r, head); err != nil {
		return 0, nil, err
	}
	kind = head[0]
	most, expected := lengths[kind]
	length := int64(binary.BigEndian.Uint32(head[1:]))
	if !expected || length > int64(most) {
		return 0, nil, fmt.Errorf("a frame of kind %q with %d bytes is not expected here", kind, length)
	}
	content = make([]byte, length)
	if _, err := io.ReadFull(r, content); err != nil {
		return 0, nil, fmt.Errorf("a frame of kind %q ends early: %w", kind, err)
	}
	return kind, content, nil
}

// request is what the child has to do.
type request struct {
	Manifest *core.Manifest `json:"manifest"`
	Digest   string         `json:"digest"` // of the module; the fact sets are generated from it
	Limits   plugins.Limits `json:"limits"`
	Sets     int            `json:"sets"` // how many fact sets to generate

	vectors []byte
	module  []byte
}

// writeRequest writes everything that the child reads but its confinement.
func writeRequest(w io.Writer, q *request) error {
	head, err := json.Marshal(q)
	if err != nil {
		return fmt.Errorf("encode the request: %w", err)
	}
	return errors.Join(writeFrame(w, frameRequest, head), writeFrame(w, frameVectors, q.vectors), writeFrame(w, frameModule, q.module))
}

// readRequest reads what [writeRequest] wrote.
func readRequest(r io.Reader) (*request, error) {
	head, err := readOnly(r, frameRequest, maxRequest)
	if err != nil {
		return nil, err
	}
	q := &request{}
	decoder := json.NewDecoder(bytes.NewReader(head))
	decoder.UseNumber() // a parameter's default may be any integer
	if err := decoder.Decode(q); err != nil {
		return nil, fmt.Errorf("decode the request: %w", err)
	}
	if q.Manifest == nil {
		return nil, errors.New("the request has no manifest")
	}
	if q.vectors, err = readOnly(r, frameVectors, plugins.MaxVectors); err != nil {
		return nil, err
	}
	q.module, err = readOnly(r, frameModule, maxModule)
	return q, err
}

// readOnly reads a frame that has to be of the kind.
func readOnly(r io.Reader, kind byte, most int) ([]byte, error) {
	_, content, err := readFrame(r, map[byte]int{kind: most})
	return content, err
}

// stage is a part of the child's work.
type stage string

// The stages, in their order.
const (
	stageReady   stage = "ready"   // it has confined itself and read the request
	stageCompile stage = "compile" // it decodes, rewrites, compiles and initialises the module
	stageFirst   stage = "first"   // the first decision at every hook
	stageVectors stage = "vectors" // the vectors
	stageExtreme stage = "extreme" // the run that is meant to break it
)

// order is the stages in their order.
func order() []stage {
	return []stage{stageReady, stageCompile, stageFirst, stageVectors, stageExtreme}
}

// words say where a module was when something happened.
func (s stage) words() string {
	switch s {
	case stageReady, stageCompile:
		return "the first compilation"
	case stageFirst:
		return "the first run"
	case stageVectors:
		return "the vectors"
	default:
		return "the adversarial run"
	}
}

// answer is what the child said before it ended.
type answer struct {
	stage  stage        // the last one that it began; "" if it never was ready
	result *Examination // nil if it ended without one
}

// readAnswer reads the child's frames up to its end; saw, if not nil, hears of every stage. The error is that of a child
// that does not keep the protocol; what it said before that counts.
func readAnswer(r io.Reader, saw func(stage)) (answer, error) {
	var a answer
	for _, next := range order() {
		kind, content, err := readFrame(r, map[byte]int{frameStage: maxStage, frameResult: maxResult})
		switch {
		case errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF):
			return a, nil
		case err != nil:
			return a, err
		case kind == frameResult:
			a.result, err = decodeResult(content)
			return a, err
		case stage(content) != next:
			return a, fmt.Errorf("the stage %q is not the one that follows %q", clean(string(content), maxWord), a.stage)
		}
		a.stage = next
		if saw != nil {
			saw(next)
		}
	}
	content, err := readOnly(r, frameResult, maxResult)
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return a, nil
	}
	if err == nil {
		a.result, err = decodeResult(content)
	}
	return a, err
}

// decodeResult decodes the child's examination and makes it fit to be shown.
func decodeResult(content []byte) (*Examination, error) {
	e := &Examination{}
	if err := json.Unmarshal(content, e); err != nil {
		return nil, fmt.Errorf("decode the child's result: %w", err)
	}
	e.clean()
	return e, nil
}
