# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=bash
# To be sourced after results.sh.

# says NAME PATTERN COMMAND... passes where the command's output has the pattern.
says() {
  local name=$1 pattern=$2 out
  shift 2
  out=$("$@" 2>&1)
  if grep -qE -- "$pattern" <<<"$out"; then pass "$name"; else fail "$name" "$out"; fi
}
