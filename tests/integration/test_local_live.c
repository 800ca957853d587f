// The proxy's own pages at work: events as they happen, rules that are in force
// at once, and no watcher that holds anything up.

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "integration/local_bed.h"
#include "support/loopback.h"
#include "support/tunnel_client.h"

enum { kWaitMs = 20000, kMaxWatchers = 16 };

static int64_t now_ms(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

// A watcher of /api/events, and what it was told.
struct watcher {
  int fd;
  char *text;
  size_t len;
};

static void watch(struct watcher *w, struct scene *scene) {
  const char *request = scratch_format(
      scene->scratch, "GET /api/events HTTP/1.1\r\nHost: %s\r\n%s\r\n\r\n",
      local_address(scene), local_bearer(scene));
  *w = (struct watcher){.fd =
                            loopback_connect(proxy_process_port(scene->proxy))};
  cr_assert_geq(w->fd, 0);
  cr_assert(loopback_send(w->fd, request, strlen(request)));
  w->text = calloc(1, 1);
}

// Reads once. False at the end, or after `timeout_ms` without anything.
static bool read_more(struct watcher *w, int timeout_ms) {
  char buffer[65536];
  struct pollfd ready = {.fd = w->fd, .events = POLLIN};
  if (poll(&ready, 1, timeout_ms) != 1) {
    return false;
  }
  ssize_t len = recv(w->fd, buffer, sizeof(buffer), 0);
  if (len <= 0) {
    return false;
  }
  w->text = realloc(w->text, w->len + (size_t)len + 1);
  memcpy(w->text + w->len, buffer, (size_t)len);
  w->len += (size_t)len;
  w->text[w->len] = '\0';
  return true;
}

// Waits until the watcher was told `text`, from the octet `start` on.
static bool told(struct watcher *w, size_t start, const char *text) {
  while (strstr(w->text + start, text) == NULL) {
    if (!read_more(w, kWaitMs)) {
      return false;
    }
  }
  return true;
}

static void unwatch(struct watcher *w) {
  close(w->fd);
  free(w->text);
}

static void start(struct scene *scene, const char *more) {
  scene_open(scene);
  scene_start_site(scene);
  scene_start_dns(scene, NULL);
  scene_start_by_file(scene, scene_write_config(scene, NULL, more),
                      ARGS("--workers", "4"));
}

static void fetch(struct scene *scene, bool through_ca) {
  struct program curl;
  scene_run_fetch(&curl, scene,
                  &(struct scene_fetch){.trust_root_only = !through_ca});
  cr_assert_eq(curl.exit_code, 0, "%s", curl.err);
  program_cleanup(&curl);
}

Test(local_live, tells_what_is_known_and_then_what_happens, .timeout = 120) {
  struct scene scene;
  struct watcher w;
  start(&scene, "");
  fetch(&scene, true);
  watch(&w, &scene);
  cr_assert(told(&w, 0, "event: status\ndata: {\"version\":"), "%s", w.text);
  cr_assert(told(&w, 0, "event: visit\ndata: {\"id\":1,"), "%s", w.text);
  cr_assert(strncmp(w.text, "HTTP/1.1 200 OK\r\n", 17) == 0);
  cr_assert_not_null(strstr(w.text, "Content-Type: text/event-stream\r\n"));
  size_t start_of_next = w.len;
  fetch(&scene, true);
  cr_assert(told(&w, start_of_next, "event: visit\ndata: {\"id\":2,"));
  cr_assert(told(&w, start_of_next, "\"verdict\":\"hidden\""), "%s", w.text);
  // And the totals, when they have changed.
  cr_assert(told(&w, start_of_next, "\"hidden\":2,"), "%s", w.text);
  unwatch(&w);
  scene_close(&scene);
}

// The page shows a connection within 200 ms: the quickest of some tries, on a
// machine that has other things to do.
Test(local_live, tells_of_a_connection_within_200_ms, .timeout = 120) {
  struct scene scene;
  struct watcher w;
  int64_t quickest = kWaitMs;
  start(&scene, "");
  watch(&w, &scene);
  cr_assert(told(&w, 0, "event: status\n"));
  for (int i = 0; i < 10; i++) {
    size_t before = w.len;
    int64_t began = now_ms();
    int fd = tunnel_client_connect(proxy_process_port(scene.proxy), kSiteName,
                                   tap_port(scene.tap));
    cr_assert_geq(fd, 0);
    cr_assert(told(&w, before, "event: visit\n"));
    int64_t took = now_ms() - began;
    quickest = took < quickest ? took : quickest;
    close(fd);
    cr_assert(told(&w, before, "\"done\":true"));
  }
  cr_assert_leq(quickest, 200);
  unwatch(&w);
  scene_close(&scene);
}

Test(local_live, has_a_bounded_number_of_watchers, .timeout = 120) {
  struct scene scene;
  struct watcher watchers[kMaxWatchers];
  start(&scene, "");
  for (int i = 0; i < kMaxWatchers; i++) {
    watch(&watchers[i], &scene);
    cr_assert(told(&watchers[i], 0, "event: status\n"), "%d", i);
  }
  struct watcher one_more;
  watch(&one_more, &scene);
  cr_assert(told(&one_more, 0, "HTTP/1.1 503 "));
  unwatch(&one_more);
  unwatch(&watchers[0]);
  bool has_room = false;
  for (int64_t end = now_ms() + kWaitMs; !has_room && now_ms() < end;) {
    watch(&one_more, &scene);
    has_room = told(&one_more, 0, "\r\n\r\n") &&
               strstr(one_more.text, "HTTP/1.1 200 ") != NULL;
    unwatch(&one_more);
  }
  cr_assert(has_room);
  for (int i = 1; i < kMaxWatchers; i++) {
    unwatch(&watchers[i]);
  }
  scene_close(&scene);
}

// One that does not read is neither waited for nor remembered for.
Test(local_live, holds_back_from_who_does_not_read, .timeout = 120) {
  struct scene scene;
  struct watcher idle, w;
  start(&scene, "");
  watch(&idle, &scene);
  watch(&w, &scene);
  for (int i = 0; i < 40; i++) {
    int fd = tunnel_client_connect(proxy_process_port(scene.proxy), kSiteName,
                                   tap_port(scene.tap));
    cr_assert_geq(fd, 0);
    close(fd);
  }
  cr_assert(told(&w, 0, "\"id\":40,"));
  cr_assert(told(&idle, 0, "\"id\":40,"));
  unwatch(&w);
  unwatch(&idle);
  scene_close(&scene);
}

// Stops the proxy and says how long that took.
static int64_t stop(struct scene *scene) {
  int64_t began = now_ms();
  peer_signal(proxy_process_peer(scene->proxy), SIGTERM);
  cr_assert_eq(peer_wait(proxy_process_peer(scene->proxy), kWaitMs), 0);
  return now_ms() - began;
}

static void expect_end(struct watcher *w) {
  while (read_more(w, kWaitMs)) {
  }
  cr_expect_eq(recv(w->fd, w->text, 1, MSG_DONTWAIT), 0);
}

// With and without another connection, for which the proxy waits 5 seconds.
Test(local_live, lets_no_watcher_hold_up_the_end, .timeout = 120) {
  for (int i = 0; i < 2; i++) {
    struct scene scene;
    struct watcher w;
    int fd = -1;
    start(&scene, "");
    watch(&w, &scene);
    cr_assert(told(&w, 0, "event: status\n"));
    if (i == 1) {
      fd = tunnel_client_connect(proxy_process_port(scene.proxy), kSiteName,
                                 tap_port(scene.tap));
      cr_assert_geq(fd, 0);
      int64_t began = now_ms();
      peer_signal(proxy_process_peer(scene.proxy), SIGTERM);
      expect_end(&w);  // long before the other
      cr_expect_lt(now_ms() - began, 4000);
      close(fd);
      cr_expect_eq(peer_wait(proxy_process_peer(scene.proxy), kWaitMs), 0);
    } else {
      const char *file = local_running_file(&scene);
      cr_assert_eq(access(file, F_OK), 0);
      cr_expect_lt(stop(&scene), 4000);
      expect_end(&w);
      cr_expect_neq(access(file, F_OK), 0);
    }
    unwatch(&w);
    scene_close(&scene);
  }
}

// Posts a rule and returns the answer, its head too.
static const char *post(struct scene *scene, const char *json) {
  struct program curl;
  local_run(&curl, ARGS("-H", local_bearer(scene), "-H",
                        "Content-Type: application/json", "-H",
                        scratch_format(scene->scratch, "Origin: http://%s",
                                       local_address(scene)),
                        "-H", "Sec-Fetch-Site: same-origin", "-d", json,
                        local_url(scene, "/api/rules")));
  cr_assert_eq(curl.exit_code, 0, "%s", curl.err);
  const char *text = scratch_format(scene->scratch, "%s", curl.out);
  program_cleanup(&curl);
  return text;
}

static const char kMine[] = "\n# mine\n[site \"other.test\"]\nmode = strict\n";

Test(local_live, has_a_rule_in_force_for_the_next_connection, .timeout = 120) {
  struct scene scene;
  start(&scene, kMine);
  struct scratch *s = scene.scratch;
  const char *path = scratch_path(s, "echproxy.conf");
  const char *before = scratch_read(s, path, NULL);
  fetch(&scene, true);
  const char *answer =
      post(&scene, "{\"site\":\"secret.test\",\"mode\":\"pass\"}");
  cr_assert_not_null(
      strstr(answer, scratch_format(s, "{\"file\":\"%s\",\"line\":12}", path)),
      "%s", answer);
  cr_assert_str_eq(
      scratch_read(s, path, NULL),
      scratch_format(s, "%s\n[site \"secret.test\"]\nmode = pass\n", before));
  // On whichever worker: who trusts the site's own root gets through now.
  for (int i = 0; i < 8; i++) {
    fetch(&scene, false);
  }
  answer = post(&scene, "{\"site\":\"Secret.Test.\",\"mode\":\"default\"}");
  cr_assert_not_null(strstr(answer, "\"line\":null}"), "%s", answer);
  cr_assert_str_eq(scratch_read(s, path, NULL), before);
  for (int i = 0; i < 8; i++) {
    fetch(&scene, true);
  }
  scene_close(&scene);
}

Test(local_live, takes_rules_one_after_the_other, .timeout = 120) {
  struct scene scene;
  start(&scene, "");
  struct peer *curls[8];
  const char *bearer = local_bearer(&scene);
  const char *url = local_url(&scene, "/api/rules");
  for (int i = 0; i < 8; i++) {
    const char *json = scratch_format(
        scene.scratch, "{\"site\":\"s%d.test\",\"mode\":\"strict\"}", i);
    curls[i] =
        peer_start(ARGS("curl", "-s", "-f", "--noproxy", "", "-H", bearer, "-H",
                        "Content-Type: application/json", "-d", json, url),
                   NULL);
  }
  for (int i = 0; i < 8; i++) {
    cr_expect_eq(peer_wait(curls[i], kWaitMs), 0, "%s", peer_output(curls[i]));
    peer_free(curls[i]);
  }
  const char *text = scratch_read(
      scene.scratch, scratch_path(scene.scratch, "echproxy.conf"), NULL);
  for (int i = 0; i < 8; i++) {
    cr_expect_not_null(
        strstr(text, scratch_format(scene.scratch, "[site \"s%d.test\"]", i)));
  }
  scene_close(&scene);
}

Test(local_live, says_why_a_rule_is_not_in_force, .timeout = 120) {
  static const char kRule[] = "{\"site\":\"secret.test\",\"mode\":\"pass\"}";
  struct scene scene;
  start(&scene, "");
  struct scratch *s = scene.scratch;
  // Somebody is editing the file.
  const char *path = scene_write_config(&scene, NULL, "[proxy");
  const char *before = scratch_read(s, path, NULL);
  const char *answer = post(&scene, kRule);
  cr_assert(strncmp(answer, "HTTP/1.1 500 ", 13) == 0, "%s", answer);
  cr_assert_not_null(strstr(answer, scratch_format(s, "%s:6:", path)), "%s",
                     answer);
  cr_assert_str_eq(scratch_read(s, path, NULL), before);
  // What can be read, but not put in force.
  scene_write_config(&scene, NULL, "[proxy]\nupstream-ca = none.crt\n");
  answer = post(&scene, kRule);
  cr_assert(strncmp(answer, "HTTP/1.1 500 ", 13) == 0, "%s", answer);
  fetch(&scene, true);
  scene_close(&scene);
}
