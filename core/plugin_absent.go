package core

import (
	"cmp"
	"context"
	"errors"
)

// NotLoadable is the error of a [Compiler], and of [PluginRegistry.Loadable], for an uploaded plugin that may not or cannot
// be loaded now. Where a campaign file is applied it counts as Err. A ruleset that is in force lives on without the plugin:
// its binding fails until the plugin can be loaded. A store that does not answer is no such error.
type NotLoadable struct {
	Plugin *Plugin // nil if the brand has none of that digest
	Hooks  []Hook  // the hooks that the plugin is known to have; none if that is not known
	Hint   string  // the next thing to try; "" for what [NotLoadable.Next] says of the plugin's state
	// Withheld says that the registry keeps an approved plugin out, as its approvals do not hold or are for other campaigns.
	Withheld bool
	Expired  bool  // it does so because the time of the approvals is over
	Err      error // what keeps it out: an *[Error], or *[Problems] relative to the binding
}

// Error implements error.
func (n *NotLoadable) Error() string { return n.Err.Error() }

// Unwrap returns what keeps the plugin out.
func (n *NotLoadable) Unwrap() error { return n.Err }

// Next is the next thing to try, for people.
func (n *NotLoadable) Next() string {
	p := n.Plugin
	switch {
	case n.Hint != "":
		return n.Hint
	case p == nil:
		return "upload it: hotdrop mechanic submit FILE"
	case p.State == PluginRevoked || p.State == PluginRejected:
		return "it does not come back: bind another plugin, or none; why, says hotdrop review show " + p.Digest + " --brand " + p.Brand
	case p.State == PluginVetted && p.Report != nil && p.Report.Accepted:
		return "have it approved: " + p.approveCommand()
	default:
		return "see its state and report: hotdrop review show " + p.Digest + " --brand " + p.Brand
	}
}

// withdrawn reports whether no node may load the plugin, rather than only this one not now.
func (n *NotLoadable) withdrawn() bool {
	return n.Withheld || n.Plugin == nil || n.Plugin.State != PluginApproved
}

// state is where the plugin stands, in one word for people.
func (n *NotLoadable) state() string {
	if n.Plugin == nil {
		return "gone"
	}
	if n.Withheld {
		return "withheld"
	}
	return string(n.Plugin.State)
}

// absent stands for a plugin that is not loaded: at every hook that the plugin may have it fails, so that the binding's
// failure policy decides. It keeps the digest, by which the order's pinned decision tells what is missing.
type absent struct {
	manifest *Manifest
	failure  *MechanicError
	why      *NotLoadable
}

func newAbsent(digest string, why *NotLoadable) *absent {
	a := &absent{
		manifest: &Manifest{Name: "plugin", Kind: "plugin", Digest: digest, Hooks: why.Hooks},
		failure:  &MechanicError{Code: "unavailable", Message: "the plugin cannot be loaded now"},
		why:      why,
	}
	if why.Plugin != nil {
		a.manifest.Name = cmp.Or(why.Plugin.Name, a.manifest.Name)
	}
	if len(why.Hooks) == 0 {
		a.manifest.Hooks = Hooks()
	}
	if why.withdrawn() {
		a.failure.Message = "the plugin is " + why.state()
	}
	return a
}

// Manifest implements [Mechanic].
func (a *absent) Manifest() *Manifest { return a.manifest }

// Decide implements [Mechanic].
func (a *absent) Decide(_ Hook, _ *Facts, effects []Effect) ([]Effect, Usage, error) {
	return effects, Usage{}, a.failure
}

// compileInForce compiles a binding of a stored ruleset as the artefact of the digest: this binary's mechanic, or, if that
// is another one by now, the one that was stored with the ruleset, which kept says. A plugin that cannot be loaded is
// absent; the campaign lives on without it.
func (e *Engine) compileInForce(
	ctx context.Context, campaign string, binding Binding, digest string,
) (mechanic Mechanic, kept bool, err error) {
	mechanic, err = e.compiler.Compile(ctx, binding)
	if err == nil && mechanic.Manifest().Digest == digest {
		return mechanic, false, nil
	}
	if stored, keptErr := e.compileKept(ctx, binding, digest); stored != nil || keptErr != nil {
		return stored, true, keptErr
	}
	why, ok := errors.AsType[*NotLoadable](err)
	if !ok {
		return mechanic, false, err
	}
	e.log.Warn("a campaign runs without one of its plugins", "campaign", campaign, "plugin", digest, "why", why.Err)
	return newAbsent(digest, why), false, nil
}
