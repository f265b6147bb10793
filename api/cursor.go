package api

import "hotdrop/core"

// cursorProblem is [problemOf] for lists of which a client chooses nothing but the cursor and the limit: what is invalid
// is the cursor.
func cursorProblem(err error) error {
	p := problemOf(err)
	if p.Code == core.CodeInvalid {
		p.Errors = []Violation{{Location: "query.cursor", Message: p.Detail}}
	}
	return p
}
