// Package campaignfile reads and writes the files people write for hotdrop: campaigns, rules, manifests and vectors.
//
// [Decode] is the strict reader of all of them: YAML or JSON into a Go value by its json tags, where every deviation is
// a problem with line, column and the next thing to try. [File] remembers where everything stood, so that whoever
// checks meaning later ([core.Campaign.Validate], a rule's compiler) can name a path and have it located.
//
// The input comes from strangers. It is at most [MaxSize] bytes of one document, nested at most [MaxDepth] deep, without
// anchors, aliases, merge keys and tags; the values are strings, integers, booleans, lists and mappings.
package campaignfile
