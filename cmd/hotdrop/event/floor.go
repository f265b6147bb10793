package event

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/spf13/cobra"
)

// floorSlice is how many requests a floor slice makes at most; a slice before and one after every phase are measured.
const floorSlice = 100_000

// floorHeaderTimeout bounds how long the floor waits for a request's head.
const floorHeaderTimeout = 5 * time.Second

// floorOrder is the body of an order, as the bare handler decodes it.
type floorOrder struct {
	SKU         string         `json:"sku"`
	Quantity    int64          `json:"quantity"`
	Voucher     string         `json:"voucher"`
	Group       string         `json:"group"`
	Input       map[string]any `json:"input"`
	ExpectTotal *int64         `json:"expect_total"`
}

// floorAnswer is what the bare handler answers: a few fields of an order, and text up to the size of the real answer.
type floorAnswer struct {
	ID    string `json:"id"`
	State string `json:"state"`
	Total int64  `json:"total"`
	Rest  string `json:"rest"`
}

// newFloorAnswer returns an answer whose JSON is size bytes long, or as short as it gets.
func newFloorAnswer(size int) (floorAnswer, error) {
	answer := floorAnswer{ID: "phone.00000000000000000000000000", State: "placed", Total: 199900}
	shortest, err := json.Marshal(answer)
	if err != nil {
		return floorAnswer{}, err
	}
	answer.Rest = strings.Repeat("x", max(0, size-len(shortest)-len("\n"))) // echo ends JSON with a newline
	return answer, nil
}

// floorHandler is the bare echo handler that hotdrop is compared with: it decodes the body and answers JSON.
func floorHandler(size int) (http.Handler, error) {
	answer, err := newFloorAnswer(size)
	if err != nil {
		return nil, err
	}
	e := echo.New()
	handle := func(c echo.Context) error {
		var order floorOrder
		if err := c.Bind(&order); err != nil {
			return err
		}
		return c.JSON(http.StatusOK, answer)
	}
	e.POST("/v1/campaigns/:campaign/reservations", handle)
	e.POST("/v1/campaigns/:campaign/orders", handle)
	e.POST("/v1/orders/:order/pay", handle)
	return e, nil
}

// FloorCommand returns the hidden command `floor --body N`, a child process of [Run]: it serves the bare handler on a
// free loopback port, prints its URL and ends with an interrupt.
func FloorCommand() *cobra.Command {
	size := 0
	cmd := &cobra.Command{
		Use:    floorCommand,
		Short:  "Serve the bare handler that event run measures its floor against",
		Args:   cobra.NoArgs,
		Hidden: true,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return serveFloor(cmd.Context(), size, cmd.OutOrStdout())
		},
	}
	cmd.Flags().IntVar(&size, "body", 0, "bytes of JSON to answer with")
	return cmd
}

// serveFloor serves until the context ends.
func serveFloor(ctx context.Context, size int, out io.Writer) error {
	handler, err := floorHandler(size)
	if err != nil {
		return err
	}
	var listening net.ListenConfig
	listener, err := listening.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return fmt.Errorf("floor: %w", err)
	}
	server := &http.Server{Handler: handler, ReadHeaderTimeout: floorHeaderTimeout}
	stop := context.AfterFunc(ctx, func() { _ = server.Close() }) // nobody waits for what is under way
	defer stop()
	if _, err := fmt.Fprintf(out, "http://%s\n", listener.Addr()); err != nil {
		return errors.Join(err, listener.Close())
	}
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("floor: %w", err)
	}
	return nil
}

// floorWorker sends the requests of another worker and takes no note of the answers.
type floorWorker struct{ worker }

func (floorWorker) answered(int, Response) verdict { return done }

// floor measures the bare handler once, in a child process of its own, with the first requests of a workload of n. It
// returns requests per second.
func (r *runner) floor(ctx context.Context, n, size int, newWorker func(*Client) worker) (rate float64, err error) {
	if n == 0 {
		return 0, nil
	}
	child, err := r.config.coreSplit().start(func() (*child, error) {
		return startChild(ctx, r.config.Binary, "", commandName, floorCommand, "--body", strconv.Itoa(size))
	})
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, child.stop()) }()
	floor, err := newCrew(r.config.Connections, r.config.Patience, child.url)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, floor.close()) }()
	m, err := floor.run(ctx, min(n, floorSlice), func(c *Client) worker { return floorWorker{newWorker(c)} }, nil)
	if err == nil && m.errors > 0 {
		err = fmt.Errorf("floor: %d requests failed", m.errors)
	}
	return m.rate(), err
}
