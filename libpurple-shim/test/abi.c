/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * abi HELPER.so - calls the real helper as a hostile or broken shim would, and
 * checks that nothing is allowed, written out of bounds or left unterminated.
 */
#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>

#include "ponion.h"

static const struct ponion_api *api;
static int failed;

static void
check(int ok, const char *what)
{
	printf("%s %s\n", ok ? "ok" : "FAILED", what);
	failed |= !ok;
}

static struct ponion_account
good_account(void)
{
	struct ponion_account q = { .size = sizeof(q), .op = PONION_OP_CONNECT,
		.handle = 1, .protocol = "prpl-jabber", .name = "a@a.test/",
		.setting = "tor", .domain = "a.test", .connect_server = "",
		.port = 5222, .pinned = 1 };

	return q;
}

/* An answer between guards, to see what is written beside it. */
struct guarded {
	char before[64];
	struct ponion_answer answer;
	char after[64];
};

static void
arm(struct guarded *g, uint32_t size)
{
	memset(g, 0x5a, sizeof(*g));
	g->answer.size = size;
}

static int
intact(const struct guarded *g)
{
	size_t i;

	for (i = 0; i < sizeof(g->before); i++)
		if (g->before[i] != 0x5a || g->after[i] != 0x5a)
			return 0;
	return 1;
}

static int
terminated(const struct ponion_answer *a)
{
	return memchr(a->user, 0, sizeof(a->user)) &&
	       memchr(a->password, 0, sizeof(a->password)) &&
	       memchr(a->reason, 0, sizeof(a->reason)) &&
	       memchr(a->text, 0, sizeof(a->text));
}

/* Every size of the answer that is not ours must be refused untouched. */
static void
answer_sizes(void)
{
	static const uint32_t sizes[] = { 0, 1, 4, sizeof(struct ponion_answer) - 1 };
	struct ponion_account q = good_account();
	struct guarded g;
	size_t i, k;

	for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		arm(&g, sizes[i]);
		check(api->decide_connect(&q, &g.answer) == PONION_BLOCK,
		      "a small answer is a block");
		for (k = 4; k < sizeof(g.answer); k++)
			if (((char *)&g.answer)[k] != 0x5a)
				break;
		check(intact(&g) && k == sizeof(g.answer),
		      "a small answer is not written to");
	}
	arm(&g, sizeof(g.answer));
	check(api->decide_connect(&q, &g.answer) == PONION_BLOCK &&
	      g.answer.verdict == PONION_BLOCK && intact(&g) &&
	      terminated(&g.answer) && g.answer.reason[0],
	      "a whole answer is a block with a reason");
	arm(&g, sizeof(g.answer) + 8);
	check(api->decide_connect(&q, &g.answer) == PONION_BLOCK && intact(&g),
	      "a newer shim's answer");
}

static void
account_edges(void)
{
	struct ponion_account q = good_account();
	struct guarded g;
	char *huge = malloc(PONION_TEXT_MAX + 10);

	arm(&g, sizeof(g.answer));
	q.size = sizeof(q) - 1;
	check(api->decide_connect(&q, &g.answer) == PONION_BLOCK, "a small account");
	check(api->decide_connect(NULL, &g.answer) == PONION_BLOCK, "no account");
	q = good_account();
	check(api->decide_connect(&q, NULL) == PONION_BLOCK, "no answer");
	q.name = NULL;
	check(api->decide_level(&q, &g.answer) == PONION_BLOCK, "no name");
	q = good_account();
	q.name = "\xff\xfe\x80";
	check(api->decide_level(&q, &g.answer) == PONION_BLOCK && intact(&g),
	      "bad UTF-8, protected by its setting alone");
	memset(huge, 'a', PONION_TEXT_MAX + 9);
	huge[PONION_TEXT_MAX + 9] = '\0';
	q.name = q.setting = q.domain = q.protocol = huge;
	check(api->decide_connect(&q, &g.answer) == PONION_BLOCK && intact(&g),
	      "huge texts");
	free(huge);
}

static void
chain_edges(void)
{
	struct ponion_chain c = { .size = sizeof(c), .handle = 1 };
	const char *const texts[] = { "garbage", NULL, "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n" };
	struct guarded g;

	arm(&g, sizeof(g.answer));
	check(api->decide_certificate(NULL, &g.answer) == PONION_BLOCK, "no chain");
	check(api->decide_certificate(&c, NULL) == PONION_BLOCK, "no answer for a chain");
	check(api->decide_certificate(&c, &g.answer) == PONION_BLOCK, "an empty chain");
	c.count = 1000;
	check(api->decide_certificate(&c, &g.answer) == PONION_BLOCK, "a chain of nothing");
	c.pem = texts;
	c.count = 3;
	check(api->decide_certificate(&c, &g.answer) == PONION_BLOCK && intact(&g) &&
	      terminated(&g.answer), "a chain of garbage");
}

typedef int (*decide_fn)(const struct ponion_message *,
			 struct ponion_reply *);

static int
blocks(decide_fn decide, const struct ponion_message *m)
{
	struct { char before[64]; struct ponion_reply r; char after[64]; } g;
	int returned;
	size_t i;

	memset(&g, 0x5a, sizeof(g));
	g.r.size = sizeof(g.r);
	g.r.text = NULL;
	returned = decide(m, &g.r);
	for (i = 0; i < sizeof(g.before); i++)
		if (g.before[i] != 0x5a || g.after[i] != 0x5a)
			return 0;
	api->free_text(g.r.text);
	return returned == PONION_BLOCK && g.r.verdict == PONION_BLOCK &&
	       memchr(g.r.reason, 0, sizeof(g.r.reason)) &&
	       memchr(g.r.told, 0, sizeof(g.r.told));
}

/* There is no sign-on here: whatever is asked, nothing is allowed. */
static void
message_edges(void)
{
	decide_fn const all[] = { api->decide_send, api->decide_receive,
				  api->decide_wire };
	struct ponion_message good = { .size = sizeof(good), .sign_on = 1,
		.length = 5, .buddy = "b@b.test", .text = "words" }, m;
	struct ponion_reply small = { .size = sizeof(small) - 1,
				      .verdict = 0x5a5a };
	char *huge = calloc(1, PONION_MESSAGE_MAX + 2);
	size_t i;
	uint32_t way;

	memset(huge, 'a', PONION_MESSAGE_MAX + 1);
	for (i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		for (way = 0; way < 300; way++) {
			m = good;
			m.way = way;
			m.flags = way * 7;
			if (!blocks(all[i], &m))
				break;
		}
		check(way == 300, "a message of any way");
		check(blocks(all[i], NULL), "no message");
		check(all[i](&good, NULL) == PONION_BLOCK, "no reply");
		check(all[i](&good, &small) == PONION_BLOCK &&
		      small.verdict == 0x5a5a, "a small reply");
		m = good;
		m.size--;
		check(blocks(all[i], &m), "a small message");
		m = good;
		m.text = NULL;
		check(blocks(all[i], &m), "no text");
		m = good;
		m.buddy = NULL;
		check(blocks(all[i], &m), "no buddy");
		m = good;
		m.buddy = m.text = "\xff\xfe\x80\xc3\x28";
		check(blocks(all[i], &m), "bad UTF-8 in a message");
		m = good;
		m.text = huge;
		m.length = PONION_MESSAGE_MAX + 1;
		check(blocks(all[i], &m), "a message that is too long");
		m.length--;
		check(blocks(all[i], &m), "the longest message");
	}
	free(huge);
}

static void
line_edges(void)
{
	struct ponion_line line = { .size = sizeof(line) - 1 };

	check(api->next_line(NULL) == 0, "no line struct");
	check(api->next_line(&line) == 0, "a small line struct");
	line.size = sizeof(line);
	check(api->next_line(&line) == 0 && !line.buddy && !line.text,
	      "no line");
}

static void
call_edges(void)
{
	static const char *const requests[] = { "", "[", "[request]", "[request]\nop=", "x=y",
		"[request]\nop=nonsense\n", "[request]\nop=protect\n", "[request]\nop=result\n number=99999999999999999999\n",
		"[request]\nop=otr\n", "[request]\nop=otr\nsign_on=1\nverb=start\nbuddy=b\n",
		"[request]\nop=otr-trust\n", "[request]\nop=otr-forget\naccount=x\n",
		"[request]\nop=protect\nlevel=tor\n[account]\nprotocol=prpl-gg\nname=1\n", "\xff\xff[request]\nop=status\n" };
	size_t i;

	check(api->call(NULL) == NULL, "no request");
	for (i = 0; i < sizeof(requests) / sizeof(requests[0]); i++) {
		char *answer = api->call(requests[i]);

		check(answer && strstr(answer, "ok=false"), requests[i]);
		api->free_text(answer);
	}
	api->free_text(NULL);
}

static void *
hammer(void *unused)
{
	struct ponion_account q = good_account();
	struct ponion_answer a;
	int i;

	(void)unused;
	for (i = 0; i < 5000; i++) {
		memset(&a, 0, sizeof(a));
		a.size = sizeof(a);
		if (api->decide_connect(&q, &a) != PONION_BLOCK)
			return (void *)1;
	}
	return NULL;
}

static void
threads(void)
{
	pthread_t t[8];
	void *bad = NULL, *one;
	int i;

	for (i = 0; i < 8; i++)
		pthread_create(&t[i], NULL, hammer, NULL);
	for (i = 0; i < 8; i++) {
		pthread_join(t[i], &one);
		bad = one ? one : bad;
	}
	check(!bad, "eight threads at once");
}

static void
events(void)
{
	struct ponion_event ev = { .size = sizeof(ev) - 1 };
	int i;

	check(api->next_event(NULL) == 0, "no event struct");
	check(api->next_event(&ev) == 0, "a small event struct");
	ev.size = sizeof(ev);
	for (i = 0; i < 100000 && api->next_event(&ev) == 1; i++)
		if (!memchr(ev.text, 0, sizeof(ev.text)) ||
		    !memchr(ev.reason, 0, sizeof(ev.reason)))
			failed = 1;
	check(i < 100000 && !failed, "events end and are terminated");
}

int
main(int argc, char **argv)
{
	const struct ponion_api *(*get)(uint32_t);
	void *library = argc == 3 ? dlopen(argv[1], RTLD_NOW | RTLD_LOCAL) : NULL;
	char settings[4096];
	int fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);

	if (!library) {
		fprintf(stderr, "usage: abi HELPER.so USER_DIR\n");
		return 2;
	}
	*(void **)&get = dlsym(library, "ponion_get_api");
	check(get(PONION_ABI + 1) == NULL, "another ABI gets no table");
	api = get(PONION_ABI);
	check(api->size == sizeof(*api) && api->abi == PONION_ABI, "the table");
	answer_sizes();		/* not started: all of it must hold already */
	message_edges();
	line_edges();
	check(api->start(NULL, fd) == 0, "start without settings");
	check(api->start("nonsense", fd) == 0, "start with nonsense");
	check(api->start("[start]\nuser_dir=relative\n", fd) == 0, "start with a relative directory");
	snprintf(settings, sizeof(settings), "[start]\nuser_dir=%s\n", argv[2]);
	check(api->start(settings, fd) == 1, "start");
	check(api->start(settings, fd) == 0, "start twice");
	answer_sizes();
	account_edges();
	chain_edges();
	message_edges();
	line_edges();
	call_edges();
	threads();
	events();
	api->signon_state(0, 7);
	api->signon_state(UINT64_MAX, UINT32_MAX);
	api->stop();
	api->stop();
	answer_sizes();
	check(api->start(settings, fd) == 1, "start again");
	api->stop();
	return failed;
}
