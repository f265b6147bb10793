// Package vet decides whether a plugin that a stranger uploaded may be loaded at all.
//
// [Inspect] reads a module without running any of it: the static half of a report, cheap enough for every upload.
// [Vetter.Run] goes on in a child process with limits of its own: the first compilation and the first run, the
// vectors on compiler and interpreter, and a run on facts that are meant to break it. Whatever the module does to that
// child is a reason of the report's, never an error of the process that serves.
//
// What refuses a module, what only warns, and why, is answered in RATIONALE.md.
package vet
