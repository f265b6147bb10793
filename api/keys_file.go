package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"strings"
)

// LoadKeys reads the file that [Keys.Save] wrote. It refuses a file that others than its owner may read or change, and one
// that has a key or an id twice, with both places. A file that is missing satisfies errors.Is(err, fs.ErrNotExist).
func LoadKeys(path string) (*Keys, error) {
	data, err := readSecret(path)
	if err != nil {
		return nil, fmt.Errorf("read keys: %w", err)
	}
	keys, err := parseKeys(data)
	if err != nil {
		return nil, fmt.Errorf("keys in %s: %w", path, err)
	}
	return keys, nil
}

// parseKeys reads the text of a keys file and holds its parts against each other.
func parseKeys(data []byte) (*Keys, error) {
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.DisallowUnknownFields()
	keys := &Keys{}
	if err := decoder.Decode(keys); err != nil {
		return nil, err
	}
	if err := keys.checkTwice(staffLines(data)); err != nil {
		return nil, err
	}
	if _, err := newAuthenticator(keys, false, slog.New(slog.DiscardHandler)); err != nil {
		return nil, err
	}
	_, err := keys.Log()
	return keys, err
}

// readSecret reads a file that nobody but its owner may read or change. Where files have no such modes it is their folder's
// business.
func readSecret(path string) ([]byte, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }() // it was only read
	info, err := file.Stat()
	if err != nil {
		return nil, err
	}
	if mode := info.Mode().Perm(); mode&0o077 != 0 && runtime.GOOS != "windows" {
		return nil, fmt.Errorf("others than its owner may use %s (mode %04o): run chmod 600 %q", path, mode, path)
	}
	var data bytes.Buffer
	_, err = data.ReadFrom(file)
	return data.Bytes(), err
}

// checkTwice refuses two staff keys with one id, which are not told apart in the staff log, and two with one secret, of which
// one would be somebody else. lines are where the keys begin.
func (k *Keys) checkTwice(lines []int) error {
	place := func(i int) string {
		if i < len(lines) {
			return fmt.Sprintf("staff[%d] in line %d", i, lines[i])
		}
		return fmt.Sprintf("staff[%d]", i)
	}
	ids, digests := map[string]int{}, map[string]int{}
	for i := range k.Staff {
		id, digest := k.Staff[i].ID, strings.ToLower(k.Staff[i].SHA256)
		if first, twice := ids[id]; twice {
			return fmt.Errorf("%s and %s have the same id %q: name each key once", place(first), place(i), id)
		}
		if first, twice := digests[digest]; twice {
			return fmt.Errorf("%s and %s have the same sha256: a key is one person's", place(first), place(i))
		}
		ids[id], digests[digest] = i, i
	}
	return nil
}

// staffLines returns the lines, from 1, in which the entries of the field staff begin. The text is that of an object.
func staffLines(data []byte) (lines []int) {
	decoder := json.NewDecoder(bytes.NewReader(data))
	_, err := decoder.Token()
	for err == nil && decoder.More() {
		var name json.Token
		var value json.RawMessage
		if name, err = decoder.Token(); err != nil {
			break
		}
		if field, _ := name.(string); strings.EqualFold(field, "staff") {
			lines, err = entryLines(decoder, data)
			continue
		}
		err = decoder.Decode(&value)
	}
	return lines
}

// entryLines reads a list, or null, and returns the lines in which its entries begin.
func entryLines(decoder *json.Decoder, data []byte) (lines []int, err error) {
	if opens, err := decoder.Token(); opens != json.Delim('[') {
		return nil, err
	}
	for decoder.More() {
		var entry json.RawMessage
		if err := decoder.Decode(&entry); err != nil {
			return nil, err
		}
		begins := int(decoder.InputOffset()) - len(entry)
		lines = append(lines, 1+bytes.Count(data[:begins], []byte("\n")))
	}
	_, err = decoder.Token()
	return lines, err
}

// Save writes the keys to path, readable for its owner only. The file is complete or not there, also after a crash.
func (k *Keys) Save(path string) error {
	data, err := json.MarshalIndent(k, "", "  ")
	if err != nil {
		return fmt.Errorf("encode keys: %w", err)
	}
	temporary, err := os.CreateTemp(filepath.Dir(path), ".keys-*") // mode 0600
	if err != nil {
		return fmt.Errorf("save keys: %w", err)
	}
	_, err = temporary.Write(append(data, '\n'))
	if err = errors.Join(err, temporary.Sync(), temporary.Close()); err == nil {
		err = os.Rename(temporary.Name(), path)
	}
	if err != nil {
		return fmt.Errorf("save keys: %w", errors.Join(err, os.Remove(temporary.Name())))
	}
	return nil
}
