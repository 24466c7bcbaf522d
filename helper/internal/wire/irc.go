// SPDX-License-Identifier: GPL-3.0-or-later

package wire

import (
	"slices"
	"strings"

	"purpleonion.org/purple-onion/helper/internal/policy"
)

// ircCommand says how a command may leave: how many of its parameters go as
// they are; what stands behind them is what a person wrote, and is left out.
type ircCommand struct {
	name   string
	params int
}

// What signing on, staying on and moving about take (RFC 2812, IRCv3's CAP
// and AUTHENTICATE). Everything else is readable content: also what libpurple
// sends for /quote.
var ircCommands = []ircCommand{
	{"PASS", 15}, {"NICK", 1}, {"USER", 4}, {"CAP", 15}, {"AUTHENTICATE", 1}, {"PING", 2}, {"PONG", 2},
	{"WHO", 2}, {"WHOIS", 2}, {"WHOWAS", 2}, {"ISON", 15}, {"USERHOST", 15}, {"MODE", 3},
	{"AWAY", 0}, {"QUIT", 0}, {"PART", 1}, {"TOPIC", 1}, {"KICK", 2}, {"INVITE", 2},
}

// sentence are those whose last parameter may have spaces: a password, and a
// real name, which protection has set.
var sentence = map[string]bool{"PASS": true, "USER": true}

// services are the names that answer as services on the usual networks.
var services = []string{"nickserv", "chanserv", "memoserv", "operserv", "hostserv", "botserv", "authserv", "saslserv", "helpserv", "nickop", "q", "x", "l"}

// serviceCommands go to the services without being a PRIVMSG.
var serviceCommands = []string{"NICKSERV", "NS", "CHANSERV", "CS", "MEMOSERV", "MS", "OPERSERV", "OS", "HOSTSERV", "HS", "BOTSERV", "BS", "AUTHSERV", "IDENTIFY", "SQUERY"}

// IRC reads one line on its way to an IRC server, with its line end. Text is
// never shorter than the line: libpurple would send the rest of the old one
// (irc.c, do_send).
func IRC(line string, level policy.Level) Reading {
	r := Reading{Content: policy.ContentReadable, Message: true}
	if ctcp(line, &r) {
		return r
	}
	if level == policy.LevelTor {
		r.Text = line
		return r
	}
	words := strings.TrimSuffix(strings.TrimSuffix(line, "\n"), "\r")
	if words == "" || strings.ContainsAny(words, "\r\n\x00") {
		return r
	}
	command, params, trailing, hasTrailing := ircSplit(words)
	switch {
	case command == "PRIVMSG" || command == "NOTICE":
		readPrivmsg(line, command, params, trailing, hasTrailing, &r)
		return r
	case slices.Contains(serviceCommands, command):
		r.Content = policy.ContentServices
		return r
	case command == "JOIN":
		r.Content = policy.ContentChat
		return r
	}
	for _, c := range ircCommands {
		if c.name == command && !(hasTrailing && len(params) < c.params && strings.Contains(trailing, " ") && !sentence[command]) {
			r.Content, r.Message = policy.ContentOther, false
			r.Text = ircKeep(line, command, params, trailing, hasTrailing, c.params)
			r.Cut = r.Text != line && command != "QUIT" // which libpurple words by itself
			return r
		}
	}
	return r
}

// ctcp knows CTCP's questions, answers and offers of files, wherever they
// stand in the line; an action is a message.
func ctcp(line string, r *Reading) bool {
	found := false
	for _, part := range strings.Split(line, "\x01")[1:] {
		word, _, _ := strings.Cut(strings.TrimRight(part, "\r\n"), " ")
		switch strings.ToUpper(word) {
		case "", "ACTION":
		case "DCC":
			r.Content = policy.ContentPeer
			return true
		default:
			r.Content = policy.ContentPersonal
			found = true
		}
	}
	return found
}

// ircSplit reads a message's command and parameters (RFC 2812 2.3.1). A
// client sends no prefix: a line with one has no command that we know.
func ircSplit(line string) (command string, params []string, trailing string, hasTrailing bool) {
	line, trailing, hasTrailing = strings.Cut(line, " :")
	fields := strings.Fields(line)
	if len(fields) == 0 {
		return "", nil, "", false
	}
	return strings.ToUpper(fields[0]), fields[1:], trailing, hasTrailing
}

func readPrivmsg(line, command string, params []string, trailing string, hasTrailing bool, r *Reading) {
	if len(params) != 1 || !hasTrailing {
		return
	}
	to := params[0]
	switch {
	case strings.ContainsAny(to[:1], "#&+!~@%$"):
		r.Content = policy.ContentChat
	case slices.Contains(services, strings.ToLower(nick(to))):
		r.Content = policy.ContentServices
	case strings.Contains(to, ","):
	default:
		if r.Content, r.Line = Line(trailing); len(r.Line) > len(trailing) {
			r.Content, r.Line = policy.ContentReadable, "" // a longer line would be cut
		} else if r.Line != "" {
			r.Text = pad(command+" "+to+" :"+r.Line, line)
		}
	}
}

// nick is the name in nick!user@host or nick@server.
func nick(to string) string {
	if i := strings.IndexAny(to, "!@"); i > 0 {
		return to[:i]
	}
	return to
}

// ircKeep writes a line with its first keep parameters alone.
func ircKeep(line, command string, params []string, trailing string, hasTrailing bool, keep int) string {
	if hasTrailing && len(params) < keep {
		return line // its last parameter is one of them
	}
	if len(params) <= keep && !hasTrailing {
		return line
	}
	return pad(strings.Join(append([]string{command}, params[:min(keep, len(params))]...), " "), line)
}

// pad makes words a line at least as long as old: spaces before a line's end
// separate parameters that are not there.
func pad(words, old string) string {
	if n := len(old) - len(words) - 2; n > 0 {
		words += strings.Repeat(" ", n)
	}
	return words + "\r\n"
}
