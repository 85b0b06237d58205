#include "handles.h"

amop_client *client;
amop_subscription *subscription;
amop_service *service;
amop_completion_queue *queue;
amop_events *events;

int start_handles(void **state)
{
    if (start_devnet(state) != 0) {
        return -1;
    }
    client = client_at(0);
    OK(amop_client_subscribe(client, "subscribed", NULL, &subscription, &error));
    OK(amop_client_serve(client, "served", NULL, &service, &error));
    OK(amop_client_events(client, &events, &error));
    queue = amop_completion_queue_new(0);
    return 0;
}

int stop_handles(void **state)
{
    amop_completion_queue_free(queue);
    amop_events_free(events);
    amop_service_free(service);
    amop_subscription_free(subscription);
    end(client);
    return stop_devnet(state);
}
