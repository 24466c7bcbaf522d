# shellcheck shell=bash
# SPDX-License-Identifier: GPL-3.0-or-later
# proc.sh - processes of the lab, by recorded pid and start time alone: a pid
# that the system gave to somebody else meanwhile is never signalled.

# proc_start PID: its start time, nothing if there is none or it is a zombie
proc_start() {
  local stat
  { read -r stat <"/proc/$1/stat"; } 2>/dev/null || return 1
  stat=${stat##*) } # the command's name may hold anything
  # shellcheck disable=SC2086
  set -- $stat
  [ "$1" != Z ] && [ "$1" != X ] && echo "${20}"
}

record() { # NAME PID
  echo "$2 $(proc_start "$2" || echo gone)" >"$LAB_DIR/pids/$1"
}

# pid_of NAME: the pid, if that process still runs
pid_of() {
  local pid start
  read -r pid start 2>/dev/null <"$LAB_DIR/pids/$1" || return 1
  [ "$(proc_start "$pid")" = "$start" ] && echo "$pid"
}

alive() { pid_of "$1" >/dev/null 2>&1; }

# spawn NAME WHERE CMD...: start in the background, in that namespace. What it
# prints goes to log/NAME.log. No descriptor of ours stays open in it.
spawn() {
  local name=$1
  enter "$2"
  shift 2
  LAB_HELD=$LAB_HELD setsid "${ENTER[@]}" "$@" </dev/null >"$LAB_DIR/log/$name.log" 2>&1 9>&- &
  record "$name" $!
}

signal() { # SIGNAL NAME
  local pid
  pid=$(pid_of "$2") && kill "-$1" "$pid" 2>/dev/null
}

# stop_all NAME...: TERM, and KILL for what is left after five seconds
stop_all() {
  local n t left
  for n; do
    signal CONT "$n" || true
    signal TERM "$n" || true
  done
  for ((t = 0; t < 100; t++)); do
    left=()
    for n; do alive "$n" && left+=("$n"); done
    ((${#left[@]})) || break
    if ((t == 50)); then
      for n in "${left[@]}"; do signal KILL "$n" || true; done
    fi
    sleep 0.1
  done
  for n; do
    alive "$n" && die "cannot stop $n: pid $(pid_of "$n")"
    rm -f "$LAB_DIR/pids/$n"
  done
  return 0
}

recorded() { # the names of all recorded processes
  local f
  for f in "$LAB_DIR"/pids/*; do
    [ ! -e "$f" ] || echo "${f##*/}"
  done
}

# held WHERE: pids of processes that are in that namespace though the lab did
# not record them (a Pidgin that a test left behind). While the holder lives
# its namespace can be nobody else's.
held() {
  local holder net f
  holder=$(pid_of "ns-$1") || return 0
  net=$(readlink "/proc/$holder/ns/net") || return 0
  for f in /proc/[0-9]*; do
    f=${f#/proc/}
    [ "$f" != "$holder" ] && [ "$f" != "$$" ] &&
      [ "$(readlink "/proc/$f/ns/net" 2>/dev/null)" = "$net" ] && echo "$f"
  done
  return 0
}

# orphans: the same where the holder has died. They are known by LAB_HELD, a
# random word in their environment that no other lab has.
orphans() {
  local f ours
  [ -n "$LAB_HELD" ] || return 0
  ours=$(readlink /proc/self/ns/net)
  for f in /proc/[0-9]*; do
    [ "$(readlink "$f/ns/net" 2>/dev/null)" != "$ours" ] &&
      grep -qsz "^LAB_HELD=$LAB_HELD\$" "$f/environ" && echo "${f#/proc/}"
  done
  return 0
}

kill_pids() { # PID...: TERM, then KILL
  local t p left=("$@") more
  ((${#left[@]})) || return 0
  kill -CONT "${left[@]}" 2>/dev/null || true
  kill -TERM "${left[@]}" 2>/dev/null || true
  for ((t = 0; t < 60; t++)); do
    more=()
    for p in "${left[@]}"; do proc_start "$p" >/dev/null && more+=("$p"); done
    left=("${more[@]}")
    ((${#left[@]})) || return 0
    ((t != 20)) || kill -KILL "${left[@]}" 2>/dev/null || true
    sleep 0.1
  done
  die "cannot stop ${left[*]}"
}
