// SPDX-License-Identifier: GPL-3.0-or-later

// Command purple-onion is the command line: a door that translates arguments
// into questions to the packages below, and their answers into text, JSON and
// exit codes. It decides nothing.
//
// Data goes to stdout and prose to stderr; nothing is coloured but on a
// terminal. It must never show a password (I7), nor call an account safe (I8).
//
// Exit codes: 0 done; 1 findings, or refused; 2 a wrong command line, or no
// such account; 3 something could not be done or looked at.
package main
