# shellcheck shell=bash
# SPDX-License-Identifier: GPL-3.0-or-later
# servers.sh - DNS, XMPP, IRC, and a man in the middle: all in the world.

# Names that the man in the middle answers for (see mitm/doc.go).
readonly MITM_NAMES="good.test wrong.test selfsigned.test expired.test unknownca.test strip.test redirect.test hostile.test"

dns_address() { echo "$LAB_NET.$H_DNS:$(port 53 53)"; }
irc_tap() { echo "$LAB_NET.$H_IRC:6698"; }
dot_address() { echo "$LAB_NET.$H_DNS:$(port 853 54)"; }

# dns_records: any other name does not exist. srv.test is reached by its SRV
# record alone, as nothing listens at its own address; nosrv.test says by SRV
# that it has no such service, and yet a server listens at its address.
dns_records() {
  local n
  cat <<END
a.test. A $LAB_NET.$H_XMPP_A
_xmpp-client._tcp.a.test. SRV 0 0 5222 a.test.
_xmpp-server._tcp.a.test. SRV 0 0 5269 a.test.
b.test. A $LAB_NET.$H_XMPP_B
_xmpp-client._tcp.b.test. SRV 0 0 5222 b.test.
_xmpp-server._tcp.b.test. SRV 0 0 5269 b.test.
srv.test. A $LAB_NET.$H_EMPTY
xmpp.srv.test. A $LAB_NET.$H_XMPP_A
_xmpp-client._tcp.srv.test. SRV 5 0 5333 xmpp.srv.test.
nosrv.test. A $LAB_NET.$H_XMPP_A
_xmpp-client._tcp.nosrv.test. SRV 0 0 0 .
irc.test. A $LAB_NET.$H_IRC
dns.test. A $LAB_NET.$H_DNS
END
  for n in $MITM_NAMES early.test; do echo "$n. A $LAB_NET.$H_MITM"; done
}

write_unbound() {
  local d=$LAB_DIR/dns
  mkdir -p "$d"
  {
    cat <<END
server:
  interface: $(dns_address | tr : @)
  interface: $(dot_address | tr : @)
  tls-port: $(port 853 54)
  tls-service-key: "$LAB_DIR/certs/dns.test.key"
  tls-service-pem: "$LAB_DIR/certs/dns.test.crt"
  access-control: 0.0.0.0/0 allow
  do-daemonize: no
  username: ""
  chroot: ""
  directory: "$d"
  pidfile: ""
  use-syslog: no
  logfile: ""
  log-queries: yes
  log-time-ascii: no
  verbosity: 1
  num-threads: 1
  module-config: "iterator"
  local-zone: "." static
  local-zone: "early.test." redirect
END
    dns_records | sed 's/.*/  local-data: "&"/'
    echo "remote-control:"
    echo "  control-enable: no"
  } >"$d/unbound.conf"
}

start_unbound() { spawn unbound world "$LAB_DIR/bin/unbound" -d -c "$LAB_DIR/dns/unbound.conf"; }

# prosody_dns: libunbound answers by itself that there is no test. (RFC 6761),
# and then no server would find the other. On loopback Prosody must not ask the
# host's resolver, either.
prosody_dns() {
  local from='resolvconf = true'
  inside || from="resolvconf = false; forward = { \"$(dns_address | tr : @)\" }"
  cat <<END
unbound = { hoststxt = false; $from; options = { ["do-not-query-localhost:"] = "no"; ["local-zone:"] = "test. transparent" } }
END
}

# write_prosody a|b IP HOST...
write_prosody() {
  local n=$1 ip=$2 d=$LAB_DIR/xmpp/$1 h
  shift 2
  mkdir -p "$d" "$d/hostile/rules" "$d/hostile/inject"
  {
    cat <<END
run_as_root = true
pidfile = "$d/prosody.pid"
data_path = "$d"
plugin_paths = { "$LAB_DIR/xmpp/modules" }
certificates = "$LAB_DIR/certs"
interfaces = { "$ip" }
c2s_ports = { 5222, 5333 }
c2s_direct_tls_ports = { 5223 }
s2s_ports = { 5269 }
http_ports = { }
https_ports = { }
log = { { levels = { min = "debug" }, to = "file", filename = "$LAB_DIR/log/prosody-$n-debug.log" } }
lab_log_file = "$LAB_DIR/log/sessions.tsv"
lab_log_server = "$n"
lab_wire_file = "$LAB_DIR/log/wire-$n.jsonl"
lab_hostile_dir = "$d/hostile"
authentication = "internal_hashed"
storage = "internal"
c2s_require_encryption = true
s2s_require_encryption = true
s2s_secure_auth = true
ssl = { cafile = "$LAB_DIR/certs/ca.crt"; capath = "/nonexistent" }
modules_enabled = { "roster"; "saslauth"; "tls"; "dialback"; "disco"; "ping"; "register"; "presence";
  "message"; "iq"; "offline"; "time"; "version"; "private"; "vcard4"; "pep"; "posix"; "smacks"; "carbons"; "lab_log"; "lab_wire";
  "lab_hostile"; "lab_pep" }
modules_disabled = { "limits"; "register_limits" }
allow_registration = true
END
    prosody_dns
    for h; do echo "VirtualHost \"$h\""; done
    [ "$n" != a ] || printf 'Component "%s" "muc"\n' chat.a.test
  } >"$d/prosody.cfg.lua"
}

write_servers() {
  write_unbound
  mkdir -p "$LAB_DIR/xmpp/modules"
  cp "$LAB_SRC/prosody/"*.lua "$LAB_DIR/xmpp/modules/"
  : >"$LAB_DIR/log/sessions.tsv"
  write_prosody a "$LAB_NET.$H_XMPP_A" a.test srv.test nosrv.test "$(onion)"
  write_prosody b "$LAB_NET.$H_XMPP_B" b.test
  mkdir -p "$LAB_DIR/irc"
  openssl genpkey -genparam -algorithm DH -pkeyopt group:ffdhe2048 -out "$LAB_DIR/irc/dh.pem" 2>/dev/null
  cat >"$LAB_DIR/irc/ngircd.conf" <<END
[Global]
Name = irc.test
Info = lab
AdminInfo1 = lab
AdminEMail = lab@irc.test
Listen = $LAB_NET.$H_IRC
Ports = 6667
MotdPhrase = "lab"
[Limits]
MaxConnectionsIP = 0
[Options]
DNS = no
Ident = no
PAM = no
SyslogFacility = local0
[SSL]
DHFile = $LAB_DIR/irc/dh.pem
CertFile = $LAB_DIR/certs/irc.test.crt
KeyFile = $LAB_DIR/certs/irc.test.key
Ports = 6697
END
}

start_prosody() { spawn "prosody-$1" world prosody -F --config "$LAB_DIR/xmpp/$1/prosody.cfg.lua"; }
# ngircd refuses to be root, and in a user namespace there is no other user:
# there it gets one more, where it has another number.
start_ngircd() {
  local user=()
  [ "$LAB_MODE" != userns ] || user=(unshare -U --map-user=65534 --map-group=65534)
  spawn ngircd world "${user[@]}" "$LAB_DIR/bin/ngircd" -n -f "$LAB_DIR/irc/ngircd.conf"
}
# irc-tap is ngircd by TLS on another port, with a log of what clients said
start_irc_tap() {
  spawn irc-tap world "$LAB_DIR/bin/labtool" tap "$(irc_tap)" "$LAB_DIR/certs/irc.test" \
    "$LAB_NET.$H_IRC:6667" "$LAB_DIR/log/irc-tap.jsonl"
}
start_mitm() {
  mkdir -p "$LAB_DIR/orders"
  spawn mitm world "$LAB_DIR/bin/mitm" -listen "$LAB_NET.$H_MITM" \
    -certs "$LAB_DIR/certs" -log "$LAB_DIR/log/mitm.jsonl" -orders "$LAB_DIR/orders"
}

server_ports() { # NAME: what it listens on
  case $1 in
    unbound) echo "$(dns_address) $(dot_address)" ;;
    prosody-a) echo "$LAB_NET.$H_XMPP_A:5222 $LAB_NET.$H_XMPP_A:5333 $LAB_NET.$H_XMPP_A:5269" ;;
    prosody-b) echo "$LAB_NET.$H_XMPP_B:5222 $LAB_NET.$H_XMPP_B:5269" ;;
    ngircd) echo "$LAB_NET.$H_IRC:6667 $LAB_NET.$H_IRC:6697" ;;
    irc-tap) irc_tap ;;
    mitm) echo "$LAB_NET.$H_MITM:5222 $LAB_NET.$H_MITM:6697" ;;
  esac
}

# shellcheck disable=SC2034
readonly SERVERS=(unbound prosody-a prosody-b ngircd irc-tap mitm)

start_server() { # NAME
  case $1 in
    prosody-*) start_prosody "${1#prosody-}" ;;
    irc-tap) start_irc_tap ;;
    unbound | ngircd | mitm) "start_$1" ;;
  esac
}

wait_server() { # NAME
  # shellcheck disable=SC2046
  labtool_in world wait-port 20s $(server_ports "$1") ||
    die "$1 does not answer: $(tail -8 "$LAB_DIR/log/$1.log")"
}
