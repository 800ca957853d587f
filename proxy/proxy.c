#include "proxy/proxy.h"

#include <utlist.h>

void proxy_add(struct proxy *proxy, struct connection *connection,
               void (*close)(void *owner), void *owner) {
  connection->close = close;
  connection->owner = owner;
  DL_PREPEND(proxy->connections, connection);
  proxy->num_connections++;
}

void proxy_remove(struct proxy *proxy, struct connection *connection) {
  DL_DELETE(proxy->connections, connection);
  proxy->num_connections--;
}

void proxy_close_all(struct proxy *proxy) {
  while (proxy->connections != NULL) {
    proxy->connections->close(proxy->connections->owner);
  }
}
