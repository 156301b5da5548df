// SPDX-License-Identifier: MIT
// A directory with many files, read by programs without large file support too, and from a remembered place on.
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int main(void) {
    char name[64], wanted[64] = "";
    int count = 0, error = 0;
    long place = 0;
    mkdir("many", 0755);
    for (int i = 0; i < 500; i++) {
        snprintf(name, sizeof name, "many/file%d", i);
        close(open(name, O_CREAT | O_WRONLY, 0644));
    }
    DIR *directory = opendir("many");
    errno = 0;
    for (struct dirent *entry; (entry = readdir(directory)); count++) {
        if (count == 301) strcpy(wanted, entry->d_name);
        if (count == 300) place = telldir(directory);
    }
    error = errno;
    seekdir(directory, place);
    struct dirent *again = readdir(directory);
    printf("%d entries, errno %d, %s\n", count, error, again && strcmp(again->d_name, wanted) == 0 ? "the same place" : "another place");
    return 0;
}
