// SPDX-License-Identifier: GPL-3.0-or-later

// Package cell runs a program in namespaces of its own, out of which Tor's
// SOCKS port is the only way, without privileges and without a setuid helper.
//
// A network namespace alone is not enough: path sockets (session bus, nscd,
// resolved, docker, agents in the home), socket families that know no namespace
// (AF_VSOCK), the kernel's own errands (request_key asks DNS for a program)
// and the terminal (TIOCSTI types into the shell outside) lead out of it.
//
// # Stages
//
// All run the same file, by /proc/self/exe:
//
//	run    outside. Plans, starts build, serves the sockets that build passes
//	       out, forwards signals, and gives the program's exit code.
//	build  PID 1 of the new user, network, mount, PID, IPC and UTS
//	       namespaces, with four capabilities there. Mounts, brings loopback
//	       up, opens the listening sockets, gives them to run, then confines
//	       itself (no_new_privs, no capabilities, the seccomp filter) and
//	       executes
//	init   still PID 1, as little trusted as the program: starts it, reaps,
//	       passes signals on, and ends with its code. The kernel then ends
//	       all that is left in the PID namespace.
//
// The caller's uid and gid are mapped to themselves and nothing else is. Init
// dies with run by PR_SET_PDEATHSIG, and by the end of the socket between them
// where that was lost; the program dies with init.
//
// # What the program sees
//
// Fresh file systems on /run, /tmp, /var/run (where it is no link), /dev,
// /proc and /sys; files-only resolv.conf, nsswitch.conf, hosts and hostname;
// the rest as outside, the home too unless it is to be empty. Automounters are
// covered. The display's one socket, and sound's, are bound in. Variables that
// name what is outside are taken out of the environment.
//
// # What run serves
//
// The SOCKS port hands bytes to the proven Tor alone. The control port, where
// wanted, is answered from what run itself knows about this cell's streams:
// not a byte from inside reaches Tor's control port.
//
// connect(2) is handed over to run by the filter (connector), which makes the
// connection in the program's place: to a path socket where it lies in a file
// system of the cell's own, or was let in. Datagram sockets of AF_UNIX, which
// need no connect(2), cannot be made.
//
// The package dials nothing: the connection to Tor is the caller's (Dialer).
// It must never pass a descriptor into the cell but 0, 1 and 2, and never
// start the program where any step failed. It upholds I1 and I2 for a whole
// process.
package cell
