package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"hotdrop/cmd/hotdrop/event"
)

// The exit codes of the command.
const (
	exitOK     = 0
	exitFailed = 1
	exitUsage  = 2
)

// usageError is a command that was asked for wrongly, found after cobra had parsed it.
type usageError struct{ error }

// errFailed ends a command that has already said, on stdout, why it failed: findings of an audit, failed vectors.
var errFailed = errors.New("failed")

// doMain runs the command line and returns the exit code. The first interrupt asks the command to stop, the second ends
// the process at once.
func doMain(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	ctx, stop := interruptible(ctx)
	defer stop()

	started := false
	root := newRoot(&started)
	root.SetArgs(args)
	root.SetIn(stdin)
	root.SetOut(stdout)
	root.SetErr(stderr)

	err := root.ExecuteContext(ctx)
	if err != nil && !errors.Is(err, errFailed) {
		_, _ = fmt.Fprintf(stderr, "hotdrop: %v\n", err)
	}
	return exitCode(err, started)
}

// interruptible returns a context that the first interrupt ends. Before it ends, interrupts are back at their default,
// which is to end the process, so that a second one is never swallowed.
func interruptible(ctx context.Context) (context.Context, func()) {
	ctx, cancel := context.WithCancel(ctx)
	signals, watched := make(chan os.Signal, 1), make(chan struct{})
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	go func() {
		defer close(watched)
		defer cancel()
		defer signal.Stop(signals)
		select {
		case <-signals:
		case <-ctx.Done():
		}
	}()
	return ctx, func() {
		cancel()
		<-watched
	}
}

// exitCode tells a command that failed from one that never started because flags, arguments or settings were wrong.
func exitCode(err error, started bool) int {
	_, usage := errors.AsType[usageError](err)
	_, eventUsage := errors.AsType[*event.UsageError](err)
	switch {
	case err == nil:
		return exitOK
	case usage || eventUsage || !started:
		return exitUsage
	default:
		return exitFailed
	}
}

// newRoot assembles the command tree. started becomes true once a command's own work begins.
func newRoot(started *bool) *cobra.Command {
	root := &cobra.Command{
		Use:           "hotdrop",
		Short:         "Runs flash sales whose promotion mechanics are data",
		SilenceErrors: true,
		SilenceUsage:  true,
		Version:       versionText(),
	}
	root.CompletionOptions.HiddenDefaultCmd = true
	root.PersistentFlags().String("config", "", "YAML file of settings; its keys are the flags' names")
	root.PersistentPreRunE = func(cmd *cobra.Command, _ []string) error {
		if err := fillSettings(cmd, os.LookupEnv); err != nil {
			return err
		}
		if err := cmd.ValidateRequiredFlags(); err != nil {
			return usageError{err}
		}
		*started = true
		return nil
	}
	root.AddCommand(serveCommand(), campaignCommand(), mechanicCommand(), eventCommand(), auditCommand(), logCommand(), drawCommand(),
		queueCommand(), orderCommand(), backtestCommand(), rolloutCommand(), reviewCommand(), migrateCommand(), keysCommand(),
		shopperCommand(), vetChildCommand(), versionCommand())
	requireSubcommand(root)
	return root
}

func eventCommand() *cobra.Command {
	group := event.Command(eventTools())
	group.AddCommand(event.FloorCommand())
	return group
}

// requireSubcommand makes a command that only groups others fail when none is named, instead of printing help and
// succeeding. To a name that is none it answers with the nearest.
func requireSubcommand(cmd *cobra.Command) {
	for _, child := range cmd.Commands() {
		requireSubcommand(child)
	}
	if !cmd.HasSubCommands() || cmd.Runnable() {
		return
	}
	cmd.Args = func(cmd *cobra.Command, args []string) error {
		if len(args) > 0 {
			return usageError{fmt.Errorf("%s has no command %q%s; see %s --help",
				cmd.CommandPath(), args[0], nearestHint(args[0], commandNames(cmd)), cmd.CommandPath())}
		}
		_, _ = fmt.Fprint(cmd.ErrOrStderr(), cmd.UsageString())
		return usageError{fmt.Errorf("%s needs a command", cmd.CommandPath())}
	}
	cmd.RunE = func(*cobra.Command, []string) error { return nil } // never reached: Args refuses every call
}

// commandNames lists the commands of a group that help shows.
func commandNames(group *cobra.Command) []string {
	var names []string
	for _, child := range group.Commands() {
		if child.IsAvailableCommand() {
			names = append(names, child.Name())
		}
	}
	return names
}
