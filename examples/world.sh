# Read in by each example: runs it in a private world, where nothing of this machine's own network is touched and
# everything ends with it, and gives it a few words.
#
#   say WORDS          what comes next, and why
#   run 'COMMAND'      shows a shell command and runs it
#   check WORDS 'COMMAND'
#                      the example ends here unless the command succeeds
#   start_pontoon      starts the daemon, and `docker` is then a client of it (`pontoon` where docker is not installed)
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
[ -n "${PONTOON_EXAMPLE-}" ] || PONTOON_EXAMPLE=1 exec "$root/scripts/in-world" sh "$0"
PATH=$root/bin:$PATH
# Without IPv6 nothing but what the example sends is on the wire.
sysctl -qw net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1
ip link set lo up

say() { printf '\n%s\n' "$*"; }
run() {
  printf '  # %s\n' "$1"
  # The example goes on: what must hold is checked.
  eval "$1" 2>&1 | sed 's/^/    /' || :
}
check() {
  if eval "$2" >/dev/null 2>&1; then printf '  ✓ %s\n' "$1"; else
    printf '  ✗ %s\n    %s\n' "$1" "$2" >&2
    exit 1
  fi
}
start_pontoon() {
  export DOCKER_HOST=unix:///run/pontoon.sock
  client=${PONTOON_EXAMPLE_CLIENT:-$(command -v docker || echo pontoon)}
  docker() { "$client" "$@"; }
  pontoon daemon >/run/pontoon.log 2>&1 &
  for _ in $(seq 100); do
    if docker version >/dev/null 2>&1; then return; fi
    sleep 0.1
  done
  cat /run/pontoon.log >&2
  exit 1
}
# A namespace with one interface, eth0, whose other end is the port p-NAME of a bridge: station NAME BRIDGE ADDRESS/PREFIX
station() {
  ip netns add "$1"
  ip netns exec "$1" sysctl -qw net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1
  ip link add "p-$1" type veth peer name eth0 netns "$1"
  ip link set "p-$1" master "$2" up
  ip -n "$1" link set lo up
  ip -n "$1" link set eth0 up
  ip -n "$1" addr add "$3" dev eth0
}
mac() { ip -n "$1" -br link show eth0 | awk '{ print $3 }'; }
