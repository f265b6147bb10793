package event

import (
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"
	"golang.org/x/term"
)

// The commands that children are started with.
const (
	commandName  = "event"
	floorCommand = "floor"
)

// The forms of a result.
const (
	outputText = "text"
	outputJSON = "json"
)

// Command returns the command `event` with `run NAME`. The command that wires the binary adds [FloorCommand] to it, and
// gives it the tools.
func Command(tools Tools) *cobra.Command {
	group := &cobra.Command{Use: commandName, Short: "Replay a real sale over HTTP and check its books"}
	group.AddCommand(runCommand(tools))
	return group
}

func runCommand(tools Tools) *cobra.Command {
	config := Config{Tools: tools}
	output := outputText
	cmd := &cobra.Command{
		Use:   "run NAME",
		Short: "Replay a sale against servers of its own, or against --url",
		Long: "Replay a sale over real HTTP connections and check its books.\n\n" +
			"phone: reservations, reposts, the rush (every shopper once, 5 % retries with the same key, 0.5 % second\n" +
			"attempts), payment of every order, a look at each of them, and the draw among those who reposted. Speeds\n" +
			"are compared with a bare echo handler, measured around every phase with the same generator.\n" +
			"trade-in: teaser, reservations, the one-cent voucher, the reminder, the sale with trade-ins and vouchers,\n" +
			"shipping, questions in the inbox, links.\n" +
			"car: a deposit online, the balance at the dealer, and those who never come.\n" +
			"group: groups that complete and groups that fail, whose members pay the difference, decline or do not answer.\n\n" +
			"--swaps N changes the price of the phone N times while it sells: rulesets that each give a total of their own\n" +
			"become live, are a canary for 10 %, and are undone. Every order's total has to be that of a ruleset which decided\n" +
			"between its request and its answer (stale_answers, mixed_prices), and by the books no order was decided under an\n" +
			"earlier epoch than a swap before it (stale_orders). A calm phase follows in a campaign of its own: orders come\n" +
			"evenly at half of the highest rate, with a swap in the middle of every other second. calm_swap_p99_ratio is the p99\n" +
			"of the orders due in those seconds in terms of that of the orders due in the others, counted from when they were due.\n" +
			"swap_ms is from a swap's request to its answer, follow_ms from its commit until the last node decides by it.\n\n" +
			"--overload N offers N times as many orders as there can be, after the sale and in a campaign of its own: they come\n" +
			"evenly, whatever those before them were answered. The p99 of the accepted ones, from when they were due, has to stay\n" +
			"under --order-latency; the others are refused with overloaded, which is no failure, and take nothing. Servers and\n" +
			"generator get processors of their own. A run in which the generator could not keep up, or somebody else had the\n" +
			"servers' processors, says so and fails.\n\n" +
			"The exit code is 1 when the books do not balance or hotdrop audit finds something.",
		Example: "  hotdrop event run phone\n" +
			"  hotdrop event run phone --shoppers 24000 --reservations 130000 --units 5000 -o json\n" +
			"  hotdrop event run phone --swaps 200 --nodes 3 --database-url postgres://localhost/empty\n" +
			"  hotdrop event run phone --shoppers 2000 --reservations 2000 --units 500 --overload 3 -o json\n" +
			"  hotdrop event run trade-in --shoppers 2000 --units 210",
		ValidArgs: names(),
		Args:      cobra.MatchAll(cobra.ExactArgs(1), cobra.OnlyValidArgs),
		RunE: func(cmd *cobra.Command, args []string) error {
			config.Name = args[0]
			if err := refuseZeros(cmd); err != nil {
				return err
			}
			config.Out, config.Err = cmd.OutOrStdout(), cmd.ErrOrStderr()
			config.Progress = isTerminal(config.Err)
			return runAndPrint(cmd, config, output)
		},
	}
	flags := cmd.Flags()
	flags.IntVar(&config.Shoppers, "shoppers", 0, "shoppers who take part (default: as many as there were)")
	flags.IntVar(&config.Reservations, "reservations", 0,
		"phone: shoppers who sign up; those of the rush are the first of them (default 1300000)")
	flags.IntVar(&config.Reposts, "reposts", 0, "phone: reposts of shoppers' links (default: 3 for 13 reservations)")
	flags.IntVar(&config.Units, "units", 0, "units for sale (default: as many as there were); group: of the item whose groups complete")
	flags.IntVar(&config.Connections, "connections", usualConnections, "keep-alive connections of the generator")
	flags.StringVar(&config.Store, "database-url", "",
		"an empty Postgres database; without it SQLite in a temporary folder")
	flags.IntVar(&config.Nodes, "nodes", 1, "servers on that database")
	flags.StringVar(&config.URL, "url", "", "a demo server that runs already")
	flags.StringVar(&config.KeysFile, "keys", "", "the demo-keys.json of that server")
	flags.IntVar(&config.Uploads, "uploads", 0, "hostile plugins that a brand uploads, evenly spread over the rush")
	flags.IntVar(&config.Swaps, "swaps", 0, "phone: swaps of the ruleset, evenly spread over the orders of the rush")
	flags.BoolVar(&config.SwapPlugin, "swap-plugin", false, "the rulesets that are swapped bind a plugin of 200 KB")
	flags.Float64Var(&config.Overload, "overload", 0, "phone: how many times the highest rate of orders are offered after the sale")
	flags.DurationVar(&config.OrderLatency, "order-latency", usualBound, "the bound of accepted orders' p99 in a run with --overload")
	flags.StringVar(&config.Keep, "keep", "",
		"folder for the servers' data, kept afterwards (hotdrop audit --data FOLDER/1)")
	flags.Uint64Var(&config.Seed, "seed", 1, "the order in which shoppers come; the same seed is the same order")
	flags.StringVarP(&output, "output", "o", outputText, "how to print the result: text or json")
	return cmd
}

// refuseZeros refuses a 0 that somebody wrote where 0 would mean as many as there were.
func refuseZeros(cmd *cobra.Command) error {
	for _, name := range []string{"shoppers", "reservations", "reposts", "units", "connections", "nodes"} {
		if n, err := cmd.Flags().GetInt(name); err == nil && n == 0 && cmd.Flags().Changed(name) {
			return usagef("--%s must be at least 1", name)
		}
	}
	return nil
}

// runAndPrint replays the sale and prints the result, also when its books do not balance.
func runAndPrint(cmd *cobra.Command, config Config, output string) error {
	if output != outputText && output != outputJSON {
		return usagef("--output must be %s or %s", outputText, outputJSON)
	}
	result, err := Run(cmd.Context(), config)
	if err != nil {
		return fmt.Errorf("event run %s: %w", config.Name, err)
	}
	write := result.writeTable
	if output == outputJSON {
		write = result.writeJSON
	}
	if err := write(config.Out); err != nil {
		return fmt.Errorf("print the result: %w", err)
	}
	return result.Err()
}

// isTerminal reports whether w is a terminal.
func isTerminal(w io.Writer) bool {
	file, ok := w.(*os.File)
	return ok && term.IsTerminal(int(file.Fd()))
}
