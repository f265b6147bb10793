package core

// TagsKept is the only state of a shopper's tags.
const TagsKept = "kept"

// Tags is the content of what mechanics noted about a shopper, by key.
type Tags map[string]string
