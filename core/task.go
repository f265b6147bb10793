package core

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// TaskOpen is the only state of a task: one that is done is deleted.
const TaskOpen = "open"

// taskKind says what is to be done.
type taskKind string

// The kinds of tasks: what has to happen because an order moved, after the move is durable and on whatever node.
const (
	taskPaid   taskKind = "paid"   // ask the mechanics at the hook paid; subject: the order
	taskRefund taskKind = "refund" // give a payment back; subject: the payment's order
	taskGroup  taskKind = "group"  // look whether the group has ended; subject: the group
	taskShare  taskKind = "share"  // count a reservation that came through a link; subject: the link
	taskVoid   taskKind = "void"   // void what was granted for an order that was refunded; subject: the order
)

// Task is the content of something that is left to do. It is written in the transaction of the move that causes it, and
// deleted in the one that writes its effects, so that it is done exactly once, however many nodes try and wherever one of
// them dies.
type Task struct {
	What    taskKind `json:"what"`
	Subject string   `json:"subject"`
	Due     int      `json:"due,omitempty"`   // the index of the order's due that is refunded
	Tries   int      `json:"tries,omitempty"` // how often it failed
	Failure string   `json:"failure,omitempty"`
}

const (
	// taskGrace is how long the node that wrote a task has it for itself. Others find it after that.
	taskGrace = 5 * time.Second
	// A task that failed is tried again after taskPause, then twice as long each time, up to taskLongest, for ever: what
	// it waits for may be a person who raises a pool's count.
	taskPause   = time.Second
	taskLongest = 5 * time.Minute
	// providerPatience is how long a task waits for the payment provider.
	providerPatience = 30 * time.Second
	// taskWorkers is how many tasks and other due documents of a campaign a node works on at once. They meet in the
	// batches of loads and commits, so that many of them cost little more than one.
	taskWorkers = 256
	// workBatch is how many due documents one look of the sweep finds, and workLooks how often one sweep looks.
	workBatch = 500
	workLooks = 200
)

// newTask returns the document of something to do at once. cause makes it unique: what the subject went through.
func newTask(t Task, cause string, now time.Time) *Document {
	d := Document{Kind: DocumentTask, ID: taskID(t.What, t.Subject, cause)}
	return d.write(TaskOpen, now.Add(taskGrace).UnixMilli(), t)
}

func taskID(what taskKind, subject, cause string) string {
	return string(what) + "/" + subject + "/" + cause
}

// causePaid is the cause of the only task of the kind paid that an order has.
const causePaid = "paid"

// paidTask is the key of the task to ask the mechanics at the hook paid about the order.
func paidTask(order string) DocumentKey {
	return DocumentKey{DocumentTask, taskID(taskPaid, order, causePaid)}
}

// begin works in the background on the tasks among documents that were just inserted. What cannot be taken on here is
// found by the sweep.
func (c *campaign) begin(documents []*Document) {
	for _, d := range documents {
		if d.Kind == DocumentTask && d.Revision == 0 && d.State == TaskOpen {
			inserted := *d
			inserted.Revision = 1
			c.tasks.add(&inserted)
		}
	}
}

// work handles one batch of tasks that this node wrote. What fails is written down with the task.
func (c *campaign) work(tasks []*Document) { _, _ = c.workOn(context.Background(), tasks) }

// Work does what is due in the campaign: tasks that were left by nodes that died or that failed before, groups whose
// time is over, draws that close, vouchers that expire. It returns how many things it looked at without a failure, and is
// safe to run on every node at once.
func (e *Engine) Work(ctx context.Context, campaignID string) (int, error) {
	c, err := e.campaign(ctx, campaignID)
	if err != nil {
		return 0, err
	}
	total := 0
	for range workLooks {
		due, err := e.store.DueDocuments(ctx, c.key(), e.now().UnixMilli(), workBatch)
		if err != nil || len(due) == 0 {
			return total, storeError(err)
		}
		done, err := c.workOn(ctx, due)
		total += done
		if err != nil || len(due) < workBatch {
			return total, err
		}
	}
	return total, nil
}

// workOn works on the due documents, many at once, and returns how many did not fail, and one of the failures.
func (c *campaign) workOn(ctx context.Context, due []*Document) (done int, failed error) {
	var workers sync.WaitGroup
	var mu sync.Mutex
	room := make(chan struct{}, taskWorkers)
	for _, d := range due {
		if ctx.Err() != nil {
			break
		}
		room <- struct{}{}
		workers.Go(func() {
			defer func() { <-room }()
			err := c.workOne(ctx, d)
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				failed = err
				return
			}
			done++
		})
	}
	workers.Wait()
	return done, failed
}

func (c *campaign) workOne(ctx context.Context, d *Document) error {
	var err error
	switch d.Kind {
	case DocumentTask:
		return c.workTask(ctx, d)
	case DocumentGroup:
		err = c.workGroup(ctx, d.ID, nil)
	case DocumentDraw:
		err = c.drawDue(ctx, d)
	case DocumentRoom:
		err = c.roomDue(ctx, d)
	case DocumentVoucher:
		err = c.voucherDue(ctx, d)
	case DocumentErasure:
		err = c.erasureDue(ctx, d)
	}
	return c.rest(ctx, d, err)
}

// rest lets a document that cannot be worked on rest, as it is and longer each time, so that it holds up nothing else. If it
// is only that the store does not answer it stays due.
func (c *campaign) rest(ctx context.Context, d *Document, failure error) error {
	if failure == nil || passes(ctx, failure) {
		return failure
	}
	tries := c.remark("something that is due cannot be done; it is tried again until it is", string(d.Kind)+"/"+d.ID, failure)
	next := *d
	next.Due = c.engine.now().Add(pauseAfter(tries)).UnixMilli()
	return c.delay(ctx, &next)
}

// workTask does the task, or writes down why it could not be done and when it is tried again.
func (c *campaign) workTask(ctx context.Context, d *Document) error {
	t, err := read[Task](d)
	if err != nil {
		return c.rest(ctx, d, err)
	}
	switch t.What {
	case taskPaid:
		err = c.askPaid(ctx, d, t)
	case taskRefund:
		err = c.giveMoneyBack(ctx, d, t)
	case taskGroup:
		err = c.workGroup(ctx, t.Subject, d)
	case taskShare:
		err = c.workShare(ctx, d, t)
	case taskVoid:
		err = c.voidGranted(ctx, d, t)
	default:
		err = Errorf(CodeInternal, "a later version's task")
	}
	if err == nil || errors.Is(err, errTaskDone) {
		return nil
	}
	return c.postpone(ctx, d, t, err)
}

// pauseAfter is how long something rests that has failed so often before.
func pauseAfter(tries int) time.Duration { return min(taskLongest, taskPause<<min(tries, 16)) }

// errTaskDone means that a task is gone: another node has done it, or has put it off.
var errTaskDone = errors.New("the task is done")

// postpone writes down that the task failed and lets it rest, longer each time. The failure is logged once.
func (c *campaign) postpone(ctx context.Context, d *Document, t *Task, failure error) error {
	next := *t
	next.Tries++
	next.Failure = plainFailure(failureText(failure))
	due := c.engine.now().Add(pauseAfter(t.Tries)).UnixMilli()
	err := c.delay(ctx, d.write(TaskOpen, due, next))
	if err == nil && t.Tries == 0 {
		c.engine.log.Warn("a task failed; it is tried again until it is done",
			slog.String("campaign", c.id), slog.String("task", d.ID), slog.Any("error", failure))
	}
	return err
}

// failureText is what staff may read of a task's failure: also what the mechanic said that failed, as they can mend that.
func failureText(err error) string {
	known, ok := errors.AsType[*Error](err)
	switch {
	case !ok:
		return string(CodeInternal)
	case known.Code == CodeMechanicFailed && known.Err != nil:
		return string(known.Code) + ": " + known.Err.Error()
	default:
		return string(known.Code) + ": " + known.Message
	}
}

// documentPlan returns the plan that writes the document and nothing else.
func (c *campaign) documentPlan(d *Document) *Plan {
	return &Plan{Campaign: c.id, Brand: c.brand, Documents: []*Document{d}}
}

// gone returns what a plan has to write to delete the document.
func gone(d *Document) *Document {
	return &Document{Kind: d.Kind, ID: d.ID, Shopper: d.Shopper, Revision: d.Revision}
}

// giveMoneyBack refunds the task's payment. The refund's id is the payment's, so that it moves money once.
func (c *campaign) giveMoneyBack(ctx context.Context, d *Document, t *Task) error {
	loaded, err := c.fetch(ctx, "", t.Subject)
	if err != nil {
		return err
	}
	if loaded.found == nil || t.Due < 0 || t.Due >= len(loaded.found.Dues) {
		return Errorf(CodeInternal, "there is no due %d of the order %q", t.Due, t.Subject)
	}
	payment := loaded.found.payment(t.Due)
	patience, end := context.WithTimeout(ctx, providerPatience)
	defer end()
	if err := c.engine.provider.Refund(patience, payment); err != nil {
		return err //nolint:wrapcheck // providers answer with core errors
	}
	c.engine.provider.Settled(payment.ID)
	err = c.apply(c.documentPlan(gone(d)))
	if errors.Is(err, ErrConflict) {
		return errTaskDone
	}
	return storeError(err)
}

// askPaid asks the mechanics at the hook paid about the order and writes what they ask for. The decision is made by the
// ruleset that priced the order; the commit is fenced like every decision, because pools and draws are the campaign's.
func (c *campaign) askPaid(ctx context.Context, d *Document, t *Task) error {
	loaded, err := c.fetch(ctx, "", t.Subject)
	if err != nil {
		return err
	}
	if loaded.found == nil {
		return Errorf(CodeInternal, "there is no order %q", t.Subject)
	}
	if !loaded.found.isConfirmed() {
		return storeError(c.drop(d)) // nothing is granted for what was given back
	}
	for range maxDecisions {
		in, err := c.decidePaid(ctx, loaded.found)
		if err != nil {
			return err
		}
		in.edits, in.documents = append(in.edits, finish(d.Key())), append(in.documents, d)
		if err := c.submit(ctx, in); err != nil {
			return err
		}
		if in.verdict != verdictAgain {
			return nil
		}
		c.view.outdate()
		if _, err := c.fetch(ctx, "", ""); err != nil { // follows the change that overtook the decision
			return err
		}
	}
	return storeError(ErrConflict)
}

// isConfirmed reports whether the order is paid for good, and has not been given back.
func (o *Order) isConfirmed() bool {
	switch o.State { //nolint:exhaustive // the states that come after being paid
	case OrderPaid, OrderShipped, OrderDelivered:
		return o.TakesState == TakesSpent
	default:
		return false
	}
}

// drop deletes a task for which there is nothing to do any more.
func (c *campaign) drop(d *Document) error {
	err := c.apply(c.documentPlan(gone(d)))
	if errors.Is(err, ErrConflict) {
		return nil // another node has
	}
	return err
}

// finish is the edit by which a task that is done goes; one that is gone refuses what would do it again.
func finish(key DocumentKey) edit {
	return edit{key: key, apply: func(current *Document) (*Document, error) {
		if current == nil {
			return nil, errTaskDone
		}
		return &Document{}, nil
	}}
}

// decidePaid asks the order's pinned ruleset at the hook paid.
func (c *campaign) decidePaid(ctx context.Context, o *Order) (*intent, error) {
	facts, number, err := o.paidFacts()
	if err != nil {
		return nil, err
	}
	ruleset, err := c.pinnedPaid(ctx, number)
	if err != nil {
		return nil, err
	}
	snap := c.snapshot.Load()
	decided, err := ruleset.decide(HookPaid, facts, snap.definition(), -1)
	if err != nil {
		return nil, err
	}
	c.remarkSteps(HookPaid, decided)
	beside, err := c.consequences(snap, facts, decided.notes, o.Shopper, o.ID, c.engine.now())
	if err == nil {
		err = c.exhausted(beside.takes)
	}
	if err != nil {
		return nil, err
	}
	in := &intent{epoch: snap.record.Epoch, edits: slices.Clip(beside.edits), takes: beside.takes}
	in.documents, err = c.editedDocuments(ctx, in.edits)
	return in, err
}

// exhausted refuses what was last seen to have too little left of a pool, so that it costs no batch of others to find out.
func (c *campaign) exhausted(takes []Take) error {
	wanted := map[string]int64{}
	for _, take := range takes {
		pool, isPool := strings.CutPrefix(take.Counter, PoolCounter(""))
		wanted[take.Counter] += take.Units
		if left, _ := c.view.left(take.Counter); isPool && left.Remaining < wanted[take.Counter] {
			return poolExhausted(pool)
		}
	}
	return nil
}

// paidFacts are the facts of the hook paid, and the number of the ruleset that is asked.
func (o *Order) paidFacts() (*Facts, int64, error) {
	facts, number, err := o.pinned()
	if err == nil {
		facts.Now, facts.Order, facts.Quota = o.paidAt(), orderFacts(o), nil
	}
	return facts, number, err
}

// editedDocuments loads the documents that the edits will see.
func (c *campaign) editedDocuments(ctx context.Context, edits []edit) ([]*Document, error) {
	if len(edits) == 0 {
		return nil, nil
	}
	l := &load{}
	for i := range edits {
		l.wanted = append(l.wanted, edits[i].key)
	}
	loaded, err := c.fetchAll(ctx, l)
	if err != nil {
		return nil, err
	}
	documents := make([]*Document, 0, len(edits))
	for _, key := range l.wanted {
		if d := loaded.documents[key]; d != nil {
			documents = append(documents, d)
		}
	}
	return documents, nil
}

// rulesetNumber returns the number of the ruleset that priced the order without decoding the whole decision; 0 if it
// cannot be told.
func (o *Order) rulesetNumber() int64 {
	const name = `"ruleset":`
	at := bytes.LastIndex(o.Quote, []byte(name))
	if at < 0 {
		return 0
	}
	digits := o.Quote[at+len(name):]
	end := bytes.IndexFunc(digits, func(r rune) bool { return r < '0' || r > '9' })
	if end < 0 {
		end = len(digits)
	}
	number, _ := strconv.ParseInt(string(digits[:end]), 10, 64)
	return number
}
