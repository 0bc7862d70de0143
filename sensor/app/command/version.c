#include "app/command/version.h"

#include "app/config/config.h"
#include "app/monitor/http.h"
#include "capture/capture.h"
#include "meter/dissect.h"
#include "record/anonymize/registered_domain.h"
#include "record/registry/registry.h"
#include "sink/sink.h"

void version_print(FILE *stream) {
    fprintf(stream, "flowsensor %s\n", FLOWSENSOR_VERSION);
    fprintf(stream, "%s\n", capture_library_version());
    fprintf(stream, "nDPI %s\n", dissector_library_version());
    fprintf(stream, "%s\n", registry_library_version());
    fprintf(stream, "%s\n", public_suffix_library_version());
    fprintf(stream, "%s\n", sink_library_version());
    fprintf(stream, "%s\n", config_library_version());
    fprintf(stream, "libmicrohttpd %s\n", http_library_version());
}
