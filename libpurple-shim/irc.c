/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The guard of IRC's lines. libpurple's queue (irc.c, irc_send_handler_cb)
 * compares how much went with the length of what it had: a line that is taken
 * away is tried again for ever, and behind one that became shorter the rest
 * of the old one goes out. So a line is replaced, by one at least as long.
 */
#include "shim.h"

#include <string.h>

#include <util.h>

#define LONGEST 400		/* of a line of ours: servers cut at 512 */
#define SHORTEST 9		/* PING :x CR LF */

/* Harmless lines, want bytes or a little more. */
static void
append_pings(GString *line, gsize want)
{
	while (want > 0) {
		gsize n = CLAMP(want, SHORTEST, LONGEST);
		gsize fill;

		/* What is left over must fill a line of its own. */
		if (want > n && want - n < SHORTEST)
			n -= SHORTEST;
		g_string_append(line, "PING :");
		for (fill = SHORTEST - 1; fill < n; fill++)
			g_string_append_c(line, 'x');
		g_string_append(line, "\r\n");
		want -= MIN(want, n);
	}
}

/* text, at least length bytes of it; owned. */
static char *
padded(const char *text, gsize length)
{
	GString *line = g_string_new(text);

	if (line->len < length)
		append_pings(line, length - line->len);
	return g_string_free(line, FALSE);
}

/*
 * The rest of a line that the socket did not take whole comes by again as if
 * it were a line. Of a line that was replaced, the rest of the replacement
 * goes; of one that went as it was, the rest does, unless it could be a
 * command of its own. Returns NULL where text is no such rest; owned.
 */
static char *
rest_of_last(const struct watched *w, const char *text)
{
	gsize had = w->irc_asked ? strlen(w->irc_asked) : 0;
	gsize length = strlen(text);

	if (!length || length >= had ||
	    !purple_strequal(w->irc_asked + had - length, text))
		return NULL;
	if (w->irc_sent)
		return g_strdup(w->irc_sent + had - length);
	return strchr(text, ' ') ? NULL : g_strdup(text);
}

/* Whose first word is to whom a line is. */
static const char *const addressed[] = { "PRIVMSG", "NOTICE", "TOPIC", "KICK",
					 "PART", NULL };

/* To whom a line is, for what the person is told; owned, or NULL. */
static char *
target_of(const char *line)
{
	char **words = g_strsplit(line, " ", 3);
	char *who = NULL;
	gsize i;

	for (i = 0; words[0] && words[1] && words[2] && addressed[i]; i++)
		if (*words[1] && !g_ascii_strcasecmp(words[0], addressed[i]))
			who = g_strdup(words[1]);
	g_strfreev(words);
	return who;
}

/* A channel that we are not in is nobody to open an IM with. */
static void
tell(PurpleAccount *account, const char *line, const char *told)
{
	char *who = *told ? target_of(line) : NULL;

	if (!who || strchr("#&+!", *who))
		message_kept_back(account, who, told);
	else
		message_say(account, who, told, PURPLE_MESSAGE_ERROR);
	g_free(who);
}

/* What goes instead of the line; NULL: it goes as it is. Owned. */
static char *
judged(PurpleAccount *account, const char *line)
{
	struct ponion_reply reply;
	gsize length = strlen(line);
	char *instead = NULL;

	if (message_ask(account, PONION_WAY_IRC, NULL, line, &reply) !=
	    PONION_ALLOW)
		instead = padded("", length);
	else if (reply.text)
		instead = padded(reply.text, length);
	tell(account, line, reply.told);
	message_done(&reply);
	return instead;
}

void
irc_farewell(PurpleConnection *gc, const char *who, const char *text)
{
	struct watched *w = watched_get(purple_connection_get_account(gc));
	char *allowed = wire_allowed(gc, PONION_WAY_IM, who, text);
	char *plain = NULL;

	if (!allowed)
		return;
	purple_markup_html_to_xhtml(allowed, NULL, &plain);
	if (!w->irc_farewell)
		w->irc_farewell = g_string_new(NULL);
	if (!strpbrk(who, " \r\n") && !strpbrk(plain, "\r\n"))
		g_string_append_printf(w->irc_farewell, "PRIVMSG %s :%s\r\n",
				       who, plain);
	g_free(plain);
	g_free(allowed);
}

/* QUIT, behind the farewells that may go; owned. */
static char *
with_farewells(PurpleAccount *account, char *quit)
{
	struct watched *w = watched_get(account);
	GString *all = g_string_new(NULL);
	char **lines, **l;

	lines = g_strsplit(w->irc_farewell->str, "\n", -1);
	for (l = lines; *l && **l; l++) {
		char *line = g_strconcat(*l, "\n", NULL);
		char *instead = judged(account, line);

		if (!instead)
			g_string_append(all, line);
		g_free(instead);
		g_free(line);
	}
	g_strfreev(lines);
	g_string_free(w->irc_farewell, TRUE);
	w->irc_farewell = NULL;
	g_string_append(all, quit);
	g_free(quit);
	return g_string_free(all, FALSE);
}

/* As judged, for any line; QUIT overtakes the queue, and ends it. */
static char *
judged_line(PurpleAccount *account, const char *line)
{
	char *instead;

	if (g_ascii_strncasecmp(line, "QUIT", 4))
		return judged(account, line);
	otr_end(account);
	instead = judged(account, line);
	if (!watched_get(account)->irc_farewell)
		return instead;
	return with_farewells(account, instead ? instead : g_strdup(line));
}

void
irc_sending_text_cb(PurpleConnection *gc, char **text, void *data)
{
	PurpleAccount *account = purple_connection_get_account(gc);
	struct watched *w = watched_get(account);
	char *instead;

	(void)data;
	if (!*text || w->open)
		return;
	instead = rest_of_last(w, *text);
	if (!instead) {
		instead = judged_line(account, *text);
		g_free(w->irc_asked);
		g_free(w->irc_sent);
		w->irc_asked = g_strdup(*text);
		w->irc_sent = g_strdup(instead);
	}
	if (instead) {
		g_free(*text);
		*text = instead;
	}
}
