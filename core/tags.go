package core

import (
	"maps"
	"slices"
)

// TagsKept is the only state of a shopper's tags.
const TagsKept = "kept"

// maxTags is how many tags a campaign keeps of one shopper. When there are as many, those that are there can still get
// another value, and a new key is not taken in: to push out an old one would lose what the brand already knows, and to
// refuse would make an order fail for a note about it.
const maxTags = 64

// Tags is the content of what mechanics noted about a shopper, by key.
type Tags map[string]string

// tagEdit notes something about the shopper; a value of before is replaced.
func tagEdit(shopper, key, value string) edit {
	at := DocumentKey{DocumentTags, shopper}
	return edit{key: at, apply: func(current *Document) (*Document, error) {
		if current == nil {
			fresh := Document{Kind: at.Kind, ID: at.ID, Shopper: shopper}
			return fresh.write(TagsKept, 0, Tags{key: value}), nil
		}
		tags, err := read[Tags](current)
		if err != nil {
			return nil, err
		}
		if _, known := (*tags)[key]; !known && len(*tags) >= maxTags {
			return current, nil
		}
		(*tags)[key] = value
		return current.write(TagsKept, 0, tags), nil
	}}
}

// tagsOf returns the tags that are among a shopper's documents as the fact shopper.tags has them, sorted by key: "key"
// where the value is empty, else "key=value".
func tagsOf(documents []*Document) []string {
	i := slices.IndexFunc(documents, func(d *Document) bool { return d.Kind == DocumentTags })
	if i < 0 {
		return nil
	}
	tags, err := read[Tags](documents[i])
	if err != nil {
		return nil
	}
	list := make([]string, 0, len(*tags))
	for _, key := range slices.Sorted(maps.Keys(*tags)) {
		if value := (*tags)[key]; value != "" {
			key += "=" + value
		}
		list = append(list, key)
	}
	return list
}
