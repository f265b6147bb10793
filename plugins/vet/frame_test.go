package vet

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"hotdrop/core"
	"hotdrop/plugins"
)

// frames are the bytes of frames.
func frames(list ...any) []byte {
	var b bytes.Buffer
	for i := 0; i < len(list); i += 2 {
		kind, _ := list[i].(rune)
		content, isText := list[i+1].(string)
		if !isText {
			text, err := json.Marshal(list[i+1])
			if err != nil {
				panic(err)
			}
			content = string(text)
		}
		if err := writeFrame(&b, byte(kind), []byte(content)); err != nil {
			panic(err)
		}
	}
	return b.Bytes()
}

func TestARequestArrivesAsItWasSent(t *testing.T) {
	manifest := wide()
	manifest.Config["big"] = core.Param{Type: "integer", Default: int64(math.MaxInt64)}
	sent := &request{Manifest: manifest, Digest: "sha256:00", Limits: plugins.GoLimits(), Sets: 7, vectors: []byte("mechanic: wide\n"), module: []byte("\x00asm")}
	var b bytes.Buffer
	if err := writeRequest(&b, sent); err != nil {
		t.Fatal(err)
	}
	got, err := readRequest(iotest.OneByteReader(&b))
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got.vectors, sent.vectors) || !bytes.Equal(got.module, sent.module) || got.Limits != sent.Limits || got.Sets != 7 {
		t.Errorf("got %+v", got)
	}
	configured, problems := got.Manifest.Configure(core.Object{"n": int64(1)})
	if problems.Err() != nil || configured["big"] != int64(math.MaxInt64) || !slices.Equal(got.Manifest.Facts, manifest.Facts) {
		t.Errorf("the manifest is %+v, %v", got.Manifest, problems)
	}
}

func TestARequestThatIsNotWholeIsAnError(t *testing.T) {
	var b bytes.Buffer
	if err := writeRequest(&b, &request{Manifest: quoting(), vectors: []byte("v"), module: []byte("m")}); err != nil {
		t.Fatal(err)
	}
	for end := range b.Len() {
		if _, err := readRequest(bytes.NewReader(b.Bytes()[:end])); err == nil {
			t.Fatalf("it was read from its first %d bytes of %d", end, b.Len())
		}
	}
	for name, input := range map[string][]byte{
		"no manifest":          frames('q', "{}", 'v', "", 'm', ""),
		"no JSON":              frames('q', "x", 'v', "", 'm', ""),
		"another order":        frames('v', "", 'q', "{}", 'm', ""),
		"a length of 4 GiB":    []byte("q\xff\xff\xff\xff"),
		"vectors of 4 GiB":     append(frames('q', request{Manifest: quoting()}), "v\xff\xff\xff\xff"...),
		"a kind of the answer": frames('r', "{}"),
	} {
		if _, err := readRequest(bytes.NewReader(input)); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestTheAnswerIsReadAsFarAsTheChildGot(t *testing.T) {
	result := Examination{Stage: "first", Fuel: Fuel{P50: 5}}
	for name, c := range map[string]struct {
		said  []byte
		stage stage
		found bool
		fails bool
	}{
		"nothing":                       {nil, "", false, false},
		"the end in a head":             {[]byte("s\x00\x00"), "", false, false},
		"the end in a stage":            {frames('s', "ready")[:8], "", false, false},
		"ready":                         {frames('s', "ready"), stageReady, false, false},
		"up to the vectors":             {frames('s', "ready", 's', "compile", 's', "first", 's', "vectors"), stageVectors, false, false},
		"the end in the result":         {frames('s', "ready", 's', "compile", 'r', result)[:40], stageCompile, false, false},
		"a result after two stages":     {frames('s', "ready", 's', "compile", 'r', result), stageCompile, true, false},
		"a result after all":            {frames('s', "ready", 's', "compile", 's', "first", 's', "vectors", 's', "extreme", 'r', result), stageExtreme, true, false},
		"nothing after all":             {frames('s', "ready", 's', "compile", 's', "first", 's', "vectors", 's', "extreme"), stageExtreme, false, false},
		"a stage after all":             {frames('s', "ready", 's', "compile", 's', "first", 's', "vectors", 's', "extreme", 's', "ready"), stageExtreme, false, true},
		"a stage twice":                 {frames('s', "ready", 's', "ready"), stageReady, false, true},
		"a stage left out":              {frames('s', "ready", 's', "first"), stageReady, false, true},
		"a stage nobody knows":          {frames('s', "\x1b[2J"), "", false, true},
		"a stage of 33 bytes":           {frames('s', strings.Repeat("x", 33)), "", false, true},
		"a result that is no JSON":      {frames('s', "ready", 'r', "x"), stageReady, false, true},
		"a result of 4 GiB":             {append(frames('s', "ready"), "r\xff\xff\xff\xff"...), stageReady, false, true},
		"a kind nobody knows":           {frames('s', "ready", 'x', ""), stageReady, false, true},
		"a request":                     {frames('q', "{}"), "", false, true},
		"text, as of a wrong program":   {[]byte("usage: something else\n"), "", false, true},
		"something behind the result":   {append(frames('s', "ready", 'r', result), "more"...), stageReady, true, false},
		"a result with another content": {frames('s', "ready", 'r', "[]"), stageReady, false, true},
	} {
		t.Run(name, func(t *testing.T) {
			var heard []stage
			a, err := readAnswer(iotest.HalfReader(bytes.NewReader(c.said)), func(s stage) { heard = append(heard, s) })
			if (err != nil) != c.fails || a.stage != c.stage || (err == nil && (a.result != nil) != c.found) {
				t.Errorf("stage %q, result %v, error %v", a.stage, a.result, err)
			}
			if len(heard) > 0 && heard[len(heard)-1] != c.stage || (c.stage == "") != (heard == nil) {
				t.Errorf("heard %v", heard)
			}
		})
	}
}

func TestWhatAChildWasMadeToSayIsFitToBeShown(t *testing.T) {
	many := make([]Reason, 100)
	for i := range many {
		many[i] = Reason{"\x1b[31m", strings.Repeat("p", 1_000), "a\nb", strings.Repeat("好", 1_000)}
	}
	e := &Examination{
		Reasons: many, Warnings: many, Stage: "x\r", Confinement: strings.Repeat("c", 10_000), FactsRead: slices.Repeat([]string{"\x00"}, 1_000),
		EffectsUsed: []core.EffectKind{"\u202e"}, Adversarial: Adversarial{Failures: map[string]int{"\x07": 1}},
	}
	text, err := json.Marshal(e)
	if err != nil {
		t.Fatal(err)
	}
	got, err := decodeResult(text)
	if err != nil {
		t.Fatal(err)
	}
	if len(got.Reasons) != maxReasons || len(got.Warnings) != maxReasons || len(got.FactsRead) != maxListed {
		t.Errorf("%d reasons, %d warnings, %d facts", len(got.Reasons), len(got.Warnings), len(got.FactsRead))
	}
	r := &Report{}
	r.adopt(got)
	if text := r.Text(); len(text) > 200_000 || strings.ContainsAny(text, "\x1b\x00\x07\r\u202e") {
		t.Errorf("the text of %d bytes is not fit to be shown", len(text))
	}
	again := *got
	again.clean()
	if !reflect.DeepEqual(&again, got) {
		t.Error("cleaning what is clean changes it")
	}
}

// FuzzAnswer holds that whatever comes out of a child is read without panic, within bounds, and fit to be shown.
func FuzzAnswer(f *testing.F) {
	f.Add(frames('s', "ready", 's', "compile", 'r', Examination{Stage: "compile", Reasons: []Reason{{Code: "trap"}}}))
	f.Add(frames('s', "ready", 's', "compile", 's', "first", 's', "vectors", 's', "extreme", 'r', Examination{FactsRead: []string{"now"}}))
	f.Add([]byte("s\x00\x00\x00\x05ready r"))
	f.Add([]byte("r\x00\x00\x00\x02{}"))
	f.Fuzz(func(t *testing.T, said []byte) {
		a, err := readAnswer(bytes.NewReader(said), nil)
		if a.stage != "" && !slices.Contains(order(), a.stage) {
			t.Fatalf("stage %q", a.stage)
		}
		if err != nil || a.result == nil {
			return
		}
		r := &Report{}
		r.adopt(a.result)
		if text := r.Text(); strings.ContainsAny(text, "\x1b\x00\r\u202e\u2028") {
			t.Fatalf("%q", text)
		}
	})
}

// FuzzRequest holds that the child's own parser does not panic, though only its parent ever writes to it.
func FuzzRequest(f *testing.F) {
	var b bytes.Buffer
	if err := writeRequest(&b, &request{Manifest: quoting("now"), Limits: plugins.DefaultLimits(), vectors: []byte(someVectors), module: fiveOff().bytes()}); err != nil {
		f.Fatal(err)
	}
	f.Add(b.Bytes())
	f.Add(frames('q', "{}", 'v', "", 'm', ""))
	f.Fuzz(func(t *testing.T, input []byte) {
		q, err := readRequest(bytes.NewReader(input))
		if err == nil && (q.Manifest == nil || len(q.module) > maxModule) {
			t.Fatalf("%+v", q)
		}
		if errors.Is(err, io.EOF) && len(input) >= frameHead && q != nil {
			t.Fatal("a request with an error")
		}
	})
}
