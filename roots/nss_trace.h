// nss_trace is what a root leaves in the files of a database whose rows no
// longer have it: SQLite marks the space as free and keeps the bytes.

#ifndef ECHPROXY_ROOTS_NSS_TRACE_H
#define ECHPROXY_ROOTS_NSS_TRACE_H

#include <stdbool.h>

#include "roots/our_roots.h"

// nss_trace_found says whether a part of `root` that is nobody else's is in the
// files of the database in `dir`: its serial number, subject, public key or
// signature, its digest in a trust object, or the name that we give it.
bool nss_trace_found(const char *dir, const struct our_root *root);

#endif
