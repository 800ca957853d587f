// nss_store is one directory with a database of NSS, which a browser takes its
// added roots from, and our roots in it. NSS's own certutil changes it.

#ifndef ECHPROXY_ROOTS_NSS_STORE_H
#define ECHPROXY_ROOTS_NSS_STORE_H

#include <stdbool.h>

#include "keys/key_error.h"
#include "roots/our_roots.h"

// nss_store_look says what the database in `dir` has of ours; nothing when
// there is none. False with the reason in `out_error`.
bool nss_store_look(const char *dir, const struct our_roots *roots,
                    struct our_roots_view *out_view,
                    struct key_error *out_error);

// nss_store_trust makes the current root trusted for websites, and nothing
// else, and removes former ones. Without a database it makes one, and the
// directories that it takes. False with the reason in `out_error`; then the
// current root is not left there half done.
bool nss_store_trust(const char *dir, const struct our_roots *roots,
                     struct key_error *out_error);

// nss_store_untrust removes the current and former roots, and makes sure that
// no byte of them is left in the files. A database that nss_store_trust made
// goes too if nothing has come into it. False with the reason in `out_error`.
bool nss_store_untrust(const char *dir, const struct our_roots *roots,
                       struct key_error *out_error);

// nss_store_has_traces says whether bytes of known roots are anywhere in the
// database's files.
bool nss_store_has_traces(const char *dir, const struct our_roots *roots);

#endif
