package api

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"testing"

	"hotdrop/core"
)

func (e *scripted) Decisions(_ context.Context, q core.DecisionQuery) (core.Page[*core.Decision], error) {
	e.asked.text, e.asked.who = q.Campaign+" "+string(q.Kind)+" "+string(q.Code)+" "+q.Cursor, q.Staff
	return core.Page[*core.Decision]{
		Data: []*core.Decision{{
			ID: sampleOrderID, Kind: core.DecisionRefusals, At: 1356062400000, Code: core.CodeDenied, Reason: "banned", Ruleset: 2, Epoch: 3,
			Content: json.RawMessage(`{"facts":{}}`),
		}},
		Next: sampleOrderID,
	}, e.call()
}

func (e *scripted) Recording(_ context.Context, order string, staff core.Principal) (*core.Recording, error) {
	e.asked.text, e.asked.who = order, staff
	return sampleRecording(), e.call()
}

func (e *scripted) Offer(context.Context, *core.Order, core.Principal) (*core.Offer, error) {
	return &core.Offer{Total: 99_900, Lines: []core.Line{{SKU: "mi2", Units: 1, UnitPrice: 99_900, Amount: 99_900}}, Ruleset: 3, Until: 1356062400000}, nil
}

func TestOnlyItsShopperSeesWhatIsOfferedInPlaceOfAnOrder(t *testing.T) {
	engine, s, c := newScripted(t, true)
	var order Order
	for _, shopper := range []bool{true, false} {
		as := c.withKey(s, "demo-operator")
		if shopper {
			as = c.as(s, alice)
		}
		order = Order{}
		if err := json.Unmarshal([]byte(as.do(http.MethodGet, "/v1/orders/"+sampleOrderID, "").body), &order); err != nil {
			t.Fatal(err)
		}
		if (order.Offer != nil) != shopper || shopper && (order.Offer.Total != 99_900 || order.Offer.Ruleset != 3 || len(order.Offer.Lines) != 1) {
			t.Errorf("as the shopper %v: %+v", shopper, order.Offer)
		}
	}
	for body, want := range map[string]string{
		`{"sku":"mi2","quantity":1,"expect_total":99900,"replaces":"` + sampleOrderID + `"}`: sampleOrderID,
		`{"sku":"mi2","quantity":1,"replaces":"` + sampleOrderID + `x"}`:                     "",
		`{"sku":"mi2","quantity":1}`: "",
	} {
		engine.asked.request.Replaces = ""
		if c.as(s, alice).do(http.MethodPost, "/v1/campaigns/phone/orders", body, "Idempotency-Key", "k"); engine.asked.request.Replaces != want {
			t.Errorf("%s replaces %q", body, engine.asked.request.Replaces)
		}
	}
}

func sampleRecording() *core.Recording {
	quote := `{"bindings":[{"digest":"sha256:a","effects":[],"fuel":0,"mechanic":"a<b","outcome":"no_match"}],"budget_left":-1,` +
		`"engine":"2","epoch":1,"facts":{"campaign":{"id":"phone"},"item":{"price":1,"sku":"mi2"},"now":1,"quantity":1,"shopper":{"id":"ann"}},"ruleset":1,"total":1}`
	return &core.Recording{
		Form: core.RecordingForm, Campaign: core.CampaignOf(sampleOrderID), Currency: "CNY", Order: sampleOrderID, Total: 1,
		Lines: []core.Line{{SKU: "mi2", Units: 1, UnitPrice: 1, Amount: 1, Labels: []core.Text{{EN: "One & only", ZH: "一"}}}},
		Quote: quote, Sums: map[string]string{"quote": "00"},
		Rulesets: []core.Ruleset{{
			Number: 1, Bindings: []core.Binding{{Rule: json.RawMessage(`{"rule":"a","when":"1 < 2"}`)}}, Digests: []string{"sha256:a"},
		}},
		Artefacts: []core.RecordedArtefact{{Digest: "sha256:a", Kind: "rule", Bytes: []byte{0, 255}}},
	}
}

func TestDecisionsAreListedAsAskedFor(t *testing.T) {
	engine, s, c := newScripted(t, true)
	c = c.withKey(s, "demo-operator")
	for query, want := range map[string]string{
		"":                              "phone orders  ",
		"?kind=refusals&code=denied":    "phone refusals denied ",
		"?kind=orders&cursor=c&limit=0": "",
		"?kind=refusals&cursor=c":       "phone refusals  c",
		"?kind=dreams":                  "",
		"?colour=red":                   "",
	} {
		engine.asked.text = ""
		r := c.do(http.MethodGet, "/v1/campaigns/phone/decisions"+query, "")
		if engine.asked.text != want || (r.status == http.StatusOK) != (want != "") {
			t.Errorf("%s: %d, asked for %q, want %q: %s", query, r.status, engine.asked.text, want, r.body)
		}
	}
	var page Page[LoggedDecision]
	if err := json.Unmarshal([]byte(c.do(http.MethodGet, "/v1/campaigns/phone/decisions?kind=refusals", "").body), &page); err != nil {
		t.Fatal(err)
	}
	if one := page.Data[0]; one.Code != core.CodeDenied || one.Reason != "banned" || string(one.Decision) != `{"facts":{}}` || page.Next == nil {
		t.Errorf("%+v", page)
	}
}

// TestARecordingComesThroughTheAPIAsItIs holds that what a client reads is the very recording, letter for letter: it is compared
// by sums.
func TestARecordingComesThroughTheAPIAsItIs(t *testing.T) {
	_, s, c := newScripted(t, true)
	c = c.withKey(s, "demo-operator")
	r := c.do(http.MethodGet, "/v1/orders/"+sampleOrderID+"/recording", "")
	got, err := core.ParseRecording([]byte(r.body))
	if err != nil {
		t.Fatalf("%d %s: %v", r.status, r.body, err)
	}
	one, _ := json.Marshal(got)
	two, _ := json.Marshal(sampleRecording())
	if !bytes.Equal(one, two) || got.Quote != sampleRecording().Quote {
		t.Errorf("it comes as\n%s\nand is\n%s", one, two)
	}
}
