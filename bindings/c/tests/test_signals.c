/* Signals that the program blocks to receive them by sigwait or signalfd, and the masks of the library's threads. */
#include "fixture.h"

#include <dirent.h>
#include <pthread.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

static sigset_t wanted(void)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGUSR1);
    return set;
}

/* Sends the signals to the process: any thread that doesn't block them receives them, and they end the process. */
static void receives_blocked_signals(void)
{
    sigset_t set = wanted();
    const int signals[] = {SIGTERM, SIGUSR1};
    for (size_t n = 0; n < 2; n++) {
        int seen = 0;
        assert_int_equal(kill(getpid(), signals[n]), 0);
        assert_int_equal(sigwait(&set, &seen), 0);
        assert_int_equal(seen, signals[n]);
    }
    int reading = signalfd(-1, &set, SFD_CLOEXEC);
    assert_true(reading >= 0);
    for (size_t n = 0; n < 2; n++) {
        struct signalfd_siginfo seen;
        assert_int_equal(kill(getpid(), signals[n]), 0);
        assert_int_equal(read(reading, &seen, sizeof seen), sizeof seen);
        assert_int_equal(seen.ssi_signo, (uint32_t)signals[n]);
    }
    close(reading);
}

static void signals_that_the_program_blocks_stay_pending(void **state)
{
    (void)state;
    sigset_t set = wanted(), before;
    /* After the library has started: only its own mask counts. */
    context context;
    context_init(&context);
    amop_client *client = client_at(0);
    const char *topic = fresh_topic();
    subscribe(client, topic, counting(&context), &context);
    publish(client, topic, "x");
    wait_for(context.calls, 1);
    assert_int_equal(pthread_sigmask(SIG_BLOCK, &set, &before), 0);
    receives_blocked_signals();
    amop_subscription_free(context.subscription);
    end(client);
    receives_blocked_signals();
    assert_int_equal(pthread_sigmask(SIG_SETMASK, &before, NULL), 0);
    context_end(&context);
}

static void calls_keep_the_mask_of_their_thread(void **state)
{
    (void)state;
    sigset_t before, after;
    assert_int_equal(pthread_sigmask(SIG_SETMASK, NULL, &before), 0);
    end(client_at(0));
    assert_int_equal(pthread_sigmask(SIG_SETMASK, NULL, &after), 0);
    for (int n = 1; n <= SIGSYS; n++) {
        assert_int_equal(sigismember(&before, n), sigismember(&after, n));
    }
}

/* Reads a line of the status of a thread into `value`; 0 if the thread has exited. */
static int status_of(const char *task, const char *field, char value[64])
{
    char path[64 + 256], line[256], form[32];
    snprintf(path, sizeof path, "/proc/self/task/%.255s/status", task);
    snprintf(form, sizeof form, "%s: %%63s", field);
    FILE *file = fopen(path, "r");
    int found = 0;
    while (file != NULL && !found && fgets(line, sizeof line, file) != NULL) {
        found = sscanf(line, form, value) == 1;
    }
    if (file != NULL) {
        fclose(file);
    }
    return found;
}

static const char *const NAMES[] = {"amop-handler", "amop-callback", "amop-log"};
enum { NAMED = sizeof NAMES / sizeof NAMES[0] };

/* Fails if a thread of the library receives a signal of the process. Counts the threads of each name. */
static void check_threads(int seen[NAMED])
{
    const int signals[] = {SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2, SIGCHLD, SIGALRM, SIGPIPE};
    DIR *tasks = opendir("/proc/self/task");
    assert_non_null(tasks);
    for (struct dirent *task; (task = readdir(tasks)) != NULL;) {
        char name[64], mask[64];
        if (!status_of(task->d_name, "Name", name) || strncmp(name, "amop", 4) != 0
            || !status_of(task->d_name, "SigBlk", mask)) {
            continue;
        }
        for (size_t n = 0; n < NAMED; n++) {
            seen[n] += strncmp(name, NAMES[n], 15) == 0;
        }
        for (size_t n = 0; n < sizeof signals / sizeof signals[0]; n++) {
            if (((strtoull(mask, NULL, 16) >> (signals[n] - 1)) & 1) == 0) {
                fail_msg("%s does not block signal %d", name, signals[n]);
            }
        }
    }
    closedir(tasks);
}

static void ignore_record(void *pointer, int32_t level, const char *target, const char *message)
{
    (void)pointer;
    (void)level;
    (void)target;
    (void)message;
}

static void ignore_event(void *pointer, const amop_event *event)
{
    (void)pointer;
    (void)event;
}

static void every_thread_of_the_library_blocks_signals(void **state)
{
    (void)state;
    OK(amop_set_log_callback(AMOP_LOG_INFO, (amop_log_callback){ignore_record, NULL, NULL}, &error));
    amop_client *client = client_at(0);
    context called, done, passed;
    context_init(&called);
    context_init(&done);
    context_init(&passed);
    const char *topic = fresh_topic();
    subscribe(client, topic, counting(&called), &called);
    OK(amop_client_on_event(client, (amop_event_callback){ignore_event, NULL, NULL}, NULL, &error));
    amop_completion_queue *queue = NULL;
    OK(amop_completion_queue_new_callback(0, completing(&passed), &queue, &error));
    publish(client, topic, "x");
    OK(amop_client_publish_async(client, topic, "x", 1, NULL, GUARD, completing(&done), NULL, &error));
    OK(amop_client_publish_queued(client, topic, "x", 1, NULL, GUARD, queue, NULL, NULL, &error));
    wait_for(called.calls, 3);
    wait_for(done.calls, 1);
    wait_for(passed.calls, 1);
    int seen[NAMED] = {0};
    check_threads(seen);
    for (size_t n = 0; n < NAMED; n++) {
        if (seen[n] == 0) {
            fail_msg("no thread is named %s", NAMES[n]);
        }
    }
    amop_completion_queue_free(queue);
    amop_subscription_free(called.subscription);
    end(client);
    OK(amop_set_log_callback(AMOP_LOG_OFF, (amop_log_callback){NULL, NULL, NULL}, &error));
    wait_for(passed.drops, 1);
    context_end(&called);
    context_end(&done);
    context_end(&passed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_thread_of_the_library_blocks_signals),
        cmocka_unit_test(signals_that_the_program_blocks_stay_pending),
        cmocka_unit_test(calls_keep_the_mask_of_their_thread),
    };
    return cmocka_run_group_tests(tests, start_devnet, stop_devnet);
}
