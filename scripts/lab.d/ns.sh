# shellcheck shell=bash
# SPDX-License-Identifier: GPL-3.0-or-later
# ns.sh - namespaces. A holder process, `sleep`, keeps each one alive and is
# entered by its pid: nothing has a name on the host, and nothing of the
# host's /etc is written. The world holds all servers and has no way out. Each
# client is joined to it by a veth of its own:
#
#   world  lo 10.77.0.x     v201 ======= eth0 10.77.0.201/32  client
#                                        default route via 10.77.0.1
#
# There is no bridge and no forwarding, so clients do not see each other, and
# whatever a client sends arrives at v201, where the capture sits.

# try_ns OPTIONS...: can namespaces, a veth and a bind mount be made so?
try_ns() {
  unshare "$@" -- sh -c 'ip link add lab0 type veth peer name lab1 &&
    mount --bind /etc/hosts /etc/hosts' >/dev/null 2>&1
}

choose_mode() {
  case $LAB_WANT_MODE in
    netns | userns | loopback) echo "$LAB_WANT_MODE" ;;
    '')
      if [ "$(id -u)" = 0 ] && try_ns -n -m; then
        echo netns
      elif try_ns -U -r -n -m; then
        echo userns
      else
        echo loopback
      fi
      ;;
    *) usage "LAB_MODE must be netns, userns or loopback: $LAB_WANT_MODE" ;;
  esac
}

# enter WHERE: sets ENTER to the command that runs a command there, in the
# caller's working directory (which a new mount namespace loses)
enter() {
  local pid user=()
  ENTER=()
  inside || return 0
  [ "$1" = world ] || [ -d "$LAB_DIR/clients/$1" ] || die "no such client: $1"
  pid=$(pid_of "ns-$1") || die "the namespace of $1 is gone"
  [ "$LAB_MODE" = netns ] || user=(-U --preserve-credentials)
  ENTER=(nsenter -t "$pid" "${user[@]}" -n -m -- env -C "$PWD")
}

in_ns() { # WHERE CMD...
  enter "$1"
  shift
  "${ENTER[@]}" "$@"
}

# hold WHERE: start the holder and wait until it is in its namespaces
hold() {
  local cmd=(unshare -n -m) t pid world
  if [ "$LAB_MODE" = userns ]; then
    if [ "$1" = world ]; then
      cmd=(unshare -U -r -n -m)
    else
      world=$(pid_of ns-world) || die "the world is gone"
      cmd=(nsenter -t "$world" -U --preserve-credentials -- unshare -n -m)
    fi
  fi
  LAB_HELD=$LAB_HELD setsid "${cmd[@]}" -- sleep infinity </dev/null >"$LAB_DIR/log/ns-$1.log" 2>&1 9>&- &
  pid=$!
  record "ns-$1" $pid
  for ((t = 0; t < 200; t++)); do
    [ "$(cat "/proc/$pid/comm" 2>/dev/null)" = sleep ] && return 0
    alive "ns-$1" || break
    sleep 0.02
  done
  die "cannot make namespaces for $1: $(cat "$LAB_DIR/log/ns-$1.log")"
}

# ip_batch WHERE [OPTION]: ip commands from stdin, in that namespace
ip_batch() { in_ns "$1" ip "${@:2}" -batch -; }

make_world() {
  hold world
  local h
  {
    echo "link set lo up"
    for h in $H_GATE $H_XMPP_A $H_XMPP_B $H_EMPTY $H_IRC $H_MITM $H_HS $H_DNS; do
      echo "addr add $LAB_NET.$h/32 dev lo"
    done
    for h in "${!RELAYS[@]}"; do echo "addr add $(relay_ip "$h")/32 dev lo"; done
  } | ip_batch world
  echo "addr add fd77::1/128 dev lo" | ip_batch world -6 2>/dev/null || true
  make_etc world "" && dress world
}

# make_client_ns NAME NUMBER: namespaces, veth, routes. Neighbours are fixed,
# and there is no link-local address: the client's kernel sends nothing of its
# own, so that every packet on the wire is some program's.
make_client_ns() {
  local name=$1 n=$2 pid wire
  hold "$name"
  pid=$(pid_of "ns-$name")
  wire=$(printf '%02x' "$n")
  ip_batch world <<END
link add v$n address 02:77:00:00:01:$wire type veth peer name eth0 address 02:77:00:00:02:$wire netns $pid
link set v$n addrgenmode none
link set v$n up
route add $LAB_NET.$n/32 dev v$n
neigh replace $LAB_NET.$n lladdr 02:77:00:00:02:$wire dev v$n nud permanent
END
  ip_batch "$name" <<END
link set lo up
link set eth0 addrgenmode none
addr add $LAB_NET.$n/32 dev eth0
link set eth0 up
neigh replace $LAB_NET.$H_GATE lladdr 02:77:00:00:01:$wire dev eth0 nud permanent
route add $LAB_NET.$H_GATE dev eth0
route add default via $LAB_NET.$H_GATE
END
  make_client_ns6 "$name" "$n" "$wire" || echo "lab: no IPv6 in $name" >&2
}

# make_client_ns6 NAME NUMBER WIRE: IPv6 leaves by the same wire
make_client_ns6() {
  ip_batch world -6 <<END || return 1
route add fd77::$2/128 dev v$2
neigh replace fd77::$2 lladdr 02:77:00:00:02:$3 dev v$2 nud permanent
END
  ip_batch "$1" -6 <<END
addr add fd77::$2/128 dev eth0 nodad
neigh replace fd77::1 lladdr 02:77:00:00:01:$3 dev eth0 nud permanent
route add fd77::1 dev eth0
route add default via fd77::1
END
}

# make_etc WHERE HOSTNAME: the files that WHERE sees in /etc
make_etc() {
  local d=$LAB_DIR/etc/$1
  mkdir -p "$d/certs"
  echo "nameserver $LAB_NET.$H_DNS" >"$d/resolv.conf"
  printf '127.0.0.1 localhost\n::1 localhost\n' >"$d/hosts"
  [ -z "$2" ] || echo "127.0.1.1 $2" >>"$d/hosts"
  sed '/^hosts:/d' /etc/nsswitch.conf >"$d/nsswitch.conf" 2>/dev/null || true
  echo "hosts: files dns" >>"$d/nsswitch.conf"
  cp "$LAB_DIR/certs/ca.crt" "$d/certs/lab-ca.pem"
  cp "$LAB_DIR/certs/ca.crt" "$d/certs/ca-certificates.crt"
  openssl rehash "$d/certs" 2>/dev/null
  chmod -R a+rX "$d" # a program of another user may run inside
}

# dress WHERE: put those files over /etc's, in its own mount namespace; hide
# the sockets by which a program could ask the host for names
dress() {
  enter "$1"
  "${ENTER[@]}" sh -eu -s "$LAB_DIR/etc/$1" <<'END'
for d in /run/nscd /run/avahi-daemon /run/systemd/resolve /run/dbus; do
  [ ! -d $d ] || mount -t tmpfs lab $d
done
resolv=$(readlink -m /etc/resolv.conf)
case $resolv in
  /run/systemd/resolve/*) [ -e $resolv ] || : >$resolv ;;
esac
for f in resolv.conf hosts nsswitch.conf; do
  mount --bind "$1/$f" "/etc/$f"
done
mount --bind "$1/certs" /etc/ssl/certs
END
}
