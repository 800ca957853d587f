// nss_database is the SQLite files in which NSS, and so Chromium and Firefox,
// keeps certificates (cert9.db) and keys (key4.db). certutil changes them; here
// they are read, and freed of what SQLite leaves behind of rows that are gone.

#ifndef ECHPROXY_ROOTS_NSS_DATABASE_H
#define ECHPROXY_ROOTS_NSS_DATABASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "keys/key_error.h"

// nss_database_exists says whether the directory `dir` has one.
bool nss_database_exists(const char *dir);

// nss_database_cb receives one certificate and what the database calls it, NULL
// for no name. Both are valid until it returns.
typedef void nss_database_cb(void *owner, const uint8_t *der, size_t len,
                             const char *label);

// nss_database_read calls `each` for every certificate. False with the reason
// in `out_error` when the database is locked or none.
bool nss_database_read(const char *dir, nss_database_cb *each, void *owner,
                       struct key_error *out_error);

// nss_database_writable says whether nobody holds the database. False with the
// reason in `out_error`.
bool nss_database_writable(const char *dir, struct key_error *out_error);

// nss_database_empty says whether there is neither a certificate nor a key in
// it. What cannot be read is not empty.
bool nss_database_empty(const char *dir);

// nss_database_holds says whether the bytes `needle` are anywhere in its files,
// free pages and journals included.
bool nss_database_holds(const char *dir, const void *needle, size_t len);

// nss_database_scrub writes the database anew with what is really in it. False
// with the reason in `out_error`.
bool nss_database_scrub(const char *dir, struct key_error *out_error);

// nss_database_remove removes the files of a database and its directory, when
// there is nothing else in it.
void nss_database_remove(const char *dir);

#endif
