# shellcheck shell=bash disable=SC2034,SC2154 # the parts of scripts/demo share variables
# SPDX-License-Identifier: GPL-3.0-or-later
# claims.sh - what was claimed, and what came of it: kept for the end.

declare -A claim_count=([ok]=0 [FAILED]=0 ["not measured"]=0)
claims=()

# claim VERDICT TEXT HOW
claim() {
  claim_count[$1]=$((claim_count[$1] + 1))
  claims+=("$(printf '%-12s  %s\n              (%s)' "$1" "$2" "$3")")
  printf '  %s%-12s%s  %s\n' "$bold" "$1" "$plain" "$2"
  printf '                (%s)\n' "$3"
}

# claim_if COMMAND... -- TEXT HOW
claim_if() {
  local command=()
  while [ "$1" != -- ]; do
    command+=("$1")
    shift
  done
  if "${command[@]}"; then claim ok "$2" "$3"; else
    claim FAILED "$2" "$3"
    return 1
  fi
}

claims_exit() {
  if ((claim_count[FAILED])); then
    echo 1
  elif ((claim_count["not measured"])); then
    echo 3
  else
    echo 0
  fi
}

claims_sum() {
  local n=$((claim_count[ok] + claim_count[FAILED] + claim_count["not measured"]))
  if ((claim_count[ok] == n)); then
    echo "All $n claims held."
  else
    echo "Of $n claims ${claim_count[ok]} held, ${claim_count[FAILED]} failed, ${claim_count["not measured"]} could not be measured."
  fi
}
