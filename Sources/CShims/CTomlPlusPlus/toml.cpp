#define TOML_EXCEPTIONS 0
#define TOML_ENABLE_FORMATTERS 0
// toml++ 3.3 asserts some things about its input before it checks them ("[=" aborts, and with NDEBUG is assumed away),
// and calls unreachable what an umlaut in a key reaches. Neither is for a daemon: an assertion here is nothing, the
// checks that follow it tell the error; and a character of no known class is of none instead of undefined.
#undef NDEBUG
#define TOML_ASSERT(expression) static_assert(true)
#include <toml++/impl/forward_declarations.h>
#undef TOML_ASSUME
#define TOML_ASSUME(...) static_assert(true)
#pragma push_macro("TOML_UNREACHABLE")
#undef TOML_UNREACHABLE
#define TOML_UNREACHABLE return {}
#include <toml++/impl/unicode.h>
#pragma pop_macro("TOML_UNREACHABLE")
#include <toml++/toml.h>

#include <new>
#include <string>
#include <string_view>
#include <vector>

#include "CTomlPlusPlus.h"

/// Deeper than any setting; keeps the walk (and whoever rebuilds the tree) off the end of the stack.
static constexpr int max_depth = 32;

struct headgate_toml {
    toml::table root;  // owns every key and string the entries point at
    std::vector<headgate_toml_entry> entries;
    std::string error;
    toml::source_position error_position{0, 0};

    bool failed() const { return !error.empty(); }
    void fail(std::string_view why, toml::source_position where) {
        error = why.empty() ? std::string_view("not TOML") : why;
        error_position = where;
    }
    void walk(const toml::node &node, const toml::key *key, int depth);
};

void headgate_toml::walk(const toml::node &node, const toml::key *key, int depth) {
    headgate_toml_entry entry{};
    const auto value_at = node.source().begin;
    entry.value_line = value_at.line;
    entry.value_column = value_at.column;
    if (key) {
        const auto key_at = key->source().begin;
        entry.key = key->str().data();
        entry.key_length = key->str().size();
        entry.key_line = key_at.line;
        entry.key_column = key_at.column;
    }
    if (depth > max_depth) {
        if (!failed()) fail("tables and arrays are nested too deep", value_at);
        return;
    }
    if (const auto *table = node.as_table()) {
        entry.kind = HEADGATE_TOML_TABLE;
        entry.children = table->size();
        entries.push_back(entry);
        for (auto it = table->cbegin(); it != table->cend(); ++it) walk(it->second, &it->first, depth + 1);
        return;
    }
    if (const auto *array = node.as_array()) {
        entry.kind = HEADGATE_TOML_ARRAY;
        entry.children = array->size();
        entries.push_back(entry);
        for (const auto &element : *array) walk(element, nullptr, depth + 1);
        return;
    }
    if (const auto *text = node.as_string()) {
        entry.kind = HEADGATE_TOML_STRING;
        entry.text = text->get().data();
        entry.text_length = text->get().size();
    } else if (const auto *integer = node.as_integer()) {
        entry.kind = HEADGATE_TOML_INTEGER;
        entry.integer = integer->get();
    } else if (const auto *number = node.as_floating_point()) {
        entry.kind = HEADGATE_TOML_FLOAT;
        entry.number = number->get();
    } else if (const auto *boolean = node.as_boolean()) {
        entry.kind = HEADGATE_TOML_BOOLEAN;
        entry.boolean = boolean->get();
    } else {
        entry.kind = HEADGATE_TOML_DATE;
    }
    entries.push_back(entry);
}

extern "C" {

headgate_toml *headgate_toml_parse(const char *text, size_t length) {
    headgate_toml *parse = nullptr;
    try {
        parse = new headgate_toml;
        auto result = toml::parse(std::string_view(length ? text : "", length));
        if (!result) {
            parse->fail(result.error().description(), result.error().source().begin);
            return parse;
        }
        parse->root = std::move(result).table();
        parse->walk(parse->root, nullptr, 0);
        return parse;
    } catch (...) {
        delete parse;
        return nullptr;
    }
}

void headgate_toml_free(headgate_toml *parse) { delete parse; }

const char *headgate_toml_error(const headgate_toml *parse, uint32_t *line, uint32_t *column) {
    if (!parse->failed()) return nullptr;
    *line = parse->error_position.line;
    *column = parse->error_position.column;
    return parse->error.c_str();
}

size_t headgate_toml_count(const headgate_toml *parse) { return parse->entries.size(); }

headgate_toml_entry headgate_toml_at(const headgate_toml *parse, size_t index) { return parse->entries[index]; }
}
