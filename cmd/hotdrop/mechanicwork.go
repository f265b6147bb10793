package main

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"

	"hotdrop/core"
	"hotdrop/plugins"
)

// workshop is what mechanics run in while a command works: a plugin host for each plugin, with its limits.
type workshop struct {
	policy *plugins.Policy // nil: the limits of a platform without one
	log    *slog.Logger    // gets what plugins log; nil drops it
	talk   io.Writer       // gets notes
	hosts  []*plugins.Host
}

// workpiece is a mechanic that can be compiled for configs.
type workpiece struct {
	*parsedMechanic

	compile func(config core.Object) (core.Mechanic, error)
	limits  plugins.Limits // of a plugin
}

// open makes a mechanic ready to decide; a plugin is loaded. Problems of its module are a *fileProblems.
func (w *workshop) open(ctx context.Context, m *parsedMechanic) (*workpiece, error) {
	if m.kind == kindRule {
		return &workpiece{parsedMechanic: m, compile: m.parsed.Compile}, nil
	}
	limits, note := policyFor(w.policy, m.module)
	if note != "" {
		_, _ = fmt.Fprintln(w.talk, "note: "+note)
	}
	host, err := startHost(ctx, plugins.Options{Logger: w.log, Limits: limits})
	if err != nil {
		return nil, fmt.Errorf("starting the plugin host: %w", err)
	}
	w.hosts = append(w.hosts, host)
	plugin, err := host.Load(ctx, m.described, m.module.text)
	if err != nil {
		return nil, fileError(m.module.name, err)
	}
	return &workpiece{m, plugin.Bind, limits}, nil
}

// startHost starts a host that keeps compiled code in the user's cache, where a module of Go's size takes half a second
// less the next time. Without such a folder it keeps nothing.
func startHost(ctx context.Context, o plugins.Options) (*plugins.Host, error) {
	if folder, err := os.UserCacheDir(); err == nil {
		cached := o
		cached.CacheDir = filepath.Join(folder, "hotdrop", "compiled")
		if cached.CacheKey, err = codeKey(cached.CacheDir + ".key"); err == nil {
			if host, err := plugins.NewHost(ctx, cached); err == nil {
				return host, nil
			}
		}
	}
	return plugins.NewHost(ctx, o)
}

// codeKey reads the key that seals a user's compiled code, or makes it. A file that is damaged, or that others could read,
// is replaced: what was sealed under it is compiled again.
func codeKey(path string) ([]byte, error) {
	info, err := os.Lstat(path)
	if err == nil && info.Mode() == 0o600 && info.Size() == plugins.CacheKeySize {
		return os.ReadFile(path)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, err
	}
	key := make([]byte, plugins.CacheKeySize)
	_, _ = rand.Read(key)                                    // never fails: crypto/rand ends the process instead
	file, err := os.CreateTemp(filepath.Dir(path), ".key-*") // mode 0600
	if err != nil {
		return nil, err
	}
	_, err = file.Write(key)
	if err = errors.Join(err, file.Close()); err == nil {
		err = os.Rename(file.Name(), path)
	}
	return key, err
}

// close frees the hosts.
func (w *workshop) close(ctx context.Context) error {
	var errs []error
	for _, host := range w.hosts {
		errs = append(errs, host.Close(context.WithoutCancel(ctx)))
	}
	return errors.Join(errs...)
}

// bindings makes a mechanic once for every config that its vectors use.
type bindings struct {
	compile func(config core.Object) (core.Mechanic, error)
	made    map[string]core.Mechanic // by the config's JSON
}

func (p *workpiece) bindings() *bindings {
	return &bindings{compile: p.compile, made: map[string]core.Mechanic{}}
}

func (b *bindings) of(config core.Object) (core.Mechanic, error) {
	key, err := json.Marshal(config)
	if err != nil {
		return nil, err
	}
	if m := b.made[string(key)]; m != nil {
		return m, nil
	}
	m, err := b.compile(config)
	if err == nil {
		b.made[string(key)] = m
	}
	return m, err
}
