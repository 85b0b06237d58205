/* Signals that the program blocks to receive them by sigwait. */
#include "fixture.h"

#include <pthread.h>
#include <signal.h>
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(signals_that_the_program_blocks_stay_pending),
        cmocka_unit_test(calls_keep_the_mask_of_their_thread),
    };
    return cmocka_run_group_tests(tests, start_devnet, stop_devnet);
}
