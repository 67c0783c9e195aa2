#ifndef EP_ATTACH_H
#define EP_ATTACH_H

/* Carries bytes between standard input and output and the service behind the socket at `path`, until
   either ends, or Ctrl-] comes, which no line of the protocol holds. The exit status. */
int ep_attach(const char *path);

#endif
