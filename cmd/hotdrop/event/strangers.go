package event

import (
	"os"
	"slices"
	"strconv"
	"strings"
)

// occupancy is how the processors of the servers were used so far, in the kernel's ticks.
type occupancy struct{ all, busy, own int64 }

// occupancyNow is the use of the processors by all, and by the servers; zeros where the system does not tell.
func occupancyNow(cores []int, servers []*child) occupancy {
	stat, err := os.ReadFile("/proc/stat")
	if err != nil {
		return occupancy{}
	}
	o := coresIn(string(stat), cores)
	for _, c := range servers {
		status, err := os.ReadFile("/proc/" + strconv.Itoa(c.cmd.Process.Pid) + "/stat")
		if err != nil {
			return occupancy{}
		}
		o.own += ticksIn(string(status))
	}
	return o
}

// coresIn adds up the lines "cpu0 user nice system idle iowait irq softirq steal …" of the processors. What a hypervisor took
// is busy; interrupts are nobody's.
func coresIn(stat string, cores []int) (o occupancy) {
	for line := range strings.Lines(stat) {
		name, rest, _ := strings.Cut(line, " ")
		core, err := strconv.Atoi(strings.TrimPrefix(name, "cpu"))
		if err != nil || !slices.Contains(cores, core) {
			continue
		}
		for i, text := range strings.Fields(rest)[:8] {
			ticks, _ := strconv.ParseInt(text, 10, 64) // the kernel writes numbers
			o.all += ticks
			if i < 3 || i == 7 {
				o.busy += ticks
			}
		}
	}
	return o
}

// ticksIn reads the time of a process, of its own and the kernel's on its behalf, from its stat. Its name may hold anything.
func ticksIn(stat string) (ticks int64) {
	const user, system = 11, 12 // behind the name
	fields := strings.Fields(stat[strings.LastIndexByte(stat, ')')+1:])
	for i, text := range fields {
		if i == user || i == system {
			n, _ := strconv.ParseInt(text, 10, 64) // the kernel writes numbers
			ticks += n
		}
	}
	return ticks
}

// strangers is the share of the time since then that somebody else used the processors of the servers.
func (o occupancy) strangers(before occupancy) float64 {
	all := o.all - before.all
	if all <= 0 {
		return 0
	}
	return float64(max(0, o.busy-before.busy-(o.own-before.own))) / float64(all)
}
