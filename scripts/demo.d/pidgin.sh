# shellcheck shell=bash disable=SC2034,SC2154 # the parts of scripts/demo share variables
# SPDX-License-Identifier: GPL-3.0-or-later
# pidgin.sh - the real Pidgin in the lab's client, read by its debug log: the
# plugin writes a line there for each account's state.

pidgin_pid=''
log=$out/pidgin.log

launch_pidgin() { # CLIENT LOG
  local vars
  mapfile -t vars < <(clean_env)
  LAB_DIR=$lab_dir setsid "$top/scripts/lab" exec "$1" -- env -i "${vars[@]}" \
    pidgin --debug --multiple --config="$user_dir" </dev/null 8>&- >"$2" 2>&1 &
  pidgin_pid=$!
}

pidgin_runs() { [ -n "$pidgin_pid" ] && kill -0 "$pidgin_pid" 2>/dev/null; }

# end_process PID: TERM, after five seconds KILL
end_process() {
  local t
  [ -n "$1" ] || return 0
  for ((t = 0; t < 50; t++)); do
    kill -"$([ $t = 0 ] && echo TERM || echo 0)" "$1" 2>/dev/null || break
    sleep 0.1
  done
  kill -KILL "$1" 2>/dev/null
  wait "$1" 2>/dev/null
}

stop_pidgin() {
  end_process "$pidgin_pid"
  pidgin_pid=
}

# said TEXT [FROM]: has the plugin logged this (an extended regular
# expression), counting from that byte of the log on?
said() { tail -c "+${2-1}" "$log" | grep -qE -- "core-purple-onion: $1"; }

state_of() { # USER online|offline [FROM]
  said "$1@a\\.test/[^ ]*: $2\$" "${3-1}"
}

all_are() { # online|offline [FROM]
  local u
  for u in "${users[@]}"; do state_of "$u" "$@" || return; done
}

# stream_of USER: "CIRCUIT FINGERPRINT ISOLATION", of its last stream
stream_of() {
  sed -nE "s/.*core-purple-onion: prpl-jabber:$1@a\\.test\\/[^ ]*: way [a-z-]+, circuit ([^,]+), exit ([0-9A-F]{40})[^,]*, isolation ([a-z]+).*/\\1 \\2 \\3/p" "$log" | tail -n 1
}

# reason_of USER FROM: what the account was told
reason_of() {
  tail -c "+$2" "$log" | sed -nE "s/.*core-purple-onion: $1@a\\.test\\/[^ ]*: purple-onion: (.*)/\\1/p" | head -n 1
}

# show_accounts_window: opens the account list beside the buddy list, for the
# screenshots, where the display is ours
show_accounts_window() {
  local id
  [ -n "$own_display" ] || return 0
  id=$(in_home timeout 20 xdotool search --sync --onlyvisible --name '^Buddy List$' 2>/dev/null | tail -n 1)
  [ -n "$id" ] || return 0
  in_home timeout 5 xdotool windowactivate --sync "$id" key ctrl+a 2>/dev/null
  id=$(in_home timeout 10 xdotool search --sync --onlyvisible --name '^Accounts$' 2>/dev/null | tail -n 1)
  [ -z "$id" ] || in_home timeout 5 xdotool windowmove "$id" 440 80 2>/dev/null
}
