/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * fakehelper - stands in for the helper, and answers as FAKE_HELPER says:
 *
 *   block            every protected account is blocked, passing
 *   fatal            as block, for good
 *   allow:PORT       the gate is 127.0.0.1:PORT
 *   mismatch:PORT    returns allow, writes block
 *   starting:PORT    Tor is starting until op `status` is asked; then as allow;
 *                    op `audit` makes it ready without a word
 *   ready:PORT       as starting, but Tor is ready while the first refusal is
 *                    not over yet
 *   fatal:PORT       as fatal; op `status` has Tor ready for it too
 *   noport           allows a protected account without a gate
 *   abi              speaks another ABI
 *   old              gives a table that is too small
 *   nostart          cannot start
 *   nopins           cannot say what to pin
 *   new              takes every account without a level for new, and cannot
 *                    say what it gets
 *
 * FAKE_DELAY is how many milliseconds accounts are to be apart.
 * FAKE_CHAIN is the file that gets the certificates which it is asked about;
 * it accepts none, or with FAKE_ACCEPTS all.
 *
 * An account is protected when its setting says so; there is no record.
 * About messages it decides as fakehelper_messages.h says.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <glib.h>

#include "fakehelper_messages.h"

static const char *
mode(void)
{
	const char *m = getenv("FAKE_HELPER");

	return m ? m : "block";
}

static int
is(const char *name)
{
	return g_str_has_prefix(mode(), name);
}

static int fd;			/* where the shim hears of events */
static int news;		/* events that it has not taken yet */
static gboolean tor_ready;

static void
tell_ready(void)
{
	const guint64 one = 1;

	tor_ready = TRUE;
	news++;
	if (write(fd, &one, sizeof(one)) < 0)
		abort();
}

static int
start(const char *settings, int event_fd)
{
	(void)settings;
	fd = event_fd;
	fake_start(event_fd);
	return !is("nostart");
}

static void
stop(void)
{
}

static int
decide_level(const struct ponion_account *q, struct ponion_answer *a)
{
	a->level = PONION_LEVEL_NONE;
	if (q->setting && strcmp(q->setting, "none") != 0)
		a->level = strcmp(q->setting, "secret") == 0 ?
				   PONION_LEVEL_SECRET : PONION_LEVEL_TOR;
	if (is("new") && a->level == PONION_LEVEL_NONE) {
		g_strlcpy(a->reason, "new-account", sizeof(a->reason));
		return PONION_BLOCK;
	}
	a->verdict = PONION_ALLOW;
	return PONION_ALLOW;
}

static int
decide_connect(const struct ponion_account *q, struct ponion_answer *a)
{
	const char *port = strchr(mode(), ':');

	decide_level(q, a);
	if (a->level == PONION_LEVEL_NONE)
		return PONION_ALLOW;
	a->sign_on = fake_sign_on(q->handle);
	g_strlcpy(a->user, "gate-user", sizeof(a->user));
	g_strlcpy(a->password, "gate-password", sizeof(a->password));
	if (port && q->pinned && !q->no_proxy_live)
		a->gate_port = (uint32_t)atoi(port + 1);
	if (((is("allow") || (tor_ready && !is("fatal"))) && a->gate_port) ||
	    is("noport"))
		return PONION_ALLOW;
	a->verdict = PONION_BLOCK;
	a->passing = is("block") || is("starting") || is("ready");
	if (is("ready"))
		tell_ready();
	g_strlcpy(a->reason, "tor-starting", sizeof(a->reason));
	g_strlcpy(a->text, "Tor is starting", sizeof(a->text));
	return is("mismatch") ? PONION_ALLOW : PONION_BLOCK;
}

static int
decide_certificate(const struct ponion_chain *c, struct ponion_answer *a)
{
	GString *all = g_string_new(NULL);
	uint32_t i;

	for (i = 0; i < c->count; i++)
		g_string_append(all, c->pem[i]);
	if (getenv("FAKE_CHAIN") &&
	    !g_file_set_contents(getenv("FAKE_CHAIN"), all->str, -1, NULL))
		abort();
	g_string_free(all, TRUE);
	if (getenv("FAKE_ACCEPTS"))
		a->verdict = PONION_ALLOW;
	return (int)a->verdict;
}

/* FAKE_STATES: the file that gets the states so far, a digit each. */
static void
signon_state(uint64_t sign_on, uint32_t state)
{
	static char all[64];
	gsize n = strlen(all);

	(void)sign_on;
	g_snprintf(all + n, sizeof(all) - n, "%u", state);
	if (getenv("FAKE_STATES") &&
	    !g_file_set_contents(getenv("FAKE_STATES"), all, -1, NULL))
		abort();
}

static int
next_event(struct ponion_event *ev)
{
	if (!news)
		return fake_next_event(ev);
	news--;
	ev->kind = PONION_EVENT_TOR;
	ev->progress = 100;
	g_strlcpy(ev->reason, "ready", sizeof(ev->reason));
	g_strlcpy(ev->text, "Tor is ready", sizeof(ev->text));
	return 1;
}

static char *
call(const char *request)
{
	char *answer;

	if (is("nopins") || getenv("FAKE_BROKEN"))
		return NULL;
	if (strstr(request, "op=status"))
		tell_ready();
	if (strstr(request, "op=audit"))
		tor_ready = TRUE;
	if (strstr(request, "op=pins"))
		return strdup("[answer]\nok=true\n[set]\n"
			      "connection_security=string:require_tls\n"
			      "auth_plain_in_clear=bool:0\n");
	if (strstr(request, "op=delay"))
		return g_strdup_printf("[answer]\nok=true\nms=%s\n",
				       getenv("FAKE_DELAY") ?
				       getenv("FAKE_DELAY") : "0");
	answer = fake_call(request);
	return answer ? answer : strdup("[answer]\nok=false\n"
					"text=a fake helper\n");
}

static void
free_text(char *text)
{
	free(text);
}

static struct ponion_api api = {
	.size = sizeof(api),
	.abi = PONION_ABI,
	.start = start,
	.stop = stop,
	.decide_connect = decide_connect,
	.decide_level = decide_level,
	.decide_certificate = decide_certificate,
	.decide_send = fake_decide,
	.decide_receive = fake_decide,
	.decide_wire = fake_decide,
	.next_line = fake_next_line,
	.signon_state = signon_state,
	.next_event = next_event,
	.call = call,
	.free_text = free_text,
};

__attribute__((visibility("default"))) const struct ponion_api *
ponion_get_api(uint32_t abi)
{
	if (is("abi"))
		api.abi = abi + 1;
	if (is("old"))
		api.size = sizeof(api) - sizeof(void *);
	return &api;
}
