package core

import "time"

// TaskOpen is the only state of a task: one that is done is deleted.
const TaskOpen = "open"

// taskKind says what is to be done.
type taskKind string

// The kinds of tasks: what has to happen because an order moved, after the move is durable and on whatever node.
const (
	taskPaid   taskKind = "paid"   // ask the mechanics at the hook paid; subject: the order
	taskRefund taskKind = "refund" // give a payment back; subject: the payment's order
	taskGroup  taskKind = "group"  // look whether the group has ended; subject: the group
)

// Task is the content of something that is left to do.
type Task struct {
	What    taskKind `json:"what"`
	Subject string   `json:"subject"`
	Due     int      `json:"due,omitempty"`   // the index of the order's due that is refunded
	Tries   int      `json:"tries,omitempty"` // how often it failed
	Failure string   `json:"failure,omitempty"`
}

// newTask returns the document of something to do at once. cause makes it unique: what the subject went through.
func newTask(t Task, cause string, now time.Time) *Document {
	d := Document{Kind: DocumentTask, ID: string(t.What) + "/" + t.Subject + "/" + cause}
	return d.write(TaskOpen, now.UnixMilli(), t)
}
