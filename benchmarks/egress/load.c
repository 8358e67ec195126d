/* A load generator and an origin, both HTTP/1.1 over TLS, one thread a connection.
 *
 *   load origin PORT CERT_AND_KEY.pem
 *   load requests  TARGET THREADS SECONDS     keep-alive requests        prints: count, errors, p50 and p99 in us
 *   load paced     TARGET THREADS SECONDS     the same, 2 ms apart
 *   load posts     TARGET THREADS SECONDS     the same with a body of 1 KB, never twice the same
 *   load events    TARGET SECONDS             a stream of an event each 5 ms: count, errors, p50 and p99 of their delay in us
 *   load connects  TARGET THREADS SECONDS     a new connection for each
 *   load down      TARGET MEGABYTES           prints: seconds, bytes
 *   load up        TARGET MEGABYTES
 *
 * TARGET is PORT (dialled directly) or PROXYPORT:HOST:PORT (through CONNECT). All on 127.0.0.1.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define SLOTS (1 << 22)
#define BODY 1024
static const char PROSE[] = "Please look at the tests of the parser, run them, and tell me which of them fail and why. ";

enum { PACED = 1, POSTS = 2 };

static SSL_CTX *context;
static char host[256] = "localhost";
static int proxy_port, origin_port;
static double ends;
static volatile long done, failed, slots;
static unsigned *latencies;

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec + t.tv_nsec / 1e9;
}

static int dial(int port) {
  int fd = socket(AF_INET, SOCK_STREAM, 0), on = 1;
  struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  struct linger hard = {1, 0}; /* no TIME_WAIT: a benchmark would run out of ports */
  setsockopt(fd, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
  struct timeval patience = {10, 0}; /* what does not answer has failed */
  setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
  if (connect(fd, (struct sockaddr *)&to, sizeof to) < 0) { close(fd); return -1; }
  return fd;
}

static SSL *open_tls(void) {
  int fd = dial(proxy_port ? proxy_port : origin_port);
  char text[1024];
  if (fd < 0) return NULL;
  if (proxy_port) {
    int n = snprintf(text, sizeof text, "CONNECT %s:%d HTTP/1.1\r\nHost: %s:%d\r\n\r\n", host, origin_port, host, origin_port);
    if (write(fd, text, n) != n) goto bad;
    size_t have = 0;
    while (have < sizeof text - 1 && (have < 4 || memcmp(text + have - 4, "\r\n\r\n", 4)))
      if (read(fd, text + have, 1) == 1) have++; else goto bad;
    if (memcmp(text + 9, "200", 3)) goto bad;
  }
  SSL *tls = SSL_new(context);
  SSL_set_fd(tls, fd);
  SSL_set_tlsext_host_name(tls, host);
  if (SSL_connect(tls) == 1) return tls;
  SSL_free(tls);
bad:
  close(fd);
  return NULL;
}

static void shut(SSL *tls) {
  int fd = SSL_get_fd(tls);
  SSL_free(tls);
  close(fd);
}

/* Reads one message; the length of its body, or -1. Of a request's head the first bytes are kept in `line`. */
static long long read_message(SSL *tls, char *line, size_t keep) {
  static __thread char buffer[262144];
  size_t have = 0;
  char *end = NULL;
  while (!end) {
    int n = SSL_read(tls, buffer + have, sizeof buffer - 1 - have);
    if (n <= 0) return -1;
    have += n;
    buffer[have] = 0;
    end = strstr(buffer, "\r\n\r\n");
  }
  if (line) snprintf(line, keep, "%.200s", buffer);
  end += 4;
  long long have_body = have - (end - buffer), length = 0;
  char kept = *end;
  *end = 0;
  char *field = strcasestr(buffer, "\r\ncontent-length:");
  if (field) length = atoll(field + 17);
  int chunked = strcasestr(buffer, "\r\ntransfer-encoding:") != NULL;
  *end = kept;
  if (chunked) return -1;
  for (long long got = have_body; got < length;) {
    int n = SSL_read(tls, buffer, sizeof buffer);
    if (n <= 0) return -1;
    got += n;
  }
  return length;
}

/* One request and its answer; `body` bytes of JSON go with it. */
static int exchange(SSL *tls, int body) {
  static const char request[] = "%s /small?x=1 HTTP/1.1\r\nHost: %s:%d\r\nUser-Agent: load/1\r\n"
    "Accept: application/json\r\nAccept-Encoding: gzip, deflate\r\nAuthorization: Bearer placeholder\r\n"
    "Content-Type: application/json\r\nX-Session-Id: 8d5e6f70\r\n";
  char text[4096];
  int n = snprintf(text, sizeof text, request, body ? "POST" : "GET", host, origin_port);
  if (!body) n += snprintf(text + n, sizeof text - n, "\r\n");
  else {
    n += snprintf(text + n, sizeof text - n, "Content-Length: %d\r\n\r\n", body);
    int start = n;
    n += snprintf(text + n, sizeof text - n, "{\"role\": \"user\", \"at\": %.9f, \"content\": \"", now());
    for (; n < start + body - 2; n++) text[n] = PROSE[(n - start) % (sizeof PROSE - 1)];
    text[n++] = '"', text[n++] = '}';
  }
  return SSL_write(tls, text, n) == n && read_message(tls, NULL, 0) > 0;
}

static void note(double began) {
  long slot = __sync_fetch_and_add(&slots, 1);
  double took = now() - began;
  if (slot < SLOTS) latencies[slot] = took * 1e6;
  __sync_fetch_and_add(&done, 1);
}

static void *keep_alive(void *argument) {
  long how = (long)argument;
  SSL *tls = open_tls();
  if (!tls) { __sync_fetch_and_add(&failed, 1); return NULL; }
  while (now() < ends) {
    double began = now();
    if (!exchange(tls, how & POSTS ? BODY : 0)) { __sync_fetch_and_add(&failed, 1); break; }
    note(began);
    if (how & PACED) usleep(2000);
  }
  shut(tls);
  return NULL;
}

static void *anew(void *unused) {
  (void)unused;
  while (now() < ends) {
    double began = now();
    SSL *tls = open_tls();
    if (!tls || !exchange(tls, 0)) __sync_fetch_and_add(&failed, 1); else note(began);
    if (tls) shut(tls);
  }
  return NULL;
}

/* Each event says when it was sent; it may come with others, or in pieces. */
static void *listen_to_events(void *unused) {
  (void)unused;
  static char buffer[65536];
  SSL *tls = open_tls();
  if (!tls) { __sync_fetch_and_add(&failed, 1); return NULL; }
  int n = snprintf(buffer, sizeof buffer, "GET /events/%.3f HTTP/1.1\r\nHost: %s:%d\r\nAccept: text/event-stream\r\n\r\n",
    ends - now(), host, origin_port);
  SSL_write(tls, buffer, n);
  for (size_t have = 0; (n = SSL_read(tls, buffer + have, sizeof buffer - 1 - have)) > 0;) {
    have += n;
    buffer[have] = 0;
    char *rest = buffer, *event, *end;
    for (; (event = strstr(rest, "data: ")) && (end = strstr(event, "\n\n")); rest = end + 2) note(atof(event + 6));
    int is_over = strstr(rest, "\r\n0\r\n\r\n") != NULL;
    have -= rest - buffer;
    memmove(buffer, rest, have);
    if (is_over) break;
  }
  shut(tls);
  return NULL;
}

static int by_size(const void *a, const void *b) { return (*(unsigned *)a > *(unsigned *)b) - (*(unsigned *)a < *(unsigned *)b); }

static void run_threads(void *(*work)(void *), void *argument, int threads, double seconds) {
  pthread_t *all = calloc(threads, sizeof *all);
  latencies = calloc(SLOTS, sizeof *latencies);
  ends = now() + seconds;
  for (int i = 0; i < threads; i++) pthread_create(&all[i], NULL, work, argument);
  for (int i = 0; i < threads; i++) pthread_join(all[i], NULL);
  long count = done < SLOTS ? done : SLOTS;
  qsort(latencies, count, sizeof *latencies, by_size);
  printf("%ld %ld %u %u\n", done, failed, count ? latencies[count / 2] : 0, count ? latencies[count * 99 / 100] : 0);
}

static void transfer(int up, long long megabytes) {
  static char block[262144];
  for (size_t i = 0; i < sizeof block; i++) block[i] = PROSE[i % (sizeof PROSE - 1)];
  char text[512];
  SSL *tls = open_tls();
  if (!tls) { puts("0 0"); return; }
  long long bytes = megabytes << 20, got = bytes;
  double began = now();
  if (up) {
    int n = snprintf(text, sizeof text, "POST /up HTTP/1.1\r\nHost: %s:%d\r\nContent-Length: %lld\r\n\r\n", host, origin_port, bytes);
    SSL_write(tls, text, n);
    for (long long sent = 0; sent < bytes;) {
      int n = SSL_write(tls, block, bytes - sent < (long long)sizeof block ? bytes - sent : (long long)sizeof block);
      if (n <= 0) { got = 0; break; }
      sent += n;
    }
    if (read_message(tls, NULL, 0) < 0) got = 0;
  } else {
    int n = snprintf(text, sizeof text, "GET /down/%lld HTTP/1.1\r\nHost: %s:%d\r\n\r\n", bytes, host, origin_port);
    SSL_write(tls, text, n);
    got = read_message(tls, NULL, 0);
  }
  printf("%.4f %lld\n", now() - began, got);
}

static void send_events(SSL *tls, double seconds) {
  char text[256], event[128];
  int n = snprintf(text, sizeof text, "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n");
  SSL_write(tls, text, n);
  for (double until = now() + seconds; now() < until; usleep(5000)) {
    int size = snprintf(event, sizeof event, "event: delta\ndata: %.9f\n\n", now());
    n = snprintf(text, sizeof text, "%x\r\n%s\r\n", size, event);
    if (SSL_write(tls, text, n) <= 0) return;
  }
  SSL_write(tls, "0\r\n\r\n", 5);
}

static void *serve(void *argument) {
  static char block[262144];
  int fd = (int)(long)argument, on = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  SSL *tls = SSL_new(context);
  SSL_set_fd(tls, fd);
  char line[256], head[256];
  while (SSL_accept(tls) == 1) {
    while (read_message(tls, line, sizeof line) >= 0) {
      if (!strncmp(line, "GET /events/", 12)) { send_events(tls, atof(line + 12)); continue; }
      long long length = strncmp(line, "GET /down/", 10) ? 128 : atoll(line + 10);
      int n = snprintf(head, sizeof head, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nServer: load\r\n"
        "Date: Thu, 01 Jan 2026 00:00:00 GMT\r\nContent-Length: %lld\r\n\r\n", length);
      if (length == 128) {
        char whole[512];
        memcpy(whole, head, n);
        memset(whole + n, 'x', 128);
        if (SSL_write(tls, whole, n + 128) <= 0) break;
        continue;
      }
      SSL_write(tls, head, n);
      for (long long sent = 0; sent < length;) {
        int n = SSL_write(tls, block, length - sent < (long long)sizeof block ? length - sent : (long long)sizeof block);
        if (n <= 0) break;
        sent += n;
      }
    }
    break;
  }
  SSL_free(tls);
  close(fd);
  return NULL;
}

static void origin(int port, const char *pem) {
  int listener = socket(AF_INET, SOCK_STREAM, 0), on = 1;
  struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  context = SSL_CTX_new(TLS_server_method());
  SSL_CTX_use_certificate_chain_file(context, pem);
  SSL_CTX_use_PrivateKey_file(context, pem, SSL_FILETYPE_PEM);
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (bind(listener, (struct sockaddr *)&at, sizeof at) < 0 || listen(listener, 1024) < 0) exit(1);
  for (;;) {
    pthread_t thread;
    int fd = accept(listener, NULL, NULL);
    if (fd >= 0 && pthread_create(&thread, NULL, serve, (void *)(long)fd) == 0) pthread_detach(thread);
  }
}

int main(int count, char **words) {
  if (count < 4) return 2;
  signal(SIGPIPE, SIG_IGN);
  if (!strcmp(words[1], "origin")) origin(atoi(words[2]), words[3]);
  context = SSL_CTX_new(TLS_client_method());
  if (strchr(words[2], ':')) sscanf(words[2], "%d:%255[^:]:%d", &proxy_port, host, &origin_port);
  else origin_port = atoi(words[2]);
  if (!strcmp(words[1], "requests")) run_threads(keep_alive, NULL, atoi(words[3]), atof(words[4]));
  else if (!strcmp(words[1], "paced")) run_threads(keep_alive, (void *)PACED, atoi(words[3]), atof(words[4]));
  else if (!strcmp(words[1], "posts")) run_threads(keep_alive, (void *)(PACED | POSTS), atoi(words[3]), atof(words[4]));
  else if (!strcmp(words[1], "events")) run_threads(listen_to_events, NULL, 1, atof(words[3]));
  else if (!strcmp(words[1], "connects")) run_threads(anew, NULL, atoi(words[3]), atof(words[4]));
  else transfer(!strcmp(words[1], "up"), atoll(words[3]));
  return 0;
}
