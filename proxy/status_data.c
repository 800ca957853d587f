#include "proxy/status_data.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "build_config.h"
#include "proxy/config.h"
#include "proxy/local_site.h"
#include "proxy/terms.h"
#include "status/advice.h"
#include "status/journal.h"
#include "status/metrics_text.h"
#include "status/status_json.h"
#include "status/tally.h"
#include "status/visit_json.h"

// The facts and what they borrow.
struct gathered {
  struct status_facts facts;
  char listen_texts[kServiceManagerMaxSockets][kAddressTextSize];
  const char *listen[kServiceManagerMaxSockets];
  char resolver_texts[kOptionsMaxResolvers][kDnsServerUrlSize];
  const char *resolvers[kOptionsMaxResolvers];
  struct advice advice[kAdviceMaxSites + 1];
};

static void gather_listen(struct gathered *g, const struct local_site *local) {
  for (size_t i = 0; i < local->num_listen; i++) {
    g->listen[i] = address_format(g->listen_texts[i], &local->listen[i]);
  }
  g->facts.listen = g->listen;
  g->facts.num_listen = local->num_listen;
}

static void gather_resolvers(struct gathered *g,
                             const struct options *options) {
  g->facts.resolvers_encrypted = true;
  for (size_t i = 0; i < options->num_resolvers; i++) {
    const struct dns_server *server = &options->resolvers[i];
    g->resolvers[i] = dns_server_format(g->resolver_texts[i], server);
    g->facts.resolvers_encrypted &= server->scheme != DNS_SERVER_UDP;
  }
  g->facts.resolvers = g->resolvers;
  g->facts.num_resolvers = options->num_resolvers;
}

static void gather(struct gathered *g, const struct proxy *proxy) {
  const struct local_site *local = proxy->local;
  const struct options *options = &proxy->terms->config->options;
  g->facts = (struct status_facts){
      .version = ECHPROXY_VERSION,
      .boringssl = ECHPROXY_BORINGSSL,
      .pid = getpid(),
      .started_ms = local->started_ms,
      .workers = local->num_workers,
      .mode = options->mode == MODE_STRICT ? "strict" : "prefer",
      .config_file = options->trail.path,
      .state_dir = local->state_dir,
      .ca_path = proxy->ca_path,
      .probe_key = local->probe_key,
      .open = proxy->limit->num_connections,
  };
  gather_listen(g, local);
  gather_resolvers(g, options);
  resolver_health_read(proxy->resolver_health, &g->facts.resolver);
  g->facts.advice = g->advice;
  g->facts.num_advice = advice_book_list(proxy->advice, g->advice);
}

char *status_data_status(const struct proxy *proxy, bool with_age,
                         size_t *out_len) {
  struct gathered g;
  struct tally_counts counts;
  gather(&g, proxy);
  tally_read(proxy->tally, &counts);
  counts.age_s = with_age ? counts.age_s : 0;
  return status_json_status(&g.facts, &counts, out_len);
}

// Takes `text`.
static void send_text(struct stream *browser,
                      const struct local_request *request, const char *type,
                      char *text, size_t len) {
  local_answer_send(
      browser, request,
      &(struct local_answer){.type = type, .body = text, .body_len = len});
  free(text);
}

static const char kJson[] = "application/json";

void status_data_send_status(struct proxy *proxy, struct stream *browser,
                             const struct local_request *request) {
  size_t len;
  char *text = status_data_status(proxy, true, &len);
  send_text(browser, request, kJson, text, len);
}

void status_data_send_visits(struct proxy *proxy, struct stream *browser,
                             const struct local_request *request) {
  size_t len;
  char *text = visit_json_list(proxy->journal, &len);
  send_text(browser, request, kJson, text, len);
}

// Reads the number at the path's end. 0: it is none.
static uint64_t read_id(const struct local_request *request) {
  static const char kFolder[] = "/api/visits/";
  size_t start = sizeof(kFolder) - 1;
  uint64_t id = 0;
  if (request->path.len - start > 18) {  // 18 digits always fit
    return 0;
  }
  for (size_t i = start; i < request->path.len; i++) {
    char c = request->path.data[i];
    if (c < '0' || c > '9') {
      return 0;
    }
    id = id * 10 + (uint64_t)(c - '0');
  }
  return id;
}

void status_data_send_visit(struct proxy *proxy, struct stream *browser,
                            const struct local_request *request) {
  struct visit_row row;
  struct visit_hellos hellos;
  size_t len;
  uint64_t id = read_id(request);
  if (id == 0 || !journal_find(proxy->journal, id, &row, &hellos)) {
    local_answer_error(browser, request, 404,
                       "that visit is not known any more, or never was");
    return;
  }
  char *text = visit_json_detail(&row, &hellos, &len);
  visit_hellos_cleanup(&hellos);
  send_text(browser, request, kJson, text, len);
}

void status_data_send_metrics(struct proxy *proxy, struct stream *browser,
                              const struct local_request *request) {
  const struct metrics_facts facts = {
      .version = ECHPROXY_VERSION,
      .boringssl = ECHPROXY_BORINGSSL,
      .started_ms = proxy->local->started_ms,
      .open = proxy->limit->num_connections,
  };
  struct tally_counts counts;
  size_t len;
  tally_read(proxy->tally, &counts);
  char *text = metrics_text(&facts, &counts, &len);
  send_text(browser, request, METRICS_CONTENT_TYPE, text, len);
}
