package core_test

import (
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"hotdrop/core"
)

// signer is a signing key of meizu with its private half.
type signer struct {
	key     *core.SigningKey
	private ed25519.PrivateKey
}

// newSigner registers a key of a brand; every seed makes another one.
func newSigner(r *registry, brand string, seed byte) *signer {
	r.t.Helper()
	private := ed25519.NewKeyFromSeed(slices.Repeat([]byte{seed}, ed25519.SeedSize))
	public, _ := private.Public().(ed25519.PublicKey)
	actor := core.Principal{ID: "author", Role: core.RoleBrand, Brand: brand}
	key, _, err := r.AddSigningKey(r.t.Context(), core.NewSigningKey{Actor: actor, Name: "build", Public: public})
	must(r.t, err)
	return &signer{key, private}
}

// of signs a module for the signer's brand.
func (s *signer) of(module string) *core.SignedBy {
	text := core.PluginSignatureText(s.key.Brand, digestOf(module))
	return &core.SignedBy{Key: s.key.ID, Signature: base64.StdEncoding.EncodeToString(ed25519.Sign(s.private, []byte(text)))}
}

// walk takes one plugin from state to state and notes which moves were made.
type walk struct {
	*registry

	signer *signer
	made   map[string]bool
	module string
	number int
}

// begin makes a new module, in that state.
func (w *walk) begin(state core.PluginState, change func(p *core.Plugin)) {
	w.t.Helper()
	if w.number++; w.module != "" { // the one before is of no interest any more, also to those who vet
		last := w.now()
		last.State = core.PluginRejected
		must(w.t, w.store.SavePlugin(w.t.Context(), &core.PluginChange{Plugin: last}))
	}
	w.module = fmt.Sprintf("fit for walk %d, %s", w.number, state)
	w.upload(w.module)
	w.note("", core.PluginReceive, core.PluginUploaded)
	w.vet()
	if state == core.PluginApproved {
		must(w.t, w.decide(core.PluginApprove, w.module))
	}
	p := w.is(w.module, map[bool]core.PluginState{true: core.PluginApproved, false: core.PluginVetted}[state == core.PluginApproved])
	p.State = state
	if change != nil {
		change(p)
	}
	must(w.t, w.store.SavePlugin(w.t.Context(), &core.PluginChange{Plugin: p}))
}

func (w *walk) note(from core.PluginState, action core.PluginAction, to core.PluginState) {
	w.made[fmt.Sprintf("%s %s %s", from, action, to)] = true
}

func (w *walk) now() *core.Plugin {
	w.t.Helper()
	p, err := w.Plugin(w.t.Context(), author, "", digestOf(w.module))
	must(w.t, err)
	return p
}

// vetBy vets the module by rules of another version, if that is due, and returns the state that the vetter saw.
func (w *walk) vetBy(fail error, strict bool) (during core.PluginState, err error) {
	next := w.node(fmt.Sprint("rules ", w.number))
	next.vets.fail, next.vets.strict = fail, strict
	next.vets.during = func(context.Context) {
		if last := next.vets.begun[len(next.vets.begun)-1]; last == w.module {
			during = w.now().State
		}
	}
	for worked := true; worked && err == nil && during == ""; {
		worked, err = next.VetNext(w.t.Context())
	}
	return during, err
}

// The outcomes of an action in every state: the state that follows, "-" for what changes nothing, "no" for wrong_state.
const movesTable = `
            uploaded  vetting   vetted    refused   approved  rejected  revoked
upload      -         -         -         uploaded  -         -         -
approve     no        no        vetted    no        -         no        no
agree       no        no        approved  no        -         no        no
widen       no        no        vetted    no        approved  no        no
reject      rejected  rejected  rejected  rejected  no        -         no
revoke      no        no        no        no        revoked   no        -
sign        =         =         =         =         vetted    no        no
lapse       -         -         -         -         vetted    -         -
postpone    uploaded  uploaded  =         -         =         -         -
accept      vetted    vetted    =         -         =         -         -
refuse      refused   refused   refused   -         refused   -         -
give-up     refused   refused   =         -         =         -         -
`

// act does what the row of the table names, and returns the error of what people asked for.
func (w *walk) act(row string) (err error) {
	ctx := w.t.Context()
	approve := func(who core.Principal, campaigns []string) error {
		_, err := w.Decide(ctx, core.PluginDecision{Actor: who, Digest: digestOf(w.module), Action: core.PluginApprove, Reason: "r", Campaigns: campaigns})
		return err
	}
	switch row {
	case "upload":
		_, _, err = w.Upload(ctx, core.PluginUpload{Actor: author, Body: strings.NewReader(w.module), Again: true})
	case "approve":
		err = approve(approver, nil)
	case "agree":
		err = w.decide(core.PluginApprove, w.module)
	case "widen":
		err = approve(approver, []string{"phone"})
	case "reject", "revoke":
		err = w.decide(core.PluginAction(row), w.module)
	case "sign":
		_, err = w.Sign(ctx, core.PluginSigning{Actor: author, Digest: digestOf(w.module), SignedBy: *w.signer.of(w.module)})
	case "lapse":
		_, err = w.with(func(o *core.PluginOptions) { o.Approvals = 3 }).Lapse(ctx)
	case "postpone", "give-up":
		_, _ = w.vetBy(errors.New("no process could be started"), false) // fails, if there is something to vet
	default:
		_, err = w.vetBy(nil, row == "refuse")
	}
	return err
}

func TestEveryActionInEveryState(t *testing.T) {
	rows := strings.Split(strings.TrimSpace(movesTable), "\n")
	eachStore(t, func(t *testing.T, s store) {
		w := &walk{registry: newRegistry(t, s), made: map[string]bool{}}
		w.signer = newSigner(w.registry, "meizu", 1)
		for _, line := range rows[1:] {
			cells := strings.Fields(line)
			for i, state := range pluginStates {
				w.step(cells[0], state, cells[i+1])
			}
		}
		w.begin(core.PluginVetted, nil)
		must(t, w.decideAs(approver, core.PluginApprove, w.module))
		w.clock.advance(91 * 24 * time.Hour)
		if n, err := w.LapseExpired(t.Context()); err != nil || n == 0 || len(w.now().Approvals) != 0 {
			t.Errorf("%d lapsed, %v: %+v", n, err, w.now())
		}
		w.note(core.PluginVetted, core.PluginLapse, core.PluginVetted)
		w.begin(core.PluginApproved, nil)
		third := core.Principal{ID: "third", Role: core.RolePlatform}
		must(t, w.decideAs(third, core.PluginApprove, w.module))
		if p := w.is(w.module, core.PluginApproved); len(p.Approvals) != 3 {
			t.Errorf("approved by %+v", p.Approvals)
		}
		w.note(core.PluginApproved, core.PluginApprove, core.PluginApproved)
		w.begin(core.PluginApproved, nil)
		demanding := w.with(func(o *core.PluginOptions) { o.Approvals = 4 })
		_, err := demanding.Decide(t.Context(), core.PluginDecision{
			Actor: third, Digest: digestOf(w.module), Action: core.PluginApprove, Reason: "r",
		})
		must(t, err)
		w.is(w.module, core.PluginVetted) // three are too few now
		w.note(core.PluginApproved, core.PluginApprove, core.PluginVetted)
		w.begin(core.PluginApproved, nil)
		_, _, err = w.Upload(t.Context(), core.PluginUpload{Actor: ofBrand("approver"), Body: strings.NewReader(w.module)})
		must(t, err)
		w.is(w.module, core.PluginVetted)
		w.note(core.PluginApproved, core.PluginReceive, core.PluginVetted)
		for _, m := range core.PluginMoves() {
			if move := fmt.Sprintf("%s %s %s", m.From, m.Action, m.To); !w.made[move] {
				t.Errorf("nothing made the move %q", move)
			}
		}
	})
}

// step acts in a state and holds what follows against what is wanted.
func (w *walk) step(row string, state core.PluginState, want string) {
	w.t.Helper()
	w.begin(state, func(p *core.Plugin) {
		if row == "give-up" {
			p.Lease.Attempts = 5
		}
	})
	before := w.now()
	err := w.act(row)
	after := w.now()
	got := string(after.State)
	switch {
	case core.CodeOf(err) == core.CodeWrongState && after.Revision == before.Revision:
		got = "no"
	case err != nil:
		got = err.Error()
	case after.Revision == before.Revision:
		got = "-"
	case after.State == state && want == "=":
		got = "="
	}
	if got != want {
		w.t.Errorf("%s when %s: %s, want %s (%v)", row, state, got, want, err)
	}
	if err == nil && after.Revision != before.Revision {
		w.noteRow(row, state, after.State)
	}
}

// noteRow notes the moves that a row of the table consists of.
func (w *walk) noteRow(row string, from, to core.PluginState) {
	vets := map[string]core.PluginAction{"postpone": core.PluginPostpone, "accept": core.PluginAccept, "refuse": core.PluginRefuse}
	action, isVetting := vets[row]
	switch {
	case isVetting && from == core.PluginUploaded:
		w.note(from, core.PluginBegin, core.PluginVetting)
		w.note(core.PluginVetting, action, to)
	case isVetting:
		w.note(from, action, to)
	case row == "give-up":
		w.note(from, core.PluginRefuse, to)
	case row == "agree" || row == "widen":
		w.note(from, core.PluginApprove, to)
	default:
		w.note(from, core.PluginAction(row), to)
	}
}

func TestNobodyMakesAMoveThatIsAnothersToMake(t *testing.T) {
	eachStore(t, func(t *testing.T, s store) {
		r := newRegistry(t, s)
		r.upload("fit")
		r.vet()
		for _, role := range []core.Role{core.RoleShopper, core.RoleBrand, core.RoleOperator, core.RoleAuditor, core.RoleAdmin} {
			for _, action := range []core.PluginAction{core.PluginApprove, core.PluginReject} {
				wantCode(t, r.decideAs(core.Principal{ID: "somebody", Role: role}, action, "fit"), core.CodeApprovalRequired)
			}
		}
		_, err := r.Decide(t.Context(), core.PluginDecision{Actor: approver, Digest: digestOf("fit"), Action: core.PluginLapse})
		wantCode(t, err, core.CodeInvalid)
		if p := r.is("fit", core.PluginVetted); p.Approvals != nil || p.Terms != nil {
			t.Errorf("%+v", p)
		}
	})
}
