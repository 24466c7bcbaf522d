-- SPDX-License-Identifier: GPL-3.0-or-later
-- mod_lab_hostile: a server that does what it likes with messages. Tests tell
-- it by files in the folder lab_hostile_dir:
--   rules/FROM.json     a list of {to, has, drop, body}: the first rule whose
--                       `to` (a bare JID) and `has` (part of the body) fit
--                       drops a message of FROM, or gives it another body.
--                       Read anew for each message.
--   inject/NAME.json    {from, to, body}: a message to a client of this
--                       server; done and deleted within a tenth of a second.
--                       `to` is a full or bare JID. Write it elsewhere, and
--                       move it in.
module:set_global();
local lfs = require "lfs";
local json = require "util.json";
local jid = require "util.jid";
local st = require "util.stanza";
local filters = require "util.filters";
local add_task = require "util.timer".add_task;
local prosody = prosody;

local dir = module:get_option_string("lab_hostile_dir");

local function read(path)
	local f = io.open(path);
	if not f then return; end
	local value, problem = json.decode(f:read("*a"));
	f:close();
	if not value then module:log("error", "%s: %s", path, problem); end
	return value;
end

local function fits(rule, to, body)
	return (not rule.to or rule.to == to)
		and (not rule.has or (body and body:find(rule.has, 1, true)));
end

local function change(stanza, from)
	local to = jid.bare(stanza.attr.to);
	local body = stanza:get_child_text("body");
	for _, rule in ipairs(read(dir.."/rules/"..from..".json") or {}) do
		if fits(rule, to, body) then
			if rule.drop then return; end
			stanza:remove_children("body");
			stanza:remove_children("html", "http://jabber.org/protocol/xhtml-im");
			return stanza:text_tag("body", rule.body);
		end
	end
	return stanza;
end

filters.add_filter_hook(function (session)
	if session.type ~= "c2s_unauthed" and session.type ~= "c2s" then return; end
	filters.add_filter(session, "stanzas/in", function (stanza)
		if stanza.name ~= "message" or not session.username then return stanza; end
		return change(stanza, session.username.."@"..session.host);
	end);
end);

local function inject(m)
	local bare = prosody.bare_sessions[jid.bare(m.to)];
	for _, session in pairs(bare and bare.sessions or {}) do
		if m.to == jid.bare(m.to) or m.to == session.full_jid then
			session.send(st.message({ from = m.from, to = session.full_jid, type = "chat" }, m.body));
		end
	end
end

add_task(0.1, function ()
	for name in lfs.dir(dir.."/inject") do
		if name:match("%.json$") then
			local path = dir.."/inject/"..name;
			local message = read(path);
			os.remove(path);
			if message then inject(message); end
		end
	end
	return 0.1;
end);
