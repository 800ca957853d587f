#include "proxy/proxy.h"

#include <utlist.h>

static void list_add(struct connection **list, struct connection *connection,
                     void (*close)(void *owner), void *owner) {
  connection->close = close;
  connection->owner = owner;
  DL_PREPEND(*list, connection);
}

static void close_list(struct connection *const *list) {
  while (*list != NULL) {
    (*list)->close((*list)->owner);
  }
}

void proxy_add(struct proxy *proxy, struct connection *connection,
               void (*close)(void *owner), void *owner) {
  list_add(&proxy->connections, connection, close, owner);
  proxy->num_connections++;
  proxy->limit->num_connections++;
}

void proxy_remove(struct proxy *proxy, struct connection *connection) {
  DL_DELETE(proxy->connections, connection);
  proxy->num_connections--;
  proxy->limit->num_connections--;
}

void proxy_add_watcher(struct proxy *proxy, struct connection *connection,
                       void (*close)(void *owner), void *owner) {
  list_add(&proxy->watchers, connection, close, owner);
}

void proxy_remove_watcher(struct proxy *proxy, struct connection *connection) {
  DL_DELETE(proxy->watchers, connection);
}

void proxy_close_watchers(struct proxy *proxy) { close_list(&proxy->watchers); }

bool proxy_is_full(const struct proxy *proxy) {
  return proxy->limit->num_connections >= proxy->limit->max_connections;
}

// What is asked for is on the user's machine by its name or address (RFC 6761,
// section 6.3), so through a proxy it would be another. A name of public DNS
// with such an address is not meant.
const struct upstream *proxy_via(const struct upstream *upstream,
                                 const struct lookup_answer *answer) {
  bool is_here = answer->status == LOOKUP_LOCAL && answer->num_addresses > 0 &&
                 address_is_loopback(&answer->addresses[0]);
  return is_here ? NULL : upstream;
}

const char *proxy_keeps_from(const struct lookup_answer *answer,
                             bool is_from_here) {
  return !is_from_here && lookup_answer_leads_to_loopback(answer)
             ? "The site has an address on the loopback of the proxy's "
               "machine, "
               "which is for programs on that machine only."
             : NULL;
}

void proxy_close_all(struct proxy *proxy) {
  close_list(&proxy->connections);
  close_list(&proxy->watchers);
}
