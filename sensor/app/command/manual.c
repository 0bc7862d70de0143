#include "app/command/manual.h"

#include <stdbool.h>
#include <string.h>

#include "app/command/command_line_rows.h"
#include "app/config/config.h"

/* Of the text below, not of the build: equal sources make equal pages. */
static const char date[] = "2026-11-28";

/* Text in which nothing is roff. */
static void print_text(const char *text, FILE *stream) {
    for (; *text; text++) {
        switch (*text) {
        case '\\': fputs("\\e", stream); break;
        case '-': fputs("\\-", stream); break;
        case '\'': fputs("\\(aq", stream); break;
        case '`': fputs("\\(ga", stream); break;
        case '^': fputs("\\(ha", stream); break;
        case '~': fputs("\\(ti", stream); break;
        default: fputc(*text, stream); break;
        }
    }
}

static void print_font(char font, const char *text, FILE *stream) {
    fprintf(stream, "\\f%c", font);
    print_text(text, stream);
    fputs("\\fR", stream);
}

static void print_flag(const struct flag_row *row, FILE *stream) {
    fputs(".TP\n", stream);
    if (row->letter)
        print_font('B', row->letter, stream);
    if (row->letter && row->name)
        fputs(", ", stream);
    if (row->name)
        print_font('B', row->name, stream);
    if (row->argument) {
        fputc(' ', stream);
        print_font('I', row->argument, stream);
    }
    fputc('\n', stream);
    print_text(row->help, stream);
    fputs(".\n", stream);
}

static void print_command_name(const struct command_row *row, FILE *stream) {
    print_font('B', row->word, stream);
    if (row->subword) {
        fputc(' ', stream);
        print_font('B', row->subword, stream);
    }
}

static void print_synopsis(FILE *stream) {
    fputs(".SH SYNOPSIS\n"
          "\\fBflowsensor\\fR [\\fB\\-c\\fR \\fICONF\\fR] (\\fIFILE\\fR ... | \\fB\\-i\\fR "
          "\\fIIFACE\\fR) [\\fB\\-f\\fR \\fIBPF\\fR] [\\fB\\-w\\fR \\fIOUT\\fR] [\\fIoptions\\fR]\n",
          stream);
    for (size_t i = 0; i < command_row_count; i++) {
        fputs(".br\n\\fBflowsensor\\fR ", stream);
        print_command_name(&command_rows[i], stream);
        if (command_rows[i].choices)
            fprintf(stream, " %s", command_rows[i].choices);
        fputs(*command_rows[i].arguments ? " " : "", stream);
        print_text(command_rows[i].arguments, stream);
        fputc('\n', stream);
    }
}

static void print_commands(FILE *stream) {
    fputs(".SH COMMANDS\n", stream);
    for (size_t i = 0; i < command_row_count; i++) {
        fputs(".TP\n", stream);
        print_command_name(&command_rows[i], stream);
        fputc('\n', stream);
        print_text(command_rows[i].help, stream);
        fputs(".\n", stream);
        print_text(command_rows[i].details, stream);
        fputc('\n', stream);
    }
}

/* The names of the options, a paragraph for each group; those of no group come first. */
static void print_options(const struct option_row *rows, size_t count, FILE *stream) {
    const char *group = NULL;
    size_t group_length = 0;
    for (size_t i = 0; i < count; i++) {
        const char *dot = strchr(rows[i].path, '.');
        size_t length = dot ? (size_t)(dot - rows[i].path) : 0;
        bool next = !group || length != group_length || strncmp(group, rows[i].path, length) != 0;
        if (next && length > 0)
            fprintf(stream, ".TP\n\\fB%.*s\\fR\n", (int)length, rows[i].path);
        else if (next)
            fputs(".TP\n(no group)\n", stream);
        group = rows[i].path;
        group_length = length;
        print_text(rows[i].path + (dot ? length + 1 : 0), stream);
        bool last = i + 1 == count || strncmp(rows[i + 1].path, rows[i].path, length) != 0 ||
                    (length == 0) != !strchr(rows[i + 1].path, '.');
        fputs(last ? "\n" : ",\n", stream);
    }
}

static void print_configuration(FILE *stream) {
    fputs(
        ".SH CONFIGURATION\n"
        "The file is in libconfig's language: groups in braces, lists in brackets, settings that end with a "
        "semicolon, sizes and durations in quotes.\n"
        "In strings, \\fB${\\fINAME\\fB}\\fR is a variable of the environment, "
        "\\fB${\\fINAME\\fB:\\-\\fIDEFAULT\\fB}\\fR the same with a default, and "
        "\\fB${file:\\fIPATH\\fB}\\fR the content of a file.\n"
        "Later wins: defaults, configuration file, \\fB\\-\\-set\\fR, other flags.\n"
        "\\fBflowsensor reference\\fR explains each option and each field of the records.\n"
        "The options, by group:\n",
        stream);
    print_options(option_rows, option_row_count, stream);
    print_options(output_rows, output_row_count, stream);
}

static void print_exit_codes(FILE *stream) {
    fputs(".SH EXIT STATUS\n", stream);
    for (size_t i = 0; i < exit_code_row_count; i++) {
        fprintf(stream, ".TP\n\\fB%d\\fR\n", exit_code_rows[i].code);
        print_text(exit_code_rows[i].meaning, stream);
        fputs(".\n", stream);
    }
}

static const char description[] =
    ".SH DESCRIPTION\n"
    "Meters network flows from captures or from a live interface, and writes one typed record per flow to files or "
    "to Kafka, under a schema that a registry keeps.\n"
    "At its end it prints a ledger that accounts for every packet, flow and record.\n";

static const char signals[] =
    ".SH SIGNALS\n"
    ".TP\n\\fBSIGINT\\fR, \\fBSIGTERM\\fR\n"
    "End in order: no more packets are read, open flows are exported, and the outputs may take\n"
    ".I delivery.shutdown_timeout\nfor what is under way. A second one ends the process at once.\n"
    ".TP\n\\fBSIGHUP\\fR\n"
    "Reads the configuration and the key of\n.I anonymization.key_file\n"
    "again. If they are wrong, or an option has changed that needs a restart, what was in force stays, and a line says "
    "why. If the terminal that it runs on has gone: as \\fBSIGTERM\\fR.\n"
    ".TP\n\\fBSIGUSR1\\fR, \\fBSIGUSR2\\fR, \\fBSIGPIPE\\fR, \\fBSIGXFSZ\\fR\n"
    "Ignored. A reader that went away ends its output in order, a file that may not grow ends it with an error.\n"
    ".PP\nCommands that print or ask and end, such as \\fBverify\\fR, are ended by any of these at once.\n";

static const char files[] =
    ".SH FILES\n"
    ".TP\n.I /etc/flowsensor/flowsensor.conf\n"
    "The configuration of the service. Nothing is read that \\fB\\-c\\fR does not name.\n"
    ".TP\n.I /var/lib/flowsensor\n"
    "State of the service, such as the last answers of the registry (\\fIregistry.cache_directory\\fR).\n"
    ".TP\n.I /usr/share/doc/flowsensor/reference.md\n"
    "What \\fBflowsensor reference\\fR prints.\n";

static const char examples[] =
    ".SH EXAMPLES\n"
    "A capture as a table, with NFStream\\(aqs columns:\n"
    ".PP\n.nf\n.RS\nflowsensor \\-\\-profile nfstream \\-r capture.pcap \\-w flows.csv\n.RE\n.fi\n"
    ".PP\nA live interface, without DNS, as lines of JSON on standard output:\n"
    ".PP\n.nf\n.RS\nflowsensor \\-i auto \\-f \\(aqnot port 53\\(aq \\-w \\-\n.RE\n.fi\n"
    ".PP\nWhether the registry would take this version\\(aqs schemas, and with what a run would work:\n"
    ".PP\n.nf\n.RS\nflowsensor schema check \\-c /etc/flowsensor/flowsensor.conf\n"
    "flowsensor \\-c /etc/flowsensor/flowsensor.conf \\-\\-print\\-config\n.RE\n.fi\n";

void manual_print(FILE *stream) {
    fprintf(stream,
            ".\\\" Made by `flowsensor manual`; don't edit.\n"
            ".TH FLOWSENSOR 1 \"%s\" \"flowsensor %s\" \"User Commands\"\n"
            ".SH NAME\nflowsensor \\- meter network flows and stream typed records to Kafka\n",
            date, FLOWSENSOR_VERSION);
    print_synopsis(stream);
    fputs(description, stream);
    fputs(".SH OPTIONS\n", stream);
    for (size_t i = 0; i < flag_row_count; i++)
        print_flag(&flag_rows[i], stream);
    print_commands(stream);
    print_configuration(stream);
    fputs(signals, stream);
    print_exit_codes(stream);
    fputs(files, stream);
    fputs(examples, stream);
    fputs(".SH SEE ALSO\n.BR pcap\\-filter (7),\n.BR tcpdump (8)\n", stream);
}
