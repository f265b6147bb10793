package core

import "slices"

// PluginAction is what happens to a plugin.
type PluginAction string

// What staff decide about a plugin.
const (
	PluginApprove PluginAction = "approve" // one person agrees; with enough of them it may be bound and loaded
	PluginReject  PluginAction = "reject"  // never; only what is not approved
	PluginRevoke  PluginAction = "revoke"  // no longer; only what is approved
)

// What else happens to a plugin.
const (
	PluginReceive  PluginAction = "upload"   // its bytes come, or come again
	PluginSign     PluginAction = "sign"     // its brand signs it
	PluginBegin    PluginAction = "begin"    // a node begins to vet it
	PluginPostpone PluginAction = "postpone" // an attempt to vet it ends without a verdict
	PluginAccept   PluginAction = "accept"   // it is found fit
	PluginRefuse   PluginAction = "refuse"   // it is found unfit, or cannot be vetted
	PluginLapse    PluginAction = "lapse"    // its approvals end: they expired, or something that they were bound to changed
)

const (
	pluginNew  PluginState = "" // where a plugin is before its first upload
	roleSystem Role        = systemActor
)

// PluginMove is one way from one state to another.
type PluginMove struct {
	From   PluginState // "" before the first upload
	Action PluginAction
	To     PluginState
	Who    []Role // may make it happen; "system" is hotdrop itself
}

// PluginMoves are all the ways there are: whatever happens to a plugin is one of them, or leaves its state as it is.
func PluginMoves() []PluginMove {
	owners := []Role{RoleBrand, RoleOperator, RoleAdmin}
	platform, system := []Role{RolePlatform}, []Role{roleSystem}
	return []PluginMove{
		{pluginNew, PluginReceive, PluginUploaded, owners},
		{PluginRefused, PluginReceive, PluginUploaded, owners},
		{PluginApproved, PluginReceive, PluginVetted, owners}, // from somebody who had approved it, and too few others have

		{PluginUploaded, PluginBegin, PluginVetting, system},
		{PluginVetting, PluginPostpone, PluginUploaded, system},
		{PluginVetting, PluginAccept, PluginVetted, system},
		{PluginVetted, PluginAccept, PluginVetted, system},
		{PluginApproved, PluginAccept, PluginApproved, system},
		{PluginUploaded, PluginRefuse, PluginRefused, system},
		{PluginVetting, PluginRefuse, PluginRefused, system},
		{PluginVetted, PluginRefuse, PluginRefused, system},
		{PluginApproved, PluginRefuse, PluginRefused, system},

		{PluginVetted, PluginApprove, PluginVetted, platform},     // more people have to agree
		{PluginVetted, PluginApprove, PluginApproved, platform},   // enough do
		{PluginApproved, PluginApprove, PluginApproved, platform}, // one more does, or some do on other terms
		{PluginApproved, PluginApprove, PluginVetted, platform},   // what was approved holds no more, and nobody has looked yet
		{PluginVetted, PluginLapse, PluginVetted, system},
		{PluginApproved, PluginLapse, PluginVetted, system},

		{PluginUploaded, PluginReject, PluginRejected, platform},
		{PluginVetting, PluginReject, PluginRejected, platform},
		{PluginVetted, PluginReject, PluginRejected, platform},
		{PluginRefused, PluginReject, PluginRejected, platform},
		{PluginApproved, PluginRevoke, PluginRevoked, platform},

		{PluginUploaded, PluginSign, PluginUploaded, owners},
		{PluginVetting, PluginSign, PluginVetting, owners},
		{PluginVetted, PluginSign, PluginVetted, owners},
		{PluginRefused, PluginSign, PluginRefused, owners},
		{PluginApproved, PluginSign, PluginVetted, owners}, // what was approved was not signed so
	}
}

// allows refuses with wrong_state what cannot happen to the plugin in its state, and with approval_required what the role may not do.
func (p *Plugin) allows(action PluginAction, role Role) error {
	moves := slices.DeleteFunc(PluginMoves(), func(m PluginMove) bool { return m.From != p.State || m.Action != action })
	switch {
	case len(moves) == 0:
		return p.noMove(action)
	case !slices.Contains(moves[0].Who, role):
		return Errorf(CodeApprovalRequired, "the role %s may not %s a plugin", role, action)
	default:
		return nil
	}
}

// move puts the plugin into another state. It fails with wrong_state where no move leads there.
func (p *Plugin) move(action PluginAction, to PluginState) error {
	if !slices.ContainsFunc(PluginMoves(), func(m PluginMove) bool { return m.From == p.State && m.Action == action && m.To == to }) {
		return p.noMove(action)
	}
	p.State = to
	return nil
}

// moved refuses what is no move from where the plugin was before.
func (p *Plugin) moved(before *Plugin, action PluginAction) error {
	from := *before
	return from.move(action, p.State)
}

func (p *Plugin) noMove(action PluginAction) error {
	return Errorf(CodeWrongState, "the plugin is %s: there is nothing to %s", p.State, action)
}
