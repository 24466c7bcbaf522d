# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=bash
# How a shell test says what it found; to be sourced. Each check calls pass or
# fail once; the script ends with `results_end`, whose status is the script's.
# holds and lacks do it for a command. Under scripts/stage the results are also counted for the whole run.

results_start=0
if [ -z "${TEST_RESULTS:-}" ]; then
  TEST_RESULTS=$(mktemp)
  export TEST_RESULTS
elif [ -e "$TEST_RESULTS" ]; then
  results_start=$(wc -l <"$TEST_RESULTS")
fi

pass() {
  printf 'ok %s\n' "$1" >>"$TEST_RESULTS"
  printf 'ok      %s\n' "$1"
}

# fail NAME [WHY]
fail() {
  printf 'not ok %s\n' "$1" >>"$TEST_RESULTS"
  printf 'NOT OK  %s%s\n' "$1" "${2:+: $2}"
}

# holds NAME COMMAND... passes where the command succeeds; lacks where it fails.
holds() {
  local name=$1
  shift
  if "$@" >/dev/null 2>&1; then pass "$name"; else fail "$name" "$*"; fi
}

lacks() {
  local name=$1
  shift
  if "$@" >/dev/null 2>&1; then fail "$name" "$*"; else pass "$name"; fi
}

# results_count prints "PASSED FAILED" for results files, less the first $1 lines.
results_count() {
  local skip=$1
  shift
  cat "$@" 2>/dev/null | tail -n "+$((skip + 1))" | awk '/^ok /{p++} /^not ok /{f++} END{print p+0, f+0}'
}

# results_end prints the count; it fails if a check failed, or if none was made.
results_end() {
  local passed failed
  read -r passed failed < <(results_count "$results_start" "$TEST_RESULTS")
  printf '%s passed, %s failed\n' "$passed" "$failed"
  [ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
}
