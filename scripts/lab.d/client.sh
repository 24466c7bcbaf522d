# shellcheck shell=bash
# SPDX-License-Identifier: GPL-3.0-or-later
# client.sh - clients: machines under test, each with namespaces, a wire and
# a tor of its own. $LAB_DIR/clients/NAME holds number, torrc, tor/.

readonly FIRST_CLIENT=c1

client_dir() { echo "$LAB_DIR/clients/$1"; }
client_number() { cat "$(client_dir "$1")/number"; }
client_ip() { if inside; then echo "$LAB_NET.$(client_number "$1")"; else echo 127.0.0.1; fi; }
client_port() { # NAME STANDARD 0|1: SOCKS or control
  port "$2" $((100 + 2 * ($(client_number "$1") - H_CLIENT) + $3))
}

known_client() {
  [ -f "$(client_dir "$1")/number" ] || die "no such client: $1"
}

# take_number NAME: a free number, ours alone; many clients may be added at once
take_number() {
  local n
  mkdir -p "$LAB_DIR/numbers"
  for ((n = H_CLIENT + 1; n < 255; n++)); do
    if mkdir "$LAB_DIR/numbers/$n" 2>/dev/null; then
      echo "$n" >"$(client_dir "$1")/number"
      return
    fi
  done
  die "no more clients than $((254 - H_CLIENT))"
}

# torrc_line KEY VALUE LINE...: the default, unless a LINE sets that key
torrc_line() {
  local line
  for line in "${@:3}"; do
    [[ ${line,,} != "${1,,} "* ]] || return 0
  done
  echo "$1 $2"
}

write_client_torrc() { # NAME LINE...
  local d name=$1
  d=$(client_dir "$name")
  shift
  {
    torrc_head "$d/tor"
    torrc_line SocksPort "127.0.0.1:$(client_port "$name" 9050 0)" "$@"
    torrc_line ControlPort "127.0.0.1:$(client_port "$name" 9051 1)" "$@"
    torrc_line CookieAuthentication 1 "$@"
    torrc_line ClientOnly 1 "$@"
    printf '%s\n' "$@"
  } >"$d/torrc"
}

# make_client NAME HOSTNAME LINE...: everything but a running tor
make_client() {
  local d name=$1 host=$2
  d=$(client_dir "$name")
  [[ $name =~ ^[a-z0-9][a-z0-9-]{0,19}$ && $name != world ]] ||
    usage "a client's name is at most 20 of a-z, 0-9, -: $name"
  mkdir -p "$LAB_DIR/clients"
  mkdir "$d" 2>/dev/null || die "client exists: $name"
  mkdir "$d/tor"
  take_number "$name"
  write_client_torrc "$name" "${@:3}"
  inside || return 0
  make_etc "$name" "$host"
  make_client_ns "$name" "$(client_number "$name")"
  dress "$name"
}

# warm NAME: give its tor the consensus and descriptors that c1 has
warm() {
  local from f
  from=$(client_dir "$FIRST_CLIENT")/tor
  [ "$1" != "$FIRST_CLIENT" ] || return 0
  for f in cached-certs cached-microdesc-consensus cached-microdescs cached-microdescs.new; do
    [ ! -f "$from/$f" ] || cp "$from/$f" "$(client_dir "$1")/tor/$f"
  done
}

client_tor_start() { # NAME
  local d
  d=$(client_dir "$1")
  ! alive "ctor-$1" || die "the tor of $1 runs already"
  rm -f "$d/tor/notice.log"
  spawn "ctor-$1" "$1" tor --defaults-torrc /nonexistent -f "$d/torrc"
}

# client_tor_wait NAME [SECONDS]: until it is bootstrapped; prints how long
client_tor_wait() {
  local start
  start=$(now)
  alive "ctor-$1" || die "the tor of $1 does not run: $(tail -3 "$LAB_DIR/log/ctor-$1.log" 2>&1)"
  labtool wait-log "${2-60}s" "Bootstrapped 100%" "$(client_dir "$1")/tor/notice.log" ||
    die "the tor of $1 is not bootstrapped: $(tail -3 "$(client_dir "$1")/tor/notice.log")"
  echo "bootstrapped after $(since "$start")s"
}

client_tor() { # NAME ACTION [SECONDS]
  known_client "$1"
  case ${2-} in
    start) client_tor_start "$1" ;;
    kill)
      signal KILL "ctor-$1" || die "the tor of $1 does not run"
      stop_all "ctor-$1"
      ;;
    stop) signal STOP "ctor-$1" || die "the tor of $1 does not run" ;;
    cont) signal CONT "ctor-$1" || die "the tor of $1 does not run" ;;
    wait) client_tor_wait "$1" "${3-60}" ;;
    restart)
      stop_all "ctor-$1"
      client_tor_start "$1"
      ;;
    *) usage "client tor NAME start|kill|stop|cont|wait [SECONDS]|restart" ;;
  esac
}

client_add() { # NAME [OPTION]...
  local name=${1-} tor=1 host lines=()
  host=$(uname -n)
  [ -n "$name" ] || usage "client add NAME [--no-tor] [--tor-line LINE]... [--no-hostname]"
  shift
  while (($#)); do
    case $1 in
      --no-tor) tor=0 ;;
      --no-hostname) host= ;;
      --tor-line)
        (($# > 1)) || usage "--tor-line wants a line"
        lines+=("$2")
        shift
        ;;
      *) usage "client add: no such option: $1" ;;
    esac
    shift
  done
  make_client "$name" "$host" "${lines[@]}"
  warm "$name"
  ((tor)) || return 0
  client_tor_start "$name"
  client_tor_wait "$name"
}

client_del() { # NAME
  local name=$1 p n
  known_client "$name"
  [ "$name" != "$FIRST_CLIENT" ] || usage "$FIRST_CLIENT stays as long as the lab"
  n=$(client_number "$name")
  for p in $(recorded); do
    [[ $p != "capture-$name."* ]] || stop_all "$p"
  done
  stop_all "ctor-$name"
  if inside; then
    # shellcheck disable=SC2046
    kill_pids $(held "$name")
    stop_all "ns-$name"
    in_ns world ip link del "v$n" 2>/dev/null || true # it goes with the namespace, but later
  fi
  rm -rf -- "${LAB_DIR:?}/etc/$name" "$(client_dir "$name")"
  rmdir "$LAB_DIR/numbers/$n"
}

client_env() { # NAME
  local d
  known_client "$1"
  d=$(client_dir "$1")
  export_line CLIENT_NAME "$1"
  export_line CLIENT_IP "$(client_ip "$1")"
  ! inside || export_line CLIENT_IP6 "fd77::$(client_number "$1")"
  export_line CLIENT_SOCKS "127.0.0.1:$(client_port "$1" 9050 0)"
  export_line CLIENT_CONTROL "127.0.0.1:$(client_port "$1" 9051 1)"
  export_line CLIENT_COOKIE "$d/tor/control_auth_cookie"
  export_line CLIENT_TORRC "$d/torrc"
  export_line CLIENT_TOR_LOG "$d/tor/notice.log"
  export_line CLIENT_DIR "$d"
}

verb_client() {
  local action=${1-}
  (($# > 1)) || [ "$action" = list ] || usage "client add|del|tor|env|list NAME ..."
  require_up
  umask 077
  shift
  case $action in
    add) client_add "$@" ;;
    del) client_del "$1" ;;
    tor) client_tor "$@" ;;
    env) client_env "$1" ;;
    list) (cd "$LAB_DIR/clients" && printf '%s\n' */ | tr -d /) ;;
    *) usage "client add|del|tor|env|list NAME ..." ;;
  esac
}
