// server_ech_book has a page for each DNS server that was ever asked: what is
// known about ECH there (server_ech.h). It is shared by all clients, those that
// a reload has replaced too, so that a server whose configuration was found is
// not named in the clear because the user has changed something else, or has
// gone back to it. It is thread-safe.

#ifndef ECHPROXY_ECH_SERVER_ECH_BOOK_H
#define ECHPROXY_ECH_SERVER_ECH_BOOK_H

#include "ech/dns_server.h"
#include "ech/server_ech.h"

struct server_ech_book;

// server_ech_book_new makes an empty one, with one reference.
struct server_ech_book *server_ech_book_new(void);

// server_ech_book_ref adds a reference, and server_ech_book_unref drops one.
// NULL does nothing.
void server_ech_book_ref(struct server_ech_book *book);
void server_ech_book_unref(struct server_ech_book *book);

// server_ech_book_find returns a reference of what is known about `server`, a
// server being one name, port and protocol. There is room for as many as the
// user names.
struct server_ech *server_ech_book_find(struct server_ech_book *book,
                                        const struct dns_server *server);

#endif
