/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Certificates of protected accounts. libpurple would ask the person, with
 * "Accept" as the default, and trust later what was accepted once
 * (certificate.c). For a protected account its verifier is not asked at all:
 * the helper checks the chain for the account's own domain.
 *
 * The verifier gets the PurpleSslConnection as its data, and that has the
 * PurpleConnection as its own (jabber.c, irc.c). Both are compared with what
 * is known to live before anything is read through them.
 */
#include "shim.h"

#include <string.h>

#include <certificate.h>
#include <debug.h>
#include <sslconn.h>

static GHashTable *live;	/* PurpleSslConnection * that stand */
static PurpleSslOps *ops;	/* changed in place */
static void (*own_connect)(PurpleSslConnection *gsc);
static void (*own_close)(PurpleSslConnection *gsc);
static PurpleCertificateVerifier *verifier;	/* changed in place */
static void (*own_start)(PurpleCertificateVerificationRequest *vrq);

static void
ssl_connect(PurpleSslConnection *gsc)
{
	g_hash_table_add(live, gsc);
	own_connect(gsc);
}

static void
ssl_close(PurpleSslConnection *gsc)
{
	g_hash_table_remove(live, gsc);
	own_close(gsc);
}

/* The protected account that a request is for, or NULL. */
static PurpleAccount *
account_of(const PurpleCertificateVerificationRequest *vrq)
{
	PurpleSslConnection *gsc = vrq->cb_data;
	PurpleConnection *gc;

	if (!gsc || !g_hash_table_lookup(live, gsc))
		return NULL;
	gc = gsc->connect_cb_data;
	if (!gc || !PURPLE_CONNECTION_IS_VALID(gc))
		return NULL;
	if (!level_protected(purple_connection_get_account(gc)))
		return NULL;
	return purple_connection_get_account(gc);
}

static gboolean
valid(PurpleAccount *account, GList *certificates)
{
	const struct ponion_api *api = helper_api();
	struct ponion_answer answer = { .size = sizeof(answer),
					.reason = "certificate-invalid" };
	struct ponion_chain chain = { .size = sizeof(chain) };
	char **pem = pem_chain(certificates);
	int verdict = PONION_BLOCK;

	g_strlcpy(answer.text, "the server's certificates cannot be checked: "
		  "too many, or libpurple does not use NSS for TLS",
		  sizeof(answer.text));
	if (api && pem) {
		chain.handle = watched_get(account)->handle;
		chain.count = g_strv_length(pem);
		chain.pem = (const char *const *)pem;
		verdict = api->decide_certificate(&chain, &answer);
	}
	g_strfreev(pem);
	if (verdict == PONION_ALLOW && answer.verdict == PONION_ALLOW)
		return TRUE;
	signon_refuse(account, answer.reason, answer.text, FALSE);
	return FALSE;
}

/*
 * TRUE where a request that is of no known connection names the server of a
 * protected account: then it is refused rather than left to libpurple.
 */
static gboolean
names_protected(const char *host)
{
	GList *l;
	gboolean found = FALSE;

	for (l = purple_connections_get_all(); l && !found; l = l->next) {
		PurpleAccount *account = purple_connection_get_account(l->data);
		char *domain = level_domain(account);

		found = level_protected(account) && host &&
			(!g_ascii_strcasecmp(host, domain) ||
			 !g_ascii_strcasecmp(host, purple_account_get_string(
					account, "connect_server", "")));
		g_free(domain);
	}
	return found;
}

/* TRUE where the connection is one of an account's own. */
static gboolean
attributed(const PurpleCertificateVerificationRequest *vrq)
{
	PurpleSslConnection *gsc = vrq->cb_data;

	return gsc && g_hash_table_lookup(live, gsc) && gsc->connect_cb_data &&
	       PURPLE_CONNECTION_IS_VALID(
		       (PurpleConnection *)gsc->connect_cb_data);
}

static void
start_verification(PurpleCertificateVerificationRequest *vrq)
{
	PurpleAccount *account = account_of(vrq);

	if (!account) {
		if (attributed(vrq) || !names_protected(vrq->subject_name))
			own_start(vrq);
		else
			purple_certificate_verify_complete(
				vrq, PURPLE_CERTIFICATE_INVALID);
		return;
	}
	purple_certificate_verify_complete(vrq,
		valid(account, vrq->cert_chain) ? PURPLE_CERTIFICATE_VALID
						: PURPLE_CERTIFICATE_INVALID);
}

void
certs_init(void)
{
	live = g_hash_table_new(g_direct_hash, g_direct_equal);
	if (purple_ssl_is_supported())
		ops = purple_ssl_get_ops();
	if (ops) {
		own_connect = ops->connectfunc;
		own_close = ops->close;
		ops->connectfunc = ssl_connect;
		ops->close = ssl_close;
	}
	verifier = purple_certificate_find_verifier("x509", "tls_cached");
	if (verifier) {
		own_start = verifier->start_verification;
		verifier->start_verification = start_verification;
	}
}

gboolean
certs_ours(void)
{
	return (!ops || (ops->connectfunc == ssl_connect &&
			 ops->close == ssl_close)) &&
	       (!verifier ||
		verifier->start_verification == start_verification);
}

void
certs_uninit(void)
{
	if (ops) {
		ops->connectfunc = own_connect;
		ops->close = own_close;
	}
	ops = NULL;
	if (verifier)
		verifier->start_verification = own_start;
	verifier = NULL;
	g_hash_table_destroy(live);
	live = NULL;
}
