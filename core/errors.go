package core

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// Code is the stable, machine-readable name of what went wrong. The set is closed: the API maps every code to one
// HTTP status and tests hold the two together.
type Code string

// The codes. Those of an order's refusal are what a shopper's client switches on.
const (
	CodeInvalid             Code = "invalid"                  // the request breaks its own contract
	CodeNotFound            Code = "not_found"                // no such thing, or not yours
	CodeDenied              Code = "denied"                   // a mechanic refused; Reason is the mechanic's
	CodeSoldOut             Code = "sold_out"                 // fewer units left than asked for
	CodeLimitReached        Code = "limit_reached"            // the shopper's limit for the item is used up
	CodePriceChanged        Code = "price_changed"            // the total is not the one the shopper expected
	CodeNotInPhase          Code = "not_in_phase"             // the campaign or item does not sell now
	CodeReservationRequired Code = "reservation_required"     // the item is for those who reserved
	CodeQuotaExhausted      Code = "quota_exhausted"          // a quota the decision needs has run out
	CodeAlreadyUsed         Code = "already_used"             // a once-only key was used before
	CodeVoucherInvalid      Code = "voucher_invalid"          // no such voucher, or it gives nothing on this order
	CodeVoucherExpired      Code = "voucher_expired"          // the voucher's time is over
	CodeVoucherUsed         Code = "voucher_used"             // the voucher is in another order
	CodeLockedOut           Code = "locked_out"               // too many wrong codes; try again later
	CodePoolExhausted       Code = "pool_exhausted"           // the pool has no vouchers left to grant
	CodeGroupClosed         Code = "group_closed"             // the group has ended, or is not for this order
	CodeGroupFull           Code = "group_full"               // the group has no seat left
	CodeStopped             Code = "stopped"                  // the campaign's operator has stopped this
	CodeNotReady            Code = "not_ready"                // a node has not compiled what is to decide, or cannot
	CodeApprovalRequired    Code = "approval_required"        // somebody else has to agree
	CodeSignatureInvalid    Code = "signature_invalid"        // a plugin is not signed as it has to be
	CodeDraining            Code = "draining"                 // no orders until those that were placed have ended
	CodeDrawClosed          Code = "draw_closed"              // the draw takes no more entries
	CodeOwnLink             Code = "own_link"                 // one's own link counts nothing
	CodeQueueTokenRequired  Code = "queue_token_required"     // the campaign has a waiting room, and the order came without its token
	CodeQueueTokenInvalid   Code = "queue_token_invalid"      // the token is forged, somebody else's, expired or used
	CodeIdempotencyMissing  Code = "idempotency_key_missing"  // a POST that moves stock or money came without its key
	CodeIdempotencyMismatch Code = "idempotency_key_mismatch" // the key was used with another body
	CodeInFlight            Code = "in_flight"                // a request with this key is being worked on
	CodeInsufficientFunds   Code = "insufficient_funds"       // the wallet holds less than is due
	CodeWrongState          Code = "wrong_state"              // the order is not in a state that allows this
	CodeRefunded            Code = "refunded"                 // the payment came too late and was given back
	CodePreconditionFailed  Code = "precondition_failed"      // If-Match names another version
	CodeBelowTaken          Code = "below_taken"              // a limit cannot be lowered below what is taken
	CodeForbidden           Code = "forbidden"                // the principal's role or brand does not allow this
	CodeTooManyKeys         Code = "too_many_keys"            // as many staff keys are live as there may be
	CodeNameTaken           Code = "name_taken"               // somebody of another brand, or of every brand, is called so
	CodeReasonRequired      Code = "reason_required"          // shoppers notice the change, and nobody said why it is made
	CodeMechanicFailed      Code = "mechanic_failed"          // a mechanic with policy deny could not decide
	CodeUnavailable         Code = "unavailable"              // the store does not answer; try again
	CodeOverloaded          Code = "overloaded"               // too much work is waiting; try again
	CodeStorageFull         Code = "storage_full"             // the store has no room left
	CodeInternal            Code = "internal"                 // a defect; details are in the log only
)

// Error is what the layers above core see: a code, a message for a person, and the cause for the log. It is made once,
// where a failure enters core; callers compare codes with [CodeOf], never texts.
type Error struct {
	Code       Code
	Message    string        // one sentence a user may read
	Reason     string        // the mechanic's stable code when Code is denied
	Text       Text          // what the mechanic wants the shopper to read, in each language
	Total      int64         // the new total when Code is price_changed, minor units
	RetryAfter time.Duration // when trying again makes sense; zero means do not
	Err        error         // the cause; never shown
}

// Error implements error; the cause is included because this text goes to logs only.
func (e *Error) Error() string {
	if e.Err != nil {
		return fmt.Sprintf("%s: %s: %v", e.Code, e.Message, e.Err)
	}
	return fmt.Sprintf("%s: %s", e.Code, e.Message)
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Errorf returns an [Error] with a formatted message.
func Errorf(code Code, format string, args ...any) *Error {
	return &Error{Code: code, Message: fmt.Sprintf(format, args...)}
}

// CodeOf returns the code of err: "" for nil, internal for an error that is not an [Error].
func CodeOf(err error) Code {
	if err == nil {
		return ""
	}
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Code
	}
	if _, ok := errors.AsType[*Problems](err); ok {
		return CodeInvalid
	}
	return CodeInternal
}

// Problem is one thing wrong with a file somebody wrote.
type Problem struct {
	Path    string `json:"path"`              // where, as in items[0].price or ruleset[1].rule.when
	Offset  int    `json:"-"`                 // runes into the scalar at Path, for problems inside an expression
	Line    int    `json:"line,omitempty"`    // from 1; 0 until a file's reader has located Path
	Column  int    `json:"column,omitempty"`  // from 1, in runes
	Message string `json:"message"`           // what is wrong
	Snippet string `json:"snippet,omitempty"` // the line it is in
	Hint    string `json:"hint,omitempty"`    // the next thing to try, such as the nearest known name
}

// String renders the problem on one line: "line:column: path: message (hint)".
func (p Problem) String() string {
	s := p.Path + ": " + p.Message
	if p.Path == "" {
		s = p.Message
	}
	if p.Line > 0 {
		s = fmt.Sprintf("%d:%d: %s", p.Line, p.Column, s)
	}
	if p.Hint != "" {
		s += " (" + p.Hint + ")"
	}
	return s
}

// Problems is every thing wrong with a file; it is an error when it is not empty.
type Problems struct {
	List []Problem
	Of   string // what they are of, for people; "" for a campaign file
}

// Error implements error with one problem a line.
func (p *Problems) Error() string {
	lines := make([]string, len(p.List))
	for i, one := range p.List {
		lines[i] = one.String()
	}
	return strings.Join(lines, "\n")
}

// Add appends a problem with a formatted message.
func (p *Problems) Add(path, format string, args ...any) {
	p.List = append(p.List, Problem{Path: path, Message: fmt.Sprintf(format, args...)})
}

// Err returns p as an error, or nil when there is no problem.
func (p *Problems) Err() error {
	if p == nil || len(p.List) == 0 {
		return nil
	}
	return p
}
