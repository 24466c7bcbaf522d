# shellcheck shell=bash
# SPDX-License-Identifier: GPL-3.0-or-later
# keys.sh - what is made before anything starts: the tools, certificates, and
# the relays' keys. All are new in each lab.

# labtool runs beside the shell, which waits: so a signal to `lab up` is
# answered at once, and failed_up can end the child.
LAB_CHILD=
attend() {
  local status=0
  "$@" 9>&- &
  LAB_CHILD=$!
  wait "$LAB_CHILD" || status=$?
  LAB_CHILD=
  return "$status"
}

labtool() { attend "$LAB_DIR/bin/labtool" "$@"; }
labtool_in() { # WHERE ...
  enter "$1"
  attend "${ENTER[@]}" "$LAB_DIR/bin/labtool" "${@:2}"
}

# The servers run from copies: where the distribution confines a program by
# its path (AppArmor) it could not read a configuration of ours.
copy_programs() {
  local p path
  for p in unbound ngircd; do
    path=$(PATH=$PATH:/usr/sbin:/sbin command -v "$p") || die "$p is not installed"
    install -m 755 "$path" "$LAB_DIR/bin/$p" # a new file: the old one may still run
  done
  for p in tor tor-gencert prosody prosodyctl openssl nsenter ip; do
    command -v "$p" >/dev/null || die "$p is not installed"
  done
}

# build_tools: into the repository's build folder where we may write there;
# else what is there serves, if it is not older than its source
build_tools() {
  local cache home=${HOME-} t
  cache=$(cd "$LAB_SRC/../.." && pwd)/build/lab-tools
  if [ -n "$(newer_source "$cache")" ]; then
    [ -n "$home" ] && [ -w "$home" ] || home=$LAB_DIR/home
    (cd "$LAB_SRC/../.." && HOME=$home CGO_ENABLED=0 go build -trimpath -buildvcs=false -o "$LAB_DIR/bin/" \
      ./scripts/lab.d/labtool ./scripts/lab.d/mitm) >"$LAB_DIR/log/build.log" 2>&1 || return 1
    (umask 022 && mkdir -p "$cache") 2>/dev/null || return 0
    for t in labtool mitm; do
      cp "$LAB_DIR/bin/$t" "$cache/$t.$$" && chmod 755 "$cache/$t.$$" && mv "$cache/$t.$$" "$cache/$t"
    done
  else
    install -m 755 "$cache/labtool" "$cache/mitm" "$LAB_DIR/bin/"
  fi
}

# newer_source FOLDER: sources that the tools there are not built from
newer_source() {
  local t
  for t in labtool mitm; do
    if [ -x "$1/$t" ]; then
      find "$LAB_SRC/$t" -name '*.go' -newer "$1/$t"
    else
      echo "$t"
    fi
  done
}

make_certs() {
  mkdir -p "$LAB_DIR/certs"
  labtool certs "$LAB_DIR/certs" a.test b.test srv.test nosrv.test irc.test dns.test good.test hostile.test redirect.test \
    "early.test=other:*.early.test" "$(onion)" wrong.test=other:other.test selfsigned.test=selfsigned \
    expired.test=expired unknownca.test=unknownca
}

# make_relay_keys NUMBER: identity, fingerprint in tor/NAME/fingerprint.hex, and an
# authority's certificate
make_relay_keys() {
  local i=$1 d=$LAB_DIR/tor/${RELAYS[$1]}
  mkdir -p "$d/keys"
  if ((i < AUTHORITIES)); then
    echo lab | tor-gencert --create-identity-key -m 12 --passphrase-fd 0 \
      -a "$(relay_ip "$i"):$(dir_port "$i")" -i "$d/keys/authority_identity_key" \
      -s "$d/keys/authority_signing_key" -c "$d/keys/authority_certificate" || return 1
  fi
  tor --quiet --list-fingerprint --ignore-missing-torrc -f /nonexistent --defaults-torrc /nonexistent \
    --ORPort 1 --DirAuthority "dummy 127.0.0.1:1 FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF" \
    --DataDirectory "$d" --Nickname "${RELAYS[$i]}" | awk '{$1=""; gsub(/ /,""); print}' >"$d/fingerprint.hex"
  [ -s "$d/fingerprint.hex" ]
}

# make_onion_key: the service's name is needed for certificates before its
# tor runs; that tor, without a network, makes it
make_onion_key() {
  local d=$LAB_DIR/tor/hs t pid
  mkdir -p "$d/xmpp"
  tor --quiet --ignore-missing-torrc -f /nonexistent --defaults-torrc /nonexistent \
    --DataDirectory "$d" --SocksPort 0 --DisableNetwork 1 --HiddenServiceDir "$d/xmpp" \
    --HiddenServicePort "5222 127.0.0.1:5222" >"$LAB_DIR/log/onion-key.log" 2>&1 9>&- &
  pid=$!
  record onion-key $pid
  for ((t = 0; t < 200; t++)); do
    [ ! -s "$d/xmpp/hostname" ] || break
    sleep 0.05
  done
  stop_all onion-key
  [ -s "$d/xmpp/hostname" ]
}

onion() { cat "$LAB_DIR/tor/hs/xmpp/hostname"; }

make_keys() {
  local i pids=()
  for i in "${!RELAYS[@]}"; do
    make_relay_keys "$i" >"$LAB_DIR/log/keys-${RELAYS[$i]}.log" 2>&1 9>&- &
    pids+=($!)
  done
  make_onion_key || die "cannot make the onion service's key"
  for i in "${!RELAYS[@]}"; do
    wait "${pids[$i]}" || die "cannot make the keys of ${RELAYS[$i]}: $(tail -3 "$LAB_DIR/log/keys-${RELAYS[$i]}.log")"
  done
}
