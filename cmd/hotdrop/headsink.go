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
	"net/url"
	"os"

	"hotdrop/core"
)

// headFile is a file that heads are appended to, one a line.
type headFile struct {
	file   *os.File
	broken bool // the last line may be half a line
}

func openHeadFile(path string) (*headFile, error) {
	file, err := os.OpenFile(path, os.O_RDWR|os.O_APPEND|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("the file of the log's heads: %w", err)
	}
	if err := endLine(file); err != nil {
		return nil, errors.Join(fmt.Errorf("the file of the log's heads: %w", err), file.Close())
	}
	return &headFile{file: file}, nil
}

// endLine ends a line that a crash has cut off, so that the next head begins its own.
func endLine(file *os.File) error {
	size, err := file.Seek(0, io.SeekEnd)
	if err != nil || size == 0 {
		return err
	}
	last := make([]byte, 1)
	if _, err := file.ReadAt(last, size-1); err != nil || last[0] == '\n' {
		return err
	}
	_, err = file.WriteString("\n")
	return err
}

// put returns when the head is on the disk.
func (f *headFile) put(_ context.Context, head []byte) error {
	if f.broken {
		head = append([]byte("\n"), head...)
	}
	_, err := f.file.Write(append(head, '\n'))
	if err == nil {
		err = f.file.Sync()
	}
	f.broken = err != nil
	return err
}

// lookedBack is how much of the end of a file is read to find its last head, bytes.
const lookedBack = 16 * maxHeadLine

// last is the last head in the file, whoever signed it: one of an earlier key counts, and what is no head does not.
func (f *headFile) last() (last core.SignedHead, err error) {
	size, err := f.file.Seek(0, io.SeekEnd)
	if err != nil {
		return last, err
	}
	from := max(0, size-lookedBack)
	lines := &lineReader{in: bufio.NewReaderSize(io.NewSectionReader(f.file, from, size-from), maxHeadLine)}
	for lines.next() {
		var head core.SignedHead
		if json.Unmarshal(lines.line, &head) == nil && head.Seq > 0 {
			last = head
		}
	}
	return last, lines.err
}

func (f *headFile) name() string { return f.file.Name() }

// Close closes the file.
func (f *headFile) Close() error { return f.file.Close() }

// headCallback is somebody else's server, which keeps the heads that are posted to it.
type headCallback struct {
	target *url.URL
	client *http.Client
}

// put returns when the server has said that it keeps the head.
func (c *headCallback) put(ctx context.Context, head []byte) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, c.target.String(), bytes.NewReader(head))
	if err != nil {
		return fmt.Errorf("%s: %w", c.name(), bare(err))
	}
	request.Header.Set("Content-Type", "application/json")
	response, err := c.client.Do(request)
	if err != nil {
		return fmt.Errorf("%s: %w", c.name(), bare(err))
	}
	defer func() { _ = response.Body.Close() }() // its content says nothing
	if response.StatusCode/100 != 2 {
		return fmt.Errorf("%s answers %s; redirects are not followed", c.name(), response.Status)
	}
	return nil
}

// bare is the error without the URL, which may carry a password.
func bare(err error) error {
	if wrapped, ok := errors.AsType[*url.Error](err); ok {
		return wrapped.Err
	}
	return err
}

// last is no head: what was posted cannot be asked for.
func (c *headCallback) last() (core.SignedHead, error) { return core.SignedHead{}, nil }

// name is the URL without what may be secret in it.
func (c *headCallback) name() string {
	return (&url.URL{Scheme: c.target.Scheme, Host: c.target.Host, Path: c.target.Path}).String()
}

// Close ends connections that are kept.
func (c *headCallback) Close() error {
	c.client.CloseIdleConnections()
	return nil
}
