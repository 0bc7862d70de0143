#include "payload.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "buffer.h"
#include "frame.h"
#include "random.h"

static void host_of_site(char *name, uint32_t site) {
    static const char *const words[] = {"blue",  "river", "north", "cloud", "daily", "smart",
                                        "open",  "metro", "green", "hotel", "prime", "fresh",
                                        "media", "cargo", "solar", "pixel"};
    static const char *const services[] = {"www", "api", "cdn", "img", "static", "login", "assets", "m"};
    static const char *const tops[] = {"com", "net", "org", "io", "de", "fr", "co.uk", "com.br"};
    uint64_t mixed = site;
    uint64_t bits = random_next(&mixed);

    snprintf(name, 64, "%s.%s%s%u.%s", services[bits % 8], words[bits >> 3 & 15], words[bits >> 7 & 15],
             site % 1000, tops[bits >> 11 & 7]);
}

void payload_host_name(char *name, uint64_t *random) {
    static const char *const popular[] = {
        "www.google.com",    "i.ytimg.com",       "www.youtube.com",        "graph.facebook.com",
        "api.whatsapp.com",  "www.netflix.com",   "outlook.office.com",     "teams.microsoft.com",
        "www.amazon.com",    "api.twitter.com",   "cdn.discordapp.com",     "github.com",
        "www.instagram.com", "p16.tiktokcdn.com", "gateway.icloud.com",     "www.wikipedia.org",
        "open.spotify.com",  "zoom.us",           "store.steampowered.com", "www.linkedin.com",
    };

    if (random_below(random, 100) < 40) {
        snprintf(name, 64, "%s", popular[random_below(random, sizeof popular / sizeof popular[0])]);
        return;
    }
    // The square makes some sites far more frequent than others.
    double rank = random_unit(random);
    host_of_site(name, (uint32_t)(rank * rank * 20000));
}

size_t payload_random(uint8_t *to, size_t length, uint64_t *random) {
    size_t done = 0;

    for (; done + 8 <= length; done += 8) {
        uint64_t word = random_next(random);
        memcpy(to + done, &word, 8);
    }
    uint64_t word = random_next(random);
    memcpy(to + done, &word, length - done);
    return length;
}

size_t payload_http_request(uint8_t *to, const char *host, uint64_t *random) {
    static const char *const agents[] = {
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36",
        "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0",
        "curl/8.5.0",
        "Debian APT-HTTP/1.3 (2.6.1)",
    };
    static const char *const paths[] = {"/", "/index.html", "/api/v1/items", "/images/logo.png",
                                        "/update/check"};

    int length = snprintf(
        (char *)to, PAYLOAD_MAXIMUM,
        "GET %s?id=%u HTTP/1.1\r\nHost: %s\r\nUser-Agent: %s\r\nAccept: */*\r\nAccept-Encoding: gzip, deflate\r\n"
        "Accept-Language: en-US,en;q=0.5\r\nConnection: keep-alive\r\n\r\n",
        paths[random_below(random, 5)], random_below(random, 100000), host, agents[random_below(random, 4)]);
    return (size_t)length;
}

size_t payload_http_response(uint8_t *to, size_t length, uint64_t *random) {
    static const char *const types[] = {"text/html; charset=UTF-8", "application/json", "image/png",
                                        "application/octet-stream"};

    int header =
        snprintf((char *)to, PAYLOAD_MAXIMUM,
                 "HTTP/1.1 200 OK\r\nServer: nginx/1.24.0\r\nContent-Type: %s\r\nContent-Length: %u\r\n"
                 "Cache-Control: max-age=3600\r\nConnection: keep-alive\r\n\r\n",
                 types[random_below(random, 4)], 200 + random_below(random, 200000));
    if (length > (size_t)header)
        payload_random(to + header, length - (size_t)header, random);
    return length > (size_t)header ? length : (size_t)header;
}

static void add_dns_name(struct buffer *out, const char *host) {
    while (*host != '\0') {
        size_t label = strcspn(host, ".");
        buffer_number(out, label, 1);
        buffer_bytes(out, host, label);
        host += label + (host[label] == '.');
    }
    buffer_number(out, 0, 1);
}

size_t payload_dns(uint8_t *to, const char *host, bool response, uint16_t id, bool ipv6) {
    static const uint8_t address[] = {0x20, 1, 0x0d, 0xb8, 0, 0, 0, 7, 0, 0, 0, 0, 0, 0, 0, 10};
    struct buffer out = {.bytes = to};
    size_t address_length = ipv6 ? 16 : 4;

    buffer_number(&out, id, 2);
    buffer_number(&out, response ? 0x8180 : 0x0100, 2);
    buffer_number(&out, 1, 2);
    buffer_number(&out, response ? 2 : 0, 2);
    buffer_number(&out, 0, 4);
    add_dns_name(&out, host);
    buffer_number(&out, ipv6 ? 28 : 1, 2);
    buffer_number(&out, 1, 2);
    for (int answer = 0; response && answer < 2; answer++) {
        buffer_number(&out, 0xc00c, 2);
        buffer_number(&out, ipv6 ? 28 : 1, 2);
        buffer_number(&out, 1, 2);
        buffer_number(&out, 300, 4);
        buffer_number(&out, address_length, 2);
        buffer_bytes(&out, address, address_length - 1);
        buffer_number(&out, (uint64_t)(id % 200) + (uint64_t)answer, 1);
    }
    return out.length;
}

size_t payload_ntp(uint8_t *to, bool response, uint64_t *random) {
    memset(to, 0, 48);
    to[0] = response ? 0x24 : 0x23;
    to[1] = response ? 2 : 0;
    to[2] = 6;
    payload_random(to + (response ? 16 : 40), response ? 32 : 8, random);
    return 48;
}

size_t payload_ssh(uint8_t *to, unsigned message, bool server, uint64_t *random) {
    static const char algorithms[] = "curve25519-sha256,ecdh-sha2-nistp256,diffie-hellman-group14-sha256";
    static const char *const lists[] = {algorithms,
                                        "ssh-ed25519,rsa-sha2-512",
                                        "chacha20-poly1305@openssh.com,aes128-ctr",
                                        "chacha20-poly1305@openssh.com,aes128-ctr",
                                        "umac-64-etm@openssh.com,hmac-sha2-256",
                                        "umac-64-etm@openssh.com,hmac-sha2-256",
                                        "none,zlib@openssh.com",
                                        "none,zlib@openssh.com",
                                        "",
                                        ""};
    struct buffer out = {.bytes = to};

    if (message == 0) {
        buffer_text(&out, server ? "SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n" : "SSH-2.0-OpenSSH_9.6\r\n");
        return out.length;
    }
    size_t packet = buffer_begin(&out, 4);
    buffer_number(&out, 6, 1);
    buffer_number(&out, 20, 1);
    payload_random(to + out.length, 16, random);
    out.length += 16;
    for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++) {
        buffer_number(&out, strlen(lists[i]), 4);
        buffer_text(&out, lists[i]);
    }
    buffer_number(&out, 0, 5);
    buffer_number(&out, 0, 6);
    buffer_end(&out, packet, 4);
    return out.length;
}
