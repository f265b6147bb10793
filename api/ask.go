package api

import (
	"net/http"
	"strings"
)

// ask is what a request is about, as far as it matters for which of two requests is refused when both cannot be answered.
type ask uint8

const (
	asksElse        ask = iota // anything that is not named below
	asksQuote                  // what an order would cost
	asksReservation            // to sign up
	asksOrder                  // to order
	asksOwnOrder               // to pay, cancel or look at an order that is placed
	asks                       // how many there are
)

// String names it as metrics do.
func (a ask) String() string {
	return [asks]string{"else", "quote", "reservation", "order", "own_order"}[a]
}

// askOf reads what the request is about off its method and path, and which campaign an order is asked for in. It costs
// nothing, as it is done before anything is known of whoever asks. What the router finds nothing at may be taken for something.
func askOf(r *http.Request) (about ask, campaign string) {
	return askOfPath(r.Method, r.URL.Path)
}

// askOfPath is askOf for a method and a path.
func askOfPath(method, path string) (about ask, campaign string) {
	path, versioned := strings.CutPrefix(path, "/v1/")
	if !versioned {
		return asksElse, ""
	}
	if of, found := strings.CutPrefix(path, "orders/"); found {
		return askOfOrder(method, of), ""
	}
	path, found := strings.CutPrefix(path, "campaigns/")
	if !found || method != http.MethodPost {
		return asksElse, ""
	}
	campaign, what, _ := strings.Cut(path, "/")
	switch what {
	case "orders":
		return asksOrder, campaign
	case "reservations":
		return asksReservation, campaign
	case "quotes":
		return asksQuote, campaign
	default:
		return asksElse, ""
	}
}

// askOfOrder is askOf for what is below /v1/orders/.
func askOfOrder(method, path string) ask {
	_, action, _ := strings.Cut(path, "/")
	switch {
	case method == http.MethodPost && (action == "pay" || action == "cancel"), method == http.MethodGet && action == "":
		return asksOwnOrder
	default:
		return asksElse
	}
}
