// SPDX-License-Identifier: GPL-3.0-or-later

// Package tortest runs the real tor program for tests, on free loopback ports
// and in a folder of its own. Its Tor knows one directory authority, at a
// loopback port where nobody listens, so it never reaches any network; it
// opens its ports and answers RESOLVE of IP literals like any Tor. A missing
// tor program fails the test. It decides nothing; no program links it.
package tortest
