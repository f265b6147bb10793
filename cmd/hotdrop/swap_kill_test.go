package main

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"hotdrop/cmd/hotdrop/event"
	"hotdrop/core/storetest"
)

// TestANodeKilledWhileItSwaps has a node make one swap after another under load, and kills it in the middle of one: that swap
// is committed, or it is not.
func TestANodeKilledWhileItSwaps(t *testing.T) {
	t.Run("on SQLite, where it is the only one", func(t *testing.T) {
		s := newSwapSale(t, 1)
		s.sell(2, s.servers[0])
		s.killWhileSwapping(s.servers[0], 7)
		s.end(s.servers[0])
	})
	t.Run("on Postgres, where two others go on", func(t *testing.T) {
		s := newSwapSale(t, 3, "--database-url", storetest.PostgresURL(t))
		s.sell(4, s.servers[1:]...)
		s.killWhileSwapping(s.servers[0], 7)
		s.end(s.servers[1])
	})
}

// killWhileSwapping has the server swap again and again and kills it while it works on a swap that comes after so many. Then
// others, if there are any, undo; it is started again, and swaps.
func (s *swapSale) killWhileSwapping(victim *server, after int) {
	s.t.Helper()
	s.awaitSales(20)
	for range after {
		s.swap(victim, "")
	}
	s.kill(victim, func() {})
	if len(s.servers) == 1 {
		s.restart(0)
		s.resolve(s.servers[0])
	} else {
		before := s.resolve(s.servers[1])
		s.awaitSales(20)
		s.requireFollowed(s.undo(s.servers[2], before, `,"wait":1`), 1)
		s.awaitSales(20)
		s.restart(0)
	}
	s.requireFollowed(s.swap(s.servers[len(s.servers)-1], `,"wait":30000`), len(s.servers))
	s.orderAt(s.servers[0], "restarted")
	s.awaitSales(20)
}

// kill has the server swap once more and kills it in the middle of that, when meanwhile returns. What became of the swap is not
// known then.
func (s *swapSale) kill(victim *server, meanwhile func()) {
	s.t.Helper()
	body := s.next(s.look(victim), "")
	asked := make(chan struct{})
	go func() {
		defer close(asked)
		_, _ = call(s.t.Context(), http.MethodPost, victim.url+"/v1/campaigns/rush/rollout", s.operator, "", body) // it dies of it
	}()
	meanwhile()
	victim.kill(s.t)
	<-asked
}

// restart starts the server of the number again where it was.
func (s *swapSale) restart(number int) {
	s.t.Helper()
	address := s.servers[number].url[len("http://"):]
	again, err := tryServe(s.t, s.folder, append(s.where, "--demo", "--listen", address, "--admin-listen", "127.0.0.1:0")...)
	if err != nil {
		s.t.Fatalf("restart: %v\n%s", err, again.log())
	}
	s.servers[number] = again
}

// orderAt places one order on the server.
func (s *swapSale) orderAt(at *server, shopper string) {
	s.t.Helper()
	client, err := event.NewClient(at.url)
	if err != nil {
		s.t.Fatal(err)
	}
	defer client.Close()
	if err := s.order(client, shopper); err != nil {
		s.t.Error(err)
	}
}

// TestANodeKilledInsideTheTransactionOfASwap holds the counters, so that the swap's transaction has begun and waits, and kills
// its node there.
func TestANodeKilledInsideTheTransactionOfASwap(t *testing.T) {
	database := storetest.PostgresURL(t)
	s := newSwapSale(t, 2, "--database-url", database)
	connection, err := pgx.Connect(t.Context(), database)
	if err != nil {
		t.Fatal(err)
	}
	defer connection.Close(t.Context())
	watch, err := pgx.Connect(t.Context(), database)
	if err != nil {
		t.Fatal(err)
	}
	defer watch.Close(t.Context())
	for round := range 2 {
		victim := s.servers[0]
		s.orderAt(s.servers[1], fmt.Sprintf("before-%d", round))
		tx, err := connection.Begin(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := tx.Exec(t.Context(), "SELECT FROM counters WHERE campaign = 'rush' FOR UPDATE"); err != nil {
			t.Fatal(err)
		}
		s.kill(victim, func() {
			awaitRow(t, watch, "SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'")
		})
		if err := tx.Rollback(t.Context()); err != nil {
			t.Fatal(err)
		}
		before := s.resolve(s.servers[1])
		s.orderAt(s.servers[1], fmt.Sprintf("after-%d", round))
		s.undo(s.servers[1], before, `,"wait":1`)
		s.orderAt(s.servers[1], fmt.Sprintf("undone-%d", round))
		s.restart(0)
		s.requireFollowed(s.swap(s.servers[0], `,"wait":30000`), 2)
		s.orderAt(s.servers[0], fmt.Sprintf("restarted-%d", round))
	}
	s.end(s.servers[1])
}

// awaitRow waits until the query has a row.
func awaitRow(t *testing.T, connection *pgx.Conn, query string) {
	t.Helper()
	ticker := time.NewTicker(time.Millisecond)
	defer ticker.Stop()
	timeout := time.After(patience)
	for {
		rows, err := connection.Query(t.Context(), query)
		if err != nil {
			t.Fatal(err)
		}
		found := rows.Next()
		rows.Close()
		if found {
			return
		}
		select {
		case <-ticker.C:
		case <-timeout:
			t.Fatalf("no row within %s: %s", patience, query)
		}
	}
}
