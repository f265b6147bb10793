package corpus

import (
	"encoding/binary"

	"hotdrop/plugins/abi"
)

// sleepers are modules that behave until vetting and approval are behind them: what stops them is not what was found
// out about them, but what bounds every decision.
func sleepers() []Module {
	awake := func(m *module, body string) string {
		return m.says("now") + m.use(abi.FactI64) + i64(Now) + equal64 + when + body + end
	}
	sleeping := func(want, title, attack string, build func(m *module) string) Module {
		m := plain()
		m.use(abi.FactI64)
		body := build(m)
		m.on("quote", awake(m, body))
		module := running(want, "sleeper-"+title, attack, m)
		module.Vetted = Accepted
		return module
	}
	named := plain()
	read := named.says("shopper.id") + i32(0) + i32(16) + named.use(abi.FactStr) + drop
	isHer := i32(0) + load64 + i64(int64(binary.LittleEndian.Uint64([]byte(Victim)))) + equal64 //nolint:gosec // its bits
	named.on("quote", read+isHer+when+forever("")+end)
	victim := running(abi.CodeOutOfFuel, "sleeper-shopper", "Loops for one shopper, and for nobody else.", named)
	victim.Vetted = Accepted
	cheap := deputised(Bounded, "sleeper", "Gives everything away from a certain moment on.", func(m *module) string {
		m.use(abi.FactI64)
		return awake(m, i64(10_000)+m.says("sale")+m.use(abi.DiscountPercent))
	})
	cheap.Total = listPrice - maxDiscount
	return []Module{
		victim,
		cheap,
		sleeping(abi.CodeOutOfFuel, "loop", "Loops from a certain moment on.", func(*module) string { return forever("") }),
		sleeping(abi.CodeTrap, "trap", "Traps from a certain moment on.", func(*module) string { return trap }),
		sleeping(abi.CodeUndeclaredFact, "fact", "Asks for an undeclared fact from a certain moment on.", func(m *module) string {
			return m.says("shopper.tier") + m.use(abi.FactKind) + drop
		}),
		sleeping(abi.CodeBadEffect, "effects", "Proposes 10,000 effects from a certain moment on.", func(m *module) string {
			return forever(m.says("k") + m.use(abi.Once))
		}),
	}
}
