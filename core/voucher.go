package core

// The states of a voucher. That it is redeemed is not a state of its own: an order then owns its claim.
const (
	VoucherGranted = "granted"
	VoucherExpired = "expired"
)

// Voucher is the content of a voucher. Whoever has the code may redeem it, once.
type Voucher struct {
	Pool      string `json:"pool"`
	Value     int64  `json:"value"`                // minor units
	ExpiresAt int64  `json:"expires_at,omitempty"` // Unix milliseconds; 0 for never
	GrantedAt int64  `json:"granted_at"`           // Unix milliseconds
	Source    string `json:"source"`               // the order or draw it was granted for
}
