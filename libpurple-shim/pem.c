/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A server's certificates as PEM. libpurple itself writes them to files alone
 * (certificate.h), but what it holds is NSS's own structure (ssl-nss.c), and
 * NSS gives the DER of that.
 */
#define _GNU_SOURCE
#include "shim.h"

#include <dlfcn.h>

#include <certificate.h>

#define MAX_CHAIN 16

/* NSS's SECItem (seccomon.h). */
struct item {
	int type;
	unsigned char *data;	/* NSS's own */
	unsigned int len;
};

typedef int (*get_der_fn)(const void *certificate, struct item *der);

/*
 * CERT_GetCertificateDer (NSS 3.44) of the NSS that the certificate's scheme
 * is built on; NULL where it is built on something else.
 */
static get_der_fn
get_der_of(const PurpleCertificateScheme *scheme)
{
	get_der_fn found = NULL;
	Dl_info from;
	void *library;

	if (!dladdr((void *)scheme->export_certificate, &from) ||
	    !from.dli_fname)
		return NULL;
	library = dlopen(from.dli_fname, RTLD_LAZY | RTLD_NOLOAD);
	if (!library)
		return NULL;
	*(void **)&found = dlsym(library, "CERT_GetCertificateDer");
	dlclose(library); /* libpurple holds it */
	return found;
}

/* One certificate as PEM (RFC 7468), owned, or NULL. */
static char *
pem_of(const PurpleCertificate *crt)
{
	get_der_fn get_der = get_der_of(crt->scheme);
	struct item der = { .data = NULL };
	char *text, *pem;

	if (!get_der || get_der(crt->data, &der) != 0 || !der.data)
		return NULL;
	text = g_base64_encode(der.data, der.len);
	pem = g_strconcat("-----BEGIN CERTIFICATE-----\n", text,
			  "\n-----END CERTIFICATE-----\n", NULL);
	g_free(text);
	return pem;
}

char **
pem_chain(GList *chain)
{
	GPtrArray *texts = g_ptr_array_new_with_free_func(g_free);
	GList *l;

	for (l = chain; l && texts->len < MAX_CHAIN; l = l->next) {
		char *pem = pem_of(l->data);

		if (!pem)
			break;
		g_ptr_array_add(texts, pem);
	}
	if (l || !texts->len) {
		g_ptr_array_free(texts, TRUE);
		return NULL;
	}
	g_ptr_array_add(texts, NULL);
	return (char **)g_ptr_array_free(texts, FALSE);
}
