#include "meter/udps_plugin.h"

#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/name.h"

enum { STATE_SIZE_MAX = 16 * 1024 * 1024, MESSAGE_SIZE = 512 };

static int plugin_refuse(const struct udps_plugin *plugin, const char *what, const char *remedy,
                         struct error *error) {
    return error_set(error, EINVAL, EX_CONFIG, "udps.plugins: %s: %s; %s", plugin->path, what, remedy);
}

static int plugin_no_memory(struct error *error) {
    return error_set(error, ENOMEM, EX_OSERR, "udps.plugins: out of memory");
}

/* Takes "PATH name=value ..." apart in place. */
static int plugin_split_entry(struct udps_plugin *plugin, const char *entry, struct error *error) {
    static const char blank[] = " \t\n";
    plugin->path = strdup(entry + strspn(entry, blank));
    plugin->parameters = calloc(strlen(entry) + 1, sizeof *plugin->parameters);
    if (plugin->path == NULL || plugin->parameters == NULL)
        return plugin_no_memory(error);
    char *rest = plugin->path;
    if (strsep(&rest, blank) == NULL || plugin->path[0] == '\0')
        return error_set(error, EINVAL, EX_CONFIG,
                         "udps.plugins: \"%s\" names no file; write \"PATH name=value ...\"", entry);
    char *word;
    while ((word = strsep(&rest, blank)) != NULL) {
        if (word[0] == '\0')
            continue;
        char *equals = strchr(word, '=');
        if (equals == NULL || equals == word)
            return error_set(error, EINVAL, EX_CONFIG,
                             "udps.plugins: %s: parameter \"%s\" is not of the form name=value", plugin->path,
                             word);
        *equals = '\0';
        plugin->parameters[plugin->parameter_count++] = (struct flowsensor_parameter){word, equals + 1};
    }
    return 0;
}

static int plugin_open_object(struct udps_plugin *plugin, struct error *error) {
    char path[PATH_MAX];
    /* dlopen() would look for a name without a slash in the system's library folders. */
    if (realpath(plugin->path, path) == NULL)
        return plugin_refuse(plugin, strerror(errno), "give the path of the plugin's shared object", error);
    plugin->handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (plugin->handle == NULL)
        return plugin_refuse(plugin, dlerror(), "build it as a shared object for this machine", error);
    plugin->descriptor = dlsym(plugin->handle, FLOWSENSOR_PLUGIN_SYMBOL);
    if (plugin->descriptor == NULL)
        return plugin_refuse(plugin, "it has no symbol " FLOWSENSOR_PLUGIN_SYMBOL,
                             "a plugin defines FLOWSENSOR_PLUGIN of flowsensor/plugin.h", error);
    return 0;
}

/* Only `abi` may be read before it is checked. */
static int plugin_check_interface(const struct udps_plugin *plugin, struct error *error) {
    static const char remedy[] = "build it with the flowsensor/plugin.h of this release";
    const struct flowsensor_plugin *descriptor = plugin->descriptor;
    if (descriptor->abi != FLOWSENSOR_PLUGIN_ABI)
        return error_set(error, EINVAL, EX_CONFIG,
                         "udps.plugins: %s: it has interface version %u, this sensor has version %d; %s",
                         plugin->path, descriptor->abi, FLOWSENSOR_PLUGIN_ABI, remedy);
    if (descriptor->plugin_size != sizeof(struct flowsensor_plugin) ||
        descriptor->field_size != sizeof(struct flowsensor_field) ||
        descriptor->packet_size != sizeof(struct flowsensor_packet) ||
        descriptor->flow_size != sizeof(struct flowsensor_flow) ||
        descriptor->value_size != sizeof(struct flowsensor_value) ||
        descriptor->setup_size != sizeof(struct flowsensor_setup))
        return plugin_refuse(plugin, "its structures have other sizes than this sensor's", remedy, error);
    return 0;
}

static int plugin_check_field(const struct udps_plugin *plugin, const struct flowsensor_field *field,
                              struct error *error) {
    static const char remedy[] = "mend the field in the plugin's source";
    char what[MESSAGE_SIZE];
    const char *wrong = NULL;
    if (field->name == NULL || !name_is_valid(field->name, strlen(field->name), UDPS_NAME_MAX))
        wrong = "its name is not made of letters, digits and _ (no digit first, at most 48)";
    else if ((unsigned)field->type >= FLOWSENSOR_TYPES)
        wrong = "it has an unknown type";
    else if ((unsigned)field->pii >= FLOWSENSOR_PII_CLASSES)
        wrong = "it has an unknown PII class";
    else if (field->doc == NULL || field->doc[0] == '\0')
        wrong = "it has no doc";
    if (wrong == NULL)
        return 0;
    snprintf(what, sizeof what, "field \"%.100s\": %s", field->name != NULL ? field->name : "", wrong);
    return plugin_refuse(plugin, what, remedy, error);
}

static int plugin_check_descriptor(const struct udps_plugin *plugin, struct error *error) {
    static const char remedy[] = "complete the plugin's source";
    const struct flowsensor_plugin *descriptor = plugin->descriptor;
    if (descriptor->name == NULL || descriptor->name[0] == '\0' || descriptor->version == NULL ||
        descriptor->version[0] == '\0')
        return plugin_refuse(plugin, "it does not say its name and version", remedy, error);
    if (descriptor->field_count > 0 && (descriptor->fields == NULL || descriptor->get == NULL))
        return plugin_refuse(plugin, "it has fields but no get", remedy, error);
    if (descriptor->configure == NULL && plugin->parameter_count > 0)
        return plugin_refuse(plugin, "it takes no parameters", "take them off", error);
    for (size_t i = 0; i < descriptor->field_count; i++) {
        int result = plugin_check_field(plugin, &descriptor->fields[i], error);
        if (result < 0)
            return result;
    }
    return 0;
}

int udps_plugin_configure(const struct udps_plugin *plugin, void **context, size_t *state_size,
                          struct error *error) {
    char message[MESSAGE_SIZE] = "configure failed";
    struct flowsensor_setup setup = {
        .state_size = plugin->descriptor->state_size,
        .message = message,
        .message_size = sizeof message,
    };
    if (plugin->descriptor->configure != NULL &&
        plugin->descriptor->configure(plugin->parameters, plugin->parameter_count, &setup) != 0) {
        message[sizeof message - 1] = '\0';
        return error_set(error, EINVAL, EX_CONFIG, "udps.plugins: %s: %s", plugin->path, message);
    }
    *context = setup.context;
    *state_size = setup.state_size;
    return 0;
}

/* A trial call: wrong parameters are to be found at the start, and the size of the state may depend on them. */
static int plugin_try_configuration(struct udps_plugin *plugin, struct error *error) {
    void *context = NULL;
    int result = udps_plugin_configure(plugin, &context, &plugin->state_size, error);
    if (result < 0)
        return result;
    if (plugin->descriptor->cleanup != NULL)
        plugin->descriptor->cleanup(context);
    return plugin->state_size <= STATE_SIZE_MAX
               ? 0
               : plugin_refuse(plugin, "its state takes more than 16 MiB in each flow",
                               "give smaller parameters", error);
}

int udps_plugin_open(struct udps_plugin *plugin, const char *entry, struct error *error) {
    int result = plugin_split_entry(plugin, entry, error);
    if (result == 0)
        result = plugin_open_object(plugin, error);
    if (result == 0)
        result = plugin_check_interface(plugin, error);
    if (result == 0)
        result = plugin_check_descriptor(plugin, error);
    return result == 0 ? plugin_try_configuration(plugin, error) : result;
}

void udps_plugin_close(struct udps_plugin *plugin) {
    if (plugin->handle != NULL)
        dlclose(plugin->handle);
    free(plugin->parameters);
    free(plugin->path);
}
