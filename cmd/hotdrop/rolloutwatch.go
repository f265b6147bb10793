package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"time"

	"golang.org/x/term"

	"hotdrop/api"
	"hotdrop/core"
)

const (
	// maxEventLine bounds one line of a stream of events.
	maxEventLine = 1 << 20
	// firstRetry and lastRetry are how long a stream that broke is left alone: twice as long each time, up to the last.
	firstRetry = 250 * time.Millisecond
	lastRetry  = 4 * time.Second
	// streamSilence is how long a stream may say nothing before it counts as broken: a point comes every second.
	streamSilence = 10 * time.Second
)

// follow prints the campaign's points until ctx ends. Only a server that never answered, or refuses, makes it fail.
func (s *rolloutStatus) follow(ctx context.Context, campaign string, out, talk io.Writer) error {
	screen := s.screenOf(out)
	stream := &eventStream{client: &s.client, path: rolloutPath(campaign, "live")}
	retry := firstRetry
	for {
		before := stream.last
		err := stream.read(ctx, func(data []byte) error { return screen(out, data) })
		switch {
		case ctx.Err() != nil:
			return nil //nolint:nilerr // whoever watched has seen enough
		case !stream.opened || stream.refused(err):
			return err
		}
		if stream.last != before {
			retry = firstRetry
		}
		_, _ = fmt.Fprintf(talk, "the stream has ended (%v); trying again\n", err)
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(retry):
		}
		retry = min(2*retry, lastRetry)
	}
}

// screenOf is how points are shown: drawn on a terminal, as a line each elsewhere, or as they came.
func (s *rolloutStatus) screenOf(out io.Writer) func(io.Writer, []byte) error {
	file, isFile := out.(*os.File)
	onTerminal := isFile && term.IsTerminal(int(file.Fd()))
	switch {
	case s.format == outputJSON:
		return func(out io.Writer, data []byte) error {
			_, err := fmt.Fprintf(out, "%s\n", data)
			return err
		}
	case onTerminal:
		return func(out io.Writer, data []byte) error { return drawPoint(out, data, pointScreen, true) }
	default:
		return func(out io.Writer, data []byte) error { return drawPoint(out, data, pointLine, false) }
	}
}

// drawPoint writes a point; on a terminal over the one before.
func drawPoint(out io.Writer, data []byte, text func(*core.LivePoint) string, over bool) error {
	var p core.LivePoint
	if err := json.Unmarshal(data, &p); err != nil {
		return fmt.Errorf("the server's point: %w", err)
	}
	if over && p.Corrected {
		return nil // the screen shows a later second
	}
	drawn := text(&p)
	if over {
		const home, endLine, endScreen = "\x1b[H", "\x1b[K\n", "\x1b[J"
		drawn = home + strings.ReplaceAll(drawn, "\n", endLine) + endScreen
	}
	_, err := io.WriteString(out, drawn)
	return err
}

// errStreamEnded is a stream that its server ended, as it does when it stops.
var errStreamEnded = errors.New("the server has ended it")

// eventStream reads server-sent events and goes on behind the last one when it is read again.
type eventStream struct {
	client *client
	path   string
	last   string // the id of the last event
	opened bool   // a server has answered once
}

// refused reports whether the server answered that it will not.
func (*eventStream) refused(err error) bool {
	p, ok := errors.AsType[*api.Problem](err)
	return ok && p.Status < http.StatusInternalServerError
}

// read calls event with the data of each event until the stream ends, which is always an error.
func (s *eventStream) read(ctx context.Context, event func(data []byte) error) error {
	header := http.Header{"Accept": {"text/event-stream"}}
	if s.last != "" {
		header.Set("Last-Event-ID", s.last)
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	silence := time.AfterFunc(streamSilence, cancel)
	defer silence.Stop()
	response, err := s.client.send(ctx, http.MethodGet, s.path, header, nil)
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }() // it was read
	if response.StatusCode != http.StatusOK {
		content, err := io.ReadAll(io.LimitReader(response.Body, maxReplyBytes))
		if err != nil {
			return fmt.Errorf("%s: %w", s.path, err)
		}
		return problemOf(response.StatusCode, content)
	}
	s.opened = true
	lines := bufio.NewScanner(response.Body)
	lines.Buffer(nil, maxEventLine)
	return s.events(lines, func(data []byte) error {
		silence.Reset(streamSilence)
		return event(data)
	})
}

// events reads the lines of a stream: fields, an empty line behind each event, comments in between.
func (s *eventStream) events(lines *bufio.Scanner, event func(data []byte) error) error {
	id := s.last // an event without one leaves the client where it was
	var data []byte
	for lines.Scan() {
		line := lines.Bytes()
		name, value, _ := bytes.Cut(line, []byte(":"))
		value = bytes.TrimPrefix(value, []byte(" "))
		switch {
		case len(line) == 0 && data != nil:
			if err := event(data); err != nil {
				return err
			}
			s.last, data = id, nil
		case string(name) == "id":
			id = string(value)
		case string(name) == "data":
			data = append(data, value...)
		}
	}
	if err := lines.Err(); err != nil {
		return err
	}
	return errStreamEnded
}
