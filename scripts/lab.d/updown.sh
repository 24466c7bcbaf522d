# shellcheck shell=bash
# SPDX-License-Identifier: GPL-3.0-or-later
# updown.sh - the whole lab: up, down, status.

# lock: one up or down of this lab at a time (descriptor 9, not inherited)
lock() {
  mkdir -p "$(dirname "$LAB_DIR")"
  exec 9>"$LAB_DIR.lock"
  flock -w 120 9 || die "another lab command works on $LAB_DIR"
  read_state
}

# expected: the processes of a whole lab
expected() {
  local n
  ! inside || echo "ns-world ns-$FIRST_CLIENT"
  for n in "${RELAYS[@]}" hs; do echo "tor-$n"; done
  echo "${SERVERS[*]} ctor-$FIRST_CLIENT"
}

# health: up, down or partly. A tor or server that a test killed does not
# make the lab "down".
health() {
  local n up=0 all=0
  [ -n "$LAB_MODE" ] || {
    echo down
    return
  }
  for n in $(expected); do
    all=$((all + 1))
    ! alive "$n" || up=$((up + 1))
  done
  if ((up == all)) && [ -e "$LAB_DIR/ready" ]; then
    echo up
  elif ((up == 0)); then
    echo down
  else
    echo partly
  fi
}

verb_status() {
  local h n missing=()
  h=$(health)
  for n in $([ "$h" = down ] || expected); do
    alive "$n" || missing+=("$n")
  done
  echo "lab: $h"
  echo "dir: $LAB_DIR"
  echo "mode: ${LAB_MODE:-$(choose_mode)}"
  ((${#missing[@]} == 0)) || echo "missing: ${missing[*]}"
  case $h in up) return 0 ;; down) return 1 ;; *) return 3 ;; esac
}

# choose_loopback: an address range and a port range where nothing listens
# shellcheck disable=SC2034
choose_loopback() {
  local n listening
  listening=$(awk '{print $2}' /proc/net/tcp /proc/net/udp)
  for n in $(shuf -i 64-190); do
    # addresses there are in the machine's byte order: 127.N.0.x is xx00NN7F
    if ! grep -qi "00$(printf %02x "$n")7F:" <<<"$listening"; then
      LAB_NET=127.$n.0 LAB_BASE=$((2000 + n * 160)) # below 32768
      return
    fi
  done
  die "no free address range on loopback"
}

wipe() { # everything but what a later `down` or a reader needs
  local f
  for f in state ready pids etc certs tor xmpp dns irc clients numbers relays log; do
    rm -rf -- "${LAB_DIR:?}/$f"
  done
}

# stop_lab: every process that the lab started, and all that its clients left
stop_lab() {
  local n all=() world=()
  for n in $(recorded); do
    case $n in ns-*) world+=("$n") ;; *) all+=("$n") ;; esac
  done
  ((${#all[@]} == 0)) || stop_all "${all[@]}"
  if inside; then
    for n in "${world[@]}"; do
      # shellcheck disable=SC2046
      kill_pids $(held "${n#ns-}")
    done
    ((${#world[@]} == 0)) || stop_all "${world[@]}"
    # shellcheck disable=SC2046
    kill_pids $(orphans)
  fi
  rm -f "$LAB_DIR/ready" "$LAB_DIR/state"
  LAB_MODE=
}

verb_down() {
  lock
  [ -d "$LAB_DIR/pids" ] || return 0
  stop_lab
  say "down"
}

# failed_up STATUS: the log's end, and nothing left running
failed_up() {
  local status=$1 f
  trap - EXIT INT TERM
  set +e
  [ -z "$LAB_CHILD" ] || kill "$LAB_CHILD" 2>/dev/null
  echo "lab: cannot bring the lab up" >&2
  # shellcheck disable=SC2012
  for f in $(ls -t "$LAB_DIR"/log/*.log "$LAB_DIR"/tor/*/notice.log "$LAB_DIR"/clients/*/tor/notice.log 2>/dev/null | head -3); do
    [ ! -s "$f" ] || { echo "--- $f" && tail -8 "$f"; } >&2
  done
  [ -n "${LAB_KEEP-}" ] || stop_lab
  [ "$status" -gt 128 ] || status=1
  exit "$status"
}

# shellcheck disable=SC2034
prepare() {
  mkdir -p "$LAB_DIR"
  wipe
  mkdir -p "$LAB_DIR/bin" "$LAB_DIR/pids" "$LAB_DIR/log"
  LAB_MODE=$(choose_mode)
  LAB_HELD=$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')
  if ! inside; then choose_loopback; fi
  write_state
  say "mode $LAB_MODE, in $LAB_DIR"
}

build_all() {
  copy_programs
  make_keys & # the slowest, while Go builds
  local keys=$!
  build_tools || die "cannot build the lab's tools: $(tail -5 "$LAB_DIR/log/build.log")"
  wait $keys || die "cannot make keys"
  make_certs
  say "tools, keys and certificates are made"
}

start_all() {
  local n
  ! inside || make_world
  write_torrcs
  even_weights
  write_servers
  start_unbound # relays ask it while they start
  start_relays
  say "${#RELAYS[@]} relays started"
  for n in "${SERVERS[@]}"; do [ "$n" = unbound ] || start_server "$n"; done
  make_client "$FIRST_CLIENT" "$(uname -n)"
  for n in "${SERVERS[@]}"; do wait_server "$n"; done
  say "servers are up"
  wait_relays
}

# check_all: up means usable
check_all() {
  local socks
  socks=127.0.0.1:$(client_port "$FIRST_CLIENT" 9050 0)
  start_onion
  client_tor_start "$FIRST_CLIENT"
  wait_onion
  client_tor_wait "$FIRST_CLIENT" >/dev/null
  say "the client's tor is bootstrapped, the onion service is published"
  labtool_in "$FIRST_CLIENT" connect 60s "$socks" a.test:5222
  labtool_in "$FIRST_CLIENT" connect 60s "$socks" "$(onion):5222"
  say "a.test answers by an exit and by its onion address"
}

verb_up() {
  umask 077
  lock
  case $(health) in
    up)
      say "already up"
      return 0
      ;;
    partly) stop_lab ;;
  esac
  trap 'failed_up $?' EXIT
  trap 'exit 130' INT
  trap 'exit 143' TERM
  if [ -d "$LAB_DIR/pids" ]; then stop_lab; fi
  prepare
  build_all
  start_all
  check_all
  : >"$LAB_DIR/ready"
  trap - EXIT INT TERM
  say "up"
}
