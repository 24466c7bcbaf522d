/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Names that are asked of DNS in clear. Whose request it is libpurple does not
 * say, so while a protected account is enabled only names that belong to an
 * enabled unprotected one pass: its domain, its servers, its proxy, and what
 * SRV records of these name. A refusal comes later than the question: callers
 * do not expect one at once, and crash.
 */
#include "shim.h"

#include <string.h>

#include <debug.h>
#include <dnsquery.h>
#include <dnssrv.h>
#include <eventloop.h>
#include <proxy.h>

#define REFUSED "purple-onion: this name is not asked of DNS while a " \
	"protected account is enabled"
#define LEARNED_MAX 256

/* A question that we answer ourselves. */
struct pending {
	gpointer query;
	guint timer;			/* answers it */
	PurpleDnsQueryFailedCallback host_failed;
	PurpleSrvTxtQueryFailedCallback srv_failed;
	PurpleSrvTxtQueryResolvedCallback srv_resolved;
	PurpleSrvTxtQueryData *own;	/* the same question, asked by us */
	GList *records;			/* ... and its answer, owned */
};

static GHashTable *waiting;	/* query -> struct pending, owned */
static GHashTable *learned;	/* names out of SRV records, owned */
static gboolean asking;		/* we are putting a question of our own */

static PurpleDnsQueryUiOps *hosts_before;
static PurpleSrvTxtQueryUiOps *srv_before;

static gboolean
same_or_below(const char *name, const char *domain)
{
	gsize n = name ? strlen(name) : 0, d = domain ? strlen(domain) : 0;

	return d && n >= d && !g_ascii_strcasecmp(name + n - d, domain) &&
	       (n == d || name[n - d - 1] == '.');
}

/* One of the names of a setting that holds some, separated by commas. */
static gboolean
in_setting(PurpleAccount *account, const char *setting, const char *name)
{
	const char *text = purple_account_get_string(account, setting, NULL);
	char **all = g_strsplit_set(text ? text : "", ", ", -1), **l;
	gboolean found = FALSE;

	for (l = all; *l && !found; l++)
		found = **l && !g_ascii_strcasecmp(*l, name);
	g_strfreev(all);
	return found;
}

static gboolean
is_proxy(PurpleAccount *account, const char *name)
{
	PurpleProxyInfo *proxy = purple_proxy_get_setup(account);
	const char *host = proxy ? purple_proxy_info_get_host(proxy) : NULL;

	return host && !g_ascii_strcasecmp(host, name);
}

static gboolean
belongs_to(PurpleAccount *account, const char *name)
{
	char *domain = level_domain(account);
	gboolean own = same_or_below(name, domain);

	g_free(domain);
	return own || in_setting(account, "connect_server", name) ||
	       in_setting(account, "server", name) ||
	       in_setting(account, "ft_proxies", name) ||
	       is_proxy(account, name);
}

/* The enabled unprotected account that a name belongs to, or NULL. */
static PurpleAccount *
owner_of(const char *name)
{
	PurpleAccount *owner = NULL;
	GList *l, *active = level_active();

	for (l = active; l && !owner; l = l->next)
		if (!level_protected(l->data) && belongs_to(l->data, name))
			owner = l->data;
	g_list_free(active);
	return owner;
}

static struct pending *
wait_for(gpointer query)
{
	struct pending *p = g_new0(struct pending, 1);

	p->query = query;
	g_hash_table_insert(waiting, query, p);
	return p;
}

/* What is no longer waited for; its answer is given away. */
static void
forget(struct pending *p)
{
	g_hash_table_remove(waiting, p->query);
	if (p->timer)
		purple_timeout_remove(p->timer);
	if (p->own)
		purple_srv_txt_query_destroy(p->own);
	g_list_free_full(p->records, g_free);
	g_free(p);
}

/* libpurple destroys the question behind the answer, and asks us about it. */
static void
answer(struct pending *p)
{
	struct pending a = *p;

	p->records = NULL;
	forget(p);
	if (a.records)
		a.srv_resolved(a.query, a.records);
	else if (a.host_failed)
		a.host_failed(a.query, REFUSED);
	else
		a.srv_failed(a.query, REFUSED);
}

static gboolean
answer_cb(gpointer data)
{
	struct pending *p = data;

	p->timer = 0;
	answer(p);
	return FALSE;
}

static void
answer_later(struct pending *p)
{
	p->timer = purple_timeout_add(0, answer_cb, p);
}

static void
refuse_later(struct pending *p, const char *name)
{
	purple_debug_info(SHIM_ID, "not asked of DNS: %s\n", name);
	answer_later(p);
}

/* ---- host names ---- */

static gboolean
resolve_host(PurpleDnsQueryData *query, PurpleDnsQueryResolvedCallback resolved,
	     PurpleDnsQueryFailedCallback failed)
{
	const char *name = purple_dnsquery_get_host(query);
	struct pending *p;

	if (!level_any_protected() || g_hash_table_contains(learned, name) ||
	    owner_of(name))
		return hosts_before && hosts_before->resolve_host &&
		       hosts_before->resolve_host(query, resolved, failed);
	p = wait_for(query);
	p->host_failed = failed;
	refuse_later(p, name);
	return TRUE;
}

static void
destroy_host(PurpleDnsQueryData *query)
{
	struct pending *p = g_hash_table_lookup(waiting, query);

	if (p)
		forget(p);
	else if (hosts_before && hosts_before->destroy)
		hosts_before->destroy(query);
}

/* ---- SRV and TXT ---- */

static void
learn(const char *name)
{
	if (g_hash_table_size(learned) < LEARNED_MAX)
		g_hash_table_add(learned, g_strdup(name));
}

/* The answer to the question that we put again. */
static void
answered_cb(PurpleSrvResponse *records, int count, gpointer data)
{
	struct pending *p = data;
	int i;

	p->own = NULL;		/* libpurple frees it */
	for (i = 0; i < count; i++) {
		PurpleSrvResponse *copy = g_new(PurpleSrvResponse, 1);

		*copy = records[i];
		learn(copy->hostname);
		p->records = g_list_append(p->records, copy);
	}
	g_free(records);
	answer_later(p);
}

/*
 * An allowed question is put once more by us, so that we learn which names its
 * answer holds: those are asked next.
 */
static gboolean
ask_again(struct pending *p, PurpleAccount *owner, const char *name)
{
	PurpleSrvTxtQueryData *own;
	char **parts = g_strsplit(name, ".", 3);
	gboolean usual = g_strv_length(parts) == 3 && parts[0][0] == '_' &&
			 parts[1][0] == '_' && parts[2][0];

	if (usual) {
		asking = TRUE;
		own = purple_srv_resolve_account(owner, parts[0] + 1,
						 parts[1] + 1, parts[2],
						 answered_cb, p);
		asking = FALSE;
		if (!p->timer)	/* else it is answered, and gone */
			p->own = own;
	}
	g_strfreev(parts);
	return usual;
}

/* _service._proto.NAME */
static const char *
without_service(const char *name)
{
	while (*name == '_' && strchr(name, '.'))
		name = strchr(name, '.') + 1;
	return name;
}

static gboolean
resolve_before(PurpleSrvTxtQueryData *query,
	       PurpleSrvTxtQueryResolvedCallback resolved,
	       PurpleSrvTxtQueryFailedCallback failed)
{
	return srv_before && srv_before->resolve &&
	       srv_before->resolve(query, resolved, failed);
}

static gboolean
resolve_srv(PurpleSrvTxtQueryData *query,
	    PurpleSrvTxtQueryResolvedCallback resolved,
	    PurpleSrvTxtQueryFailedCallback failed)
{
	const char *name = purple_srv_txt_query_get_query(query);
	PurpleAccount *owner;
	struct pending *p;

	if (asking || !level_any_protected())
		return resolve_before(query, resolved, failed);
	owner = owner_of(without_service(name));
	if (owner && purple_srv_txt_query_get_type(query) !=
			     PurpleDnsTypeSrv)
		return resolve_before(query, resolved, failed);
	p = wait_for(query);
	p->srv_resolved = resolved;
	p->srv_failed = failed;
	if (!owner || !ask_again(p, owner, name))
		refuse_later(p, name);
	return TRUE;
}

static void
destroy_srv(PurpleSrvTxtQueryData *query)
{
	struct pending *p = g_hash_table_lookup(waiting, query);

	if (p)
		forget(p);
	else if (srv_before && srv_before->destroy)
		srv_before->destroy(query);
}

/* ---- load and unload ---- */

static PurpleDnsQueryUiOps hosts_ops = {
	.resolve_host = resolve_host,
	.destroy = destroy_host,
};

static PurpleSrvTxtQueryUiOps srv_ops = {
	.resolve = resolve_srv,
	.destroy = destroy_srv,
};

void
names_init(void)
{
	waiting = g_hash_table_new(g_direct_hash, g_direct_equal);
	learned = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	hosts_before = purple_dnsquery_get_ui_ops();
	purple_dnsquery_set_ui_ops(&hosts_ops);
	srv_before = purple_srv_txt_query_get_ui_ops();
	purple_srv_txt_query_set_ui_ops(&srv_ops);
}

gboolean
names_ours(void)
{
	return purple_dnsquery_get_ui_ops() == &hosts_ops &&
	       purple_srv_txt_query_get_ui_ops() == &srv_ops;
}

/* What waits is answered while our code is still there. */
void
names_uninit(void)
{
	GHashTableIter iter;
	gpointer pending;

	purple_dnsquery_set_ui_ops(hosts_before);
	purple_srv_txt_query_set_ui_ops(srv_before);
	for (;;) {
		g_hash_table_iter_init(&iter, waiting);
		if (!g_hash_table_iter_next(&iter, NULL, &pending))
			break;
		answer(pending);
	}
	g_hash_table_destroy(waiting);
	g_hash_table_destroy(learned);
	waiting = learned = NULL;
}
