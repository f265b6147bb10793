package core

// The states of a message: who wrote it.
const (
	MessageSent     = "sent"     // the shopper
	MessageReceived = "received" // the campaign
)

// Message is the content of a message in a shopper's inbox.
type Message struct {
	At       int64  `json:"at"` // Unix milliseconds
	Text     Text   `json:"text"`
	Template string `json:"template,omitempty"` // of a notification
	Reply    string `json:"reply,omitempty"`    // the message that it answers
}
