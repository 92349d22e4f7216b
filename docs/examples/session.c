/*
 * Runs work on a seat, through `lm session`. Build: cc -o session session.c
 * Usage: session APPLICATION
 *
 * The answers are plain JSON; this example looks for the few fields that it needs as text. A real
 * program would use a JSON library, and watch for "lost" events while it works.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static FILE *to_lm, *from_lm;
static pid_t lm;

static void start_lm(void) {
  int in[2], out[2];
  if (pipe(in) != 0 || pipe(out) != 0) exit(1);
  lm = fork();
  if (lm == -1) exit(1);
  if (lm == 0) {
    dup2(in[0], 0);
    dup2(out[1], 1);
    close(in[0]);
    close(in[1]);
    close(out[0]);
    close(out[1]);
    execlp("lm", "lm", "session", (char *)NULL);
    _exit(127);
  }
  close(in[0]);
  close(out[1]);
  to_lm = fdopen(in[1], "w");
  from_lm = fdopen(out[0], "r");
}

/* Reads lines until the answer with this id; events go by. Returns 1 where it says "ok":true. */
static int answer(const char *id, char *line, size_t size) {
  char prefix[32];
  snprintf(prefix, sizeof prefix, "{\"id\":%s,", id);
  while (fgets(line, (int)size, from_lm) != NULL) {
    if (strncmp(line, prefix, strlen(prefix)) == 0) return strstr(line, "\"ok\":true") != NULL;
  }
  return 0;
}

/* Copies the text of a field. Enough for names and ids, which hold no escapes. */
static int text_of(const char *line, const char *field, char *value, size_t size) {
  char start[64];
  snprintf(start, sizeof start, "\"%s\":\"", field);
  const char *from = strstr(line, start);
  if (from == NULL) return 0;
  from += strlen(start);
  size_t length = strcspn(from, "\"");
  if (length >= size) return 0;
  memcpy(value, from, length);
  value[length] = '\0';
  return 1;
}

int main(int argc, char **argv) {
  char line[65536], seat[64], version[64];
  int status = 0;
  if (argc != 2 || strpbrk(argv[1], "\"\\") != NULL) return 64;
  start_lm();
  fprintf(to_lm, "{\"op\":\"request\",\"id\":1,\"waitMs\":10000,\"application\":\"%s\"}\n",
          argv[1]);
  fflush(to_lm);
  if (!answer("1", line, sizeof line) || !text_of(line, "seat", seat, sizeof seat) ||
      !text_of(line, "version", version, sizeof version)) {
    fprintf(stderr, "no seat: %s", line);
    return 1;
  }
  printf("working on %s %s\n", argv[1], version);
  fprintf(to_lm, "{\"op\":\"release\",\"id\":2,\"seat\":\"%s\"}\n", seat);
  fflush(to_lm);
  printf("released %s\n", answer("2", line, sizeof line) ? "true" : "false");
  fclose(to_lm); /* The end of the input: lm gives back whatever is still held. */
  waitpid(lm, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}
