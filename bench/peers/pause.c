/* The only program of the bench's Docker image: a container that does nothing until it is told to stop. */
#include <signal.h>
#include <unistd.h>

int main(void) {
  sigset_t stop;
  int signal;
  sigemptyset(&stop);
  sigaddset(&stop, SIGTERM);
  sigprocmask(SIG_BLOCK, &stop, NULL);
  sigwait(&stop, &signal);
  return 0;
}
