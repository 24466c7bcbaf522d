# shellcheck shell=bash
# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck disable=SC2034 # the other parts use what is set here
# settings.sh - where things are: directories, addresses, ports, state.
#
# $LAB_DIR of a lab:
#   state      LAB_MODE, LAB_NET, LAB_BASE, LAB_HELD of this lab
#   pids/      NAME: "pid start-time" of each process that the lab started
#   log/       NAME.log: what it printed; sessions.tsv, mitm.jsonl
#   relays     ADDRESS:PORT of each relay's OR and directory port
#   etc/       what /etc looks like inside
#   certs/     ca.crt, NAME.crt, NAME.key
#   tor/ xmpp/ dns/ irc/ clients/   one folder for each program
# In namespaces (modes netns and userns) addresses and ports are the same in
# every lab. On loopback each lab has its own LAB_NET and LAB_BASE.

die() {
  echo "lab: $*" >&2
  exit 1
}

usage() {
  echo "lab: $* (see: lab help)" >&2
  exit 2
}

LAB_DIR=${LAB_DIR:-$(cd "$LAB_SRC/../.." && pwd)/build/lab}
case $LAB_DIR in
  /*) ;;
  *) LAB_DIR=$PWD/$LAB_DIR ;;
esac
# torrcs and other files take it unquoted
[[ $LAB_DIR =~ ^[A-Za-z0-9/._+-]+$ && $LAB_DIR != / ]] ||
  usage "LAB_DIR may hold letters, digits and /._+- only: $LAB_DIR"

# The mode asked for; the mode of a lab that is up is in its state file.
LAB_WANT_MODE=${LAB_MODE-}
LAB_MODE='' LAB_NET=10.77.0 LAB_BASE=17000 LAB_HELD=''
read_state() {
  # shellcheck source=/dev/null
  [ ! -f "$LAB_DIR/state" ] || . "$LAB_DIR/state"
}
read_state

write_state() {
  local v
  for v in LAB_MODE LAB_NET LAB_BASE LAB_HELD; do
    printf '%s=%q\n' "$v" "${!v}"
  done >"$LAB_DIR/state.new"
  mv "$LAB_DIR/state.new" "$LAB_DIR/state"
}

inside() { [ "$LAB_MODE" = netns ] || [ "$LAB_MODE" = userns ]; }

# port STANDARD OFFSET: the standard port in a namespace; on loopback, where
# it may be taken or privileged, one of this lab's own
port() {
  if inside; then echo "$1"; else echo "$((LAB_BASE + $2))"; fi
}

# Host numbers within LAB_NET.
readonly H_GATE=1 H_XMPP_A=5 H_XMPP_B=6 H_EMPTY=7 H_IRC=8 H_MITM=9 H_RELAY=10 H_HS=40 H_DNS=53
readonly H_CLIENT=200

readonly RELAYS=(a1 a2 a3 r1 x1 x2 x3) # authorities, a relay, exits
readonly AUTHORITIES=3 EXITS=3
relay_ip() { echo "$LAB_NET.$((H_RELAY + $1))"; }
or_port() { echo "$((LAB_BASE + $1))"; }
dir_port() { echo "$((LAB_BASE + 30 + $1))"; }

now() { echo "${EPOCHREALTIME/,/.}"; }
STARTED=$(now)
say() {
  printf '[%5.1fs] %s\n' "$(since "$STARTED")" "$*" >&2
}
# since TIME: seconds from then to now, with one decimal
since() {
  local tenths=$(((${EPOCHREALTIME//[.,]/} - ${1//[.,]/}) / 100000))
  echo "$((tenths / 10)).$((tenths % 10))"
}

export_line() { # NAME VALUE
  if [[ $2 =~ ^[A-Za-z0-9_./:@%+,#=-]*$ ]]; then
    printf 'export %s=%s\n' "$1" "$2"
  else
    printf "export %s='%s'\n" "$1" "${2//\'/\'\\\'\'}"
  fi
}
