/* The words of the line that are no flags: a command, or captures. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "app/command/command_line_parts.h"
#include "app/command/command_line_rows.h"
#include "base/nearest.h"

/* "print, features and register": the second words that the word has. */
static void list_subwords(const char *word, char *text, size_t size) {
    size_t length = 0;
    for (size_t i = 0; i < command_row_count && length < size; i++) {
        if (strcmp(command_rows[i].word, word) != 0)
            continue;
        bool last = i + 1 == command_row_count || command_row_is_first(i + 1);
        length += (size_t)snprintf(text + length, size - length, "%s%s",
                                   command_row_is_first(i) ? ""
                                   : last                  ? " and "
                                                           : ", ",
                                   command_rows[i].subword);
    }
}

/* The nearest of the first words, or of the second ones that `word` has; NULL: none is near. */
static const char *nearest_word(const char *word, const char *given) {
    const char *names[COMMAND_ROWS_MAX];
    size_t count = 0;
    for (size_t i = 0; i < command_row_count; i++) {
        const struct command_row *row = &command_rows[i];
        if (word ? strcmp(row->word, word) == 0 : command_row_is_first(i))
            names[count++] = word ? row->subword : row->word;
    }
    return nearest_name(given, names, count, sizeof *names);
}

/* The row of these words (either may be NULL); NULL if there is none. `*known`: a row has the first. */
static const struct command_row *find_row(const char *word, const char *subword, const char **known) {
    *known = NULL;
    for (size_t i = 0; word && i < command_row_count; i++) {
        const struct command_row *row = &command_rows[i];
        if (strcmp(row->word, word) != 0)
            continue;
        *known = row->word;
        if (!row->subword || (subword && strcmp(row->subword, subword) == 0))
            return row;
    }
    return NULL;
}

static int unknown_subword(const char *word, const char *subword, struct error *error) {
    char subwords[128];
    const char *nearest = subword ? nearest_word(word, subword) : NULL;
    if (nearest)
        return error_set(error, EINVAL, EX_USAGE, "%s %s: unknown command; did you mean %s %s?", word,
                         subword, word, nearest);
    list_subwords(word, subwords, sizeof subwords);
    if (!subword)
        return error_set(error, EINVAL, EX_USAGE, "%s needs a word after it; there are %s", word, subwords);
    return error_set(error, EINVAL, EX_USAGE, "%s %s: unknown command; there are %s", word, subword,
                     subwords);
}

/* Takes the word that must follow a command with choices. */
static int take_choice(const struct command_row *row, const char *word, struct command_line *line,
                       struct error *error) {
    size_t length = word ? strlen(word) : 0;
    for (const char *at = row->choices; at; at = strchr(at, '|') ? strchr(at, '|') + 1 : NULL) {
        if (length > 0 && strcspn(at, "|") == length && strncmp(at, word, length) == 0) {
            line->request.choice = word;
            return 0;
        }
    }
    if (!word)
        return error_set(error, EINVAL, EX_USAGE, "%s %s needs a word after it: %s", row->word, row->subword,
                         row->choices);
    return error_set(error, EINVAL, EX_USAGE, "%s %s: unknown choice \"%s\"; there are %s", row->word,
                     row->subword, word, row->choices);
}

/* What is there, or is written as paths are. */
static bool is_capture(const char *word) {
    return strpbrk(word, "./") || strcmp(word, "-") == 0 || (*word && access(word, F_OK) == 0);
}

static int take_captures(const char *const *words, int count, struct command_line *line,
                         struct error *error) {
    char text[128];
    for (int i = 0; i < count; i++) {
        const char *hint = is_capture(words[i]) ? NULL : command_line_word_hint(words[i], text, sizeof text);
        const char *nearest = i == 0 && !hint ? nearest_word(NULL, words[i]) : NULL;
        if (is_capture(words[i]))
            line->files[line->file_count++] = words[i];
        else if (hint)
            return error_set(error, EINVAL, EX_USAGE, "unexpected argument \"%s\"; %s", words[i], hint);
        else if (nearest)
            return error_set(error, EINVAL, EX_USAGE,
                             "unknown command %s; did you mean %s? (--help lists all)", words[i], nearest);
        else
            return error_set(
                error, EINVAL, EX_USAGE,
                "unexpected argument \"%s\": neither a command nor a capture that is there; --help lists all",
                words[i]);
    }
    return 0;
}

int command_line_take_words(const char *const *words, int count, struct command_line *line,
                            struct error *error) {
    const char *known, *subword = count > 1 ? words[1] : NULL;
    const struct command_row *row = find_row(count > 0 ? words[0] : NULL, subword, &known);
    if (!row)
        return known ? unknown_subword(known, subword, error) : take_captures(words, count, line, error);
    int taken = row->subword ? 2 : 1;
    line->request.command = row->command;
    if (row->choices) {
        int result = take_choice(row, count > taken ? words[taken] : NULL, line, error);
        if (result < 0)
            return result;
        taken++;
    }
    if (count > taken)
        return error_set(error, EINVAL, EX_USAGE,
                         "unexpected argument \"%s\"; `flowsensor %s%s%s --help` says what there is",
                         words[taken], row->word, row->subword ? " " : "", row->subword ? row->subword : "");
    return 0;
}

void command_line_take_help_words(const char *const *words, int count, struct command_request *request) {
    const char *known;
    if (count > 0 && strcmp(words[0], "help") == 0) {
        words++;
        count--;
    }
    const struct command_row *row =
        find_row(count > 0 ? words[0] : NULL, count > 1 ? words[1] : NULL, &known);
    request->command = COMMAND_HELP;
    request->word = known;
    request->subword = row ? row->subword : NULL;
}
