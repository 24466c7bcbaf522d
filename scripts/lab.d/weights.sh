# shellcheck shell=bash
# SPDX-License-Identifier: GPL-3.0-or-later
# weights.sh - no relay is everything to anybody.
#
# Tor lets a path to an onion address begin and end with the same relay; the
# relay in the middle refuses that ("extend back to the previous hop"), and the
# client tries another path. Elsewhere that is rare. Here it stopped a lab from
# coming up once in ten: when one relay had carried a kilobyte a second while
# it started, and the others nothing, that one had all of the network's weight
# and was every path's last hop; and a client that had it for guard began every
# path with it, for as long as the consensus lasted.

even_weights() {
  local i n
  {
    date +%s
    for n in "${RELAYS[@]}"; do
      printf 'bw=1000 node_id=$%s\n' "$(cat "$LAB_DIR/tor/$n/fingerprint.hex")"
    done
  } >"$LAB_DIR/tor/bandwidths"
  for ((i = 0; i < AUTHORITIES; i++)); do
    echo "V3BandwidthsFile $LAB_DIR/tor/bandwidths" >>"$LAB_DIR/tor/${RELAYS[$i]}/torrc"
  done
  echo "UseEntryGuards 0" >>"$LAB_DIR/torrc.common"
}
