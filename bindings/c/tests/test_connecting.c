/* Failing connects: each fault of the endpoint, the credentials or the peer has its own code. */
#include "fixture.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>

/* Returns the error of a connect that must fail. */
static void expect_refusal(amop_options *options, amop_status status, const char *part)
{
    amop_client *client = untouched();
    EXPECT_TEXT(status, part, amop_client_connect(options, &client, &error));
    assert_null(client);
    amop_options_free(options);
}

/* Reads a file of the devnet's credentials. */
static char *content_of(const char *name)
{
    char path[PATH_SIZE];
    snprintf(path, sizeof path, "%s/%s", amop_devnet_credentials(devnet), name);
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    char *content = calloc(1, 65536);
    assert_non_null(content);
    assert_true(fread(content, 1, 65535, file) > 0);
    fclose(file);
    return content;
}

/* Sets the contents of the three files, each of which may be replaced. */
static void set_contents(amop_options *options, const char *ca, const char *cert, const char *key)
{
    char *files[3] = {content_of("ca.crt"), content_of("sdk.crt"), content_of("sdk.key")};
    const char *given[3] = {ca, cert, key};
    for (int n = 0; n < 3; n++) {
        given[n] = given[n] != NULL ? given[n] : files[n];
    }
    OK(amop_options_set_credential_pem(options, given[0], strlen(given[0]), given[1], strlen(given[1]),
                                       given[2], strlen(given[2])));
    for (int n = 0; n < 3; n++) {
        free(files[n]);
    }
}

/* Options with one of the three files replaced. */
static amop_options *options_with(const char *ca, const char *cert, const char *key)
{
    amop_options *options = options_at(0);
    set_contents(options, ca, cert, key);
    return options;
}

static void credentials_are_read_from_folder_files_or_memory(void **state)
{
    (void)state;
    end(client_with(options_at(0)));
    end(client_with(options_with(NULL, NULL, NULL)));
    const char *names[] = {"ca.crt", "sdk.crt", "sdk.key"};
    char paths[3][PATH_SIZE];
    for (int n = 0; n < 3; n++) {
        snprintf(paths[n], sizeof paths[n], "%s/%s", amop_devnet_credentials(devnet), names[n]);
    }
    amop_options *options = options_at(0);
    OK(amop_options_set_credential_files(options, paths[0], paths[1], paths[2]));
    /* Options can be used for several clients. */
    amop_client *first = NULL, *second = NULL;
    OK(amop_client_connect(options, &first, &error));
    OK(amop_client_connect(options, &second, &error));
    amop_options_free(options);
    end(first);
    end(second);
}

static void configuration_file_of_another_sdk_connects(void **state)
{
    (void)state;
    char *folder = new_folder(), path[PATH_SIZE];
    snprintf(path, sizeof path, "%s/config.toml", folder);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fprintf(file, "[cryptoMaterial]\ncertPath = \"%s\"\n[network]\npeers = [\"%s\"]\n",
            amop_devnet_credentials(devnet), amop_devnet_endpoint(devnet, 0));
    assert_int_equal(fclose(file), 0);
    amop_options *options = amop_options_new();
    OK(amop_options_set_config_file(options, path));
    end(client_with(options));
    /* Other options precede the file. */
    options = amop_options_new();
    OK(amop_options_set(options, "config_file", path, &error));
    OK(amop_options_add_endpoint(options, "nowhere"));
    expect_refusal(options, AMOP_ERROR_INVALID_ENDPOINT, "nowhere");
    assert_int_equal(unlink(path), 0);
    options = amop_options_new();
    OK(amop_options_set_config_file(options, path));
    expect_refusal(options, AMOP_ERROR_INVALID_ARGUMENT, "config.toml");
    assert_int_equal(rmdir(folder), 0);
    free(folder);
}

static void missing_credentials_list_the_places_searched(void **state)
{
    (void)state;
    amop_options *options = amop_options_new();
    OK(amop_options_add_endpoint(options, amop_devnet_endpoint(devnet, 0)));
    assert_int_equal(setenv("AMOP_CREDENTIALS", amop_devnet_credentials(devnet), 1), 0);
    end(client_with(options));
    char *folder = new_folder();
    assert_int_equal(setenv("AMOP_CREDENTIALS", folder, 1), 0);
    options = amop_options_new();
    OK(amop_options_add_endpoint(options, amop_devnet_endpoint(devnet, 0)));
    expect_refusal(options, AMOP_ERROR_CREDENTIALS_NOT_FOUND, folder);
    assert_int_equal(unsetenv("AMOP_CREDENTIALS"), 0);
    options = options_at(0);
    OK(amop_options_set_credentials(options, folder));
    expect_refusal(options, AMOP_ERROR_CREDENTIALS_NOT_FOUND, "ca.crt");
    options = options_at(0);
    OK(amop_options_set_credential_files(options, "no-ca", "no-cert", "no-key"));
    expect_refusal(options, AMOP_ERROR_CREDENTIALS_NOT_FOUND, "no-");
    assert_int_equal(rmdir(folder), 0);
    free(folder);
}

static void unusable_credentials_report_the_reason(void **state)
{
    (void)state;
    amop_devnet *other = NULL;
    OK(amop_devnet_start(NULL, &other, &error));
    amop_devnet *own = devnet;
    devnet = other;
    char *ca = content_of("ca.crt"), *cert = content_of("sdk.crt"), *key = content_of("sdk.key");
    devnet = own;
    expect_refusal(options_with("", NULL, NULL), AMOP_ERROR_CREDENTIALS_INVALID, "empty");
    expect_refusal(options_with(NULL, "hello", NULL), AMOP_ERROR_CREDENTIALS_INVALID, "not PEM");
    expect_refusal(options_with(NULL, NULL, cert), AMOP_ERROR_CREDENTIALS_INVALID, "no private key");
    expect_refusal(options_with(NULL, NULL, key), AMOP_ERROR_KEY_MISMATCH, NULL);
    expect_refusal(options_with(NULL, NULL,
                                "-----BEGIN ENCRYPTED PRIVATE KEY-----\n"
                                "MIIB\n"
                                "-----END ENCRYPTED PRIVATE KEY-----\n"),
                   AMOP_ERROR_KEY_ENCRYPTED, "encrypted");
    /* All of another chain: the client rejects the node. Only the CA of this chain: the node rejects the client. */
    expect_refusal(options_with(ca, cert, key), AMOP_ERROR_NODE_CERTIFICATE, NULL);
    expect_refusal(options_with(NULL, cert, key), AMOP_ERROR_CLIENT_CERTIFICATE, NULL);
    free(ca);
    free(cert);
    free(key);
    amop_devnet_free(other);
}

/* A certificate that was valid for a day, and its key. */
static const char expired_cert[] = "-----BEGIN CERTIFICATE-----\n"
                                   "MIIBQDCB6KADAgECAgEBMAoGCCqGSM49BAMCMBIxEDAOBgNVBAMMB2V4cGlyZWQw\n"
                                   "HhcNMjAwMTAxMDAwMDAwWhcNMjAwMTAyMDAwMDAwWjASMRAwDgYDVQQDDAdleHBp\n"
                                   "cmVkMFYwEAYHKoZIzj0CAQYFK4EEAAoDQgAEnQWyUhZg/EzTG2N0delrSYY4YaO0\n"
                                   "AWb3fVq90HleXoBpbJyJrCBYFGXMtNsAGsOXtV+CPiqEl7IU6Bs1XbBw/KMyMDAw\n"
                                   "DwYDVR0TAQH/BAUwAwEB/zAdBgNVHQ4EFgQUr0W0pk9Vvsrc9ng9t0vAYPnjS0ow\n"
                                   "CgYIKoZIzj0EAwIDRwAwRAIgRNSvv3ffgABRNdQyZazQAsq5woWJTA2z5DIhg+tD\n"
                                   "MG0CIEQ1ryQUAQIkiOBrxAe2EEdX5teDZX6E23xbqG7tLtac\n"
                                   "-----END CERTIFICATE-----\n";
static const char expired_key[] = "-----BEGIN PRIVATE KEY-----\n"
                                  "MIGEAgEAMBAGByqGSM49AgEGBSuBBAAKBG0wawIBAQQg15R8T5Q3/uxxEn8WoZD0\n"
                                  "b/HIxZe2jHPhtuB/gmaIkJKhRANCAASdBbJSFmD8TNMbY3R16WtJhjhho7QBZvd9\n"
                                  "Wr3QeV5egGlsnImsIFgUZcy02wAaw5e1X4I+KoSXshToGzVdsHD8\n"
                                  "-----END PRIVATE KEY-----\n";

static void expired_certificates_are_reported_with_dates(void **state)
{
    (void)state;
    expect_refusal(options_with(expired_cert, expired_cert, expired_key), AMOP_ERROR_CERTIFICATE_DATES,
                   "2020");
}

static amop_options *options_of(const char *endpoint)
{
    amop_options *options = amop_options_new();
    OK(amop_options_add_endpoint(options, endpoint));
    OK(amop_options_set_credentials(options, amop_devnet_credentials(devnet)));
    OK(amop_options_set_connect_timeout(options, GUARD));
    return options;
}

static void invalid_and_unknown_endpoints_are_rejected(void **state)
{
    (void)state;
    amop_options *options = amop_options_new();
    OK(amop_options_set_credentials(options, amop_devnet_credentials(devnet)));
    expect_refusal(options, AMOP_ERROR_INVALID_ARGUMENT, "no endpoint");
    expect_refusal(options_of("127.0.0.1"), AMOP_ERROR_INVALID_ENDPOINT, "port is missing");
    expect_refusal(options_of("https://127.0.0.1:20200"), AMOP_ERROR_INVALID_ENDPOINT, "https");
    /* No resolver is asked, because a label of a name has at most 63 bytes. */
    expect_refusal(
        options_of("a-name-that-is-too-long-to-be-one-of-the-domain-name-system-by-its-rules.invalid:1"),
        AMOP_ERROR_RESOLVE, "cannot resolve");
}

/* A port that behaves badly. */
typedef struct listener {
    int socket;
    char endpoint[32];
    const void *answer;
    size_t len;
    pthread_t thread;
} listener;

static void open_port(listener *listener, int listening)
{
    struct sockaddr_in address;
    socklen_t len = sizeof address;
    memset(&address, 0, sizeof address);
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    listener->socket = socket(AF_INET, SOCK_STREAM, 0);
    assert_true(listener->socket >= 0);
    assert_int_equal(bind(listener->socket, (struct sockaddr *)&address, len), 0);
    assert_int_equal(getsockname(listener->socket, (struct sockaddr *)&address, &len), 0);
    snprintf(listener->endpoint, sizeof listener->endpoint, "127.0.0.1:%d", ntohs(address.sin_port));
    if (listening) {
        assert_int_equal(listen(listener->socket, 1), 0);
    }
}

/* Accepts one connection, reads once, sends an answer and closes. */
static void *answer_one(void *pointer)
{
    listener *listener = pointer;
    char heard[4096];
    int connection = accept(listener->socket, NULL, NULL);
    if (connection >= 0) {
        if (read(connection, heard, sizeof heard) > 0 && listener->len > 0) {
            send(connection, listener->answer, listener->len, MSG_NOSIGNAL);
            /* Read until the client closes, because closing with unread bytes discards the answer. */
            shutdown(connection, SHUT_WR);
            while (read(connection, heard, sizeof heard) > 0) {
            }
        }
        close(connection);
    }
    return NULL;
}

static void expect_of_answer(const void *answer, size_t len, amop_status status, const char *part)
{
    listener listener = {-1, "", answer, len, pthread_self()};
    open_port(&listener, 1);
    assert_int_equal(pthread_create(&listener.thread, NULL, answer_one, &listener), 0);
    expect_refusal(options_of(listener.endpoint), status, part);
    assert_int_equal(pthread_join(listener.thread, NULL), 0);
    close(listener.socket);
}

static void peers_that_are_not_nodes_are_reported(void **state)
{
    (void)state;
    listener deaf = {-1, "", NULL, 0, pthread_self()}, mute = deaf;
    /* Bound but not listening, so that no other process can listen there. */
    open_port(&deaf, 0);
    expect_refusal(options_of(deaf.endpoint), AMOP_ERROR_CONNECT, deaf.endpoint);
    close(deaf.socket);
    /* The system accepts connections, and no byte is ever sent. */
    open_port(&mute, 1);
    amop_options *options = amop_options_new();
    OK(amop_options_add_endpoint(options, mute.endpoint));
    /* In memory, so that reading files takes no part of the limit. */
    set_contents(options, NULL, NULL, NULL);
    OK(amop_options_set_connect_timeout(options, 50));
    expect_refusal(options, AMOP_ERROR_CONNECT_TIMEOUT, mute.endpoint);
    close(mute.socket);
    static const char http[] = "HTTP/1.1 400 Bad Request\r\n\r\n";
    expect_of_answer(http, sizeof http - 1, AMOP_ERROR_TLS, "does not speak TLS");
    expect_of_answer("", 0, AMOP_ERROR_TLS, "closed the connection");
    /* The alert of a peer without a common cipher suite: handshake_failure, fatal. */
    static const unsigned char alert[] = {21, 3, 3, 0, 2, 2, 40};
    expect_of_answer(alert, sizeof alert, AMOP_ERROR_TLS_NO_COMMON, NULL);
}

/* Starts one node with this kind of channel. */
static amop_devnet *node_of_generation(int32_t generation, int32_t tls)
{
    amop_devnet_options *options = amop_devnet_options_new();
    OK(amop_devnet_options_set_nodes(options, 1));
    OK(amop_devnet_options_set_generation(options, generation));
    OK(amop_devnet_options_set_tls(options, tls));
    OK(amop_devnet_options_set_like_3_16(options, generation == AMOP_GENERATION_3));
    amop_devnet *started = NULL;
    OK(amop_devnet_start(options, &started, &error));
    amop_devnet_options_free(options);
    return started;
}

static amop_devnet *node_of(int32_t tls)
{
    return node_of_generation(AMOP_GENERATION_AUTO, tls);
}

static void every_kind_of_3x_node_is_connected(void **state)
{
    (void)state;
    const int32_t kinds[] = {AMOP_TLS_ECDHE, AMOP_TLS_TLCP, AMOP_TLS_OFF};
    amop_devnet *own = devnet;
    for (size_t n = 0; n < 3; n++) {
        devnet = node_of_generation(AMOP_GENERATION_3, kinds[n]);
        amop_options *options = amop_options_new();
        OK(amop_options_add_endpoint(options, amop_devnet_endpoint(devnet, 0)));
        OK(amop_options_set_generation(options, AMOP_GENERATION_3));
        OK(amop_options_set_tls(options, kinds[n]));
        if (kinds[n] == AMOP_TLS_OFF) {
            assert_null(amop_devnet_credentials(devnet));
        } else {
            OK(amop_options_set_credentials(options, amop_devnet_credentials(devnet)));
        }
        amop_client *client = client_with(options);
        assert_int_equal(endpoint_stat_value(client, 0, AMOP_STAT_TLS), kinds[n]);
        end(client);
        amop_devnet_free(devnet);
    }
    devnet = own;
    amop_devnet_options *of_nodes = amop_devnet_options_new();
    EXPECT_TEXT(AMOP_ERROR_INVALID_ARGUMENT, NULL, amop_devnet_options_set_generation(of_nodes, 1));
    OK(amop_devnet_options_set_generation(of_nodes, AMOP_GENERATION_3));
    OK(amop_devnet_options_set_tls(of_nodes, AMOP_TLS_GM));
    amop_devnet *refused = untouched();
    EXPECT_TEXT(AMOP_ERROR_INVALID_ARGUMENT, "tlcp or off", amop_devnet_start(of_nodes, &refused, &error));
    amop_devnet_options_free(of_nodes);
}

static void every_kind_of_channel_is_connected(void **state)
{
    (void)state;
    const int32_t kinds[] = {AMOP_TLS_ECDHE, AMOP_TLS_STATIC_RSA, AMOP_TLS_GM};
    amop_devnet *own = devnet;
    for (size_t n = 0; n < 3; n++) {
        devnet = node_of(kinds[n]);
        amop_client *client = client_with(options_at(0));
        assert_int_equal(endpoint_stat_value(client, 0, AMOP_STAT_TLS), kinds[n]);
        assert_int_equal(client_stat_value(client, AMOP_STAT_TLS), AMOP_TLS_AUTO);
        end(client);
        amop_options *options = options_at(0);
        OK(amop_options_set_tls(options, kinds[n]));
        end(client_with(options));
        amop_devnet_free(devnet);
    }
    devnet = own;
    amop_options *options = options_at(0);
    OK(amop_options_set_tls(options, AMOP_TLS_GM));
    expect_refusal(options, AMOP_ERROR_INVALID_ARGUMENT, "tls is gm");
    options = options_at(0);
    EXPECT_TEXT(AMOP_ERROR_INVALID_ARGUMENT, NULL, amop_options_set_tls(options, 9));
    amop_options_free(options);
    amop_devnet_options *of_nodes = amop_devnet_options_new();
    OK(amop_devnet_options_set_tls(of_nodes, AMOP_TLS_TLCP));
    amop_devnet *refused = untouched();
    EXPECT_TEXT(AMOP_ERROR_INVALID_ARGUMENT, "tlcp", amop_devnet_start(of_nodes, &refused, &error));
    amop_devnet_options_free(of_nodes);
}

static void gm_credentials_are_read_from_files_or_memory(void **state)
{
    (void)state;
    amop_devnet *own = devnet;
    devnet = node_of(AMOP_TLS_GM);
    const char *names[] = {"gm/gmca.crt", "gm/gmsdk.crt", "gm/gmsdk.key", "gm/gmensdk.crt", "gm/gmensdk.key"};
    char paths[5][512];
    char *pem[5];
    for (int n = 0; n < 5; n++) {
        snprintf(paths[n], sizeof paths[n], "%s/%s", amop_devnet_credentials(devnet), names[n]);
        pem[n] = content_of(names[n]);
    }
    amop_options *options = options_at(0);
    OK(amop_options_set_credential_files_gm(options, paths[0], paths[1], paths[2], paths[3], paths[4]));
    end(client_with(options));
    options = options_at(0);
    OK(amop_options_set_credential_pem_gm(options, pem[0], strlen(pem[0]), pem[1], strlen(pem[1]), pem[2],
                                          strlen(pem[2]), pem[3], strlen(pem[3]), pem[4], strlen(pem[4])));
    end(client_with(options));
    /* Without the pair for encryption they can't be used. */
    options = options_at(0);
    OK(amop_options_set_credential_files(options, paths[0], paths[1], paths[2]));
    expect_refusal(options, AMOP_ERROR_CREDENTIALS_INVALID, "for encryption");
    for (int n = 0; n < 5; n++) {
        free(pem[n]);
    }
    amop_devnet_free(devnet);
    devnet = own;
}

static void credentials_are_loaded_again(void **state)
{
    (void)state;
    amop_client *client = client_with(options_at(0));
    OK(amop_client_reload_credentials(client, &error));
    assert_int_equal(endpoint_stat_value(client, 0, AMOP_STAT_CONNECTS), 2);
    assert_int_equal(endpoint_stat_value(client, 0, AMOP_STAT_LOSSES), 0);
    end(client);
    client = client_with(options_with(NULL, NULL, NULL));
    EXPECT_TEXT(AMOP_ERROR_INVALID_ARGUMENT, "given as text", amop_client_reload_credentials(client, &error));
    end(client);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(credentials_are_read_from_folder_files_or_memory),
        cmocka_unit_test(configuration_file_of_another_sdk_connects),
        cmocka_unit_test(missing_credentials_list_the_places_searched),
        cmocka_unit_test(unusable_credentials_report_the_reason),
        cmocka_unit_test(expired_certificates_are_reported_with_dates),
        cmocka_unit_test(every_kind_of_channel_is_connected),
        cmocka_unit_test(every_kind_of_3x_node_is_connected),
        cmocka_unit_test(gm_credentials_are_read_from_files_or_memory),
        cmocka_unit_test(credentials_are_loaded_again),
        cmocka_unit_test(invalid_and_unknown_endpoints_are_rejected),
        cmocka_unit_test(peers_that_are_not_nodes_are_reported),
    };
    return cmocka_run_group_tests(tests, start_devnet, stop_devnet);
}
