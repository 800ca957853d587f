// `echproxy status` against the running proxy: once, live on a terminal, and
// when there is none or something else.

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <dirent.h>
#include <jansson.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support/scene.h"

enum { kRunMs = 30000, kMaxArgs = 16, kNotRunning = 1, kNotAnswering = 2 };

static const char kEnterScreen[] = "\x1b[?1049h";
static const char kLeaveScreen[] = "\x1b[?1049l";

static const char *state_dir(struct scene *scene) {
  return scratch_path(scene->scratch, "state");
}

// The command line of status with `more`, NULL at its end.
static void fill(const char *argv[kMaxArgs], struct scene *scene,
                 const char *const more[]) {
  size_t num = 0;
  argv[num++] = ECHPROXY_BINARY;
  argv[num++] = "status";
  argv[num++] = "--state-dir";
  argv[num++] = state_dir(scene);
  for (; more != NULL && *more != NULL; more++) {
    cr_assert_lt(num, kMaxArgs - 1);
    argv[num++] = *more;
  }
  argv[num] = NULL;
}

static void run(struct program *out, struct scene *scene,
                const char *const more[]) {
  const char *argv[kMaxArgs];
  fill(argv, scene, more);
  program_run(out, argv, proxy_process_env(scene->scratch), kRunMs);
  proxy_process_assert_clean(scene->scratch);
}

static struct peer *watch(struct scene *scene, unsigned short columns,
                          unsigned short rows) {
  const char *argv[kMaxArgs];
  const char *env[8] = {"TERM=xterm", "NO_COLOR="};
  const char *const *more = proxy_process_env(scene->scratch);
  for (size_t i = 2; *more != NULL; i++) {
    cr_assert_lt(i, 7);
    env[i] = *more++;
  }
  fill(argv, scene, (const char *const[]){"--watch", NULL});
  return peer_start_in_terminal(argv, env, columns, rows);
}

static void fetch_site(struct scene *scene) {
  struct program program;
  scene_run_fetch(&program, scene, &(struct scene_fetch){.host = NULL});
  cr_assert_eq(program.exit_code, 0, "%s", program.err);
  program_cleanup(&program);
  proxy_process_wait_idle(scene->proxy, kRunMs);
}

static void expect_says(const struct program *program, const char *text) {
  cr_expect(strstr(program->out, text) || strstr(program->err, text),
            "no '%s' in: %s%s", text, program->out, program->err);
}

Test(status, sums_up_what_the_proxy_has_done, .timeout = 90) {
  struct scene scene;
  struct program program;
  scene_open(&scene);
  scene_start(&scene);
  fetch_site(&scene);
  run(&program, &scene, NULL);
  cr_expect_eq(program.exit_code, 0, "%s", program.err);
  expect_says(&program, scratch_format(scene.scratch, "runs on 127.0.0.1:%u ",
                                       proxy_process_port(scene.proxy)));
  expect_says(&program, "prefer: sites without ECH are passed through");
  expect_says(&program, "answers, encrypted: https://127.0.0.1:");
  expect_says(&program, "browsers accepted 1, rejected 0");
  expect_says(&program, "hidden                    1  100 %");
  expect_says(&program, scratch_format(scene.scratch,
                                       "hidden     secret.test:%u, seen as "
                                       "public.test",
                                       tap_port(scene.tap)));
  cr_expect_null(strchr(program.out, '\x1b'), "colour without a terminal");
  cr_expect_str_empty(program.err, "%s", program.err);
  program_cleanup(&program);
  scene_close(&scene);
}

Test(status, prints_the_proxys_own_json, .timeout = 90) {
  struct scene scene;
  struct program program;
  scene_open(&scene);
  scene_start(&scene);
  run(&program, &scene, (const char *const[]){"--json", NULL});
  cr_expect_eq(program.exit_code, 0, "%s", program.err);
  json_t *json = json_loads(program.out, 0, NULL);
  cr_assert_not_null(json, "%s", program.out);
  cr_expect_eq(json_integer_value(json_object_get(json, "pid")),
               peer_pid(proxy_process_peer(scene.proxy)));
  cr_expect(json_is_object(json_object_get(json, "totals")));
  json_decref(json);
  program_cleanup(&program);
  scene_close(&scene);
}

// Runs curl for the data with the token that is in `url`.
static int fetch_with_token_of(struct scene *scene, const char *url) {
  const char *hash = strchr(url, '#');
  cr_assert_not_null(hash, "%s", url);
  struct program program;
  program_run(&program,
              (const char *const[]){
                  "curl", "-sf", "-H",
                  scratch_format(scene->scratch, "Authorization: Bearer %.43s",
                                 hash + 1),
                  scratch_format(scene->scratch, "%.*sapi/status",
                                 (int)(hash - url), url),
                  NULL},
              NULL, kRunMs);
  int code = program.exit_code;
  program_cleanup(&program);
  return code;
}

Test(status, prints_where_the_page_is, .timeout = 90) {
  struct scene scene;
  struct program program;
  scene_open(&scene);
  scene_start(&scene);
  run(&program, &scene, (const char *const[]){"--url", NULL});
  cr_expect_eq(program.exit_code, 0, "%s", program.err);
  const char *start = scratch_format(scene.scratch, "http://127.0.0.1:%u/#",
                                     proxy_process_port(scene.proxy));
  cr_expect(strncmp(program.out, start, strlen(start)) == 0, "%s", program.out);
  cr_expect_eq(fetch_with_token_of(&scene, program.out), 0);
  program_cleanup(&program);
  scene_close(&scene);
}

// Stands in for xdg-open: it notes its command line and what is in the file.
static const char kOpener[] =
    "#!/bin/sh\n"
    "{ printf '%s\\n' \"$#\" \"$1\"; cat \"$1\"; } >\"$OPENED.new\"\n"
    "mv \"$OPENED.new\" \"$OPENED\"\n";

Test(status, opens_the_page_without_a_token_on_a_command_line, .timeout = 90) {
  struct scene scene;
  struct program program;
  struct stat info;
  const char *argv[kMaxArgs];
  scene_open(&scene);
  scene_start(&scene);
  struct scratch *s = scene.scratch;
  const char *bin = scratch_dir(s, "bin");
  const char *opened = scratch_path(s, "opened");
  chmod(scratch_write(s, "bin/xdg-open", kOpener, sizeof(kOpener) - 1), 0700);
  const char *const env[] = {
      scratch_format(s, "PATH=%s:%s", bin, getenv("PATH")),
      scratch_format(s, "OPENED=%s", opened), NULL};
  fill(argv, &scene, (const char *const[]){"--open", NULL});
  program_run(&program, argv, env, kRunMs);
  cr_expect_eq(program.exit_code, 0, "%s", program.err);
  for (int ms = 0; access(opened, F_OK) != 0 && ms < kRunMs; ms += 10) {
    poll(NULL, 0, 10);
  }
  const char *page =
      scratch_format(s, "%s/running/status-page.html", state_dir(&scene));
  const char *got = scratch_read(s, opened, NULL);
  cr_assert_not_null(got);
  cr_expect(strncmp(got, "1\n", 2) == 0, "%s", got);
  cr_expect(strncmp(got + 2, page, strlen(page)) == 0, "%s", got);
  program.out[strcspn(program.out, "\n")] = '\0';
  cr_expect(
      strstr(got, scratch_format(s, "location.replace(\"%s\")", program.out)),
      "%s", got);
  cr_expect(stat(page, &info) == 0 && (info.st_mode & 0777) == 0600);
  proxy_process_stop(scene.proxy);
  scene.proxy = NULL;
  cr_expect_neq(access(page, F_OK), 0, "it holds a token");
  program_cleanup(&program);
  scene_close(&scene);
}

Test(status, says_so_when_no_proxy_runs, .timeout = 90) {
  struct scene scene;
  struct program program;
  scene_open(&scene);
  run(&program, &scene, NULL);
  cr_expect_eq(program.exit_code, kNotRunning);
  expect_says(&program, "no proxy is running with the state directory");
  expect_says(&program, "--state-dir DIR");
  program_cleanup(&program);
  scene_start(&scene);
  run(&program, &scene, (const char *const[]){"--listen", "127.0.0.1:1", NULL});
  cr_expect_eq(program.exit_code, kNotRunning);
  expect_says(&program, "no proxy is running on 127.0.0.1:1 with");
  program_cleanup(&program);
  proxy_process_stop(scene.proxy);
  scene.proxy = NULL;
  run(&program, &scene, NULL);
  cr_expect_eq(program.exit_code, kNotRunning);
  program_cleanup(&program);
  scene_close(&scene);
}

Test(status, chooses_among_several_and_says_which, .timeout = 90) {
  struct scene scene;
  struct program program;
  scene_open(&scene);
  scene_start(&scene);
  uint16_t older = proxy_process_port(scene.proxy);
  struct proxy_process *first = scene.proxy;
  scene_start_proxy(&scene, NULL);
  uint16_t newer = proxy_process_port(scene.proxy);
  struct scratch *s = scene.scratch;
  run(&program, &scene, (const char *const[]){"--url", NULL});
  cr_expect_eq(program.exit_code, 0);
  cr_expect(strstr(program.out, scratch_format(s, "127.0.0.1:%u/#", newer)));
  cr_expect(
      strstr(program.err, scratch_format(s,
                                         "another one runs on 127.0.0.1:%u: "
                                         "--listen 127.0.0.1:%u",
                                         older, older)),
      "%s", program.err);
  program_cleanup(&program);
  run(&program, &scene,
      (const char *const[]){"--url", "--listen",
                            scratch_format(s, "127.0.0.1:%u", older), NULL});
  cr_expect_eq(program.exit_code, 0);
  cr_expect(strstr(program.out, scratch_format(s, "127.0.0.1:%u/#", older)));
  cr_expect_str_empty(program.err);
  program_cleanup(&program);
  proxy_process_stop(first);
  scene_close(&scene);
}

// A proxy that was killed leaves its file, and another program may have its
// port then.
Test(status, looks_past_a_proxy_that_was_killed, .timeout = 90) {
  struct scene scene;
  struct program program;
  scene_open(&scene);
  scene_start(&scene);
  struct scratch *s = scene.scratch;
  scratch_write(s, "state/running/127.0.0.1:1", "stale\n", 6);
  run(&program, &scene, (const char *const[]){"--url", NULL});
  cr_expect_eq(program.exit_code, 0, "%s", program.err);
  cr_expect(
      strstr(program.out,
             scratch_format(s, ":%u/#", proxy_process_port(scene.proxy))));
  cr_expect_str_empty(program.err, "%s", program.err);
  program_cleanup(&program);
  scene_close(&scene);
}

// Listens and answers every request with `answer`, in a process of its own.
static struct peer *start_impostor(struct scene *scene, const char *answer,
                                   uint16_t *out_port) {
  const char *code = scratch_format(
      scene->scratch,
      "import socket,sys\n"
      "s=socket.create_server(('127.0.0.1',0))\n"
      "print('port',s.getsockname()[1],flush=True)\n"
      "while True:\n"
      "  c=s.accept()[0]\n"
      "  c.recv(65536)\n"
      "  c.sendall(%s)\n"
      "  %s\n",
      answer[0] != '\0' ? answer : "b''", answer[0] != '\0' ? "c.close()" : "");
  struct peer *peer =
      peer_start((const char *const[]){"python3", "-c", code, NULL}, NULL);
  const char *line = peer_wait_line(peer, "port ", kRunMs);
  cr_assert_not_null(line, "%s", peer_output(peer));
  *out_port = (uint16_t)strtoul(line + 5, NULL, 10);
  return peer;
}

Test(status, trusts_no_other_program_at_the_address, .timeout = 90) {
  static const struct {
    const char *answer;
    const char *said;
  } kAnswers[] = {
      {"b'HTTP/1.1 401 No\\r\\nContent-Length: 0\\r\\n\\r\\n'",
       "another proxy than the one"},
      {"b'HTTP/1.1 200 OK\\r\\nContent-Length: 2\\r\\n\\r\\n{}'",
       "not a proxy of this version"},
      {"b'HTTP/1.1 200 OK\\r\\nContent-Length: 9\\r\\n\\r\\n{}'",
       "not a proxy of this version"},
      {"b'SSH-2.0-x\\r\\n\\r\\n'", "not a proxy of this version"},
      {"b'HTTP/1.1 503 No\\r\\nContent-Length: 0\\r\\n\\r\\n'",
       "as many watchers"},
      {"b'HTTP/1.1 200 OK\\r\\n\\r\\n'+b' '*5000000", "its answer is too long"},
      {"", "does not answer in time"},
  };
  struct scene scene;
  scene_open(&scene);
  struct scratch *s = scene.scratch;
  mkdir(state_dir(&scene), 0700);
  mkdir(scratch_path(s, "state/running"), 0700);
  for (size_t i = 0; i < sizeof(kAnswers) / sizeof(kAnswers[0]); i++) {
    uint16_t port;
    struct program program;
    struct peer *impostor = start_impostor(&scene, kAnswers[i].answer, &port);
    const char *file = scratch_format(s, "state/running/127.0.0.1:%u", port);
    scratch_write(s, file, "token\n", 6);
    run(&program, &scene, NULL);
    cr_expect_eq(program.exit_code, kNotAnswering, "%zu: %d: %s", i,
                 program.exit_code, program.err);
    cr_expect(strstr(program.err, kAnswers[i].said), "%zu: %s", i, program.err);
    cr_expect_str_empty(program.out);
    program_cleanup(&program);
    unlink(scratch_path(s, file));
    peer_free(impostor);
  }
  scene_close(&scene);
}

// Others could have put it there, to be told what we ask.
Test(status, sends_no_token_off_this_machine, .timeout = 90) {
  struct scene scene;
  struct program program;
  scene_open(&scene);
  struct scratch *s = scene.scratch;
  mkdir(state_dir(&scene), 0700);
  mkdir(scratch_path(s, "state/running"), 0700);
  scratch_write(s, "state/running/192.0.2.1:8450", "token\n", 6);
  run(&program, &scene, NULL);
  cr_expect_eq(program.exit_code, kNotAnswering);
  expect_says(&program, "192.0.2.1:8450: that is no address of this machine");
  program_cleanup(&program);
  scene_close(&scene);
}

Test(status, watches_only_on_a_terminal, .timeout = 90) {
  struct scene scene;
  struct program program;
  scene_open(&scene);
  run(&program, &scene, (const char *const[]){"--watch", NULL});
  cr_expect_eq(program.exit_code, 64);
  expect_says(&program, "--watch needs a terminal");
  program_cleanup(&program);
  scene_close(&scene);
}

// Nothing of the screen may be left when it ends, whatever ends it.
static void expect_left(struct peer *peer, const char *last) {
  const char *output = peer_output(peer);
  const char *left = NULL;
  for (const char *at = output; (at = strstr(at, kLeaveScreen)) != NULL;) {
    left = at++;
  }
  cr_assert_not_null(left, "%s", output);
  cr_expect_null(strstr(left, kEnterScreen));
  cr_expect(strstr(output, "\x1b[?25h"), "the cursor stays hidden");
  cr_expect_str_eq(left + strlen(kLeaveScreen), last);
}

Test(status, watches_live, .timeout = 90) {
  struct scene scene;
  scene_open(&scene);
  scene_start(&scene);
  struct peer *peer = watch(&scene, 80, 24);
  cr_expect(peer_wait_text(peer, kEnterScreen, kRunMs));
  cr_expect(peer_wait_text(peer, "No connection yet.", kRunMs));
  fetch_site(&scene);
  cr_expect(
      peer_wait_text(peer, "\x1b[32mhidden\x1b[0m    secret.test", kRunMs),
      "%s", peer_output(peer));
  cr_expect(peer_wait_text(peer, "public.test", kRunMs), "%s",
            peer_output(peer));
  cr_expect(peer_wait_text(peer, "hidden 1\x1b[0m (100 %)", kRunMs));
  peer_type(peer, "q");
  cr_expect_eq(peer_wait(peer, kRunMs), 0);
  expect_left(peer, "");
  peer_free(peer);
  proxy_process_assert_clean(scene.scratch);
  scene_close(&scene);
}

Test(status, leaves_the_terminal_as_it_was, .timeout = 90) {
  static const struct {
    const char *keys;  // or else
    int signal;
    int exit_code;
  } kEnds[] = {
      {"q", 0, 0},
      {"\x03", 0, 0},
      {"", SIGTERM, 128 + SIGTERM},
      {"", SIGHUP, 128 + SIGHUP},
  };
  struct scene scene;
  scene_open(&scene);
  scene_start(&scene);
  for (size_t i = 0; i < sizeof(kEnds) / sizeof(kEnds[0]); i++) {
    struct peer *peer = watch(&scene, 80, 24);
    cr_expect(peer_wait_text(peer, "No connection yet.", kRunMs));
    if (kEnds[i].signal != 0) {
      peer_signal(peer, kEnds[i].signal);
    } else {
      peer_type(peer, kEnds[i].keys);
    }
    cr_expect_eq(peer_wait(peer, kRunMs), kEnds[i].exit_code, "%zu", i);
    expect_left(peer, "");
    peer_free(peer);
  }
  proxy_process_assert_clean(scene.scratch);
  scene_close(&scene);
}

static bool is_stopped(pid_t pid) {
  char path[64];
  char state = 0;
  snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
  FILE *file = fopen(path, "r");
  cr_assert_not_null(file);
  cr_assert_eq(fscanf(file, "%*d (%*[^)]) %c", &state), 1);
  fclose(file);
  return state == 'T';
}

Test(status, gives_the_terminal_back_while_it_is_stopped, .timeout = 90) {
  struct scene scene;
  scene_open(&scene);
  scene_start(&scene);
  struct peer *peer = watch(&scene, 80, 24);
  cr_expect(peer_wait_text(peer, "No connection yet.", kRunMs));
  peer_type(peer, "\x1a");
  cr_expect(peer_wait_text(peer, kLeaveScreen, kRunMs));
  for (int ms = 0; !is_stopped(peer_pid(peer)) && ms < kRunMs; ms += 10) {
    poll(NULL, 0, 10);
  }
  peer_signal(peer, SIGCONT);
  cr_expect(peer_wait_text(peer, kEnterScreen, kRunMs));
  cr_expect(peer_wait_text(peer, "No connection yet.", kRunMs));
  peer_type(peer, "q");
  cr_expect_eq(peer_wait(peer, kRunMs), 0);
  expect_left(peer, "");
  peer_free(peer);
  proxy_process_assert_clean(scene.scratch);
  scene_close(&scene);
}

Test(status, ends_the_watch_when_the_proxy_stops, .timeout = 90) {
  struct scene scene;
  scene_open(&scene);
  scene_start(&scene);
  const char *said = scratch_format(
      scene.scratch, "echproxy: the proxy on 127.0.0.1:%u has stopped\r\n",
      proxy_process_port(scene.proxy));
  struct peer *peer = watch(&scene, 80, 24);
  cr_expect(peer_wait_text(peer, "No connection yet.", kRunMs));
  proxy_process_stop(scene.proxy);
  scene.proxy = NULL;
  cr_expect_eq(peer_wait(peer, kRunMs), kNotRunning);
  expect_left(peer, said);
  peer_free(peer);
  proxy_process_assert_clean(scene.scratch);
  scene_close(&scene);
}

Test(status, fits_what_size_the_terminal_gets, .timeout = 90) {
  struct scene scene;
  scene_open(&scene);
  scene_start(&scene);
  fetch_site(&scene);
  struct peer *peer = watch(&scene, 100, 24);
  cr_expect(peer_wait_text(peer, "BYTES", kRunMs));
  cr_expect(peer_wait_text(peer, "secret.test", kRunMs));
  peer_resize(peer, 30, 10);
  cr_expect(peer_wait_text(peer, "\r\n\x1b[K\x1b[1mWHAT\x1b[0m", kRunMs), "%s",
            peer_output(peer));
  cr_expect(
      peer_wait_text(peer, "\x1b[32mhidden\x1b[0m    secret.test", kRunMs));
  peer_type(peer, "q");
  cr_expect_eq(peer_wait(peer, kRunMs), 0);
  expect_left(peer, "");
  peer_free(peer);
  proxy_process_assert_clean(scene.scratch);
  scene_close(&scene);
}
