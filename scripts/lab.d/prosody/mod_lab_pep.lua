-- SPDX-License-Identifier: GPL-3.0-or-later
-- mod_lab_pep: the host itself says that it has personal events (XEP-0163), as
-- ejabberd does. Prosody says it of accounts alone, and libpurple asks the
-- host: without this, neither it nor lurch publishes anything.
module:add_identity("pubsub", "pep", "lab");
