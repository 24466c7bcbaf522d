# shellcheck shell=bash disable=SC2154,SC2016 # selftest sets the names; inner shells expand
# SPDX-License-Identifier: GPL-3.0-or-later
# ends.sh - faults, a second lab, and that nothing is left behind.

faults() {
  local a=10.77.0.5:5222
  check "fault prosody-a kill" 0 "$lab" fault prosody-a kill
  check "it is gone" 1 tool world wait-port 0s $a
  prints "status says partly" 3 '^missing: prosody-a$' "$lab" status
  check "fault prosody-a start" 0 "$lab" fault prosody-a start
  check "it is back" 0 tool world wait-port 0s $a
  check "status says up" 0 "$lab" status
  check "fault ngircd restart" 0 "$lab" fault ngircd restart
  check "fault prosody-b restart" 0 "$lab" fault prosody-b restart
  check "fault x1 stop" 0 "$lab" fault x1 stop
  check "fault x1 cont" 0 "$lab" fault x1 cont
  check "no such server" 2 "$lab" fault gopher kill
  says "logs" '/log/prosody-a-debug.log$' "$lab" logs prosody
}

# second_lab: it came up on loopback beside the first, and goes alone
second_lab() {
  local e=$tmp/other.env
  check "a second lab came up on loopback" 0 wait "$other_up"
  tail -1 "$tmp/other"
  check "its env" 0 sh -c 'LAB_DIR=$1 "$0" env >"$2"' "$lab" "$other" "$e"
  says "its mode is loopback" '^export LAB_MODE=loopback$' cat "$e"
  says "log in there" '^bound$' bash -c '. "$2"; SSL_CERT_FILE=$LAB_CA "$0" exec c1 -- "$1/bin/labtool" xmpp -socks "$CLIENT_SOCKS" -register "$LAB_ONION:5222" one@a.test pw' "$lab" "$other" "$e"
  check "nothing can be captured there" 2 env LAB_DIR="$other" "$lab" capture start c1 "$tmp/x.pcap"
  check "down" 0 env LAB_DIR="$other" "$lab" down
  check "nothing of it is left" 1 left_of "$other"
  check "the first is up still" 0 "$lab" status
}

# left_of DIRECTORY: processes with that folder on their command line
left_of() {
  local f
  for f in /proc/[0-9]*; do
    if [ "${f#/proc/}" != $$ ] && grep -qsz "^$1/\|[ =]$1/" "$f/cmdline" && ! grep -qs Z "$f/wchan"; then
      tr '\0' ' ' <"$f/cmdline"
      return 0
    fi
  done
  return 1
}

# namespaces FILE: exits 0 if a process is in one of the network namespaces
namespaces() {
  grep -xFf "$1" < <(readlink /proc/[0-9]*/ns/net 2>/dev/null)
}

our_namespaces() {
  local f pid
  for f in "$LAB_DIR"/pids/ns-*; do
    read -r pid _ <"$f"
    readlink "/proc/$pid/ns/net"
  done
}

endings() {
  normal_end
  crashed_end
  interrupted_up
}

normal_end() {
  local stranger
  our_namespaces >"$tmp/ns"
  "$lab" exec c1 -- env -i sleep 1000 &
  sleep 1000 & # a stranger who got the pid of a process of ours
  stranger=$!
  echo "$stranger 1" >"$LAB_DIR/pids/ngircd.old"
  check "namespaces are seen while up (control)" 0 namespaces "$tmp/ns"
  check "processes are seen while up (control)" 0 left_of "$LAB_DIR"
  check "down" 0 "$lab" down
  check "no process is left" 1 left_of "$LAB_DIR"
  check "no namespace is left" 1 namespaces "$tmp/ns"
  check "a recycled pid is not killed" 0 kill -0 $stranger
  kill $stranger
  check "status says down" 1 "$lab" status
  check "down again" 0 "$lab" down
  check "no mount is left" 1 grep -F "$LAB_DIR" /proc/self/mounts
}

# starting: `lab up` in the background until relays run
starting() {
  rm -f "$tmp/up"
  "$lab" up >"$tmp/up" 2>&1 &
  up=$!
  check "up begins" 0 "$LAB_DIR/bin/labtool" wait-log 60s "relays started" "$tmp/up"
  our_namespaces >"$tmp/ns"
}

crashed_end() {
  local f pid
  starting
  kill -9 $up
  wait $up 2>/dev/null
  for f in "$LAB_DIR"/pids/ns-*; do
    read -r pid _ <"$f"
    kill -9 "$pid"
  done
  check "status says partly after a crash" 3 "$lab" status
  check "down" 0 "$lab" down
  check "no process is left" 1 left_of "$LAB_DIR"
  check "no namespace is left" 1 namespaces "$tmp/ns"
}

interrupted_up() {
  starting
  kill -TERM $up
  check "an interrupted up says so" 143 wait $up
  check "no process is left" 1 left_of "$LAB_DIR"
  check "no namespace is left" 1 namespaces "$tmp/ns"
  check "status says down" 1 "$lab" status
}
