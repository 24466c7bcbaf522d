# shellcheck shell=bash disable=SC2034,SC2154 # the parts of scripts/demo share variables
# SPDX-License-Identifier: GPL-3.0-or-later
# steps.sh - the steps, and the end.

mode=loopback lab_started=''

# progress shows how far the lab is; what else it says goes to a file
progress() { tee "$out/lab-up.log" | sed -un 's/^\[/  [/p'; }

lab_up() {
  local u
  lab_started=yes
  build_circuits || return
  lab down 2>/dev/null # what a demo that was killed left
  run env LAB_DIR="$lab_dir" "$top/scripts/lab" up 2> >(exec 8>&- && progress) || {
    grep -v '^\[' "$out/lab-up.log"
    return 1
  }
  # shellcheck disable=SC1090
  . <(lab env)
  mode=$LAB_MODE
  for u in "${users[@]}"; do lab adduser "$u@a.test" "$(password "$u")" || return; done
  case $mode in
    netns) say "In network namespaces: every packet of the client is recorded." ;;
    userns)
      say "In user and network namespaces of your own: every packet of the client"
      say "is recorded."
      ;;
    *) say "Namespaces are refused here: on loopback, where nothing can be recorded." ;;
  esac
  [ "$mode" = loopback ] || lab capture start c1 "$out/wire.pcap" || return
  choose_display
}

audit() { in_home "$top/build/purple-onion" audit --user-dir "$user_dir" "$@"; }

# found BEFORE|AFTER CHECK...: does that report name all these checks?
found() {
  local c file=$1
  shift
  for c; do grep -qE "\"check\": *\"$c\"" "$file" || return; done
}

show_audit() {
  make_home || return
  shown purple-onion audit --user-dir "${user_dir#"$top"/}"
  audit | tee "$out/audit-before.txt"
  audit --format json >"$out/before.json"
  echo
  claim_if found "$out/before.json" not-over-tor socks5-leaks-names tls-not-required plain-auth-allowed -- \
    "The audit names what is wrong with both accounts" \
    "its JSON has not-over-tor, socks5-leaks-names, tls-not-required, plain-auth-allowed"
}

# leak_first is the control: a Pidgin with that user directory as it is, on a
# machine of its own, recorded in the same way. It must be seen to leak.
leak_first() {
  local home=$before user_dir=$before/.purple log=$out/pidgin-before.log
  if [ "$mode" = loopback ]; then
    say "Left out on loopback: this Pidgin would ask this machine's own DNS."
    return 0
  fi
  copy_sample && lab client add c2 --no-tor && lab capture start c2 "$out/before.pcap" || return
  launch_pidgin c2 "$log"
  claim_if until_true 40 seen_directly -- "Unprotected, the server sees alice's own address" \
    "the server's own log: she comes from $(address_of c2), which is this client's"
  stop_pidgin
  lab capture stop c2 "$out/before.pcap" --json >"$out/wire-before.json"
  claim_if test $? = 1 -- "and $(sent elsewhere "$out/wire-before.json") packets leave beside Tor, for the recording to see" \
    "a control: a recording that misses leaks would say 0"
  say "Names asked for in clear: $(asked_names)"
  lab client del c2
}

address_of() { lab client env "$1" | sed -n 's/^export CLIENT_IP=//p'; }
seen_directly() { [ "$(server_saw alice)" = "$(address_of c2)" ]; }
asked_names() {
  grep -oE '"dns":\[[^]]*\]' "$out/wire-before.json" | grep -oE '"[^"]+"' | sort -u | grep -v '^"dns"$' | tr -d '"' | tr '\n' ' '
}

audit_passed() { # STATUS
  [ "$1" = 0 ] && [ "$(grep -c '"protection": *"tor"' "$out/after.json")" = "${#users[@]}" ]
}

protect_accounts() {
  shown purple-onion protect --user-dir "${user_dir#"$top"/}" --all
  in_home "$top/build/purple-onion" protect --user-dir "$user_dir" --all
  claim_if test $? = 0 -- "Both accounts are protected, and the plugin is switched on" "its exit status, 0" || return
  echo
  say "And, as the audit says of network-probes, address detection and port"
  say "forwarding are unticked in Pidgin's preferences."
  probes_off
  echo
  shown purple-onion audit --user-dir "${user_dir#"$top"/}"
  audit | tee "$out/audit-after.txt"
  echo
  audit --format json >"$out/after.json"
  claim_if audit_passed $? -- "The audit has no fail finding any more, and sees both accounts at level tor" \
    "its exit status, 0, and its JSON"
  return 0
}

start_pidgin() {
  say "Starting Pidgin${own_display:+ on a display of its own ($own_display)}..."
  launch_pidgin c1 "$log"
  until_true 30 said '' || {
    claim FAILED "Pidgin has loaded the plugin" "its debug log"
    tail -n 5 "$log"
    return 1
  }
  claim ok "Pidgin has loaded the plugin" "its debug log"
  say "Waiting for the accounts..."
  claim_if until_true 90 all_are online -- "Both accounts are online" "the plugin's word in the debug log" || {
    grep core-purple-onion "$log" | tail -n 8
    screenshot "$out/online.png"
    return 1
  }
  show_accounts_window
}

show_table() {
  local u
  ask_tor >"$out/streams.tsv" || return
  for u in "${users[@]}"; do read_row "$u"; done
  print_table | tee "$out/table.txt" | sed 's/^/  /'
  echo
  claim_if own_circuits -- "Each account has a circuit and isolation credentials of its own" \
    "Tor's control port: the streams to a.test ride circuits of different ids and credentials"
  claim_if isolation_proven -- "Tor keeps their streams apart" \
    "the plugin's word: the STREAM event of each names its own credentials in ISO_FIELDS"
  if [ "$mode" = loopback ]; then
    claim "not measured" "The server saw the exits' addresses, not the user's" "on loopback all are 127.0.0.1"
  else
    claim_if exits_seen -- "The server saw the exits' addresses, not the user's ($CLIENT_IP)" \
      "the server's own log, against the exits in Tor's consensus"
  fi
  take_screenshot online.png
  [ -n "$own_display" ] || { say "Have a look at Pidgin's window; it goes on in five seconds." && sleep 5; }
}

take_screenshot() {
  claim_if screenshot "$out/$1" -- "A screenshot is in build/demo/$1" "the file is there"
}

none_online() { # FROM
  local u
  pidgin_runs || return
  for u in "${users[@]}"; do ! state_of "$u" online "$1" || return; done
}

# seconds_since MICROSECONDS: seconds from then to now
seconds_since() {
  printf '%d.%02d\n' $(((${EPOCHREALTIME//[.,]/} - $1) / 1000000)) $(((${EPOCHREALTIME//[.,]/} - $1) / 10000 % 100))
}

stop_tor() {
  local from=$(($(stat -c %s "$log") + 1)) start u reason='' taken
  start=${EPOCHREALTIME//[.,]/}
  lab client tor c1 kill || return
  say "Tor is killed."
  until_true 15 all_are offline "$from"
  taken=$(seconds_since "$start")
  claim_if all_are offline "$from" -- "Both accounts are offline $taken s after Tor was killed" "the plugin's word; 15 s are allowed"
  for u in "${users[@]}"; do
    reason=$(reason_of "$u" "$from")
    [ -n "$reason" ] || break
    say "$u@a.test was told: $reason"
  done
  claim_if test -n "$reason" -- "Each was told why" "the reason that Pidgin shows, in the debug log"
  say "Watching for ten seconds more..."
  sleep 10
  claim_if none_online "$from" -- "Pidgin still runs, and neither account came online again" "process and debug log"
  take_screenshot offline.png
}

judge_capture() {
  local status
  if [ "$mode" = loopback ]; then
    claim "not measured" "Nothing left but to Tor" "there are no namespaces here, so nothing was recorded"
    return
  fi
  lab capture stop c1 "$out/wire.pcap" --json >"$out/wire.json"
  status=$?
  case $status in
    0 | 1)
      claim_if test $status = 0 -- \
        "From before Pidgin started until now $(sent to_tor "$out/wire.json") packets went to Tor, $(sent elsewhere "$out/wire.json") elsewhere" \
        "tcpdump on the only wire out of the client; marker packets show that it saw all; build/demo/wire.pcap"
      [ $status = 0 ] || sed 's/^/  /' "$out/wire.json"
      ;;
    *) claim "not measured" "Nothing left but to Tor" "the recording cannot be trusted: $(cat "$out/wire.json")" ;;
  esac
  return 0
}

sent() { sed -nE "s/.*\"$1\": *([0-9]+).*/\\1/p" "$2" | head -n 1; } # KEY FILE

torn=''
tear_down() {
  [ -z "$torn" ] || return 0
  torn=yes
  trap '' INT TERM HUP
  end_step
  stop_pidgin
  stop_display
  [ -z "$lab_started" ] || lab down >"$out/down.log" 2>&1 || echo "demo: cannot stop the lab: $(tail -n 2 "$out/down.log")" >&2
  [ -z "$own_lab_dir" ] || rm -rf -- "$own_lab_dir"
}

interrupted() { # STATUS
  printf '\n  Interrupted: stopping what was started.\n'
  tear_down
  trap - EXIT
  exit "$1"
}

give_up() { # TITLE
  printf '\n  FAILED: cannot go on after "%s".\n' "$1"
  ((claim_count[FAILED])) || claim FAILED "The demo runs to its end" "it stopped above"
  finish
}

made_files() {
  (cd "$out" && ls -d online*.png offline*.png table.txt claims.txt audit-*.txt pidgin*.log ./*.pcap 2>/dev/null) |
    sed 's|^\./||' | paste -sd ' ' | fold -s -w 60 | sed 's/ *$//;2,$s/^/                  /'
}

finish() {
  tear_down
  {
    printf '%s\n' "${claims[@]}"
    claims_sum
  } >"$out/claims.txt"
  printf '\n  In build/demo/: %s\n' "$(made_files)"
  printf '  All is stopped again. %d s.\n\n' $((SECONDS - began))
  printf '%s%s%s\n' "$bold" "$(claims_sum)" "$plain"
  trap - EXIT
  exit "$(claims_exit)"
}
