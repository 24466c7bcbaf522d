-- SPDX-License-Identifier: GPL-3.0-or-later
-- mod_lab_log: what clients did, with the address they came from, one line
-- each in the file lab_log_file. Tab-separated columns:
--   time (Unix, ms) | server | event | JID | peer IP | peer port | TLS version or "plain"
-- Events: stream, login, login-failed, registered, bind, closed. Nothing that
-- a client said is written but its name; never a password.
local now = require "util.time".now;

local file = assert(io.open(module:get_option_string("lab_log_file"), "a"));
file:setvbuf("line");
local server = module:get_option_string("lab_log_server", "?");

local function clean(text)
	return (tostring(text or "-"):gsub("[%c]", "?"));
end

local function tls(session)
	if not session.secure then return "plain"; end
	local ok, version = pcall(function () return session.conn:socket():info("protocol"); end);
	return ok and version or "tls";
end

local function line(event, session, jid)
	jid = jid or session.full_jid or ((session.username or "?").."@"..(session.host or module.host));
	local ok, port = pcall(function () return session.conn:clientport(); end);
	file:write(table.concat({
		("%.3f"):format(now()), server, event, clean(jid), clean(session.ip),
		clean(ok and port or nil), clean(tls(session)),
	}, "\t"), "\n");
end

module:hook("stream-features", function (e) line("stream", e.origin); end, -1000);
module:hook("authentication-success", function (e) line("login", e.session); end);
module:hook("authentication-failure", function (e) line("login-failed", e.session); end);
module:hook("resource-bind", function (e) line("bind", e.session); end);
module:hook("resource-unbind", function (e) line("closed", e.session); end);
module:hook("user-registered", function (e)
	line("registered", e.session or {}, e.username.."@"..e.host);
end);
