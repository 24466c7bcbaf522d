# shellcheck shell=bash disable=SC2154,SC2016,SC2034 # the parts share their names; inner shells expand
# SPDX-License-Identifier: GPL-3.0-or-later
# steps.sh - a lab that is up: its verbs, network, servers and clients.

tool() { "$lab" exec "$1" -- "$LAB_DIR/bin/labtool" "${@:2}"; } # WHERE COMMAND...

first_lab() {
  check "status says down before" 1 "$lab" status
  LAB_DIR=$other LAB_MODE=loopback "$lab" up >"$tmp/other" 2>&1 &
  other_up=$!
  check "up" 0 "$lab" up
  tail -1 "$tmp/out"
  check "status says up" 0 "$lab" status
  check "up again changes nothing" 0 "$lab" up
  check "env prints export lines only" 1 bash -c '"$1" env | grep -Ev "^export (LAB|CLIENT)_[A-Z0-9_]+=[A-Za-z0-9/._+:,#-]+$"' _ "$lab"
  "$lab" env >"$tmp/env"
  # shellcheck source=/dev/null
  . "$tmp/env"
  mode=$LAB_MODE
  unset LAB_MODE
  if [ "$(id -u)" = 0 ]; then want=netns; else want=userns; fi
  check "the mode is $want" 0 [ "$mode" = "$want" ]
  check "an unknown verb is a usage error" 2 "$lab" frobnicate
}

network() {
  check "exec passes the exit status" 7 "$lab" exec c1 -- sh -c 'exit 7'
  says "exec keeps the working directory" "^$PWD\$" "$lab" exec c1 -- pwd
  check "exec wants a known client" 1 "$lab" exec nobody-knows -- true
  says "the client's name server is the lab's" "^nameserver ${LAB_DNS%:*}\$" "$lab" exec c1 -- cat /etc/resolv.conf
  says "the client knows its own name" "^127.0.1.1 $(uname -n)\$" "$lab" exec c1 -- cat /etc/hosts
  check "the host's hosts file is untouched" 1 cmp -s /etc/hosts "$LAB_DIR/etc/c1/hosts"
  says "the client trusts one authority" '^lab-ca.pem$' "$lab" exec c1 -- sh -c 'ls /etc/ssl/certs | grep pem'
  check "the world has no way out" 1 "$lab" exec world -- sh -c 'ip route; ip -6 route; ip route | grep default'
  check "clients do not reach each other" ! bash -c '"$0" client add p1 --no-tor && "$0" exec p1 -- timeout 1 bash -c "echo >/dev/tcp/$1/9050"' "$lab" "$CLIENT_IP"
  check "client del" 0 "$lab" client del p1
  check "a deleted client is gone" 1 "$lab" exec p1 -- true
}

servers() {
  local a=a.test:5222
  says "DNS: address" "^${LAB_XMPP_A}\$" tool c1 dns udp "$LAB_DNS" A a.test
  check "DNS: any other name does not exist" 1 tool c1 dns udp "$LAB_DNS" A example.org
  says "DNS over TLS: SRV" '^5 0 5333 xmpp.srv.test.$' tool c1 dns tls "$LAB_SRV_RESOLVER" SRV _xmpp-client._tcp.srv.test
  says "DNS over TLS: no such service" '^0 0 0 \.$' tool c1 dns tls "$LAB_SRV_RESOLVER" SRV _xmpp-client._tcp.nosrv.test
  check "DNS over TLS: another name is refused" 1 tool c1 dns tls "$LAB_DOT#a.test" A a.test
  says "register and log in by an exit" '^bound$' tool c1 xmpp -socks "$CLIENT_SOCKS" -register $a one@a.test pw1
  says "sessions: from an exit" "	a	bind	one@a.test/[^	]*	(${LAB_EXITS//,/|})	[0-9]+	TLS" "$lab" sessions
  says "log in by the onion address, certificate for a.test" '^bound$' tool c1 xmpp -socks "$CLIENT_SOCKS" "$LAB_ONION:5222" one@a.test pw1
  says "sessions: from the onion service" "	bind	one@a.test/[^	]*	$LAB_ONION_IP	" "$lab" sessions
  says "sessions --json" '"event":"registered","jid":"one@a.test"' "$lab" sessions --json
  says "register at the onion address as domain" '^bound$' tool c1 xmpp -socks "$CLIENT_SOCKS" -register "$LAB_ONION:5222" "on@$LAB_ONION" pw1
  says "srv.test answers where its SRV says" '^bound$' tool c1 xmpp -socks "$CLIENT_SOCKS" -register xmpp.srv.test:5333 two@srv.test pw1
  check "srv.test answers nowhere else" 1 tool c1 xmpp -socks "$CLIENT_SOCKS" srv.test:5222 two@srv.test pw1
  says "nosrv.test would answer" '^bound$' tool c1 xmpp -socks "$CLIENT_SOCKS" -register nosrv.test:5222 two@nosrv.test pw1
  check "adduser" 0 "$lab" adduser al@a.test 'p w"1'
  check "adduser at a host that there is not" 1 "$lab" adduser al@c.test pw
  check "adduser at b.test" 0 "$lab" adduser bo@b.test pw2
  check "a wrong password is refused" 1 tool c1 xmpp $a al@a.test wrong
  says "sessions: the wrong password" '	login-failed	' "$lab" sessions
  federation
  says "IRC with TLS" ' 001 me ' "$lab" exec c1 -- timeout 20 sh -c \
    '(printf "NICK me\r\nUSER me 0 * :me\r\n"; sleep 1; printf "QUIT\r\n"; sleep 1) | openssl s_client -connect irc.test:6697 -verify_hostname irc.test -verify_return_error -quiet 2>&1'
  says "the wanted certificates are files" '^(a|expired|irc).test$' sh -c "cd $LAB_CERTS && ls a.test.crt expired.test.key irc.test.crt ca.crt >&2 && echo a.test"
}

federation() {
  tool c1 xmpp -receive b.test:5222 bo@b.test pw2 >"$tmp/bo" 2>&1 &
  local bo=$!
  check "bo is there" 0 "$LAB_DIR/bin/labtool" wait-log 20s bound "$tmp/bo"
  says "a message to another server" '^sent$' tool c1 xmpp -socks "$CLIENT_SOCKS" -send bo@b.test a.test:5222 al@a.test 'p w"1'
  check "it arrives" 0 wait $bo
}

# many VERB [OPTION]: for twenty clients at once
many() {
  local n pids=()
  for n in {1..20}; do
    "$lab" client "$1" "m$n" "${@:2}" >"$tmp/m$n" 2>&1 &
    pids+=($!)
  done
  wait "${pids[@]}"
}

clients() {
  local n
  for n in 1 2 3; do "$lab" client add "k$n" >"$tmp/k$n" 2>&1 & done
  for n in 1 2 3; do check "client k$n is ready: $(
    wait -n
    tail -1 "$tmp/k$n"
  )" 0 "$LAB_DIR/bin/labtool" wait-log 60s "bootstrapped after" "$tmp/k$n"; done
  says "each has its own address" '^export CLIENT_IP=10.77.0.20[2-9]$' "$lab" client env k3
  says "its tor works" '^bound$' tool k2 xmpp -socks "$CLIENT_SOCKS" a.test:5222 one@a.test pw1
  says "its cookie opens its control port" '^250 OK' "$lab" exec k2 -- bash -c \
    'exec 3<>/dev/tcp/127.0.0.1/9051; printf "AUTHENTICATE %s\r\n" "$(od -An -tx1 "$1" | tr -d " \n")" >&3; head -1 <&3' _ "$LAB_DIR/clients/k2/tor/control_auth_cookie"
  check "a client's name is taken once" 1 "$lab" client add k1
  check "client add with lines of its own" 0 "$lab" client add odd --no-hostname --tor-line 'SocksPort 127.0.0.1:9050 PreferSOCKSNoAuth' --tor-line 'SocksPort 127.0.0.1:9999'
  check "its second port" 0 tool odd connect 20s 127.0.0.1:9999 a.test:5222
  check "it does not know its own name" 1 grep -q "$(uname -n)" "$LAB_DIR/etc/odd/hosts"
  client_tor
  many add --no-tor
  says "twenty more at once" '^25$' sh -c '"$0" client list | wc -l' "$lab"
  says "with twenty more addresses" '^25$' sh -c 'cat "$0"/clients/*/number | sort -u | wc -l' "$LAB_DIR"
  many del
  says "and gone" '^5$' sh -c '"$0" client list | wc -l' "$lab"
  check "client add --no-tor" 0 "$lab" client add plain --no-tor
  "$lab" exec plain -- microsocks -i 127.0.0.1 -p 9050 >/dev/null 2>&1 &
  check "a plain SOCKS server can run in it" 0 tool plain wait-port 10s 127.0.0.1:9050
  says "and takes no authentication" '^ 05 00$' "$lab" exec plain -- bash -c \
    'exec 3<>/dev/tcp/127.0.0.1/9050; printf "\5\1\0" >&3; head -c 2 <&3 | od -An -tx1'
  "$lab" exec plain -- sh -c 'echo $$ >"$0"; exec sleep 1000' "$tmp/left" &
  check "a process is left in it" 0 "$LAB_DIR/bin/labtool" wait-log 10s "" "$tmp/left"
  check "client del" 0 "$lab" client del plain
  check "ends what runs in it" ! kill -0 "$(cat "$tmp/left")"
}

client_tor() {
  local t="$LAB_DIR/bin/labtool"
  check "client tor kill" 0 "$lab" client tor k3 kill
  check "nothing answers then" 1 "$lab" exec k3 -- "$t" connect 1s 127.0.0.1:9050 a.test:5222
  check "client tor kill twice" 1 "$lab" client tor k3 kill
  check "client tor start" 0 "$lab" client tor k3 start
  says "client tor wait" '^bootstrapped after' "$lab" client tor k3 wait
  check "it answers again" 0 "$lab" exec k3 -- "$t" connect 30s 127.0.0.1:9050 a.test:5222
  check "client tor stop" 0 "$lab" client tor k3 stop
  check "a stopped tor does not answer" ! "$lab" exec k3 -- timeout 3 "$t" connect 1s 127.0.0.1:9050 a.test:5222
  check "client tor cont" 0 "$lab" client tor k3 cont
  check "it goes on" 0 "$lab" exec k3 -- "$t" connect 30s 127.0.0.1:9050 a.test:5222
  check "client tor restart" 0 "$lab" client tor k3 restart
  check "and is ready" 0 "$lab" client tor k3 wait 60
}

mitm() { # DOMAIN [OPTION]: a client logs in there
  tool c1 xmpp -socks "$CLIENT_SOCKS" "${@:2}" "$1:5222" "me@$1" hush
}

auths() { grep "\"to\":\"$1\"" "$LAB_MITM_LOG" | grep -c '"event":"auth"'; }

man_in_the_middle() {
  local d
  check "good.test refuses the password" 1 mitm good.test
  check "good.test saw it arrive (control)" 0 [ "$(auths good.test)" = 1 ]
  for d in wrong selfsigned expired unknownca; do
    check "$d.test: the certificate is refused" 1 mitm "$d.test"
    check "$d.test: no <auth arrived" 0 [ "$(auths "$d.test")" = 0 ]
    check "$d.test: a careless client" 1 mitm "$d.test" -insecure
    check "$d.test: its <auth arrived (control)" 0 [ "$(auths "$d.test")" = 1 ]
  done
  check "strip.test: no STARTTLS" 1 mitm strip.test
  check "strip.test: a careless client" 1 mitm strip.test -insecure
  says "strip.test: its <auth arrived in the clear (control)" '"to":"strip.test","event":"auth","secure":false,"mechanism":"PLAIN"' cat "$LAB_MITM_LOG"
  check "no password is in the log" 1 grep -E "hush|$(printf '\0me\0hush' | base64)" "$LAB_MITM_LOG"
}

# help_page: it names each verb that there is
help_page() {
  local verb
  "$lab" help >"$tmp/help"
  for verb in up down status env exec client capture adduser sessions fault logs torrc selftest help; do
    check "help tells of $verb" 0 grep -Eq "^  $verb( |$)" "$tmp/help"
  done
}
