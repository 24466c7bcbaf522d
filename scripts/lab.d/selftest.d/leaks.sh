# shellcheck shell=bash disable=SC2154,SC2016 # selftest sets the names; inner shells expand
# SPDX-License-Identifier: GPL-3.0-or-later
# leaks.sh - captures: a clean run, controls that must leak, and captures
# that must not be trusted.

# captured WHAT STATUS PATTERN CMD...: CMD runs in k1 under a capture, whose
# JSON verdict has that exit status and pattern
captured() {
  local what=$1 want=$2 pattern=$3 got=0
  shift 3
  check "capture starts" 0 "$lab" capture start k1 "$tmp/k1.pcap"
  "$lab" exec k1 -- "$@" >"$tmp/ran" 2>&1
  "$lab" capture stop k1 "$tmp/k1.pcap" --json >"$tmp/verdict" 2>&1 || got=$?
  check "$what ($(tr -d '\n' <"$tmp/verdict"))" 0 grep -Eq -- "$pattern" "$tmp/verdict"
  check "$what: exit $want" 0 [ "$got" = "$want" ]
}

leaks() {
  local t=$LAB_DIR/bin/labtool
  captured "nothing happens: nothing is seen" 0 '"elsewhere":0,"list":\[\],"trusted":true' true
  captured "through Tor: to Tor alone" 0 '"to_tor":[1-9][0-9]*,"elsewhere":0,"list":\[\]' "$t" connect 20s 127.0.0.1:9050 a.test:5222
  captured "a name is asked" 1 '"dst":"udp 10.77.0.53:53","count":[0-9]+,"dns":\["a.test"\]' getent ahosts a.test
  captured "its own name, which it knows, is not asked" 0 '"elsewhere":0' getent ahosts "$(uname -n)"
  captured "a direct connection" 1 '"dst":"tcp 10.77.0.5:5222"' "$t" send tcp 10.77.0.5:5222 x
  captured "a UDP packet out of the lab" 1 '"dst":"udp 192.0.2.1:3478"' "$t" send udp 192.0.2.1:3478 x
  captured "UDP to a relay's port" 1 '"dst":"udp 10.77.0.10:17000"' "$t" send udp 10.77.0.10:17000 x
  captured "IPv6" 1 '"dst":"udp \[2001:db8::1\]:5000"' "$t" send udp '[2001:db8::1]:5000' x
  captured "multicast DNS" 1 '"dst":"udp 224.0.0.251:5353"' "$t" send udp 224.0.0.251:5353 x
  captured "k1's capture does not see k2" 0 '"elsewhere":0' "$lab" exec k2 -- true
  unknown_name
  check "two captures at once" 0 "$lab" capture start k1 "$tmp/k1.pcap"
  check "of two clients" 0 "$lab" capture start k2 "$tmp/k2.pcap"
  tool k2 send udp 192.0.2.1:1 x
  check "one is clean" 0 "$lab" capture stop k1 "$tmp/k1.pcap"
  prints "one is not" 1 '^  1  udp 192.0.2.1:1$' "$lab" capture stop k2 "$tmp/k2.pcap"
  untrusted_captures
}

# unknown_name: a client that does not know its own name asks for it
unknown_name() {
  check "capture of odd" 0 "$lab" capture start odd "$tmp/odd.pcap"
  "$lab" exec odd -- getent ahosts "$(uname -n)" >/dev/null
  check "its own name, which it does not know, is asked" 1 "$lab" capture stop odd "$tmp/odd.pcap"
}

untrusted_captures() {
  local pid
  check "a capture that was never started" 2 "$lab" capture stop k1 "$tmp/never.pcap"
  check "capture starts" 0 "$lab" capture start k1 "$tmp/k1.pcap"
  read -r pid _ < <(cat "$LAB_DIR"/pids/capture-k1.*)
  kill -9 "$pid"
  check "a capture that was killed is not trusted" 2 "$lab" capture stop k1 "$tmp/k1.pcap"
  check "capture starts" 0 "$lab" capture start k1 "$tmp/k1.pcap"
  "$lab" exec k1 -- ip link set eth0 down
  prints "nor one whose wire was cut" 2 '"trusted":false' "$lab" capture stop k1 "$tmp/k1.pcap" --json
  check "client del" 0 "$lab" client del k1
  check "and a new one in its place" 0 "$lab" client add k1 --no-tor
}
