package core

import "encoding/json"

// SignupKept is the only state of a sign-up's record.
const SignupKept = "kept"

// Signup is what a reservation took, and the decision that it was taken by. Only reservations for which a mechanic asked
// for something have one.
type Signup struct {
	Takes    []Take          `json:"takes,omitempty"`
	Claims   []Claim         `json:"claims,omitempty"`
	Decision json.RawMessage `json:"decision"`
}
