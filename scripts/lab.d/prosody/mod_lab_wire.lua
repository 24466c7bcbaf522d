-- SPDX-License-Identifier: GPL-3.0-or-later
-- mod_lab_wire: every byte that a client sent once it was logged in, as it
-- came out of TLS and before anything parsed it: what a server can read. One
-- JSON object a line in the file lab_wire_file: session, jid, data.
module:set_global();
local json = require "util.json";
local filters = require "util.filters";

local file = assert(io.open(module:get_option_string("lab_wire_file"), "a"));
file:setvbuf("line");

filters.add_filter_hook(function (session)
	if session.type ~= "c2s_unauthed" and session.type ~= "c2s" then return; end
	filters.add_filter(session, "bytes/in", function (data)
		if session.username then
			file:write(json.encode({
				session = session.id;
				jid = session.full_jid or (session.username.."@"..session.host);
				data = data;
			}), "\n");
		end
		return data;
	end);
end);
