package api

import (
	"context"
	"encoding/json"
	"net/http"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"hotdrop/core"
)

// StaffLog is what staff and the system did.
type StaffLog interface {
	// Read returns rows that the reader may see, and makes the reading a row.
	Read(ctx context.Context, reader core.Principal, f core.LogFilter) ([]core.LoggedEntry, error)
	// Head returns where the log ends.
	Head(ctx context.Context) (*core.SignedHead, error)
	// PublicKey returns the key that checks heads, "" if they are not signed.
	PublicKey() string
}

// ExportedHeads is how the export of the staff log's heads fares.
type ExportedHeads struct {
	To       string // a file or a URL without secrets
	Seq      int64  // the row of the last head that is kept there; 0 before the first
	Failures int64  // attempts that failed since the node runs
	Lost     bool   // the log no longer has what the last head vouches for
}

type staffLogInput struct {
	Brand    string    `query:"brand" pattern:"^[a-z0-9-]{1,63}$" patternDescription:"1 to 63 characters of a-z, 0-9 and hyphen" doc:"only what concerns the brand; your own if your key is a brand's"`
	Campaign string    `query:"campaign" pattern:"^[a-z0-9-]{1,63}$" patternDescription:"1 to 63 characters of a-z, 0-9 and hyphen" doc:"only what concerns the campaign"`
	Actor    string    `query:"actor" maxLength:"128" doc:"only what this person did; system: what nobody did" example:"system"`
	Action   string    `query:"action" maxLength:"64" doc:"only this action" example:"campaign.apply"`
	Since    time.Time `query:"since" doc:"only from then on"`
	Order    string    `query:"order" enum:"latest,earliest" default:"latest" doc:"which rows come first"`
	Cursor   string    `query:"cursor" pattern:"^[1-9][0-9]{0,17}$" patternDescription:"a row's number" doc:"next of the previous page, or the number of any row: the page goes on behind it"`
	Limit    int       `query:"limit" minimum:"1" maximum:"500" default:"50" doc:"rows of a page"`
}

type staffLogOutput struct{ Body Page[LoggedEntry] }

// LoggedEntry is a row of the staff log.
type LoggedEntry struct {
	Seq        int64           `json:"seq" doc:"the rows of a deployment are numbered without gaps, over all brands" example:"118"`
	At         time.Time       `json:"at" doc:"when"`
	Actor      string          `json:"actor" doc:"who: a person, or system" example:"ann"`
	Role       string          `json:"role" example:"operator"`
	Credential string          `json:"credential,omitempty" doc:"the id of the key or session that was shown; who reads for one brand sees their own and those of the role brand"`
	Address    string          `json:"address,omitempty" doc:"the IP address that it came from; who reads for one brand sees their own and those of the role brand" example:"192.0.2.7"`
	Brand      string          `json:"brand,omitempty" example:"meizu"`
	Campaign   string          `json:"campaign,omitempty" example:"trade-in"`
	Action     string          `json:"action" doc:"what" example:"rollout.live"`
	Reason     string          `json:"reason,omitempty" doc:"why" example:"as agreed for noon"`
	Before     json.RawMessage `json:"before,omitempty" doc:"what was, as far as the action is about it"`
	After      json.RawMessage `json:"after,omitempty" doc:"what is since"`
	Hash       string          `json:"hash" doc:"of this row and the one before it; how it is made stands in the README"`
	Previous   string          `json:"previous" doc:"the hash of the row before it; empty for the first"`
}

type logHeadOutput struct{ Body LogHead }

// LogHead is where the staff log ends, signed.
type LogHead struct {
	core.SignedHead

	PublicKey string `json:"public_key" doc:"checks the signature: the base64 of an Ed25519 key; empty if the deployment has no log_key"`
}

func (s *Server) registerStaffLog() {
	register(s, operation{
		Operation: huma.Operation{
			OperationID: "read-staff-log", Method: http.MethodGet, Path: "/v1/audit", Tags: []string{"audit"},
			Summary: "What staff and the system did: who, when, from where, why, before and after",
			Description: "A row stands in the log exactly if what it says was done. A brand reads the rows that concern it. Reading is a row " +
				"itself: one for all that a person reads through the same filter within ten minutes.",
		},
		refuses: []core.Code{core.CodeNotFound, core.CodeUnavailable},
	}, s.readStaffLog)
	register(s, operation{
		Operation: huma.Operation{
			OperationID: "get-log-head", Method: http.MethodGet, Path: "/v1/audit/head", Tags: []string{"audit"},
			Summary: "Where the staff log ends, signed",
			Description: "Keep it where the database's administrators cannot write: `hotdrop log verify --heads` holds a log against it, " +
				"one that was restored from a backup as well. It is of all brands together, and for staff of none of them.",
		},
		refuses: []core.Code{core.CodeNotFound, core.CodeUnavailable},
	}, s.logHead)
}

// errNoLog is for a server that was made without a log.
func errNoLog() error { return core.Errorf(core.CodeNotFound, "this server has no staff log") }

func (s *Server) readStaffLog(ctx context.Context, in *staffLogInput) (*staffLogOutput, error) {
	if s.staffLog == nil {
		return nil, errNoLog()
	}
	f := core.LogFilter{
		Brand: in.Brand, Campaign: in.Campaign, Actor: in.Actor, Action: in.Action, Latest: in.Order == "latest", Limit: in.Limit + 1,
	}
	if !in.Since.IsZero() {
		f.Since = in.Since.UnixMilli()
	}
	cursor, _ := strconv.ParseInt(in.Cursor, 10, 64) // its pattern lets nothing else through
	if f.Latest {
		f.Before = cursor
	} else {
		f.After = cursor
	}
	rows, err := s.staffLog.Read(ctx, principalOf(ctx), f)
	if err != nil {
		return nil, err
	}
	page := core.Page[core.LoggedEntry]{Data: rows}
	if len(rows) > in.Limit {
		page.Data = rows[:in.Limit]
		page.Next = strconv.FormatInt(page.Data[in.Limit-1].Seq, 10)
	}
	return &staffLogOutput{Body: pageOf(page, entryView)}, nil
}

func entryView(e core.LoggedEntry) LoggedEntry {
	return LoggedEntry{
		Seq: e.Seq, At: timeOf(e.At), Actor: e.Actor, Role: e.Role, Credential: e.Credential, Address: e.Address, Brand: e.Brand,
		Campaign: e.Campaign, Action: e.Action, Reason: e.Reason, Before: documentView(e.Before), After: documentView(e.After),
		Hash: e.Hash, Previous: e.Previous,
	}
}

// documentView is a row's document. One that somebody changed past hotdrop need not be JSON: it is shown as a text then.
func documentView(document []byte) json.RawMessage {
	if document == nil || json.Valid(document) {
		return document
	}
	text, _ := json.Marshal(string(document)) // a text always encodes
	return text
}

func (s *Server) logHead(ctx context.Context, _ *struct{}) (*logHeadOutput, error) {
	if s.staffLog == nil {
		return nil, errNoLog()
	}
	if principalOf(ctx).Brand != "" {
		return nil, newProblem(CodeForbidden, "the end of the staff log is of all brands together: it is for staff without a brand")
	}
	head, err := s.staffLog.Head(ctx)
	if err != nil {
		return nil, err
	}
	return &logHeadOutput{Body: LogHead{SignedHead: *head, PublicKey: s.staffLog.PublicKey()}}, nil
}
