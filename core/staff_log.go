package core

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"strconv"
)

// StaffEntry is who changed what, written in the change's own transaction.
type StaffEntry struct {
	At         int64  // Unix milliseconds
	Actor      string // the principal's id: a person, or "system"
	Role       string
	Credential string // the id of the key or session by which the actor was known; "" for none
	Address    string // the IP address that it came from; "" for inside
	Brand      string
	Campaign   string
	Action     string // such as campaign.apply
	Reason     string
	Before     []byte // JSON, or nil
	After      []byte // JSON, or nil
}

// LogHead is where the staff log ends: the number and the hash of its last row. The zero value is a log without rows.
type LogHead struct {
	Seq  int64
	Hash string // 64 hex digits; "" before the first row
}

// LoggedEntry is a row of the staff log. The rows are numbered 1, 2, 3 … without gaps, over all brands, and each has a hash
// over its own content and the hash of the row before it.
type LoggedEntry struct {
	StaffEntry

	Seq      int64
	Hash     string
	Previous string // the hash of the row before; "" for the first row, or if that row is not there
}

// LogFilter picks rows of the staff log; what is "" or 0 picks all.
type LogFilter struct {
	Brand    string
	Campaign string
	Actor    string
	Action   string
	Since    int64 // Unix milliseconds: rows from then on
	After    int64 // rows with higher numbers
	Before   int64 // rows with lower numbers
	Latest   bool  // from the highest number down, not from the lowest up
	Limit    int
}

// StaffLogStore keeps the staff log. Every change appends its row in its own transaction; these are the ways in besides.
type StaffLogStore interface {
	// StaffLogRows returns the rows that the filter picks, in the order of their numbers or the other way round.
	StaffLogRows(ctx context.Context, f LogFilter) ([]LoggedEntry, error)
	// StaffLogHead returns where the log ends, and the id of the deployment that it is the log of: one that was made with
	// the database, and that a copy of the database has as well.
	StaffLogHead(ctx context.Context) (head LogHead, deployment string, err error)
	// AppendStaffEntry appends a row about what changes nothing else in the database.
	AppendStaffEntry(ctx context.Context, entry *StaffEntry) error
	// ScanStaffLog hands every row to visit, as it is stored and without bringing more than a part of them into memory: in
	// the order of their numbers, rows of the same number in the order of their ids, those that have none first, as 0.
	ScanStaffLog(ctx context.Context, visit func(row *StoredEntry) error) error
}

// StoredEntry is a row of the staff log as the table has it, which nobody has vouched for.
type StoredEntry struct {
	StaffEntry

	ID   int64 // the table's own key; it rises with the number
	Seq  int64 // 0 for a row that has none
	Hash string
}

// logDomain begins what is hashed, so that the hash of a row is the hash of nothing else.
const logDomain = "hotdrop staff log v1"

// Next returns the head of the log after the entry was appended to it. The hash is the SHA-256, in hex digits, of these
// texts as netstrings, one after the other: the domain tag, the hash of the row before ("" for the first row), the number,
// at, actor, role, credential, address, brand, campaign, action, reason, and the SHA-256 of before and of after, in hex
// digits, or "" where the row has none. A netstring is the text's length in bytes as a decimal number, a colon, the text and
// a comma.
func (h LogHead) Next(e *StaffEntry) LogHead {
	seq := h.Seq + 1
	text := make([]byte, 0, 512)
	for _, field := range [...]string{
		logDomain, h.Hash, strconv.FormatInt(seq, 10), strconv.FormatInt(e.At, 10), e.Actor, e.Role, e.Credential, e.Address,
		e.Brand, e.Campaign, e.Action, e.Reason, documentHash(e.Before), documentHash(e.After),
	} {
		text = strconv.AppendInt(text, int64(len(field)), 10)
		text = append(text, ':')
		text = append(text, field...)
		text = append(text, ',')
	}
	sum := sha256.Sum256(text)
	return LogHead{Seq: seq, Hash: hex.EncodeToString(sum[:])}
}

// documentHash stands for a row's document in the row's hash.
func documentHash(document []byte) string {
	if document == nil {
		return ""
	}
	sum := sha256.Sum256(document)
	return hex.EncodeToString(sum[:])
}
