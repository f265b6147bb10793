package storetest

import (
	"context"
	"errors"
	"net/url"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// shared is the server of all tests of this process that bring none of their own. It starts when the first one asks and
// ends with the process: see leash. Starting it takes a second, so it is worth being one of the package's only variables. It
// does not wait for the disk: it has a database for each test, and making and removing one with every file on the disk takes
// longer than most tests. What is durable when a machine fails is not for it to prove; tests that kill a server bring their own.
var shared = sync.OnceValues(func() (*Cluster, error) { return startShared("off") }) //nolint:gochecknoglobals // see above

// measured is the same for benchmarks: what it costs to wait for the disk is a part of what they measure.
var measured = sync.OnceValues(func() (*Cluster, error) { return startShared("on") }) //nolint:gochecknoglobals // see shared

func startShared(fsync string) (*Cluster, error) {
	c, err := newCluster("")
	if err != nil {
		return nil, err
	}
	c.fsync = fsync
	err = c.Start()
	return c, err
}

// PostgresURL returns the URL of a database that is empty, fresh and gone after the test. It is made on the server of
// HOTDROP_TEST_DATABASE_URL, else on a throw-away server started from the programs on this machine. Without either the
// test is skipped, or fails: see [Missing].
func PostgresURL(t testing.TB) string {
	t.Helper()
	admin := os.Getenv("HOTDROP_TEST_DATABASE_URL")
	if admin == "" {
		start := shared
		if _, benchmark := t.(*testing.B); benchmark {
			start = measured
		}
		cluster, err := start()
		if errors.Is(err, ErrNoPostgres) {
			Missing(t, "postgres", err)
		}
		must(t, err)
		admin = cluster.URL(superuser)
	}
	name := strings.ReplaceAll(unique("hotdrop_test"), "-", "_")
	administer(t, admin, "CREATE DATABASE "+name)
	t.Cleanup(func() { administer(t, admin, "DROP DATABASE "+name+" WITH (FORCE)") })
	database, err := withDatabase(admin, name)
	must(t, err)
	return database
}

// administer runs one statement on the server. It has a context of its own: the test's has ended when it cleans up.
func administer(t testing.TB, admin, statement string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	connection, err := pgx.Connect(ctx, admin)
	must(t, err)
	_, err = connection.Exec(ctx, statement)
	must(t, errors.Join(err, connection.Close(ctx)))
}

// withDatabase names another database on the same server, in either form of a connection string.
func withDatabase(admin, name string) (string, error) {
	if !strings.Contains(admin, "://") {
		return admin + " dbname=" + name, nil
	}
	u, err := url.Parse(admin)
	if err != nil {
		return "", err
	}
	u.Path = "/" + name
	return u.String(), nil
}
