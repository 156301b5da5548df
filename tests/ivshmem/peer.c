// SPDX-License-Identifier: MIT
// A peer of an ivshmem server that shares nothing with Emu's own: written to the protocol's description (man/ivshmem-server.1.in,
// PROTOCOL). Commands come on standard input, one a line; each is answered by one line.
//
//     id                     our id, the memory's size, how many vectors we have
//     vectors PEER           how many doorbells of that peer we hold, -1 if it is not there
//     write OFFSET WORD      put a word into the memory
//     read OFFSET COUNT      print bytes of it
//     ring PEER VECTOR
//     wait VECTOR            until that vector of ours rings; prints how often
//     churn COUNT            join and leave that many times with connections of their own
#define _GNU_SOURCE
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { most_peers = 2048, most_vectors = 64 };

struct peer {
    int socket;
    int64_t id;
    unsigned char *memory;
    size_t size;
    int count[most_peers];
    int vector[most_peers][most_vectors];
};

static void die(const char *what) {
    perror(what);
    exit(1);
}
static void broken(const char *what) {
    fprintf(stderr, "protocol: %s\n", what);
    exit(1);
}

static int join(const char *path) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    strncpy(address.sun_path, path, sizeof address.sun_path - 1);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof address) < 0) die(path);
    return fd;
}

// One message: eight bytes, least significant first, and the descriptor that came along or -1. 0 at the end of the stream.
static int receive(int from, int64_t *value, int *fd) {
    unsigned char bytes[8];
    size_t have = 0;
    *fd = -1;
    while (have < sizeof bytes) {
        struct iovec vector = {bytes + have, sizeof bytes - have};
        char control[CMSG_SPACE(sizeof(int))];
        struct msghdr message = {.msg_iov = &vector, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
        ssize_t got = recvmsg(from, &message, MSG_CMSG_CLOEXEC);
        if (got <= 0) return 0;
        if (message.msg_flags & MSG_CTRUNC) broken("more than one descriptor");
        for (struct cmsghdr *header = CMSG_FIRSTHDR(&message); header; header = CMSG_NXTHDR(&message, header))
            if (header->cmsg_level == SOL_SOCKET && header->cmsg_type == SCM_RIGHTS) memcpy(fd, CMSG_DATA(header), sizeof *fd);
        have += (size_t)got;
    }
    uint64_t sum = 0;
    for (int i = 7; i >= 0; i--) sum = sum << 8 | bytes[i];
    *value = (int64_t)sum;
    return 1;
}

static void greet(struct peer *me) {
    int64_t value;
    int fd;
    if (!receive(me->socket, &value, &fd) || value != 0 || fd >= 0) broken("version 0 comes first");
    if (!receive(me->socket, &me->id, &fd) || me->id < 0 || me->id > 65535 || fd >= 0) broken("then our id");
    if (!receive(me->socket, &value, &fd) || value != -1 || fd < 0) broken("then the memory");
    struct stat status;
    if (fstat(fd, &status) < 0) die("fstat");
    me->size = (size_t)status.st_size;
    if (!me->size || me->size & (me->size - 1)) broken("the memory's size is no power of two");
    me->memory = mmap(NULL, me->size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (me->memory == MAP_FAILED) die("mmap");
    close(fd);
}

static void forget(struct peer *me, int64_t id) {
    for (int i = 0; i < me->count[id]; i++) close(me->vector[id][i]);
    me->count[id] = 0;
}

static void news(struct peer *me) {
    int64_t id;
    int fd;
    if (!receive(me->socket, &id, &fd)) broken("the server has gone");
    if (id < 0 || id >= most_peers) broken("a peer's id is out of this test's range");
    if (fd < 0) {
        if (!me->count[id]) broken("a peer left that never came");
        forget(me, id);
    } else if (me->count[id] < most_vectors) {
        me->vector[id][me->count[id]++] = fd;
    }
}

// Everything the server has said by now.
static void catch_up(struct peer *me, int milliseconds) {
    struct pollfd entry = {me->socket, POLLIN, 0};
    while (poll(&entry, 1, milliseconds) > 0) news(me);
}

static long wait_for(struct peer *me, long vector) {
    for (;;) {
        catch_up(me, 0);
        if (vector >= me->count[me->id]) broken("no such vector of ours");
        struct pollfd entries[] = {{me->vector[me->id][vector], POLLIN, 0}, {me->socket, POLLIN, 0}};
        if (poll(entries, 2, 20000) <= 0) return 0;
        uint64_t rings;
        if (entries[0].revents && read(entries[0].fd, &rings, sizeof rings) == sizeof rings) return (long)rings;
    }
}

static void churn(struct peer *me, const char *path, long count) {
    static struct peer other;
    for (long i = 0; i < count; i++) {
        other.socket = join(path);
        if (i % 3) { // some leave before they have heard anything
            greet(&other);
            if (i % 3 == 2) catch_up(&other, 1);
            munmap(other.memory, other.size);
            for (int id = 0; id < most_peers; id++) forget(&other, id);
        }
        close(other.socket);
        catch_up(me, 0); // the server drops who does not read
    }
}

static void obey(struct peer *me, const char *path, char *line) {
    char word[256] = "", text[256] = "";
    long a = 0, b = 0;
    sscanf(line, "%255s", word);
    if (!strcmp(word, "id")) {
        printf("%ld %zu %d\n", (long)me->id, me->size, me->count[me->id]);
    } else if (sscanf(line, "vectors %ld", &a) == 1 && a >= 0 && a < most_peers) {
        printf("%d\n", me->count[a] ? me->count[a] : -1);
    } else if (sscanf(line, "write %ld %255s", &a, text) == 2 && a >= 0 && (size_t)a + strlen(text) <= me->size) {
        memcpy(me->memory + a, text, strlen(text));
        printf("done\n");
    } else if (sscanf(line, "read %ld %ld", &a, &b) == 2 && a >= 0 && b >= 0 && (size_t)(a + b) <= me->size) {
        printf("%.*s\n", (int)b, (const char *)me->memory + a);
    } else if (sscanf(line, "ring %ld %ld", &a, &b) == 2 && a >= 0 && a < most_peers && b >= 0 && b < me->count[a]) {
        uint64_t one = 1;
        printf(write(me->vector[a][b], &one, sizeof one) == sizeof one ? "done\n" : "failed\n");
    } else if (sscanf(line, "wait %ld", &a) == 1 && a >= 0) {
        printf("%ld\n", wait_for(me, a));
    } else if (sscanf(line, "churn %ld", &a) == 1) {
        churn(me, path, a);
        printf("done\n");
    } else {
        printf("what?\n");
    }
}

int main(int argc, char **argv) {
    static struct peer me;
    if (argc != 2) broken("usage: peer SOCKET");
    me.socket = join(argv[1]);
    greet(&me);
    setvbuf(stdout, NULL, _IOLBF, 0);
    char line[512];
    while (fgets(line, sizeof line, stdin)) {
        catch_up(&me, 50);
        obey(&me, argv[1], line);
    }
    return 0;
}
