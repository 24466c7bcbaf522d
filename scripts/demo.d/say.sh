# shellcheck shell=bash disable=SC2034,SC2154 # the parts of scripts/demo share variables
# SPDX-License-Identifier: GPL-3.0-or-later
# say.sh - progress, and commands that a Ctrl-C ends at once.

if [ -t 1 ] && [ -z "${NO_COLOR-}" ] && [ "${TERM-dumb}" != dumb ]; then
  bold=$'\e[1m' plain=$'\e[0m'
else
  bold='' plain=''
fi
began=$SECONDS step_number=0 step_pid='' steps=8

say() { printf '  %s\n' "$*"; }

# step TITLE FUNCTION: the rest is pointless where one fails
step() {
  step_number=$((step_number + 1))
  printf '\n%s%d/%d %s%s  [%d s]\n\n' "$bold" "$step_number" "$steps" "$1" "$plain" $((SECONDS - began))
  "$2" || give_up "$1"
}

# shown COMMAND...: what a person would type
shown() { printf '  %s$ %s%s\n\n' "$bold" "$*" "$plain"; }

# run COMMAND...: in a process group of its own, so that a signal to this
# script ends the whole of it and not only its shell
run() {
  local status
  setsid "$@" </dev/null 8>&- &
  step_pid=$!
  wait "$step_pid"
  status=$?
  step_pid=
  return "$status"
}

end_step() {
  [ -n "$step_pid" ] || return 0
  kill -TERM -- "-$step_pid" 2>/dev/null
  wait "$step_pid" 2>/dev/null
  step_pid=
}

# until_true SECONDS COMMAND...: polls; 1 if it is never true
until_true() {
  local end=$((SECONDS + $1))
  shift
  until "$@"; do
    ((SECONDS < end)) || return 1
    sleep 0.2
  done
}
