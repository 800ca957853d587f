#include "base.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

void die(const char *format, ...) {
  va_list args;
  va_start(args, format);
  fprintf(stderr, "%s: ", program_invocation_short_name);
  vfprintf(stderr, format, args);
  fputc('\n', stderr);
  va_end(args);
  exit(1);
}

// Command lines.

static void set_number(const struct option *option, const char *text) {
  char *end;
  errno = 0;
  unsigned long long number = strtoull(text, &end, 10);
  if (errno != 0 || end == text || *end != '\0' || text[0] == '-' ||
      number < option->min || number > option->max) {
    die("--%s wants a number from %llu to %llu, not '%s'", option->name,
        (unsigned long long)option->min, (unsigned long long)option->max, text);
  }
  *option->number = number;
}

static const struct option *find_option(const struct option *options,
                                        const char *arg) {
  while (options->name != NULL && strcmp(options->name, arg + 2) != 0) {
    options++;
  }
  if (options->name == NULL) {
    die("unknown option %s", arg);
  }
  return options;
}

void options_parse(const struct option *options, const char **out_word,
                   char **argv) {
  for (argv++; *argv != NULL; argv++) {
    if (strncmp(*argv, "--", 2) != 0) {
      if (out_word == NULL || *out_word != NULL) {
        die("what is '%s' for?", *argv);
      }
      *out_word = *argv;
      continue;
    }
    const struct option *option = find_option(options, *argv);
    if (option->flag != NULL) {
      *option->flag = true;
      continue;
    }
    if (*++argv == NULL) {
      die("--%s lacks its value", option->name);
    }
    if (option->text != NULL) {
      *option->text = *argv;
    } else {
      set_number(option, *argv);
    }
  }
}

// Addresses.

static bool parse_ip(struct endpoint *out, const char *ip, uint16_t port) {
  struct sockaddr_in *v4 = (struct sockaddr_in *)&out->address;
  struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&out->address;
  if (inet_pton(AF_INET, ip, &v4->sin_addr) == 1) {
    v4->sin_family = AF_INET;
    v4->sin_port = htons(port);
    out->len = sizeof(*v4);
    return true;
  }
  v6->sin6_family = AF_INET6;
  v6->sin6_port = htons(port);
  out->len = sizeof(*v6);
  return inet_pton(AF_INET6, ip, &v6->sin6_addr) == 1;
}

struct endpoint endpoint_parse(const char *option, const char *text) {
  struct endpoint result = {0};
  char ip[INET6_ADDRSTRLEN + 2] = "";
  const char *colon = strrchr(text, ':');
  size_t len = colon == NULL ? sizeof(ip) : (size_t)(colon - text);
  if (len >= 2 && text[0] == '[' && text[len - 1] == ']') {
    text++;
    len -= 2;
  }
  char *end = ip;
  unsigned long port = colon == NULL ? 0 : strtoul(colon + 1, &end, 10);
  if (len < sizeof(ip)) {
    memcpy(ip, text, len);
  }
  if (len >= sizeof(ip) || *end != '\0' || port > 65535 ||
      !parse_ip(&result, ip, (uint16_t)port)) {
    die("%s wants ADDR:PORT with an IP address, not '%s'", option, text);
  }
  return result;
}

int endpoint_listen(struct endpoint *at, bool shared) {
  int one = 1;
  int fd = socket(at->address.ss_family,
                  SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  // TCP_NODELAY is what the accepted connections inherit.
  if (fd < 0 ||
      setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one)) != 0 ||
      setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) != 0 ||
      (shared &&
       setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &one, sizeof(one)) != 0) ||
      bind(fd, (struct sockaddr *)&at->address, at->len) != 0 ||
      listen(fd, SOMAXCONN) != 0 ||
      getsockname(fd, (struct sockaddr *)&at->address, &at->len) != 0) {
    die("cannot listen: %s", strerror(errno));
  }
  return fd;
}

void endpoint_announce(const struct endpoint *at) {
  char ip[INET6_ADDRSTRLEN] = "";
  const struct sockaddr_in *v4 = (const struct sockaddr_in *)&at->address;
  const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)&at->address;
  if (at->address.ss_family == AF_INET) {
    inet_ntop(AF_INET, &v4->sin_addr, ip, sizeof(ip));
    printf("listening on %s:%d\n", ip, ntohs(v4->sin_port));
  } else {
    inet_ntop(AF_INET6, &v6->sin6_addr, ip, sizeof(ip));
    printf("listening on [%s]:%d\n", ip, ntohs(v6->sin6_port));
  }
  fflush(stdout);
}

int endpoint_accept(int fd) {
  int accepted = accept4(fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
  if (accepted < 0 && errno != EAGAIN && errno != ECONNABORTED) {
    die("cannot accept: %s", strerror(errno));
  }
  return accepted;
}

// Time.

uint64_t now_ns(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}
