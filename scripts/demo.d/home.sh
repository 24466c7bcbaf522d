# shellcheck shell=bash disable=SC2034,SC2154 # the parts of scripts/demo share variables
# SPDX-License-Identifier: GPL-3.0-or-later
# home.sh - the demo's own places. All is below build/demo, and every program
# gets an environment made here: nothing of the caller's leads to his files.

home=$out/home
user_dir=$home/.purple
before=$out/before # the same, never protected
users=(alice nightheron)

prepare() {
  local f
  mkdir -p "$out" || exit 1
  exec 8>"$out/lock"
  flock -n 8 || {
    echo "demo: another demo runs in this tree" >&2
    exit 1
  }
  for f in home before bin table.txt claims.txt pidgin.log audit-before.txt audit-after.txt \
    before.json after.json streams.tsv wire.pcap wire.pcap.nonce wire.pcap.log wire.json before.pcap before.pcap.nonce before.pcap.log wire-before.json pidgin-before.log \
    online.png offline.png xauth display screenshot.log xserver.log openbox.log lab-up.log down.log; do
    rm -rf -- "${out:?}/$f"
  done
  choose_lab_dir
}

# The lab takes no path with a space or the like.
choose_lab_dir() {
  lab_dir=$out/lab own_lab_dir=
  [[ $lab_dir =~ ^[A-Za-z0-9/._+-]+$ ]] && return
  lab_dir=$(mktemp -d "/tmp/purple-onion-demo.XXXXXX")/lab || exit 1
  own_lab_dir=$(dirname "$lab_dir")
}

lab() { LAB_DIR=$lab_dir "$top/scripts/lab" "$@" 8>&-; }

# clean_env: the variables that our programs and Pidgin run with. The address
# of the session bus is one that cannot be reached: without one, libdbus would
# look for the user's own on the display.
clean_env() {
  local v
  printf '%s\n' "PATH=$PATH" "HOME=$home" LANG=C.UTF-8 "TMPDIR=$home/tmp" "TERM=${TERM-dumb}" \
    "XDG_CONFIG_HOME=$home/.config" "XDG_STATE_HOME=$home/.local/state" \
    "XDG_DATA_HOME=$home/.local/share" "XDG_CACHE_HOME=$home/.cache" "XDG_RUNTIME_DIR=$home/run" \
    DBUS_SESSION_BUS_ADDRESS=disabled: GSETTINGS_BACKEND=memory NO_AT_BRIDGE=1 GTK_MODULES=
  for v in DISPLAY XAUTHORITY; do
    [ -z "${x_env[$v]-}" ] || printf '%s\n' "$v=${x_env[$v]}"
  done
}

in_home() { # COMMAND...
  local vars
  mapfile -t vars < <(clean_env)
  env -i "${vars[@]}" "$@"
}

# copy_sample: a home of that user directory
copy_sample() {
  (umask 077 && mkdir -p "$home/run" "$home/tmp" "$user_dir") &&
    install -m 600 "$top"/scripts/demo.d/user-dir/*.xml "$user_dir/"
}

# make_home: the sample, with the plugin where `make install-user` puts it
make_home() {
  copy_sample &&
    install -D -m 600 "$top/build/lib/plugins/purple-onion.so" "$user_dir/plugins/purple-onion.so" &&
    install -D -m 600 "$top/build/lib/purple-onion/libpurple-onion.so" \
      "$user_dir/purple-onion/libpurple-onion.so" &&
    configure
}

# configure: nobody waits here, or clicks. In namespaces the defaults find the
# lab's Tor. On loopback its ports are others, and nobody but us trusts the
# lab's authority.
configure() {
  local u
  mkdir -p "$home/.config/purple-onion"
  printf 'autologin = true\nsignon_delay_max = "0s"\n' >"$home/.config/purple-onion/config.toml"
  [ "$mode" = loopback ] || return 0
  {
    printf '[tor]\nmode = "system"\nsocks = "%s"\ncontrol = "%s"\n' "$CLIENT_SOCKS" "$CLIENT_CONTROL"
    for u in "${users[@]}"; do
      printf '\n[accounts."prpl-jabber:%s@a.test/"]\nca_file = "%s"\n' "$u" "$LAB_CA"
    done
  } >>"$home/.config/purple-onion/config.toml"
}

# password USER: as the sample has it
password() {
  awk -v name="<name>$1@a.test/</name>" 'index($0, name) { getline; gsub(/^[^>]*>|<.*$/, ""); print }' \
    "$top/scripts/demo.d/user-dir/accounts.xml"
}

# probes_off: what the audit says to do about network-probes. Pidgin looks for
# a router by multicast at its start, before it loads any plugin.
probes_off() {
  sed -i -E "s/(<pref name='(auto_ip|map_ports)' type='bool' value=)'1'/\1'0'/" "$user_dir/prefs.xml"
}
