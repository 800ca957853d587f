#include "ech/server_ech_book.h"

#include <pthread.h>
#include <strings.h>

#include "net/xalloc.h"

struct page {
  enum dns_server_scheme scheme;
  uint16_t port;
  char *host;
  struct server_ech *ech;
};

struct server_ech_book {
  pthread_mutex_t mutex;  // guards the rest
  unsigned num_refs;
  struct page *pages;
  size_t num_pages;
};

struct server_ech_book *server_ech_book_new(void) {
  struct server_ech_book *book = xcalloc(1, sizeof(*book));
  book->num_refs = 1;
  if (pthread_mutex_init(&book->mutex, NULL) != 0) {
    abort();
  }
  return book;
}

void server_ech_book_ref(struct server_ech_book *book) {
  pthread_mutex_lock(&book->mutex);
  book->num_refs++;
  pthread_mutex_unlock(&book->mutex);
}

void server_ech_book_unref(struct server_ech_book *book) {
  if (book == NULL) {
    return;
  }
  pthread_mutex_lock(&book->mutex);
  bool is_last = --book->num_refs == 0;
  pthread_mutex_unlock(&book->mutex);
  if (!is_last) {
    return;
  }
  for (size_t i = 0; i < book->num_pages; i++) {
    free(book->pages[i].host);
    server_ech_unref(book->pages[i].ech);
  }
  free(book->pages);
  pthread_mutex_destroy(&book->mutex);
  free(book);
}

static struct page *find(const struct server_ech_book *book,
                         const struct dns_server *server) {
  for (size_t i = 0; i < book->num_pages; i++) {
    struct page *page = &book->pages[i];
    if (page->scheme == server->scheme && page->port == server->port &&
        strcasecmp(page->host, server->host) == 0) {
      return page;
    }
  }
  return NULL;
}

static struct page *add(struct server_ech_book *book,
                        const struct dns_server *server) {
  book->pages =
      xrealloc(book->pages, (book->num_pages + 1) * sizeof(*book->pages));
  struct page *page = &book->pages[book->num_pages++];
  *page = (struct page){server->scheme, server->port, xstrdup(server->host),
                        server_ech_new()};
  return page;
}

struct server_ech *server_ech_book_find(struct server_ech_book *book,
                                        const struct dns_server *server) {
  pthread_mutex_lock(&book->mutex);
  const struct page *page = find(book, server);
  if (page == NULL) {
    page = add(book, server);
  }
  struct server_ech *ech = page->ech;
  server_ech_ref(ech);
  pthread_mutex_unlock(&book->mutex);
  return ech;
}
