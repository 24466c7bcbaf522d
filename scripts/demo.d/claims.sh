# shellcheck shell=bash disable=SC2034,SC2154 # the parts of scripts/demo share variables
# SPDX-License-Identifier: GPL-3.0-or-later
# claims.sh - what was claimed, and what came of it: kept for the end.

declare -A claim_count=([ok]=0 [FAILED]=0 ["not measured"]=0)
claims=()

# claim VERDICT TEXT HOW
claim() {
  local text how
  claim_count[$1]=$((claim_count[$1] + 1))
  text=$(printf '%s\n' "$2" | fold -s -w 62 | sed 's/ *$//;2,$s/^/                /')
  how=$(printf '(%s)\n' "$3" | fold -s -w 62 | sed 's/ *$//;s/^/                /')
  claims+=("$(printf '  %-12s  %s\n%s' "$1" "$text" "$how")")
  printf '  %s%-12s%s  %s\n%s\n' "$bold" "$1" "$plain" "$text" "$how"
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
