# shellcheck shell=bash disable=SC2034,SC2154 # the parts of scripts/demo share variables
# SPDX-License-Identifier: GPL-3.0-or-later
# table.sh - account, circuit, exit. The plugin says which circuit an account
# has; Tor's control port says what rides on that circuit, for which
# credentials, and where it ends; the server says where the account came from.
# The table holds what Tor says, and the three must agree.

declare -A row_circuit=() row_exit=() row_tag=() row_isolation=()

build_circuits() {
  (cd "$top" && HOME=${HOME-$home} CGO_ENABLED=0 go build -mod=readonly -buildvcs=false -o "$out/bin/circuits" ./scripts/demo.d/circuits)
}

ask_tor() { lab exec c1 -- "$out/bin/circuits" "$CLIENT_CONTROL" "$CLIENT_COOKIE"; }

# server_saw USER: the address of its last sign-on in the server's log
server_saw() {
  lab sessions | awk -F '\t' -v jid="$1@a.test/" '$3 == "bind" && index($4, jid) == 1 { ip = $5 } END { print ip }'
}

# read_row USER: the stream to a.test on the circuit that the plugin named
read_row() {
  local circuit isolation id flux finger name ip target tag
  read -r circuit _ isolation < <(stream_of "$1") || return
  row_isolation[$1]=$isolation
  while IFS=$'\t' read -r id flux finger name ip target tag; do
    [ "$circuit" = "$id" ] || [ "$circuit" = "$flux" ] || continue
    row_circuit[$1]=$circuit row_tag[$1]=$tag
    row_exit[$1]="$name $ip ${finger:0:8}"
    [ "$target" = a.test:5222 ] || [ "$target" = "$LAB_XMPP_A:5222" ] # Tor puts the exit's answer in
    return
  done <"$out/streams.tsv"
  return 1
}

print_table() {
  local u name ip finger
  printf '%-18s  %-12s  %-4s  %-12s  %-9s  %s\n' account circuit exit 'its address' isolation 'server saw'
  for u in "${users[@]}"; do
    read -r name ip finger <<<"${row_exit[$u]-- - -}"
    printf '%-18s  %-12.12s  %-4s  %-12s  %-9s  %s\n' "$u@a.test" "${row_circuit[$u]--}" "$name" "$ip" \
      "${row_isolation[$u]--}" "$(server_saw "$u")"
  done
}

rows_differ() { # do all rows have a value, each another?
  local -n of=$1
  local u values=()
  for u in "${users[@]}"; do
    [ -n "${of[$u]-}" ] && [ "${of[$u]}" != - ] || return
    values+=("${of[$u]}")
  done
  [ "$(printf '%s\n' "${values[@]}" | sort -u | wc -l)" = "${#users[@]}" ]
}

own_circuits() { rows_differ row_circuit && rows_differ row_tag; }

isolation_proven() {
  local u
  for u in "${users[@]}"; do [ "${row_isolation[$u]-}" = proven ] || return; done
}

# exits_seen: did the server see, for each account, its circuit's exit?
exits_seen() {
  local u ip
  for u in "${users[@]}"; do
    read -r _ ip _ <<<"${row_exit[$u]-}"
    [[ ",$LAB_EXITS," == *",$ip,"* ]] && [ "$(server_saw "$u")" = "$ip" ] || return
  done
}
