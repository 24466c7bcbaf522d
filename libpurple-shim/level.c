/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Which protection an account has. */
#include "shim.h"

#include <errno.h>
#include <string.h>

#include <glib/gstdio.h>

#include <core.h>

/* node@domain/resource (RFC 7622): a resource may hold another "@". */
char *
level_domain(PurpleAccount *account)
{
	const char *name = purple_account_get_username(account);
	char *bare = g_strndup(name, strcspn(name, "/"));
	const char *at = strchr(bare, '@');
	char *domain = g_strdup(at ? at + 1 : bare);

	g_free(bare);
	return domain;
}

/* The port that libpurple will ask for (irc.c and jabber.c). */
static guint32
port_of(PurpleAccount *account)
{
	if (purple_strequal(account->protocol_id, "prpl-irc"))
		return purple_account_get_int(account, "port",
			purple_account_get_bool(account, "ssl", FALSE) ? 994
								       : 6667);
	return purple_account_get_int(account, "port", 5222);
}

static gboolean
dead_proxy(PurpleAccount *account)
{
	PurpleProxyInfo *proxy = purple_account_get_proxy_info(account);

	return proxy &&
	       purple_proxy_info_get_type(proxy) == PURPLE_PROXY_TOR &&
	       purple_proxy_info_get_port(proxy) == SHIM_DEAD_PORT;
}

gboolean
level_marked(PurpleAccount *account)
{
	const char *setting = purple_account_get_string(account, SHIM_LEVEL,
							NULL);

	return (setting && !purple_strequal(setting, "none")) ||
	       dead_proxy(account);
}

/* Where that cannot be told there is one. */
static gboolean
policy_there(void)
{
	GStatBuf st;

	return g_lstat(SHIM_POLICY, &st) == 0 || errno != ENOENT;
}

/*
 * Without a helper there is no record to compare with. An account that says
 * anything but none, or whose proxy is the dead one, is taken for protected;
 * so is a new one, and every one where the administrator may want that.
 */
static int
level_alone(PurpleAccount *account, struct ponion_answer *answer)
{
	if (!level_marked(account) && !watched_get(account)->added &&
	    !policy_there()) {
		answer->level = PONION_LEVEL_NONE;
		answer->verdict = PONION_ALLOW;
		return PONION_ALLOW;
	}
	g_strlcpy(answer->reason, "helper-missing", sizeof(answer->reason));
	g_snprintf(answer->text, sizeof(answer->text),
		   "purple-onion's helper does not work: %s", helper_fault());
	return PONION_BLOCK;
}

int
level_ask(PurpleAccount *account, guint32 op, gboolean pinned,
	  struct ponion_answer *answer)
{
	const struct ponion_api *api = helper_api();
	const char *setting = purple_account_get_string(account, SHIM_LEVEL,
							NULL);
	struct ponion_account q = { .size = sizeof(q) };
	int verdict;
	char *domain;

	memset(answer, 0, sizeof(*answer));
	answer->size = sizeof(*answer);
	if (!api)
		return level_alone(account, answer);
	domain = level_domain(account);
	q.op = op;
	q.handle = watched_get(account)->handle;
	q.protocol = purple_account_get_protocol_id(account);
	q.name = purple_account_get_username(account);
	q.setting = setting;
	q.domain = domain;
	q.connect_server = purple_account_get_string(account,
						     "connect_server", "");
	q.port = port_of(account);
	q.no_proxy_live = process_no_proxy_live();
	q.pinned = pinned;
	q.asked = op == PONION_OP_CONNECT && times_wanted(account);
	verdict = op == PONION_OP_LOOK ? api->decide_level(&q, answer)
				       : api->decide_connect(&q, answer);
	g_free(domain);
	/* Two witnesses: the value returned and the one written. */
	if (verdict != (int)answer->verdict)
		verdict = PONION_BLOCK;
	watched_get(account)->level = answer->level;
	return verdict;
}

/* As a level; where it cannot be told, the strictest. */
static guint32
level_of(PurpleAccount *account)
{
	struct ponion_answer answer;

	if (level_ask(account, PONION_OP_LOOK, FALSE, &answer) !=
		    PONION_ALLOW ||
	    answer.level == PONION_LEVEL_UNKNOWN)
		return PONION_LEVEL_SECRET;
	return answer.level;
}

gboolean
level_protected(PurpleAccount *account)
{
	return level_of(account) != PONION_LEVEL_NONE;
}

/* One that registers is connected and need not be enabled. */
GList *
level_active(void)
{
	GList *l, *active = NULL;

	for (l = purple_accounts_get_all(); l; l = l->next)
		if (purple_account_get_enabled(l->data, purple_core_get_ui()) ||
		    !purple_account_is_disconnected(l->data))
			active = g_list_append(active, l->data);
	return active;
}

gboolean
level_all_protected(void)
{
	GList *l, *active = level_active();
	gboolean all = active != NULL;

	for (l = active; l && all; l = l->next)
		all = level_protected(l->data);
	g_list_free(active);
	return all;
}

/* The strictest level of an enabled account. */
static guint32
level_strictest(void)
{
	GList *l, *active = level_active();
	guint32 level = PONION_LEVEL_NONE;

	for (l = active; l; l = l->next)
		level = MAX(level, level_of(l->data));
	g_list_free(active);
	return level;
}

gboolean
level_any_protected(void)
{
	return level_strictest() > PONION_LEVEL_NONE;
}

gboolean
level_any_secret(void)
{
	return level_strictest() >= PONION_LEVEL_SECRET;
}
