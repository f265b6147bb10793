package postgres

import (
	"context"
	_ "embed" // the statement
	"fmt"

	"github.com/jackc/pgx/v5"
)

//go:embed queries/connections.sql
var connections string

// Gauge counts the connections to a database on one of its own.
type Gauge struct {
	connection *pgx.Conn
}

// OpenGauge connects to the database at the URL.
func OpenGauge(ctx context.Context, url string) (*Gauge, error) {
	config, err := pgx.ParseConfig(url)
	if err != nil {
		return nil, fmt.Errorf("the URL of the database: %w", err)
	}
	connection, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		return nil, fmt.Errorf("open the database: %w", err)
	}
	return &Gauge{connection}, nil
}

// Connections returns how many connections clients have to the database now, the gauge's own left out.
func (g *Gauge) Connections(ctx context.Context) (n int64, err error) {
	if err := g.connection.QueryRow(ctx, connections).Scan(&n); err != nil {
		return 0, fmt.Errorf("count the connections: %w", err)
	}
	return n, nil
}

// Close closes the gauge's connection.
func (g *Gauge) Close() error { return g.connection.Close(context.Background()) }
