package event

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
)

// demoKeys is the file that a demo server keeps its keys in, inside its folder.
const demoKeys = "demo-keys.json"

// remoteStore is the store of a server that runs already: nobody knows.
const remoteStore = "remote"

// fleet is the servers that a sale is replayed against.
type fleet struct {
	urls     []string
	keys     string // file of the demo keys they share
	store    string // sqlite, postgres or remote
	children []*child
	folder   string // temporary, removed at the end; "" when there is none
	unwatch  context.CancelFunc
}

// startFleet starts the servers of the configuration, or takes the one that runs already. A server that ends before it
// is stopped cancels the run.
func startFleet(ctx context.Context, cancel context.CancelCauseFunc, config Config) (*fleet, error) {
	if config.URL != "" {
		return &fleet{urls: []string{config.URL}, keys: config.KeysFile, store: remoteStore, unwatch: func() {}}, nil
	}
	f := &fleet{store: "sqlite"}
	if config.Store != "" {
		f.store = "postgres"
	}
	folder, err := f.folderOf(config)
	if err != nil {
		return nil, err
	}
	f.keys = filepath.Join(folder, "1", demoKeys)
	watching, unwatch := context.WithCancel(ctx)
	f.unwatch = unwatch
	for node := 1; node <= config.Nodes; node++ {
		if err := f.start(ctx, config, folder, node); err != nil {
			return nil, errors.Join(err, f.stop())
		}
		go watch(watching, cancel, f.children[node-1])
	}
	return f, nil
}

// folderOf makes the folder that the servers' folders are in.
func (f *fleet) folderOf(config Config) (string, error) {
	if config.Keep == "" {
		folder, err := os.MkdirTemp("", "hotdrop-event-")
		f.folder = folder
		return folder, err
	}
	if err := os.MkdirAll(config.Keep, 0o750); err != nil {
		return "", err
	}
	entries, err := os.ReadDir(config.Keep)
	if err == nil && len(entries) > 0 {
		err = usagef("--keep %s is not empty", config.Keep)
	}
	return config.Keep, err
}

// start starts one server. The first makes the keys, the others share them.
func (f *fleet) start(ctx context.Context, config Config, folder string, node int) error {
	data := filepath.Join(folder, strconv.Itoa(node))
	if err := os.MkdirAll(data, 0o750); err != nil {
		return err
	}
	args := []string{"serve", "--demo", "--data", data, "--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0"}
	args = append(args, config.doors()...)
	if config.Store != "" {
		args = append(args, "--database-url", config.Store)
	}
	if node > 1 {
		args = append(args, "--keys", f.keys)
	}
	child, err := config.coreSplit().start(func() (*child, error) {
		return startChild(ctx, config.Binary, filepath.Join(folder, fmt.Sprintf("serve-%d.log", node)), args...)
	})
	if err != nil {
		return err
	}
	f.children = append(f.children, child)
	f.urls = append(f.urls, child.url)
	return nil
}

// doors are the flags by which servers turn nobody away: everybody comes from one address, and it is speed that is measured.
// Only a run that offers too much needs a bound.
func (c Config) doors() []string {
	return []string{
		"--limit-shopper", "off", "--limit-staff", "off", "--limit-address", "off", "--limit-campaign", "off",
		"--order-latency", c.latencyBound().String(),
	}
}

// watch cancels the run when the child ends before watching does.
func watch(watching context.Context, cancel context.CancelCauseFunc, c *child) {
	select {
	case <-watching.Done():
	case <-c.ended:
		if watching.Err() == nil {
			cancel(fmt.Errorf("a server ended in the middle of the run: %w%s", errors.Join(c.status), c.tail()))
		}
	}
}

// stop stops every server and requires that each ends cleanly. A temporary folder is removed.
func (f *fleet) stop() error {
	f.unwatch()
	var failed error
	for _, c := range f.children {
		failed = errors.Join(failed, c.stop())
	}
	if f.folder != "" {
		failed = errors.Join(failed, os.RemoveAll(f.folder))
	}
	return failed
}

// peak is the most memory that one of the servers has had resident, in bytes.
func (f *fleet) peak() int64 {
	var peak int64
	for _, c := range f.children {
		peak = max(peak, c.peak)
	}
	return peak
}
