/* SPDX-License-Identifier: GPL-3.0-or-later */
/* See fakehelper_messages.h. */
#include "fakehelper_messages.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <glib.h>

static int fd = -1;
static uint64_t account, sign_on = 10;

/* Queued lines "KIND|BUDDY|TEXT" and events, under the lock. */
static GQueue lines = G_QUEUE_INIT, results = G_QUEUE_INIT;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

void
fake_start(int event_fd)
{
	fd = event_fd;
}

uint64_t
fake_sign_on(uint64_t handle)
{
	account = handle;
	return ++sign_on;
}

static void
wake(void)
{
	uint64_t one = 1;

	if (write(fd, &one, sizeof(one)) < 0)
		abort();
}

static void
queue(const char *variable)
{
	const char *text = getenv(variable);
	char **all = g_strsplit(text ? text : "", ";", -1), **l;

	pthread_mutex_lock(&lock);
	for (l = all; *l; l++)
		if (**l)
			g_queue_push_tail(&lines, g_strdup(*l));
	pthread_mutex_unlock(&lock);
	g_strfreev(all);
}

static void *
late(void *data)
{
	g_usleep(100000);
	queue("FAKE_LATE");
	wake();
	return data;
}

static void
queue_late(void)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, late, NULL))
		abort();
	pthread_detach(thread);
}

static const char *
way_name(uint32_t way)
{
	static const char *const names[] = { "UNKNOWN", "TYPED", "IM", "CHAT",
					     "STANZA", "TEXT", "IRC",
					     "RECEIVED", "ARRIVED", "LINE" };

	return way < G_N_ELEMENTS(names) ? names[way] : names[0];
}

static char *
with_instead(const char *text, const char *needle, const char *instead)
{
	char **parts = g_strsplit(text, needle, -1);
	char *joined = g_strjoinv(instead, parts);
	char *copy = strdup(joined);

	g_free(joined);
	g_strfreev(parts);
	return copy;
}

/* What is returned; what is written goes into the reply. */
static int
verdict(const char *word, struct ponion_reply *r)
{
	r->verdict = PONION_BLOCK;
	if (strcmp(word, "ALLOW") == 0 || strcmp(word, "WRITES") == 0)
		r->verdict = PONION_ALLOW;
	else if (strcmp(word, "HOLD") == 0)
		r->verdict = PONION_HOLD;
	if (strcmp(word, "SAYS") == 0)
		return PONION_ALLOW;
	return strcmp(word, "WRITES") == 0 ? PONION_BLOCK : (int)r->verdict;
}

static int
by_rule(const struct ponion_message *m, struct ponion_reply *r, char **rule)
{
	int returned = verdict(rule[2], r);

	if (rule[3])
		r->text = with_instead(m->text, rule[1], rule[3]);
	g_strlcpy(r->reason, "fake-rule", sizeof(r->reason));
	if (r->verdict == PONION_BLOCK)
		g_snprintf(r->told, sizeof(r->told), "fake <%s> said no",
			   way_name(m->way));
	return returned;
}

int
fake_decide(const struct ponion_message *m, struct ponion_reply *r)
{
	const char *wire = getenv("FAKE_WIRE"), *slow = getenv("FAKE_SLOW");
	char **rules, **l;
	int returned = -1;

	if (getenv("FAKE_BROKEN") || m->sign_on != sign_on ||
	    m->length != strlen(m->text))
		return PONION_BLOCK;
	if (m->way == PONION_WAY_RECEIVED && slow)
		g_usleep((gulong)atoi(slow) * 1000);
	if (m->way == PONION_WAY_TYPED && strstr(m->text, "lines"))
		queue("FAKE_LINES");
	if (!wire || !strchr(wire, '|'))
		return verdict(wire ? wire : "BLOCK", r);
	rules = g_strsplit(wire, ";", -1);
	for (l = rules; *l && returned < 0; l++) {
		char **rule = g_strsplit(*l, "|", 4);

		if (rule[0] && rule[1] && rule[2] &&
		    (!strcmp(rule[0], "*") ||
		     !strcmp(rule[0], way_name(m->way))) &&
		    strstr(m->text, rule[1]))
			returned = by_rule(m, r, rule);
		g_strfreev(rule);
	}
	g_strfreev(rules);
	return returned < 0 ? verdict("ALLOW", r) : returned;
}

int
fake_next_line(struct ponion_line *line)
{
	char *next, **parts;

	if (getenv("FAKE_BROKEN"))
		return 0;
	pthread_mutex_lock(&lock);
	next = g_queue_pop_head(&lines);
	pthread_mutex_unlock(&lock);
	if (!next)
		return 0;
	parts = g_strsplit(next, "|", 3);
	line->handle = account;
	line->sign_on = sign_on - (strcmp(parts[0], "STALE") == 0);
	line->kind = PONION_LINE_SEND;
	if (strcmp(parts[0], "SAY") == 0)
		line->kind = PONION_LINE_SAY;
	else if (strcmp(parts[0], "SHOW") == 0)
		line->kind = PONION_LINE_SHOW;
	line->buddy = strdup(parts[1]);
	line->text = strdup(parts[2]);
	g_strfreev(parts);
	g_free(next);
	return 1;
}

int
fake_next_event(struct ponion_event *ev)
{
	pthread_mutex_lock(&lock);
	ev->sign_on = GPOINTER_TO_UINT(g_queue_pop_head(&results));
	pthread_mutex_unlock(&lock);
	ev->kind = PONION_EVENT_RESULT;
	return ev->sign_on != 0;
}

/* ---- call ---- */

static char *
answer(gboolean ok, const char *text)
{
	GKeyFile *file = g_key_file_new();
	char *data, *copy;

	g_key_file_set_boolean(file, "answer", "ok", ok);
	g_key_file_set_string(file, "answer", "text", text);
	data = g_key_file_to_data(file, NULL, NULL);
	copy = strdup(data);
	g_free(data);
	g_key_file_free(file);
	return copy;
}

/* Says back what it was asked, so that a test can read it. */
static char *
echo(GKeyFile *request)
{
	static const char *const keys[] = { "account", "verb", "buddy",
		"fingerprint", "trust", "typed", "text", "protocol", "name", "sign_on",
		"on_list", "pidgin_otr", "lurch" };
	GString *text = g_string_new(NULL);
	char *copy;
	gsize i;

	for (i = 0; i < G_N_ELEMENTS(keys); i++) {
		char *value = g_key_file_get_string(request, "request",
						    keys[i], NULL);

		if (value)
			g_string_append_printf(text, "%s=[%s] ", keys[i],
					       value);
		g_free(value);
	}
	copy = answer(TRUE, text->str);
	g_string_free(text, TRUE);
	return copy;
}

static void
verb_queues(GKeyFile *request)
{
	char *verb = g_key_file_get_string(request, "request", "verb", NULL);

	if (!g_strcmp0(verb, "refresh"))
		queue("FAKE_LINES");
	else if (!g_strcmp0(verb, "status"))
		queue_late();
	else if (!g_strcmp0(verb, "end-all"))
		queue("FAKE_FAREWELL");
	g_free(verb);
}

static char *
generate(void)
{
	pthread_mutex_lock(&lock);
	g_queue_push_tail(&results, GUINT_TO_POINTER(7));
	pthread_mutex_unlock(&lock);
	wake();
	return strdup("[answer]\nok=true\npending=7\n");
}

char *
fake_call(const char *text)
{
	GKeyFile *request = g_key_file_new();
	char *op, *reply = NULL;

	if (!g_key_file_load_from_data(request, text, (gsize)-1,
				       G_KEY_FILE_NONE, NULL)) {
		g_key_file_free(request);
		return NULL;
	}
	op = g_key_file_get_string(request, "request", "op", NULL);
	if (!g_strcmp0(op, "otr-list")) {
		reply = strdup(
			"[answer]\nok=true\nkeys=1\nfingerprints=1\n"
			"[key1]\naccount=prpl-irc:al@irc.test\n"
			"fingerprint=0123456789ABCDEF0123456789ABCDEF01234567\n"
			"[fp1]\naccount=prpl-jabber:alice@server.test/\n"
			"buddy=bob@server.test\ntrust=\n"
			"fingerprint=89ABCDEF0123456789ABCDEF0123456789ABCDEF\n");
	} else if (!g_strcmp0(op, "otr-generate")) {
		reply = generate();
	} else if (!g_strcmp0(op, "result")) {
		reply = answer(TRUE, "a new key");
	} else if (op && g_str_has_prefix(op, "otr")) {
		verb_queues(request);
		reply = getenv("FAKE_QUIET") ? answer(TRUE, "quiet")
					     : echo(request);
	}
	g_free(op);
	g_key_file_free(request);
	return reply;
}
