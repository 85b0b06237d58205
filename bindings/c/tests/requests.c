#include "requests.h"

amop_error *failure_of(const amop_client *client, const char *topic, amop_status status)
{
    amop_reply *reply = untouched();
    amop_error *error = NULL;
    amop_status seen = amop_client_publish(client, topic, "x", 1, NULL, 0, &reply, &error);
    assert_string_equal(amop_status_name(seen), amop_status_name(status));
    assert_null(reply);
    assert_int_equal(amop_error_code(error), status);
    return error;
}

void ask(const amop_client *client, const char *topic, const char *text, context *answer)
{
    context_init(answer);
    OK(amop_client_publish_async(client, topic, text, strlen(text), NULL, 0, completing(answer), NULL,
                                 &error));
}

amop_request *next_request(const amop_service *service)
{
    amop_request *request = NULL;
    OK(amop_service_next(service, GUARD, &request, &error));
    assert_non_null(request);
    return request;
}
