package main

import (
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/olareg/olareg"
	"github.com/olareg/olareg/config"
)

// memoryRegistry starts an OCI registry that keeps everything in memory, and returns its host.
func memoryRegistry(t *testing.T) string {
	t.Helper()
	held := olareg.New(config.Config{Storage: config.ConfigStorage{StoreType: config.StoreMem}})
	server := httptest.NewServer(held)
	t.Cleanup(func() {
		server.Close()
		if err := held.Close(); err != nil {
			t.Error(err)
		}
	})
	return strings.TrimPrefix(server.URL, "http://")
}
