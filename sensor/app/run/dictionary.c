#include "app/run/dictionary.h"

#include "app/run/delivery.h"
#include "meter/meter.h"

static void send_to_all(struct delivery *delivery, const struct l7_protocol *protocol) {
    for (size_t i = 0; i < delivery->count; i++) {
        struct message message;
        if (!output_make_protocol(&delivery->outputs[i], protocol, &message))
            continue;
        delivery->outputs[i].shares[0].records.sent++;
        delivery_send(delivery, i, &message);
    }
}

void dictionary_publish(struct delivery *delivery, const struct meter *meter) {
    struct l7_protocol protocol;
    for (size_t i = 0; i < meter_protocol_count(meter); i++) {
        if (!meter_protocol(meter, i, &protocol))
            continue;
        delivery->protocols++;
        send_to_all(delivery, &protocol);
    }
}
