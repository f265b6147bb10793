package main

import (
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strconv"
	"syscall"
	"testing"

	"github.com/jackc/pgx/v5"

	"hotdrop/core"
	"hotdrop/core/storetest"
)

// pagesOf is the size of a database that nobody uses, in the pages that --max-pages counts. The size of a page stands in
// the file's header (https://www.sqlite.org/fileformat.html, 1.3).
func pagesOf(t *testing.T, path string) int64 {
	t.Helper()
	file, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return int64(len(file)) / int64(binary.BigEndian.Uint16(file[16:18]))
}

func TestAFullDiskRefusesAndLosesNothing(t *testing.T) {
	folder := t.TempDir()
	first := serve(t, folder, "--demo")
	applyRush(t, folder, first, demoKeys(t, folder+"/data"), 1_000_000)
	if code := first.signal(t, syscall.SIGINT); code != exitOK {
		t.Fatalf("exit %d\n%s", code, first.log())
	}
	pages := pagesOf(t, folder+"/data/hotdrop.db") + 24

	full := serve(t, folder, "--demo", "--max-pages", strconv.FormatInt(pages, 10))
	placed, refused := fillUp(t, full.url)
	if len(placed) == 0 {
		t.Fatal("there was no room for a single order")
	}
	// What is there can still be read, and readiness does not send shoppers away.
	for shopper, order := range placed {
		request(t, http.StatusOK, http.MethodGet, full.url+"/v1/orders/"+order, tokenOf(t, full.url, shopper), "", "")
	}
	requireCleanAudit(t, folder, len(placed))
	full.signal(t, syscall.SIGINT)

	roomy := serve(t, folder, "--demo")
	for shopper, order := range placed {
		request(t, http.StatusOK, http.MethodGet, roomy.url+"/v1/orders/"+order, tokenOf(t, roomy.url, shopper), "", "")
	}
	// The one who was refused gets the order with the same key once there is room.
	order(t, http.StatusCreated, roomy.url, refused)
	requireCleanAudit(t, folder, len(placed)+1)
}

// order asks for one phone of the rush.
func order(t *testing.T, want int, url, shopper string) answer {
	t.Helper()
	return request(t, want, http.MethodPost, url+"/v1/campaigns/rush/orders", tokenOf(t, url, shopper), "k", orderBody)
}

// fillUp orders until the store has no room, and returns the orders by shopper and the first shopper who was refused.
func fillUp(t *testing.T, url string) (placed map[string]string, refused string) {
	t.Helper()
	placed = map[string]string{}
	for i := range 100_000 {
		shopper := fmt.Sprintf("filler-%d", i)
		a, err := call(t.Context(), http.MethodPost, url+"/v1/campaigns/rush/orders", tokenOf(t, url, shopper), "k", orderBody)
		if err != nil {
			t.Fatal(err)
		}
		if a.status == http.StatusCreated {
			placed[shopper] = a.str("id")
			continue
		}
		if a.code() != string(core.CodeStorageFull) || !a.tryLater() {
			t.Fatalf("a full store answered %d %v\n%s", a.status, a.header, a.text)
		}
		return placed, shopper
	}
	t.Fatal("the store was never full")
	return nil, ""
}

// The small disk of a Postgres: what a new cluster needs and a little more, and what is left of it for orders.
const (
	smallDisk  = 128 << 20
	roomOnDisk = 256 << 10
)

func TestAPostgresOnAFullDiskRefusesAndLosesNothing(t *testing.T) {
	disk, folder := storetest.SmallDisk(t, smallDisk), t.TempDir()
	database := storetest.NewCluster(t, disk).URL("postgres")
	s := serve(t, folder, "--demo", "--database-url", database)
	applyRush(t, folder, s, demoKeys(t, folder+"/data"), 1_000_000)
	order(t, http.StatusCreated, s.url, "first")
	// The log gets a new file of 16 MB, so that it is the tables that find no room.
	execute(t, database, "SELECT pg_switch_wal()", "CREATE TABLE filler ()", "CHECKPOINT")
	filler := fillDisk(t, disk)

	placed, refused := fillUp(t, s.url)
	for shopper, id := range placed {
		request(t, http.StatusOK, http.MethodGet, s.url+"/v1/orders/"+id, tokenOf(t, s.url, shopper), "", "")
	}
	if err := os.Remove(filler); err != nil {
		t.Fatal(err)
	}
	order(t, http.StatusCreated, s.url, refused)
	requireCleanAudit(t, folder, len(placed)+2, "--database-url", database)
}

// execute runs statements on the database.
func execute(t *testing.T, database string, statements ...string) {
	t.Helper()
	connection, err := pgx.Connect(t.Context(), database)
	if err != nil {
		t.Fatal(err)
	}
	for _, statement := range statements {
		if _, err := connection.Exec(t.Context(), statement); err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
	}
	if err := connection.Close(t.Context()); err != nil {
		t.Error(err)
	}
}

// fillDisk leaves roomOnDisk bytes free and returns the file that takes the rest.
func fillDisk(t *testing.T, disk string) string {
	t.Helper()
	file, err := os.CreateTemp(disk, "filler")
	if err != nil {
		t.Fatal(err)
	}
	block := make([]byte, 64<<10)
	_, _ = rand.Read(block)
	size := int64(0)
	for err == nil {
		var n int
		n, err = file.Write(block)
		size += int64(n)
	}
	if !errors.Is(err, syscall.ENOSPC) {
		t.Fatal(err)
	}
	if err := errors.Join(file.Truncate(size-roomOnDisk), file.Close()); err != nil {
		t.Fatal(err)
	}
	return file.Name()
}
