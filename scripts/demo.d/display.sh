# shellcheck shell=bash disable=SC2034,SC2154 # the parts of scripts/demo share variables
# SPDX-License-Identifier: GPL-3.0-or-later
# display.sh - where Pidgin opens: the user's display, or one of our own.

declare -A x_env=()
own_display='' server_pid='' wm_pid=''

# choose_display: the client must be able to reach it from its namespaces (a
# display of ssh -X, on TCP, it cannot)
choose_display() {
  if [ -n "${DEMO_HEADLESS-}" ] && [ "$DEMO_HEADLESS" != 0 ]; then
    start_xserver Xvfb
  elif [ -n "${DISPLAY-}" ]; then
    x_env=([DISPLAY]=$DISPLAY [XAUTHORITY]=${XAUTHORITY-$HOME/.Xauthority})
    display_works && return
    say "Your display cannot be reached from the lab; a virtual one is used."
    start_xserver Xvfb
  elif [ -n "${WAYLAND_DISPLAY-}" ] && command -v Xwayland >/dev/null; then
    start_xserver Xwayland
  else
    [ -z "${WAYLAND_DISPLAY-}" ] || say "Pidgin 2 needs X, and there is no Xwayland; a virtual display is used."
    start_xserver Xvfb
  fi
}

display_works() {
  local vars
  mapfile -t vars < <(clean_env)
  lab exec c1 -- env -i "${vars[@]}" timeout 10 xdotool getdisplaygeometry >/dev/null 2>&1
}

# start_xserver Xvfb|Xwayland: on a number that it finds free itself, with a
# cookie that only we have
start_xserver() {
  local cookie n='' options=(-auth "$out/xauth" -nolisten tcp -displayfd 7)
  cookie=$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')
  (umask 077 && xauth -q -f "$out/xauth" add :0 . "$cookie") 2>/dev/null || return
  case $1 in
    Xvfb) options+=(-screen 0 "1100x760x24") ;;
    Xwayland) options+=(-geometry "1100x760") ;;
  esac
  rm -f "$out/display" && : >"$out/display"
  setsid setpriv --pdeathsig TERM "$1" "${options[@]}" </dev/null 7>"$out/display" 8>&- >"$out/xserver.log" 2>&1 &
  server_pid=$!
  until_true 15 test -s "$out/display" || {
    say "cannot start $1: $(tail -n 2 "$out/xserver.log")"
    return 1
  }
  n=$(cat "$out/display")
  xauth -q -f "$out/xauth" add ":$n" . "$cookie" 2>/dev/null
  x_env=([DISPLAY]=":$n" [XAUTHORITY]=$out/xauth)
  own_display=$1
  in_home setsid openbox --sm-disable </dev/null 8>&- >"$out/openbox.log" 2>&1 &
  wm_pid=$!
  display_works
}

stop_display() {
  end_process "$wm_pid"
  end_process "$server_pid"
  wm_pid='' server_pid=''
}

# screenshot FILE: the whole of our own display; on the user's only Pidgin's
# windows, by its pid, for the rest is nobody's business
screenshot() {
  local ids id n=0
  if [ -n "$own_display" ]; then
    in_home timeout 20 import -silent -window root "$1" 2>>"$out/screenshot.log"
    [ -s "$1" ]
    return
  fi
  mapfile -t ids < <(in_home timeout 10 xdotool search --all --onlyvisible --pid "$pidgin_pid" --name '.' 2>/dev/null)
  for id in "${ids[@]}"; do
    in_home timeout 20 import -silent -window "$id" "${1%.png}$([ $n = 0 ] || echo "-$n").png" 2>>"$out/screenshot.log" &&
      n=$((n + 1))
  done
  [ -s "$1" ]
}
