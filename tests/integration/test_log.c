// What the log of a busy proxy holds: no more than a person can read, and no
// name of a site.

#include <criterion/criterion.h>
#include <signal.h>
#include <string.h>

#include "support/scene.h"
#include "support/tunnel_client.h"

enum { kWrittenOut = 20, kMore = 40, kAnswerMs = 20000 };

static size_t count(const char *text, const char *part) {
  size_t num = 0;
  for (; (text = strstr(text, part)) != NULL; text += strlen(part)) {
    num++;
  }
  return num;
}

static void start(struct scene *scene, const char *const args[]) {
  scene_open(scene);
  scene_start_echo(scene);
  scene_start_dns(scene, NULL);
  scene_start_proxy(scene, args);
}

static void ask_for_nothing(struct scene *scene, size_t num) {
  for (size_t i = 0; i < num; i++) {
    cr_assert_eq(tunnel_client_connect(proxy_process_port(scene->proxy),
                                       "nowhere.test", 443),
                 -1);
  }
}

// Stops the proxy and returns all that it logged.
static const char *stop(struct scene *scene) {
  struct peer *proxy = proxy_process_peer(scene->proxy);
  peer_signal(proxy, SIGTERM);
  cr_assert_eq(peer_wait(proxy, kAnswerMs), 0, "%s", peer_output(proxy));
  return peer_output(proxy);
}

Test(log, sums_up_what_repeats_and_names_nobody, .timeout = 60) {
  static const char *const kArgs[] = {"--workers", "2", NULL};
  struct scene scene;
  start(&scene, kArgs);
  ask_for_nothing(&scene, kWrittenOut + kMore);
  const char *log = stop(&scene);
  cr_expect_eq(count(log, "refused step=find-ech"), kWrittenOut + 1, "%s", log);
  cr_expect_eq(count(log, " ... 40 more like this in "), 1, "%s", log);
  cr_expect_null(strstr(log, "nowhere"), "%s", log);
  scene_close(&scene);
}

Test(log, sums_up_each_host_when_it_names_them, .timeout = 60) {
  static const char *const kArgs[] = {"-v", "--log-format", "json", NULL};
  struct scene scene;
  start(&scene, kArgs);
  ask_for_nothing(&scene, kWrittenOut + kMore);
  const char *log = stop(&scene);
  cr_expect_eq(count(log, "\"host\":\"nowhere.test\""), kWrittenOut + 1, "%s",
               log);
  cr_expect_eq(count(log, "\"repeats\":40,"), 1, "%s", log);
  scene_close(&scene);
}
