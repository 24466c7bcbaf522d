# SPDX-License-Identifier: GPL-3.0-or-later
# sessions.awk - sessions.tsv as JSON, an object on each line
function text(s) {
  gsub(/\\/, "\\\\", s)
  gsub(/"/, "\\\"", s)
  return "\"" s "\""
}
{
  printf "{\"time\":%s,\"server\":%s,\"event\":%s,\"jid\":%s,\"ip\":%s,\"port\":%d,\"tls\":%s}\n",
    $1, text($2), text($3), text($4), text($5), $6, text($7)
}
