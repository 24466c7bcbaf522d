# shellcheck shell=bash
# SPDX-License-Identifier: GPL-3.0-or-later
# tor.sh - the private Tor network: three authorities that are relays, a
# relay, three exits, and the onion service's tor.

# The first consensus comes FIRST seconds after the start: the offset of the
# voting schedule is set so that nobody waits for the clock.
readonly VOTE_INIT=20 FIRST=18

# torrc.common: what any tor needs to join this network, a client too
write_common() {
  local i d
  {
    echo "TestingTorNetwork 1"
    for ((i = 0; i < AUTHORITIES; i++)); do
      d=$LAB_DIR/tor/${RELAYS[$i]}
      echo "DirAuthority ${RELAYS[$i]} orport=$(or_port "$i") no-v2" \
        "v3ident=$(awk '/^fingerprint/{print $2}' "$d/keys/authority_certificate")" \
        "$(relay_ip "$i"):$(dir_port "$i") $(cat "$d/fingerprint.hex")"
    done
    echo "PathsNeededToBuildCircuits 0.67"
    echo "EnforceDistinctSubnets 0"
  } >"$LAB_DIR/torrc.common"
}

torrc_head() { # DATADIR
  cat <<END
%include $LAB_DIR/torrc.common
DataDirectory $1
Log ${LAB_TOR_LOG:-notice} file $1/notice.log
SafeLogging 0
ShutdownWaitLength 1
DisableDebuggerAttachment 0
END
}

torrc_relay() { # NUMBER
  local ip
  ip=$(relay_ip "$1")
  torrc_head "$LAB_DIR/tor/${RELAYS[$1]}"
  cat <<END
Nickname ${RELAYS[$1]}
ContactInfo lab@example.test
Address $ip
ORPort $ip:$(or_port "$1") IPv4Only
OutboundBindAddress $ip
SocksPort 0
AssumeReachable 1
TestingServerConsensusDownloadInitialDelay $((FIRST + 1))
END
}

torrc_authority() { # NUMBER OFFSET
  cat <<END
AuthoritativeDirectory 1
V3AuthoritativeDirectory 1
DirPort $(relay_ip "$1"):$(dir_port "$1")
TestingV3AuthInitialVotingInterval $VOTE_INIT seconds
TestingV3AuthInitialVoteDelay 4 seconds
TestingV3AuthInitialDistDelay 4 seconds
V3AuthVotingInterval 60 seconds
V3AuthVoteDelay 4 seconds
V3AuthDistDelay 4 seconds
V3AuthNIntervalsValid 3
TestingV3AuthVotingStartOffset $2 seconds
TestingAuthDirTimeToLearnReachability 0
TestingMinExitFlagThreshold 0
TestingDirAuthVoteGuard *
TestingDirAuthVoteHSDir *
END
}

# An exit's policy is wide on purpose: one that names private addresses alone
# is summarised to "reject all". Nothing gets out of the world anyway. (On
# loopback an address, not a name, asked of an exit would be dialled.)
torrc_exit() {
  cat <<END
ExitRelay 1
ExitPolicyRejectPrivate 0
ExitPolicy accept *:*
IPv6Exit 0
RefuseUnknownExits 0
ServerDNSResolvConfFile $LAB_DIR/resolv.exit
ServerDNSDetectHijacking 0
ServerDNSTestAddresses a.test
ServerDNSAllowNonRFC953Hostnames 1
ServerDNSSearchDomains 0
END
}

torrc_onion() {
  torrc_head "$LAB_DIR/tor/hs"
  cat <<END
SocksPort 0
CookieAuthentication 1
ControlPort $LAB_NET.$H_HS:9051
OutboundBindAddress $LAB_NET.$H_HS
HiddenServiceDir $LAB_DIR/tor/hs/xmpp
HiddenServicePort 5222 $LAB_NET.$H_XMPP_A:5222
END
}

write_torrcs() {
  local i offset=$((($(date +%s) + FIRST) % VOTE_INIT))
  write_common
  echo "nameserver $LAB_NET.$H_DNS:$(port 53 53)" >"$LAB_DIR/resolv.exit"
  : >"$LAB_DIR/relays"
  for i in "${!RELAYS[@]}"; do
    {
      torrc_relay "$i"
      if ((i < AUTHORITIES)); then torrc_authority "$i" "$offset"; fi
      if ((i >= ${#RELAYS[@]} - EXITS)); then
        torrc_exit
      else
        printf 'ExitRelay 0\nExitPolicy reject *:*\n'
      fi
    } >"$LAB_DIR/tor/${RELAYS[$i]}/torrc"
    echo "$(relay_ip "$i"):$(or_port "$i")" >>"$LAB_DIR/relays"
    ((i >= AUTHORITIES)) || echo "$(relay_ip "$i"):$(dir_port "$i")" >>"$LAB_DIR/relays"
  done
  torrc_onion >"$LAB_DIR/tor/hs/torrc"
}

start_tor() { # NAME: a tor of the world
  rm -f "$LAB_DIR/tor/$1/notice.log"
  spawn "tor-$1" world tor --defaults-torrc /nonexistent -f "$LAB_DIR/tor/$1/torrc"
}

# The authorities first: a relay that finds another's OR port closed does not
# extend to it for a minute.
start_relays() {
  local i ports=()
  for ((i = 0; i < AUTHORITIES; i++)); do
    start_tor "${RELAYS[$i]}"
    ports+=("$(relay_ip "$i"):$(or_port "$i")")
  done
  labtool_in world wait-port 20s "${ports[@]}"
  for ((i = AUTHORITIES; i < ${#RELAYS[@]}; i++)); do start_tor "${RELAYS[$i]}"; done
}

# wait_relays: until the consensus lists all and each has what it needs;
# clients that start earlier lose ten seconds on a retry
wait_relays() {
  local n logs=()
  labtool_in world wait-consensus 90s "$(relay_ip 0):$(dir_port 0)" "${#RELAYS[@]}"
  say "the consensus lists ${#RELAYS[@]} relays"
  for n in "${RELAYS[@]}"; do logs+=("$LAB_DIR/tor/$n/notice.log"); done
  labtool wait-log 60s "Bootstrapped 100%" "${logs[@]}"
  say "all relays are bootstrapped"
}

start_onion() {
  start_tor hs
}

wait_onion() {
  labtool_in world wait-onion 60s "$LAB_NET.$H_HS:9051" "$LAB_DIR/tor/hs/control_auth_cookie"
}
