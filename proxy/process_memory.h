// process_memory keeps what is in this process's memory to it.

#ifndef ECHPROXY_PROXY_PROCESS_MEMORY_H
#define ECHPROXY_PROXY_PROCESS_MEMORY_H

// process_memory_protect is called before anything secret is read. Keys and
// passwords are in memory, whatever the command: from then on there is no core
// file and nobody else's look at it.
void process_memory_protect(void);

#endif
