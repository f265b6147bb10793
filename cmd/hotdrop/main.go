// Command hotdrop is the one binary of hotdrop: it serves the sales, applies campaign files, replays events and checks
// the books. It only wires: what must be true lives in core, what may differ in the packages beside it.
//
// Exit codes: 0 it worked, 1 it failed, 2 it was asked wrongly. Data goes to stdout, talk to stderr.
package main

import (
	"context"
	"os"
)

func main() { os.Exit(doMain(context.Background(), os.Args[1:], os.Stdin, os.Stdout, os.Stderr)) }
