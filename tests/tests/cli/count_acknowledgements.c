/*
 * To be loaded before the C library: counts the acknowledgements that a process sends at once, in the file
 * $COUNTED_ACKNOWLEDGEMENTS (8 bytes).
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

static _Atomic uint64_t *counted;

__attribute__((constructor)) static void find_counter(void)
{
    const char *path = getenv("COUNTED_ACKNOWLEDGEMENTS");
    int file = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
    void *page = file < 0 ? MAP_FAILED : mmap(NULL, sizeof *counted, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    if (page == MAP_FAILED)
        abort();
    counted = page;
}

int setsockopt(int socket, int level, int option, const void *value, socklen_t length)
{
    if (counted && level == IPPROTO_TCP && option == TCP_QUICKACK)
        atomic_fetch_add(counted, 1);
    return (int)syscall(SYS_setsockopt, socket, level, option, value, length);
}
