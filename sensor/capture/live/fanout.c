/* Shares an interface's packets out among several sockets (packet(7), PACKET_FANOUT). A BPF program of ours hashes the
 * pair of IP addresses, whichever of them sent. So both directions of a flow, all fragments of a datagram, and all that
 * a tunnel carries between two hosts stay together. The kernel's own hash includes the ports. Later fragments
 * have none, and VXLAN and Geneve have another outer source port in each direction. If the kernel reassembled fragments
 * instead, the counts of packets and bytes would change. */
#include <errno.h>
#include <linux/filter.h>
#include <linux/if_packet.h>
#include <string.h>
#include <sys/socket.h>

#include "capture/source.h"

#define NETWORK (unsigned)SKF_NET_OFF /* loads from the network header, on the way in and out alike */

enum { IPV4_SOURCE = 12, IPV4_DESTINATION = 16, IPV6_SOURCE = 8, IPV6_WORDS = 8, PROGRAM_MAX = 64 };

struct program {
    struct sock_filter code[PROGRAM_MAX];
    unsigned short length;
};

static void fanout_emit(struct program *program, unsigned short code, unsigned operand) {
    program->code[program->length++] = (struct sock_filter)BPF_STMT(code, operand);
}

/* Accumulator ^= the word at `offset` of the network header. */
static void emit_xor(struct program *program, unsigned offset) {
    fanout_emit(program, BPF_MISC | BPF_TAX, 0);
    fanout_emit(program, BPF_LD | BPF_W | BPF_ABS, NETWORK + offset);
    fanout_emit(program, BPF_ALU | BPF_XOR | BPF_X, 0);
}

/* Knuth's multiplicative hash: its upper half is well mixed. The kernel divides it by the number of sockets and takes the
 * remainder. */
static void emit_return(struct program *program) {
    fanout_emit(program, BPF_ALU | BPF_MUL | BPF_K, 2654435761u);
    fanout_emit(program, BPF_ALU | BPF_RSH | BPF_K, 16);
    fanout_emit(program, BPF_RET | BPF_A, 0);
}

static void emit_version_test(struct program *program, unsigned version, unsigned char skip) {
    fanout_emit(program, BPF_LD | BPF_B | BPF_ABS, NETWORK);
    fanout_emit(program, BPF_ALU | BPF_RSH | BPF_K, 4);
    program->code[program->length++] =
        (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, version, 0, skip);
}

/* A frame without IPv4 or IPv6 right after the link header (stacked tags, MPLS, PPPoE) goes to the first socket. */
static void fanout_build_program(struct program *program) {
    enum { IPV4_LENGTH = 7, IPV6_LENGTH = 1 + 3 * (IPV6_WORDS - 1) + 3 };
    emit_version_test(program, 4, IPV4_LENGTH);
    fanout_emit(program, BPF_LD | BPF_W | BPF_ABS, NETWORK + IPV4_SOURCE);
    emit_xor(program, IPV4_DESTINATION);
    emit_return(program);
    emit_version_test(program, 6, IPV6_LENGTH);
    fanout_emit(program, BPF_LD | BPF_W | BPF_ABS, NETWORK + IPV6_SOURCE);
    for (unsigned word = 1; word < IPV6_WORDS; word++)
        emit_xor(program, IPV6_SOURCE + 4 * word);
    emit_return(program);
    fanout_emit(program, BPF_RET | BPF_K, 0);
}

/* For the first member the kernel chooses a group number that is not in use on the host. */
static int fanout_join_one(int descriptor, unsigned *group, bool first) {
    unsigned type = PACKET_FANOUT_CBPF | (first ? PACKET_FANOUT_FLAG_UNIQUEID : 0u);
    unsigned option = *group | type << 16;
    socklen_t length = sizeof option;
    if (setsockopt(descriptor, SOL_PACKET, PACKET_FANOUT, &option, sizeof option) < 0)
        return -errno;
    if (first && getsockopt(descriptor, SOL_PACKET, PACKET_FANOUT, &option, &length) < 0)
        return -errno;
    *group = option & 0xffff;
    return 0;
}

int fanout_join(const int *descriptors, size_t count) {
    struct program program = {.length = 0};
    unsigned group = 0;
    int result = 0;
    fanout_build_program(&program);
    for (size_t i = 0; result == 0 && i < count; i++)
        result = fanout_join_one(descriptors[i], &group, i == 0);
    struct sock_fprog filter = {.len = program.length, .filter = program.code};
    if (result == 0 && setsockopt(descriptors[0], SOL_PACKET, PACKET_FANOUT_DATA, &filter, sizeof filter) < 0)
        result = -errno;
    return result;
}
