package api

import (
	"encoding/base64"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"hotdrop/core"
)

const eventsPath = "/v1/social/weibo/events"

const oneEvent = `{"events":[{"id":"ev-1","kind":"repost","share":"` + sampleCode + `","by":"u-1","at":"2012-12-21T04:00:00Z"}]}`

// signed is a request of a social platform, before it is sent.
type signed struct {
	path, body string
	header     http.Header
}

func newSigned(t *testing.T, keys *Keys, at time.Time, body string) *signed {
	t.Helper()
	header, err := keys.SignEvents("weibo", "msg-1", at, []byte(body))
	if err != nil {
		t.Fatal(err)
	}
	header.Set("Content-Type", jsonType)
	return &signed{eventsPath, body, header}
}

// send sends the request without the network, which would refuse some of what is tried here.
func (r *signed) send(t *testing.T, s *Server) answer {
	t.Helper()
	request := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/", strings.NewReader(r.body))
	request.URL.Path = r.path
	request.Header = r.header
	w := httptest.NewRecorder()
	s.Handler().ServeHTTP(w, request)
	return answer{w.Code, w.Header(), w.Body.String()}
}

func TestSignedEventsReachTheEngineAndAreAnsweredOneByOne(t *testing.T) {
	engine, s, _ := newScripted(t, false)
	a := newSigned(t, s.keys, time.Now(), oneEvent).send(t, s).wants(t, http.StatusOK)
	if want := `{"results":[{"id":"ev-1","result":"counted","entries":1}]}` + "\n"; a.body != want {
		t.Errorf("answered %s", a.body)
	}
	want := core.SocialEvent{ID: "ev-1", Kind: "repost", Share: sampleCode, By: "u-1", At: 1356062400000}
	if engine.asked.text != "weibo" || len(engine.asked.events) != 1 || engine.asked.events[0] != want {
		t.Errorf("asked %+v", engine.asked)
	}
}

// A signature of the specification's own example, so that what we call signed is what others call signed.
func TestSignaturesAreThoseOfStandardWebhooks(t *testing.T) {
	secret, err := base64.StdEncoding.DecodeString("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
	if err != nil {
		t.Fatal(err)
	}
	got := base64.StdEncoding.EncodeToString(sign(secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330", []byte(`{"test": 2432232314}`)))
	if want := "g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestWhatIsNotSignedIsRefusedTheSameWayWhateverIsWrong(t *testing.T) {
	engine, s, c := newScripted(t, false)
	now := time.Now()
	cases := map[string]func(*signed){
		"another source":      func(r *signed) { r.path = "/v1/social/douyin/events" },
		"another secret":      func(r *signed) { r.header = newSigned(t, NewDemoKeys(), now, oneEvent).header },
		"another body":        func(r *signed) { r.body += " " },
		"no body":             func(r *signed) { r.body = "" },
		"another id":          func(r *signed) { r.header.Set(headerID, "msg-2") },
		"another time":        func(r *signed) { r.header.Set(headerTimestamp, fmt.Sprint(now.Unix()-1)) },
		"a time with a sign":  func(r *signed) { r.header.Set(headerTimestamp, "+"+r.header.Get(headerTimestamp)) },
		"a time with a zero":  func(r *signed) { r.header.Set(headerTimestamp, "0"+r.header.Get(headerTimestamp)) },
		"a time that is none": func(r *signed) { r.header.Set(headerTimestamp, "now") },
		"an id with a dot":    func(r *signed) { r.header.Set(headerID, "msg.1") },
		"another version":     func(r *signed) { r.header.Set(headerSignature, "v2"+r.header.Get(headerSignature)[2:]) },
		"no version":          func(r *signed) { r.header.Set(headerSignature, r.header.Get(headerSignature)[3:]) },
		"half a signature":    func(r *signed) { r.header.Set(headerSignature, r.header.Get(headerSignature)[:20]) },
		"an empty signature":  func(r *signed) { r.header.Set(headerSignature, "v1,") },
		"no id":               func(r *signed) { r.header.Del(headerID) },
		"no time":             func(r *signed) { r.header.Del(headerTimestamp) },
		"no signature":        func(r *signed) { r.header.Del(headerSignature) },
		"two ids":             func(r *signed) { r.header.Add(headerID, "msg-1") },
		"two times":           func(r *signed) { r.header.Add(headerTimestamp, r.header.Get(headerTimestamp)) },
		"a token in place of it": func(r *signed) {
			r.header = http.Header{"Authorization": {"Bearer " + c.withKey(s, "demo-admin").token}}
		},
		"another time of long ago": func(r *signed) { r.header = newSigned(t, s.keys, now.Add(-6*time.Minute), oneEvent).header },
		"another time to come":     func(r *signed) { r.header = newSigned(t, s.keys, now.Add(6*time.Minute), oneEvent).header },
		"an empty id":              func(r *signed) { r.header.Set(headerID, "") },
	}
	var first string
	for name, change := range cases {
		r := newSigned(t, s.keys, now, oneEvent)
		change(r)
		a := r.send(t, s)
		a.problem(t, CodeUnauthorized)
		if first == "" {
			first = a.body
		}
		if a.body != first {
			t.Errorf("%s: answered %s, others %s", name, a.body, first)
		}
	}
	if engine.asked.calls != 0 {
		t.Error("the engine was asked")
	}
}

func TestFiveThousandMutatedRequestsAreRefused(t *testing.T) {
	engine, s, _ := newScripted(t, false)
	random := rand.New(rand.NewPCG(1, 2))
	now := time.Now()
	for i := range 5000 {
		r := newSigned(t, s.keys, now, oneEvent)
		what := r.mutate(random)
		a := r.send(t, s)
		if a.status != http.StatusUnauthorized {
			t.Fatalf("mutation %d (%s): status %d\n%s", i, what, a.status, a.body)
		}
	}
	if engine.asked.calls != 0 {
		t.Errorf("the engine was asked %d times", engine.asked.calls)
	}
	newSigned(t, s.keys, now, oneEvent).send(t, s).wants(t, http.StatusOK)
}

// mutate changes one byte of what is signed, or of the signature, and says what.
func (r *signed) mutate(random *rand.Rand) string {
	names := []string{headerID, headerTimestamp, headerSignature}
	which := random.IntN(len(names) + 1)
	if which == len(names) {
		r.body = mutated(random, r.body)
		return "the body"
	}
	r.header.Set(names[which], mutated(random, r.header.Get(names[which])))
	return names[which]
}

// mutated returns the text with one byte changed, removed or added. The spaces that separate signatures are left out:
// beside a good signature they mean nothing.
func mutated(random *rand.Rand, text string) string {
	for {
		at, b := random.IntN(len(text)), byte('!'+random.IntN('~'-'!'))
		changed := text[:at] + string(b) + text[at+1:]
		switch random.IntN(3) {
		case 0:
			changed = text[:at] + text[at+1:]
		case 1:
			changed = text[:at] + string(b) + text[at:]
		}
		if changed != text {
			return changed
		}
	}
}

func TestASecretAndItsSuccessorAreBothGood(t *testing.T) {
	before, after := NewDemoKeys(), NewDemoKeys()
	both := *before
	both.Social = append(append([]SocialKey{}, before.Social...), after.Social...)
	engine := &scripted{}
	s, _ := newServer(t, Options{Engine: engine, Keys: &both})
	for _, keys := range []*Keys{before, after} {
		newSigned(t, keys, time.Now(), oneEvent).send(t, s).wants(t, http.StatusOK)
	}
	// A sender that signs with both while it changes over sends two signatures.
	r := newSigned(t, NewDemoKeys(), time.Now(), oneEvent)
	good := newSigned(t, after, time.Now(), oneEvent)
	good.header.Set(headerSignature, r.header.Get(headerSignature)+" v1a,AAAA "+good.header.Get(headerSignature))
	good.send(t, s).wants(t, http.StatusOK)
}

func TestASignatureIsGoodForFiveMinutesInEitherDirection(t *testing.T) {
	now := time.Unix(1356062400, 0)
	header := func(at time.Time) http.Header { return newSigned(t, NewDemoKeys(), at, oneEvent).header }
	for offset, want := range map[time.Duration]bool{
		0: true, 5 * time.Minute: true, -5 * time.Minute: true, 5*time.Minute + time.Second: false, -5*time.Minute - time.Second: false,
	} {
		if _, got := signatureIn(header(now.Add(offset)), now); got != want {
			t.Errorf("signed %v from now: %v", offset, got)
		}
	}
}

func TestSignedBodiesMayHaveAMebibyteWhoeverSendsThem(t *testing.T) {
	_, s, _ := newScripted(t, false)
	full := oneEvent + strings.Repeat(" ", maxSignedBody-len(oneEvent))
	newSigned(t, s.keys, time.Now(), full).send(t, s).wants(t, http.StatusOK)
	for _, path := range []string{eventsPath, "/v1/social/nobody/events"} {
		r := newSigned(t, s.keys, time.Now(), full+" ")
		r.path = path
		r.send(t, s).problem(t, CodeTooLarge)
	}
	unsigned := newSigned(t, s.keys, time.Now(), full+" ")
	unsigned.header.Del(headerSignature)
	unsigned.send(t, s).problem(t, CodeUnauthorized)
}

func TestASignedBodyKeepsItsContract(t *testing.T) {
	engine, s, _ := newScripted(t, false)
	many := strings.Repeat(oneEvent[11:len(oneEvent)-2]+",", 1000)
	for body, code := range map[string]core.Code{
		`{"events":[]}`: core.CodeInvalid, `{}`: core.CodeInvalid, `{"events":[` + many + oneEvent[11:]: core.CodeInvalid,
		`{"events":[{"id":"e","kind":"like","share":"s","by":"u"}]}`:            core.CodeInvalid,
		`{"events":[{"id":"e","kind":"repost","share":"s"}]}`:                   core.CodeInvalid,
		`{"events":[{"id":"e e","kind":"repost","share":"s","by":"u"}]}`:        core.CodeInvalid,
		`{"events":[{"id":"e","kind":"repost","share":"s","by":"u","n":1}]}`:    core.CodeInvalid,
		`{"events":[{"id":"e","id":"e","kind":"repost","share":"s","by":"u"}]`:  CodeMalformed,
		`{"events":[{"id":"e","kind":"repost","share":"s","by":"u","by":"v"}]}`: CodeMalformed,
	} {
		newSigned(t, s.keys, time.Now(), body).send(t, s).problem(t, code)
	}
	r := newSigned(t, s.keys, time.Now(), oneEvent)
	r.header.Set("Content-Type", "text/plain")
	r.send(t, s).problem(t, CodeUnsupportedMedia)
	if engine.asked.calls != 0 {
		t.Error("the engine was asked")
	}
	newSigned(t, s.keys, time.Now(), `{"events":[`+strings.TrimSuffix(many, ",")+`]}`).send(t, s).wants(t, http.StatusOK)
	if len(engine.asked.events) != 1000 {
		t.Errorf("%d events reached the engine", len(engine.asked.events))
	}
}

// Only POSTs are signed; whatever else is tried at the path needs a token, and a signature opens no other path.
func TestASignatureOpensOnePathOnly(t *testing.T) {
	engine, s, c := newScripted(t, false)
	c.do(http.MethodGet, eventsPath, "").problem(t, CodeUnauthorized)
	c.as(s, alice).do(http.MethodGet, eventsPath, "").problem(t, CodeMethodNotAllowed)
	for _, path := range []string{
		"/v1/wallet", "/v1/rules/check", "/v1/social/weibo/events/", "/v1/social/weibo/other", "/v1/social/a/weibo/events", "/v1/inbox",
	} {
		r := newSigned(t, s.keys, time.Now(), oneEvent)
		r.path = path
		r.send(t, s).problem(t, CodeUnauthorized)
	}
	if engine.asked.calls != 0 {
		t.Error("the engine was asked")
	}
}

func FuzzSignaturesAreReadWithoutSurprises(f *testing.F) {
	keys := NewDemoKeys()
	now := time.Unix(1356062400, 0)
	header, err := keys.SignEvents("weibo", "msg-1", now, []byte(oneEvent))
	if err != nil {
		f.Fatal(err)
	}
	good := header.Get(headerSignature)
	for _, one := range []string{good, good + " " + good, "v1", "v1,", " ", "v1,\x00", "v1," + strings.Repeat("A", 43) + "=", ""} {
		f.Add("msg-1", "1356062400", one)
	}
	secrets, err := keys.sources()
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, id, timestamp, signatures string) {
		s, ok := signatureIn(http.Header{headerID: {id}, headerTimestamp: {timestamp}, headerSignature: {signatures}}, now)
		if !ok || !s.madeWith(secrets["weibo"], []byte(oneEvent)) {
			return
		}
		if id != "msg-1" || timestamp != "1356062400" || !strings.Contains(signatures, good) {
			t.Errorf("accepted %q %q %q", id, timestamp, signatures)
		}
	})
}
