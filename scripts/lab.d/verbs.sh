# shellcheck shell=bash
# SPDX-License-Identifier: GPL-3.0-or-later
# verbs.sh - what is asked of a lab that is up.

require_up() {
  [ -n "$LAB_MODE" ] || die "no lab is up in $LAB_DIR"
  ! inside || alive ns-world || die "the lab in $LAB_DIR is broken: lab down"
}

verb_exec() {
  if (($# < 3)) || [ "$2" != -- ]; then usage "exec world|CLIENT -- CMD..."; fi
  require_up
  local where=$1
  shift 2
  [ "$where" = world ] || known_client "$where"
  enter "$where"
  LAB_HELD=$LAB_HELD exec "${ENTER[@]}" "$@"
}

verb_env() {
  require_up
  local exit_ips='' i
  for ((i = ${#RELAYS[@]} - EXITS; i < ${#RELAYS[@]}; i++)); do exit_ips+=,$(relay_ip "$i"); done
  export_line LAB_DIR "$LAB_DIR"
  export_line LAB_MODE "$LAB_MODE"
  export_line LAB_ONION "$(onion)"
  export_line LAB_CA "$LAB_DIR/certs/ca.crt"
  export_line LAB_CERTS "$LAB_DIR/certs"
  export_line LAB_DNS "$(dns_address)"
  export_line LAB_DOT "$(dot_address)"
  export_line LAB_SRV_RESOLVER "$(dot_address)#dns.test"
  export_line LAB_XMPP_A "$LAB_NET.$H_XMPP_A"
  export_line LAB_XMPP_B "$LAB_NET.$H_XMPP_B"
  export_line LAB_IRC "$LAB_NET.$H_IRC"
  export_line LAB_IRC_TAP "$(irc_tap)"
  export_line LAB_IRC_TAP_LOG "$LAB_DIR/log/irc-tap.jsonl"
  export_line LAB_WIRE_A "$LAB_DIR/log/wire-a.jsonl"
  export_line LAB_WIRE_B "$LAB_DIR/log/wire-b.jsonl"
  export_line LAB_HOSTILE_A "$LAB_DIR/xmpp/a/hostile"
  export_line LAB_HOSTILE_B "$LAB_DIR/xmpp/b/hostile"
  export_line LAB_MITM "$LAB_NET.$H_MITM"
  export_line LAB_MITM_LOG "$LAB_DIR/log/mitm.jsonl"
  export_line LAB_ORDERS "$LAB_DIR/orders"
  export_line LAB_SESSIONS "$LAB_DIR/log/sessions.tsv"
  export_line LAB_EXITS "${exit_ips#,}"
  export_line LAB_ONION_IP "$LAB_NET.$H_HS"
  export_line LAB_RELAYS "$LAB_DIR/relays"
  export_line LAB_TORRC_COMMON "$LAB_DIR/torrc.common"
  client_env "$FIRST_CLIENT"
}

verb_torrc() {
  require_up
  cat "$LAB_DIR/torrc.common"
}

verb_adduser() {
  [[ $# == 2 && $1 == ?*@?* ]] || usage "adduser USER@HOST PASSWORD"
  require_up
  local server=a
  [ "${1#*@}" != b.test ] || server=b
  # prosodyctl makes accounts even for a host that no server has
  grep -qxF "VirtualHost \"${1#*@}\"" "$LAB_DIR/xmpp/$server/prosody.cfg.lua" || die "no such host: ${1#*@}"
  in_ns world prosodyctl --config "$LAB_DIR/xmpp/$server/prosody.cfg.lua" \
    register "${1%@*}" "${1#*@}" "$2" >"$LAB_DIR/log/adduser.log" 2>&1 </dev/null ||
    die "cannot add $1: $(tail -3 "$LAB_DIR/log/adduser.log")"
}

verb_sessions() {
  require_up
  case ${1-} in
    '') cat "$LAB_DIR/log/sessions.tsv" ;;
    --json) awk -F '\t' -f "$LAB_SRC/sessions.awk" "$LAB_DIR/log/sessions.tsv" ;;
    *) usage "sessions [--json]" ;;
  esac
}

# fault NAME ACTION: any server, relay or the onion service's tor
verb_fault() {
  (($# == 2)) || usage "fault NAME restart|kill|start|stop|cont"
  require_up
  local name=$1 start=start_server
  case " ${SERVERS[*]} " in
    *" $name "*) ;;
    *)
      case " ${RELAYS[*]} hs " in *" $name "*) ;; *) usage "no such server: $name" ;; esac
      start=start_tor
      ;;
  esac
  local process=$name
  [ $start = start_server ] || process=tor-$name
  case $2 in
    kill)
      signal KILL "$process" || die "$name does not run"
      stop_all "$process"
      ;;
    stop) signal STOP "$process" || die "$name does not run" ;;
    cont) signal CONT "$process" || die "$name does not run" ;;
    start | restart)
      [ "$2" = restart ] || ! alive "$process" || die "$name runs already"
      stop_all "$process"
      "$start" "$name"
      [ $start = start_tor ] || wait_server "$name"
      ;;
    *) usage "fault NAME restart|kill|start|stop|cont" ;;
  esac
}

verb_logs() {
  [ -d "$LAB_DIR/log" ] || die "no lab in $LAB_DIR"
  local f
  for f in "$LAB_DIR"/log/* "$LAB_DIR"/tor/*/notice.log "$LAB_DIR"/clients/*/tor/notice.log; do
    [ ! -s "$f" ] || [[ ${f#"$LAB_DIR"/} != *"${1-}"* ]] || printf '%s\n' "$f"
  done
}
