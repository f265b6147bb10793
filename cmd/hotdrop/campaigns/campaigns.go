// Package campaigns carries the campaign files of the three sales that hotdrop has to be able to run, and of a group-buy.
// Their windows are the historical ones; demo mode shifts them around now.
package campaigns

import (
	"embed"
	"fmt"
	"io/fs"
	"strings"
)

//go:embed *.yaml
var files embed.FS

// File is one campaign file.
type File struct {
	ID   string // of the campaign; the file is ID.yaml
	Data []byte // YAML, with its comments
}

// Files returns the campaign files, sorted by id.
func Files() ([]File, error) {
	names, err := fs.Glob(files, "*.yaml")
	if err != nil {
		return nil, fmt.Errorf("list the campaign files: %w", err)
	}
	all := make([]File, 0, len(names))
	for _, name := range names {
		data, err := files.ReadFile(name)
		if err != nil {
			return nil, fmt.Errorf("read a campaign file: %w", err)
		}
		all = append(all, File{ID: strings.TrimSuffix(name, ".yaml"), Data: data})
	}
	return all, nil
}
