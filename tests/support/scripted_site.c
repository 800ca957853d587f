#include "support/scripted_site.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "support/loopback.h"

enum { kMaxHello = 1 << 14, kMaxHeld = 64, kDrainMs = 2000 };

struct scripted_site {
  pthread_t thread;
  int listener;
  int wake[2];
  struct site_step steps[kSiteMaxSteps];
  size_t num_steps;
  size_t num_connections;
  int held[kMaxHeld];  // connections that nothing happens on
  size_t num_held;
};

// Ends our direction and waits for the peer to end its own, so that a reset
// does not overtake what was sent.
static void close_in_order(int fd) {
  char dropped[4096];
  struct pollfd poll_fd = {.fd = fd, .events = POLLIN};
  shutdown(fd, SHUT_WR);
  while (poll(&poll_fd, 1, kDrainMs) > 0 &&
         recv(fd, dropped, sizeof(dropped), 0) > 0) {
  }
  close(fd);
}

static void hold(struct scripted_site *site, int fd) {
  if (site->num_held == kMaxHeld) {
    abort();
  }
  site->held[site->num_held++] = fd;
}

static void send_bytes(int fd, enum site_deed deed) {
  static const uint8_t kJunk[] = "\xff\xfe\xfd\xfc\xfb\xfa and so on and on";
  static const char kHttp[] =
      "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nlog in";
  static const uint8_t kAlert[] = {21, 3, 3, 0, 2, 2, 40};
  static const uint8_t kName[] = {21, 3, 3, 0, 2, 2, 112};
  static const uint8_t kHalf[] = {22, 3, 3, 0, 90, 2, 0, 0, 86, 3};
  switch (deed) {
    case SITE_JUNK:
      loopback_send(fd, kJunk, sizeof(kJunk));
      break;
    case SITE_HTTP:
      loopback_send(fd, kHttp, sizeof(kHttp) - 1);
      break;
    case SITE_ALERT:
      loopback_send(fd, kAlert, sizeof(kAlert));
      break;
    case SITE_UNRECOGNIZED_NAME:
      loopback_send(fd, kName, sizeof(kName));
      break;
    case SITE_HALF_RECORD:
      loopback_send(fd, kHalf, sizeof(kHalf));
      break;
    default:
      break;
  }
}

static void answer(int fd, const struct site_step *step, const uint8_t *hello,
                   size_t len) {
  struct tls13_script script = step->tls;
  script.only_server_hello = step->deed != SITE_REFUSE_ECH;
  tls13_script_answer(fd, &script, hello, len);
}

// What is done after the client's hello is in.
static void serve_hello(struct scripted_site *site, int fd,
                        const struct site_step *step, const uint8_t *hello,
                        size_t len) {
  if (step->deed >= SITE_SERVER_HELLO_RESET) {
    answer(fd, step, hello, len);
  }
  send_bytes(fd, step->deed);
  switch (step->deed) {
    case SITE_RESET:
    case SITE_SERVER_HELLO_RESET:
      loopback_reset(fd);
      break;
    case SITE_SILENT:
    case SITE_SERVER_HELLO_SILENT:
      hold(site, fd);
      break;
    default:
      close_in_order(fd);
  }
}

static void serve(struct scripted_site *site, int fd) {
  uint8_t hello[kMaxHello];
  size_t i = site->num_connections++;
  const struct site_step *step =
      &site->steps[i < site->num_steps ? i : site->num_steps - 1];
  if (step->deed == SITE_RESET_AT_ONCE) {
    loopback_reset(fd);
    return;
  }
  if (step->deed == SITE_CLOSE_AT_ONCE) {
    close_in_order(fd);
    return;
  }
  size_t len = tls13_script_read_hello(fd, hello, sizeof(hello));
  if (len == 0) {
    close(fd);
    return;
  }
  serve_hello(site, fd, step, hello, len);
}

static void *run(void *arg) {
  struct scripted_site *site = arg;
  struct pollfd fds[] = {{.fd = site->listener, .events = POLLIN},
                         {.fd = site->wake[0], .events = POLLIN}};
  while (poll(fds, 2, -1) >= 0 && fds[1].revents == 0) {
    int fd = accept4(site->listener, NULL, NULL, SOCK_CLOEXEC);
    if (fd >= 0) {
      serve(site, fd);
    }
  }
  return NULL;
}

struct scripted_site *scripted_site_new(const struct site_step *steps,
                                        size_t num_steps) {
  cr_assert(num_steps > 0 && num_steps <= kSiteMaxSteps);
  struct scripted_site *site = calloc(1, sizeof(*site));
  cr_assert_not_null(site);
  memcpy(site->steps, steps, num_steps * sizeof(*steps));
  site->num_steps = num_steps;
  site->listener = loopback_listen();
  cr_assert_geq(site->listener, 0);
  cr_assert_eq(pipe2(site->wake, O_CLOEXEC), 0);
  cr_assert_eq(pthread_create(&site->thread, NULL, run, site), 0);
  return site;
}

void scripted_site_free(struct scripted_site *site) {
  if (site == NULL) {
    return;
  }
  ssize_t written = write(site->wake[1], "", 1);
  cr_assert_eq(written, 1);
  pthread_join(site->thread, NULL);
  for (size_t i = 0; i < site->num_held; i++) {
    close(site->held[i]);
  }
  close(site->listener);
  close(site->wake[0]);
  close(site->wake[1]);
  free(site);
}

uint16_t scripted_site_port(const struct scripted_site *site) {
  return loopback_port(site->listener);
}
