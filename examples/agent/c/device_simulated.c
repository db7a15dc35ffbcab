/*
 * A device that `pfbctl serve` simulates: requests and replies over a TCP connection to this
 * machine, as pf_broker.h describes them.
 */
#include "device.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pf_broker.h"

#ifdef _WIN32
#include <winsock2.h>
#include <ws2tcpip.h>
typedef SOCKET connection;
#define NO_CONNECTION INVALID_SOCKET
#define close_connection closesocket
#else
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>
typedef int connection;
#define NO_CONNECTION (-1)
#define close_connection close
#endif

/* A write to a connection that was closed is an error and no signal. */
#ifndef MSG_NOSIGNAL
#define MSG_NOSIGNAL 0
#endif

struct simulated {
    struct device device;
    connection connection;
};

static int send_all(connection to, const void *data, size_t length)
{
    const char *bytes = data;
    while (length > 0) {
        long sent = (long)send(to, bytes, length, MSG_NOSIGNAL);
        if (sent <= 0)
            return -1;
        bytes += sent;
        length -= (size_t)sent;
    }
    return 0;
}

static int receive_all(connection from, void *data, size_t length)
{
    char *bytes = data;
    while (length > 0) {
        long received = (long)recv(from, bytes, length, 0);
        if (received <= 0)
            return -1;
        bytes += received;
        length -= (size_t)received;
    }
    return 0;
}

static uint32_t control(struct device *device, uint32_t code, const void *input,
                        uint32_t input_length, void *output, uint32_t *output_length)
{
    struct simulated *simulated = (struct simulated *)device;
    PF_BROKER_SIMULATED_REQUEST request = {input_length, code, *output_length, 0};
    PF_BROKER_SIMULATED_REPLY reply;
    if (send_all(simulated->connection, &request, sizeof request) != 0 ||
        send_all(simulated->connection, input, input_length) != 0 ||
        receive_all(simulated->connection, &reply, sizeof reply) != 0 ||
        reply.length > *output_length ||
        receive_all(simulated->connection, output, reply.length) != 0)
        return STATUS_IS_REMOVED;
    *output_length = reply.length;
    return reply.status;
}

static void close_device(struct device *device)
{
    struct simulated *simulated = (struct simulated *)device;
    close_connection(simulated->connection);
    free(simulated);
}

/* Sends the greeting, and checks that of the device. */
static int greet(connection connection)
{
    static const unsigned char greeting[8] = PF_BROKER_SIMULATED_GREETING;
    unsigned char reply[sizeof greeting];
    if (send_all(connection, greeting, sizeof greeting) != 0 ||
        receive_all(connection, reply, sizeof reply) != 0)
        return -1;
    return memcmp(greeting, reply, sizeof reply) == 0 ? 0 : -1;
}

static connection connect_to(const char *address)
{
    char host[16];
    unsigned port;
    struct sockaddr_in place;
    int yes = 1;
    connection made;
#ifdef _WIN32
    WSADATA data;
    if (WSAStartup(MAKEWORD(2, 2), &data) != 0)
        return NO_CONNECTION;
#endif
    memset(&place, 0, sizeof place);
    place.sin_family = AF_INET;
    /* Simulated devices are on this machine. */
    if (sscanf(address, "%15[0-9.]:%u", host, &port) != 2 || port > 65535 ||
        strncmp(host, "127.", 4) != 0 || inet_pton(AF_INET, host, &place.sin_addr) != 1) {
        fprintf(stderr, "agent: %s is no loopback address with a port, such as 127.0.0.1:9820\n",
                address);
        return NO_CONNECTION;
    }
    place.sin_port = htons((uint16_t)port);
    made = socket(AF_INET, SOCK_STREAM, 0);
    if (made == NO_CONNECTION)
        return NO_CONNECTION;
    setsockopt(made, IPPROTO_TCP, TCP_NODELAY, (const char *)&yes, sizeof yes);
    if (connect(made, (struct sockaddr *)&place, sizeof place) != 0 || greet(made) != 0) {
        fprintf(stderr, "agent: there is no simulated device at %s\n", address);
        close_connection(made);
        return NO_CONNECTION;
    }
    return made;
}

struct device *device_open_simulated(const char *address)
{
    struct simulated *simulated = malloc(sizeof *simulated);
    if (simulated == NULL)
        return NULL;
    simulated->device.control = control;
    simulated->device.close = close_device;
    simulated->connection = connect_to(address);
    if (simulated->connection == NO_CONNECTION) {
        free(simulated);
        return NULL;
    }
    return &simulated->device;
}
