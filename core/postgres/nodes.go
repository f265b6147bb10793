package postgres

import (
	"context"
	"encoding/json"

	"github.com/jackc/pgx/v5"

	"hotdrop/core"
)

// SaveNode writes the node's row.
func (s *Store) SaveNode(ctx context.Context, n *core.Node) error {
	content, err := json.Marshal(n)
	if err != nil {
		return err
	}
	return s.writeRows(ctx, 1, saveNode, n.ID, n.SeenAt, string(content))
}

// Nodes returns the nodes that were seen at since or later.
func (s *Store) Nodes(ctx context.Context, since int64) (list []*core.Node, err error) {
	err = s.read(ctx, single(listNodes, func(row pgx.CollectableRow) error {
		var content []byte
		if err := row.Scan(&content); err != nil {
			return err
		}
		n := &core.Node{}
		list = append(list, n)
		return json.Unmarshal(content, n)
	}, since))
	return list, err
}

// DropNodes forgets nodes.
func (s *Store) DropNodes(ctx context.Context, before int64, id string) error {
	return s.writeRows(ctx, 1, dropNodes, before, id)
}

// Notify tells every node that listens, on one channel for all campaigns.
func (s *Store) Notify(ctx context.Context, campaign string) error {
	return s.read(ctx, single(notify, func(pgx.CollectableRow) error { return nil }, campaign))
}

// Listen calls heard for every campaign that is notified of. Its connection is none of the pool's, opened in the same way: a
// server that goes silent is noticed as there. Behind a pooler in transaction mode it hears nothing, and nodes follow by
// polling.
func (s *Store) Listen(ctx context.Context, heard func(campaign string)) error {
	c, err := pgx.ConnectConfig(ctx, s.pool.Config().ConnConfig)
	if err != nil {
		return translate(ctx, err, true)
	}
	defer hangUp(ctx, c)
	if _, err := c.Exec(ctx, listen); err != nil {
		return translate(ctx, err, true)
	}
	heard("")
	for {
		n, err := c.WaitForNotification(ctx)
		if err != nil {
			return translate(ctx, err, true)
		}
		heard(n.Payload)
	}
}

// hangUp closes the connection of a listener, with which nothing is lost.
func hangUp(ctx context.Context, c *pgx.Conn) {
	bounded, cancel := context.WithTimeout(context.WithoutCancel(ctx), connectTimeout)
	defer cancel()
	_ = c.Close(bounded)
}
