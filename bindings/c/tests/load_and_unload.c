/* A program that loads the library at run time, uses it, and unloads it while its threads run. */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "amop.h"

/* Looks a function up by name. ISO C has no cast from an object pointer to a function pointer. */
#define FIND(library, function)                                                                              \
    do {                                                                                                     \
        void *found_ = dlsym(library, #function);                                                            \
        if (found_ == NULL) {                                                                                \
            fprintf(stderr, "%s\n", dlerror());                                                              \
            return EXIT_FAILURE;                                                                             \
        }                                                                                                    \
        memcpy(&function##_, &found_, sizeof found_);                                                        \
    } while (0)

static void *load(void)
{
    void *library = dlopen("libamop.so.0", RTLD_NOW | RTLD_LOCAL);
    if (library == NULL) {
        fprintf(stderr, "%s\n", dlerror());
        exit(EXIT_FAILURE);
    }
    return library;
}

int main(void)
{
    const char *(*amop_version_)(void);
    amop_status (*amop_devnet_start_)(const amop_devnet_options *, amop_devnet **, amop_error **);
    const char *(*amop_devnet_endpoint_)(const amop_devnet *, size_t);
    const char *(*amop_devnet_credentials_)(const amop_devnet *);
    amop_options *(*amop_options_new_)(void);
    amop_status (*amop_options_add_endpoint_)(amop_options *, const char *);
    amop_status (*amop_options_set_credentials_)(amop_options *, const char *);
    amop_status (*amop_client_connect_)(const amop_options *, amop_client **, amop_error **);

    /* Loads and unloads the library without using it, then uses it. */
    dlclose(load());
    void *library = load();
    FIND(library, amop_version);
    FIND(library, amop_devnet_start);
    FIND(library, amop_devnet_endpoint);
    FIND(library, amop_devnet_credentials);
    FIND(library, amop_options_new);
    FIND(library, amop_options_add_endpoint);
    FIND(library, amop_options_set_credentials);
    FIND(library, amop_client_connect);
    amop_devnet *devnet = NULL;
    amop_client *client = NULL;
    amop_options *options = amop_options_new_();
    if (strcmp(amop_version_(), AMOP_VERSION) != 0 || amop_devnet_start_(NULL, &devnet, NULL) != AMOP_OK
        || amop_options_add_endpoint_(options, amop_devnet_endpoint_(devnet, 0)) != AMOP_OK
        || amop_options_set_credentials_(options, amop_devnet_credentials_(devnet)) != AMOP_OK
        || amop_client_connect_(options, &client, NULL) != AMOP_OK) {
        fprintf(stderr, "the library was loaded, but can't be used\n");
        return EXIT_FAILURE;
    }
    /* The library marks itself as not unloadable, because a program can't know whether its threads still run. */
    dlclose(library);
    return strcmp(amop_version_(), AMOP_VERSION) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
