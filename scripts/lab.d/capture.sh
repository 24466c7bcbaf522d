# shellcheck shell=bash
# SPDX-License-Identifier: GPL-3.0-or-later
# capture.sh - what does a client send? A capture sits on the world's end of its
# wire. A marker packet before and one after, with a word made for this
# capture, prove that it saw the wire all the time; labtool judges.
#
# Beside FILE: FILE.nonce, and FILE.log (what the capture said).

capture_name() { # CLIENT FILE: the name of its process
  local sum
  sum=$(printf %s "$2" | cksum)
  echo "capture-$1.${sum%% *}"
}

mark() { # CLIENT TEXT FILE: send it, and see it arrive
  labtool_in "$1" send udp "$LAB_NET.$H_GATE:9" "$2" && labtool wait-marker 10s "$3" "$2"
}

capture_start() { # CLIENT FILE
  local client=$1 file=$2 name nonce
  inside || {
    echo "lab: on loopback nothing can be captured" >&2
    return 2
  }
  name=$(capture_name "$client" "$file")
  ! alive "$name" || die "a capture into $file runs already"
  nonce=$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')
  rm -f "$file"
  (umask 077 && echo "$nonce" >"$file.nonce")
  spawn "$name" world "$LAB_DIR/bin/labtool" capture "v$(client_number "$client")" "$file"
  ln -sf "$LAB_DIR/log/$name.log" "$file.log"
  labtool wait-log 10s "listening on" "$LAB_DIR/log/$name.log" && mark "$client" "$nonce start" "$file" && return
  stop_all "$name"
  echo "lab: cannot capture: $(tail -3 "$LAB_DIR/log/$name.log")" >&2
  return 2
}

untrusted() { # WHY [--json]
  if [ "${2-}" = --json ]; then
    printf '{"to_tor":0,"elsewhere":0,"list":[],"trusted":false,"why":"%s"}\n' "$1"
  else
    echo "trusted: no: $1"
  fi
  return 2
}

capture_stop() { # CLIENT FILE [--json]
  local client=$1 file=$2 name nonce json=()
  inside || untrusted "nothing is captured on loopback" "${3-}" || return
  name=$(capture_name "$client" "$file")
  alive "$name" || untrusted "no capture runs" "${3-}" || return
  nonce=$(cat "$file.nonce")
  mark "$client" "$nonce end" "$file" || true # the judge misses it
  stop_all "$name"
  [ "${3-}" != --json ] || json=(-json)
  labtool judge "${json[@]}" -relays "$LAB_DIR/relays" -nonce "$nonce" \
    -log "$LAB_DIR/log/$name.log" "$file"
}

verb_capture() {
  local use="capture start CLIENT FILE | capture stop CLIENT FILE [--json]"
  (($# >= 3 && $# <= 4)) || usage "$use"
  require_up
  known_client "$2"
  local file=$3
  case $file in /*) ;; *) file=$PWD/$file ;; esac
  case $1:${4---} in
    start:--) capture_start "$2" "$file" ;;
    stop:-- | stop:--json) capture_stop "$2" "$file" "${4-}" ;;
    *) usage "$use" ;;
  esac
}
