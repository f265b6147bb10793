package storetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// ErrNoPostgres says that this machine has no Postgres server to start.
var ErrNoPostgres = errors.New("no postgres and initdb in PATH or under /usr/lib/postgresql")

const (
	startDeadline = 30 * time.Second      // recovery after a kill included
	startPoll     = 20 * time.Millisecond // between two tries to connect
	superuser     = "postgres"
)

// leash runs a server for as long as somebody holds the other end of its standard input: however the test process ends,
// the server ends too, and the folder goes. Descriptor 3 is only there to be closed with the script.
const leash = `
trap '' HUP INT TERM
folder=$1; shift
exec 4<&0
"$@" </dev/null 3>&- 4<&- &
server=$!
{ cat <&4 >/dev/null; kill -QUIT $server; } 3>&- &
holder=$!
exec 4<&-
wait $server
if kill -0 $holder 2>/dev/null; then kill -KILL $holder; else rm -rf "$folder"; fi
`

// Cluster is a Postgres server of a test's own, reached through a Unix socket. Its methods are not for use at once.
type Cluster struct {
	folder  string // socket and log, and the data unless it lives elsewhere
	data    string
	bin     string
	owner   *syscall.Credential // nil: as this process
	running *exec.Cmd
	held    *os.File // while this is open the server lives
	exited  *os.File // reads its end once the server is gone
	fsync   string   // whether it waits for the disk: on or off

	patience time.Duration // with a start
}

// NewCluster makes and starts a server with its data, but not its log of changes, in the folder; or all in a temporary
// one when it is "". The server is stopped and removed when the test ends. Without a Postgres on this machine the test is
// skipped, or fails: see [Missing].
func NewCluster(t testing.TB, folder string) *Cluster {
	t.Helper()
	c, err := newCluster(folder)
	if errors.Is(err, ErrNoPostgres) {
		Missing(t, "postgres", err)
	}
	must(t, err)
	t.Cleanup(func() {
		if err := errors.Join(c.Kill(), os.RemoveAll(c.folder), os.RemoveAll(c.data)); err != nil {
			t.Error(err)
		}
	})
	must(t, c.Start())
	return c
}

func newCluster(folder string) (*Cluster, error) {
	c := &Cluster{patience: startDeadline, fsync: "on"}
	var err error
	if c.bin, err = findPostgres(); err != nil {
		return nil, err
	}
	if c.owner, err = unprivileged(); err != nil {
		return nil, err
	}
	// A name of its own: t.TempDir's are too long for a socket.
	if c.folder, err = os.MkdirTemp("", "hotdrop-pg-"); err != nil {
		return nil, err
	}
	if folder == "" {
		folder = c.folder
	}
	c.data = filepath.Join(folder, "data")
	if err := errors.Join(os.Mkdir(c.data, 0o700), c.own(c.folder), c.own(c.data)); err != nil {
		return nil, err
	}
	initdb := c.command(filepath.Join(c.bin, "initdb"), "--pgdata="+c.data, "--waldir="+filepath.Join(c.folder, "wal"),
		"--username="+superuser, "--auth=trust", "--encoding=UTF8", "--no-sync")
	if output, err := initdb.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("initdb: %w: %s", err, output)
	}
	return c, nil
}

// findPostgres returns the folder of the server's programs, the newest version's if there are several.
func findPostgres() (string, error) {
	if server, err := exec.LookPath("postgres"); err == nil {
		if server, err = filepath.EvalSymlinks(server); err == nil && isFile(filepath.Join(filepath.Dir(server), "initdb")) {
			return filepath.Dir(server), nil
		}
	}
	found, newest := "", 0
	folders, _ := filepath.Glob("/usr/lib/postgresql/*/bin") // the pattern is well formed
	for _, folder := range folders {
		version, _ := strconv.Atoi(filepath.Base(filepath.Dir(folder)))
		if version > newest && isFile(filepath.Join(folder, "initdb")) && isFile(filepath.Join(folder, "postgres")) {
			found, newest = folder, version
		}
	}
	if found == "" {
		return "", ErrNoPostgres
	}
	return found, nil
}

func isFile(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular()
}

// unprivileged returns whom a server can run as when this process is root, which Postgres refuses.
func unprivileged() (*syscall.Credential, error) {
	if os.Geteuid() != 0 {
		return nil, nil
	}
	account, err := user.Lookup("postgres")
	if err != nil {
		if account, err = user.Lookup("nobody"); err != nil {
			return nil, err
		}
	}
	uid, err := strconv.ParseUint(account.Uid, 10, 32)
	if err != nil {
		return nil, err
	}
	gid, err := strconv.ParseUint(account.Gid, 10, 32)
	return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, err
}

func (c *Cluster) own(path string) error {
	if c.owner == nil {
		return nil
	}
	return os.Chown(path, int(c.owner.Uid), int(c.owner.Gid))
}

// command runs as the owner, in the cluster's folder, in a session of its own: an interrupt is for the tests.
func (c *Cluster) command(name string, arguments ...string) *exec.Cmd {
	cmd := exec.Command(name, arguments...)
	cmd.Dir = c.folder
	cmd.Env = append(os.Environ(), "LC_ALL=C.UTF-8")
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: c.owner, Setsid: true}
	return cmd
}

// URL names a database of the server, as [PostgresURL] does.
func (c *Cluster) URL(database string) string {
	query := url.Values{"host": {c.folder}, "user": {superuser}}
	return "postgres:///" + database + "?" + query.Encode()
}

// Start starts the server and waits until it answers. After a kill it may have to wait for what is left of the old one,
// and to recover.
func (c *Cluster) Start() error {
	for deadline := time.Now().Add(c.patience); time.Now().Before(deadline); {
		if c.running == nil {
			if err := c.launch(); err != nil {
				return err
			}
		}
		if c.answers() {
			return nil
		}
		if c.exitsWithin(startPoll) {
			c.release()
		}
	}
	log, _ := os.ReadFile(filepath.Join(c.folder, "log"))
	if c.running != nil {
		_ = c.held.Close() // ends it, however far it came
		c.exitsWithin(0)
		c.release()
	}
	return fmt.Errorf("the server did not start: %s", log)
}

func (c *Cluster) launch() error {
	log, err := os.OpenFile(filepath.Join(c.folder, "log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer func() { _ = log.Close() }()
	stdin, held, err := os.Pipe()
	if err != nil {
		return err
	}
	defer func() { _ = stdin.Close() }()
	exited, open, err := os.Pipe()
	if err != nil {
		return errors.Join(err, held.Close())
	}
	defer func() { _ = open.Close() }()
	cmd := c.command("/bin/sh", "-c", leash, "leash", c.folder,
		filepath.Join(c.bin, "postgres"), "-D", c.data, "-k", c.folder, "-c", "listen_addresses=",
		"-c", "max_connections=300", "-c", "fsync="+c.fsync)
	cmd.Stdin, cmd.Stdout, cmd.Stderr, cmd.ExtraFiles = stdin, log, log, []*os.File{open}
	if err := cmd.Start(); err != nil {
		return errors.Join(err, held.Close(), exited.Close())
	}
	c.running, c.held, c.exited = cmd, held, exited
	return nil
}

func (c *Cluster) answers() bool {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	connection, err := pgx.Connect(ctx, c.URL(superuser))
	if err != nil {
		return false
	}
	return connection.Close(ctx) == nil
}

// exitsWithin waits until the server has gone, but not longer than d; 0 waits for ever.
func (c *Cluster) exitsWithin(d time.Duration) bool {
	var deadline time.Time
	if d > 0 {
		deadline = time.Now().Add(d)
	}
	if err := c.exited.SetReadDeadline(deadline); err != nil {
		return false
	}
	_, err := c.exited.Read(make([]byte, 1))
	return errors.Is(err, io.EOF)
}

// release lets go of a server that has exited.
func (c *Cluster) release() {
	_ = c.running.Wait() // how it exited does not matter
	_ = c.held.Close()
	_ = c.exited.Close()
	c.running = nil
}

// Stop shuts the server down in order; clients are cut off. Stopping a stopped server does nothing.
func (c *Cluster) Stop() error {
	return c.end(func(server *os.Process) error { return server.Signal(os.Interrupt) })
}

// Kill ends the server and its children as a crash does: nothing is flushed, and the next start has to recover.
func (c *Cluster) Kill() error {
	return c.end(func(server *os.Process) error {
		children := childrenOf(server.Pid)
		err := server.Kill()
		for _, child := range children {
			_ = child.Kill() // it may have gone by itself
		}
		return err
	})
}

// Restart kills the server and starts it again.
func (c *Cluster) Restart() error {
	return errors.Join(c.Kill(), c.Start())
}

func (c *Cluster) end(signal func(server *os.Process) error) error {
	if c.running == nil {
		return nil
	}
	text, err := os.ReadFile(filepath.Join(c.data, "postmaster.pid"))
	if err != nil {
		return err
	}
	line, _, _ := strings.Cut(string(text), "\n")
	pid, err := strconv.Atoi(line)
	if err != nil {
		return err
	}
	server, err := os.FindProcess(pid)
	if err != nil {
		return err
	}
	if err := signal(server); err != nil {
		return err
	}
	c.exitsWithin(0)
	c.release()
	return nil
}

// childrenOf lists the children of a process, where the system has /proc. Elsewhere they notice by themselves that the
// server is gone.
func childrenOf(parent int) []*os.Process {
	var children []*os.Process
	stats, _ := filepath.Glob("/proc/[0-9]*/stat") // the pattern is well formed
	for _, path := range stats {
		text, err := os.ReadFile(path)
		if err != nil {
			continue
		}
		// "pid (name) state parent …", where the name may have spaces and parentheses of its own.
		fields := strings.Fields(string(text[bytes.LastIndexByte(text, ')')+1:]))
		if len(fields) < 2 || fields[1] != strconv.Itoa(parent) {
			continue
		}
		pid, _ := strconv.Atoi(filepath.Base(filepath.Dir(path)))
		if child, err := os.FindProcess(pid); err == nil {
			children = append(children, child)
		}
	}
	return children
}
